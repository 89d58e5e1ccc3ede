package policytest

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Cover counts what the rules of policies said in tests.
type Cover struct {
	rules []*Covered
}

// Covered is one rule.
type Covered struct {
	Policy string     `json:"policy"`
	Hold   string     `json:"hold,omitempty"` // "" is downgrade_when
	True   int        `json:"true"`
	False  int        `json:"false"`
	Failed int        `json:"failed"` // could not be evaluated
	Range  diag.Range `json:"range"`
}

// NewCover counts for these policies; presets have no rules.
func NewCover(policies []*config.Policy) *Cover {
	c := &Cover{}
	for _, p := range policies {
		if p.Downgrade != nil {
			c.rules = append(c.rules, &Covered{Policy: p.Name, Range: p.Downgrade.Range})
		}
		for _, h := range p.Holds {
			c.rules = append(c.rules, &Covered{Policy: p.Name, Hold: h.Name, Range: h.Range})
		}
	}
	return c
}

// Add counts a test.
func (c *Cover) Add(r Result) {
	for _, n := range r.Nights {
		for _, a := range n.Asked {
			i := slices.IndexFunc(c.rules, func(x *Covered) bool { return x.Policy == r.Policy.Name && x.Hold == a.Hold })
			if i < 0 {
				continue
			}
			switch {
			case a.Err != nil:
				c.rules[i].Failed++
			case a.Said:
				c.rules[i].True++
			default:
				c.rules[i].False++
			}
		}
	}
}

// Rules are the counts, in the order of the policies.
func (c *Cover) Rules() []*Covered { return c.rules }

// Hints say which rules no test has seen from both sides.
func (c *Cover) Hints() []string {
	var out []string
	for _, r := range c.rules {
		where := fmt.Sprintf("%s of tier_policy %s (%s)", ruleName(r.Hold), r.Policy, r.Range)
		switch {
		case r.True == 0 && r.False == 0:
			out = append(out, "no test asks "+where)
		case r.True == 0 && r.Hold == "":
			out = append(out, "no test makes true: "+where)
		case r.True == 0:
			out = append(out, "no test is held by "+where)
		case r.False == 0 && r.Hold == "":
			out = append(out, "no test makes false: "+where)
		case r.False == 0:
			out = append(out, "no test escapes "+where)
		}
	}
	return out
}
