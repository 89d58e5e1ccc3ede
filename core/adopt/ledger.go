// Package adopt makes a project out of what a team already has: which skills
// there are, which calls of their agents belong to which, what that cost, and the
// few lines of HCL that govern them from today's tiers on.
//
// It opens no file, reads no clock, calls nobody and changes nothing: facts go in,
// tables and text come out. It takes no unknown cost for zero, and its sums are
// those of the log, to the micro-dollar. What it cannot attribute it says.
//
//	ledger := adopt.NewLedger(prices)
//	err := reader.Read(file, name, func(c transcript.Call) error { ledger.Add(c); return nil })
//	plan := adopt.Make(adopt.Facts{Skills: skills, Spend: ledger.Spend(), From: patterns})
//	fmt.Println(string(plan.HCL()))
package adopt

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Prices gives the rates of a model and the name that the list has for it; ok is
// false where there is no one price.
type Prices func(model string) (rates price.Rates, listed string, ok bool)

// Ledger adds calls up.
type Ledger struct {
	Of     func(skill string) Prices // prices of a skill's calls, where they are not those of all; nil is none
	Now    time.Time                 // calls more than a day after it count in money, and in no First and Last; zero is none
	prices Prices
	rates  map[[2]string]quote // by skill and model
	rows   map[rowKey]*Row
}

type quote struct {
	rates  price.Rates
	listed string
	ok     bool
}

type rowKey struct {
	skill, model, provider string
	why                    transcript.Why
}

// Row is what one skill did on one model. A row without a skill says why.
type Row struct {
	Skill    string         `json:"skill,omitempty"`
	Why      transcript.Why `json:"why,omitempty"`
	Model    string         `json:"model"`
	Provider string         `json:"provider,omitempty"`
	Listed   string         `json:"priced_as,omitempty"` // the model's name in the price list, "" for none
	Calls    int64          `json:"calls"`
	Unpriced int64          `json:"unpriced_calls,omitempty"` // cost nobody knows: no price, or no tokens in the log
	Undated  int64          `json:"undated_calls,omitempty"`
	Usage    message.Usage  `json:"usage"`
	Micro    int64          `json:"micro_usd"`                   // of the calls whose cost is known
	Stated   int64          `json:"stated_micro_usd,omitempty"`  // the part of it that the log itself says
	Unsure   int64          `json:"at_most_micro_usd,omitempty"` // the part of it that is a bound: a cache rate that the list does not state
	First    time.Time      `json:"first,omitzero"`
	Last     time.Time      `json:"last,omitzero"`
}

// Use is a stretch of calls of one skill on one model.
type Use struct {
	Model    string    `json:"model"`
	Provider string    `json:"-"`
	First    time.Time `json:"first"`
	Last     time.Time `json:"last"`
	Calls    int64     `json:"calls"`
}

// NewLedger begins with nothing.
func NewLedger(p Prices) *Ledger {
	return &Ledger{prices: p, rates: map[[2]string]quote{}, rows: map[rowKey]*Row{}}
}

func (l *Ledger) quote(c transcript.Call) quote {
	key, prices := [2]string{"", c.Model}, l.prices
	if l.Of != nil {
		key[0], prices = c.Skill, l.Of(c.Skill)
	}
	q, ok := l.rates[key]
	if !ok {
		q.rates, q.listed, q.ok = prices(c.Model)
		l.rates[key] = q
	}
	return q
}

// Cost is what a call cost: what the log states, else its tokens at the list's
// rates. Known is false where neither can be said.
func (l *Ledger) Cost(c transcript.Call) price.Cost {
	q := l.quote(c)
	switch {
	case c.Stated:
		return price.Cost{Micro: c.Micro, Known: true}
	case !c.Counted || !q.ok:
		return price.Cost{}
	}
	return price.Of(q.rates, c.Usage, 0)
}

// Add takes one call. Calls need not come in order.
func (l *Ledger) Add(c transcript.Call) price.Cost {
	key := rowKey{c.Skill, c.Model, c.Provider, c.Why}
	r := l.rows[key]
	if r == nil {
		r = &Row{Skill: c.Skill, Why: c.Why, Model: c.Model, Provider: c.Provider, Listed: l.quote(c).listed}
		l.rows[key] = r
	}
	cost := l.Cost(c)
	r.Calls++
	r.Usage = r.Usage.Add(c.Usage)
	if !cost.Known {
		r.Unpriced++
	}
	r.Micro, r.Unsure = sat(r.Micro, cost.Micro), sat(r.Unsure, cost.Unsure)
	if c.Stated {
		r.Stated = sat(r.Stated, c.Micro)
	}
	if c.At.IsZero() {
		r.Undated++
		return cost
	}
	first := c.At
	if !l.Now.IsZero() && c.At.After(l.Now) {
		if c.At.After(l.Now.Add(24 * time.Hour)) {
			return cost // transcript.Lines counts it
		}
		first = l.Now
	}
	if r.First.IsZero() || first.Before(r.First) {
		r.First = first
	}
	if c.At.After(r.Last) {
		r.Last = c.At
	}
	return cost
}

