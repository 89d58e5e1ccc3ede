package accesstest

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Cover counts which rules and limits decided cases.
type Cover struct {
	rules []*Covered
}

// Covered is one rule, or one limit.
type Covered struct {
	Kind    string     `json:"kind"` // "rule" or "limit"
	Name    string     `json:"name"`
	Effect  string     `json:"effect"`
	Decided int        `json:"decided"` // cases
	Range   diag.Range `json:"range"`
}

// NewCover counts for an access block.
func NewCover(block *config.Access) *Cover {
	c := &Cover{}
	for _, r := range block.Rules {
		c.rules = append(c.rules, &Covered{Kind: "rule", Name: r.Name, Effect: r.Effect, Range: r.Range})
	}
	for _, l := range block.Limits {
		c.rules = append(c.rules, &Covered{Kind: "limit", Name: l.Name, Effect: "deny", Range: l.Range})
	}
	return c
}

// Add counts a case. A rule that failed, and denied therefore, decided it too.
func (c *Cover) Add(r Result) {
	for _, x := range c.rules {
		if x.Name == r.Decision.Rule && x.Range == r.Decision.Range {
			x.Decided++
		}
	}
}

// Rules are the counts, in the order of the files.
func (c *Cover) Rules() []*Covered { return c.rules }

// Hints say which rules decided no case.
func (c *Cover) Hints() []string {
	var out []string
	for _, r := range c.rules {
		if r.Decided == 0 {
			out = append(out, fmt.Sprintf("no case is decided by %s %q (%s)", r.Kind, r.Name, r.Range))
		}
	}
	return out
}
