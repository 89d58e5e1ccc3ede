package config

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func (l *loader) fillPolicy(b *body, out *Policy) {
	out.Ladder = b.ladder("ladder")
	out.Margin = b.number("margin", defaultMargin)
	out.Alpha = b.number("alpha", defaultAlpha)
	out.MaxItems = b.integerOr("max_items", defaultMaxItems)
	out.Budget = b.money("budget", -1)
	out.Cooldown = b.duration("cooldown", defaultCooldown)
	out.New = b.tier("new")
	out.Method = b.str("method")
	out.Fleet = b.boolean("fleet")
	out.GateMargin = b.number("gate_margin", defaultGateMargin)
	out.JudgeMargin = b.number("judge_margin", 0)
	out.Shadow = b.number("shadow", ShadowComputed)
	out.DriftWithin = b.duration("drift_within", defaultDriftWithin)
	out.Judge = b.judge("judge")
	out.Downgrade = b.rule("downgrade_when")
	b.each("fuse", func(f *body, _ label) {
		out.FuseAfter = f.integerOr("consecutive_failures", 0)
	})
	seen := map[string]diag.Range{}
	b.each("hold", func(h *body, name label) {
		hold := Hold{Name: name.text, When: h.rule("when"), Reason: h.str("reason"), Range: h.header}
		if l.once(seen, name, "hold") {
			out.Holds = append(out.Holds, hold)
		}
	})
	if out.New != nil && out.Ladder != nil && out.New.Ladder != out.Ladder.Name {
		l.add(wrongLadder.at(b.rng("new"), "new is %s, and this policy moves skills on ladder.%s. Name a tier of that ladder.", out.New.Ref(), out.Ladder.Name))
	}
	if out.JudgeMargin >= out.Margin && b.has("judge_margin") && out.JudgeMargin > 0 {
		l.add(outOfRange.at(b.rng("judge_margin"), "judge_margin is a part of margin: it must be below %g; this is %g.", out.Margin, out.JudgeMargin))
	}
}

// ShadowComputed is a Policy's Shadow where the share follows from DriftWithin.
const ShadowComputed = -1

// Defaults of a tier_policy.
const (
	defaultMargin     = 0.05
	defaultAlpha      = 0.05
	defaultMaxItems   = 400
	defaultGateMargin = 0.02
	defaultCooldown   = 168 * time.Hour

	defaultDriftWithin = 720 * time.Hour
)

// CheckMethod says whether a policy's method can be used with a skill's items:
// star1 and star2 claim future runs, which only items from traffic can speak for. The
// diagnostic stands at the items block. Nil arguments are fine.
func CheckMethod(p *Policy, items *Items) diag.List {
	if p == nil || items == nil || p.Method != "star1" && p.Method != "star2" || items.Source != "authored" {
		return nil
	}
	return diag.List{methodSource.at(items.Range,
		"These items are authored, and policy %q measures with %s, which makes a claim about future runs. Authored items say nothing about those: use pool2, which claims this pool of items, or items sampled from traffic.", p.Name, p.Method).WithSuggestion(`method = "pool2"`)}
}

// binding reads what `skills` and `skill` share.
func (b *body) binding() Binding {
	out := Binding{
		Policy: b.policy("policy"), Ladder: b.ladder("ladder"), Runner: b.runner("runner"),
		Judge: b.judge("judge"), Cache: b.str("cache"), Tags: b.strs("tags"),
	}
	b.each("data", func(n *body, _ label) {
		out.Data = &Data{Class: n.str("class"), Allow: n.backends("allow"), Range: n.header}
	})
	return out
}