func sat(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

// Spend is a whole log in sums.
type Spend struct {
	Rows     []Row     `json:"rows"` // dearest first
	Calls    int64     `json:"calls"`
	Micro    int64     `json:"micro_usd"`
	Stated   int64     `json:"stated_micro_usd"`
	Unsure   int64     `json:"at_most_micro_usd"`
	Unpriced int64     `json:"unpriced_calls"`
	First    time.Time `json:"first,omitzero"`
	Last     time.Time `json:"last,omitzero"`
}

// Spend sums up what was added.
func (l *Ledger) Spend() Spend {
	var out Spend
	for _, r := range l.rows {
		out.Rows = append(out.Rows, *r)
		out.Calls += r.Calls
		out.Unpriced += r.Unpriced
		out.Micro, out.Stated, out.Unsure = sat(out.Micro, r.Micro), sat(out.Stated, r.Stated), sat(out.Unsure, r.Unsure)
		if out.First.IsZero() || !r.First.IsZero() && r.First.Before(out.First) {
			out.First = r.First
		}
		if r.Last.After(out.Last) {
			out.Last = r.Last
		}
	}
	slices.SortFunc(out.Rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Micro, a.Micro), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Skill, b.Skill), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Why, b.Why))
	})
	return out
}

// SkillSpend is what one skill did, on all its models.
type SkillSpend struct {
	Skill    string        `json:"skill"`
	Model    string        `json:"model"` // today's: the one that it ran on last
	Provider string        `json:"-"`
	Since    time.Time     `json:"since,omitzero"` // of its first call in the log
	Uses     []Use         `json:"models"`         // in order of their last call, today's first
	Calls    int64         `json:"calls"`
	Unpriced int64         `json:"unpriced_calls,omitempty"`
	Usage    message.Usage `json:"usage"`
	Micro    int64         `json:"micro_usd"`
	Unsure   int64         `json:"at_most_micro_usd,omitempty"`
}

// Changed tells whether the skill's model changed in the log.
func (s SkillSpend) Changed() bool { return len(s.Uses) > 1 }

// use adds calls on a model. Two logs may name one model with another provider, or
// none: the one of the last call counts.
func (s *SkillSpend) use(u Use) {
	i := slices.IndexFunc(s.Uses, func(x Use) bool { return x.Model == u.Model })
	if i < 0 {
		s.Uses = append(s.Uses, u)
		return
	}
	x := &s.Uses[i]
	x.Calls += u.Calls
	if x.First.IsZero() || !u.First.IsZero() && u.First.Before(x.First) {
		x.First = u.First
	}
	if c := u.Last.Compare(x.Last); c > 0 || c == 0 && u.Provider > x.Provider {
		x.Last, x.Provider = u.Last, u.Provider
	}
}

// BySkill lists skills, the dearest first. Calls without a skill are not in it.
func (s Spend) BySkill() []SkillSpend {
	by := map[string]*SkillSpend{}
	for _, r := range s.Rows {
		if r.Skill == "" {
			continue
		}
		x := by[r.Skill]
		if x == nil {
			x = &SkillSpend{Skill: r.Skill}
			by[r.Skill] = x
		}
		x.Calls += r.Calls
		x.Unpriced += r.Unpriced
		x.Usage = x.Usage.Add(r.Usage)
		x.Micro, x.Unsure = sat(x.Micro, r.Micro), sat(x.Unsure, r.Unsure)
		x.use(Use{Model: r.Model, Provider: r.Provider, First: r.First, Last: r.Last, Calls: r.Calls})
	}
	var out []SkillSpend
	for _, name := range slices.Sorted(maps.Keys(by)) {
		x := by[name]
		// A model without a name cannot be today's while another one has a name.
		slices.SortFunc(x.Uses, func(a, b Use) int {
			return cmp.Or(-cmp.Compare(min(len(a.Model), 1), min(len(b.Model), 1)), b.Last.Compare(a.Last), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Model, b.Model))
		})
		x.Model, x.Provider, x.Since = x.Uses[0].Model, x.Uses[0].Provider, x.Uses[0].First
		out = append(out, *x)
	}
	slices.SortStableFunc(out, func(a, b SkillSpend) int {
		return cmp.Or(cmp.Compare(b.Micro, a.Micro), cmp.Compare(b.Calls, a.Calls))
	})
	return out
}

// ByModel sums up by model, the dearest first. Rows have no provider.
func (s Spend) ByModel() []Row { return s.byModel(false) }

func (s Spend) byModel(provider bool) []Row {
	by := map[rowKey]*Row{}
	for _, r := range s.Rows {
		k := rowKey{model: r.Model}
		if provider {
			k.provider = r.Provider
		}
		x := by[k]
		if x == nil {
			x = &Row{Model: r.Model, Provider: k.provider, Listed: r.Listed}
			by[k] = x
		}
		x.Calls, x.Unpriced, x.Undated = x.Calls+r.Calls, x.Unpriced+r.Unpriced, x.Undated+r.Undated
		x.Usage = x.Usage.Add(r.Usage)
		x.Micro = sat(x.Micro, r.Micro)
	}
	var out []Row
	for _, r := range by {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Micro, a.Micro), cmp.Compare(b.Calls, a.Calls), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Provider, b.Provider))
	})
	return out
}
