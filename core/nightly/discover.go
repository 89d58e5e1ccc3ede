package nightly

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Levers: the ways to save that a night tries.
const (
	Deescalate = "model-deescalate"
	LocalTier  = "local-tier"
	Codify     = "format-determinism"
)

// Candidate is a step with a cheaper tier to compare. Estimates are made before
// anything is bought, from logged runs where there are any.
type Candidate struct {
	Step
	Tier      *config.Tier
	Lever     string
	SavePer1k int64 // micro-dollars per 1,000 runs, estimated; means nothing when not Priced
	SaveMonth int64 // 0: traffic is not known
	Priced    bool  // both tiers have a price
	ToBuy     int   // items, at most
	Cost      int64 // of buying them, estimated: both arms
}

// nominal is a run of unknown size, for estimates alone: a page in, a paragraph
// out. Whatever is claimed later is claimed from measured usage.
var nominal = message.Usage{Input: 2000, Output: 500}

// Discover finds the next comparison of every step, ranked by saving for each
// item that has to be bought, and says of every other step why it holds.
//
// A step is compared with the next rung down, one rung a night: each comparison
// costs a share of the skill's level, so the one most likely to succeed comes
// first.
func Discover(steps []Step, now time.Time) ([]Candidate, []report.Row) {
	var candidates []Candidate
	var held []report.Row
	for _, s := range steps {
		if why, next := holds(s, now); why != "" {
			held = append(held, heldRow(s, why, next))
			continue
		}
		candidates = append(candidates, estimate(s, s.Ladder.Tiers[s.Current.Index-1]))
	}
	slices.SortStableFunc(candidates, func(a, b Candidate) int { return cmp.Compare(b.worth(), a.worth()) })
	return candidates, held
}

// holds says why nothing is compared tonight, and what would change that.
func holds(s Step, now time.Time) (why, next string) {
	if ok, why := tier.MayMoveDown(s.Effective, now); !ok {
		switch s.Effective.Voice {
		case tier.VoiceProjectPin:
			return why, "remove the pin from the config to let it move"
		case tier.VoicePolicyPin:
			return why, "plimsoll policy unpin " + s.Skill
		}
		return why, ""
	}
	if s.Reverted != "" {
		return s.Reverted, "plimsoll policy unpin " + s.Skill
	}
	return s.Blocked, ""
}

func heldRow(s Step, why, next string) report.Row {
	r := report.Row{
		Skill: s.Skill, Step: s.Step, Decision: "hold", Reason: why, Next: next, Priced: true, Traffic: s.Runs,
		Of: s.Items, Ladder: rungs(s.Ladder), Pinned: s.Effective.Pinned(),
	}
	r.Current, r.Simulated = s.Current.Name, run.Simulated(s.Current)
	if !s.Effective.CooldownUntil.IsZero() {
		until := s.Effective.CooldownUntil
		r.Cooling = &until
	}
	return r
}

func estimate(s Step, t *config.Tier) Candidate {
	c := Candidate{Step: s, Tier: t, Lever: Deescalate, ToBuy: s.Items}
	if t.Price.GPUHour > 0 {
		c.Lever = LocalTier
	}
	size := s.Size
	if size == (message.Usage{}) {
		size = nominal
	}
	current := price.Of(run.Rates(s.Current.Price), size, time.Second)
	cheap := price.Of(run.Rates(t.Price), size, time.Second)
	c.Priced = current.Known && cheap.Known
	if !c.Priced {
		return c
	}
	from, to := current.Micro, cheap.Micro
	if s.RunCost > 0 && current.Micro > 0 {
		// A logged run tells the size; the ratio of prices carries it over.
		from, to = s.RunCost, s.RunCost*cheap.Micro/current.Micro
	}
	c.SavePer1k = (from - to) * 1000
	c.SaveMonth = (from - to) * s.Runs
	c.Cost = (from + to) * int64(s.Items)
	return c
}

// unpriced says which tier has no price.
func (c Candidate) unpriced() string {
	var who []string
	for _, t := range []*config.Tier{c.Current, c.Tier} {
		if !t.Price.Known {
			who = append(who, t.Name)
		}
	}
	if len(who) == 0 {
		return "a price is not known"
	}
	return "no price is known of " + strings.Join(who, " and ")
}

// worth is the saving per item to buy; without known traffic every skill counts
// as a thousand runs, and one without a price comes last.
func (c Candidate) worth() float64 {
	if c.ToBuy == 0 {
		return 0
	}
	if c.SaveMonth > 0 {
		return float64(c.SaveMonth) / float64(c.ToBuy)
	}
	return float64(c.SavePer1k) / float64(c.ToBuy)
}

// Estimate is what comparing a step with the next rung down would buy and bring,
// before anything is bought. The step must not be on the lowest rung.
func Estimate(s Step) Candidate { return estimate(s, s.Ladder.Tiers[s.Current.Index-1]) }

// Nominal is the run that estimates assume where nothing is known of a skill's own.
func Nominal() message.Usage { return nominal }

// Worth is the saving that each item to buy stands for: skills are listed by it.
func (c Candidate) Worth() float64 { return c.worth() }
