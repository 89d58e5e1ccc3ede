// Package tier resolves which tier a step of a skill runs on, and when it may
// move. It is pure: ladders, assignments and overrides go in as small structs,
// the clock as a time.
//
// There are three voices. The policy file says what is desired; a runtime
// override in the store says what an escalation made necessary since; a pin,
// in config or in the policy file, silences both. The effective tier is the pin,
// else the higher of desired and override.
//
//	eff := tier.Resolve(tier.Desired{Rung: haiku}, override, nil)
//	if ok, why := tier.MayMoveDown(state, now); !ok {
//		fmt.Println("holds:", why)
//	}
package tier

import (
	"fmt"
	"time"
)

// Rung is a place on a ladder. Index 0 is the cheapest.
type Rung struct {
	Ladder string
	Name   string
	Index  int
}

// String is the reference as it stands in HCL.
func (r Rung) String() string { return "ladder." + r.Ladder + "." + r.Name }

// Desired is what the policy file says of a (skill, step).
type Desired struct {
	Rung          Rung
	Since         time.Time
	CooldownUntil time.Time
	Pinned        bool
	Reason        string
}

// Override is a runtime escalation, kept in the store until a night folds it
// into the policy file.
type Override struct {
	Rung          Rung
	Since         time.Time
	CooldownUntil time.Time
	Reason        string
}

// Voice says which of the three decided.
type Voice string

// The voices.
const (
	VoicePolicy     Voice = "policy"
	VoiceOverride   Voice = "override"
	VoicePolicyPin  Voice = "pin in the policy file"
	VoiceProjectPin Voice = "pin in the config"
)

// Effective is the answer.
type Effective struct {
	Rung          Rung
	Voice         Voice
	Since         time.Time
	CooldownUntil time.Time
	Reason        string
}

// Pinned tells whether a person holds the step where it is.
func (e Effective) Pinned() bool { return e.Voice == VoicePolicyPin || e.Voice == VoiceProjectPin }

// Resolve gives the effective tier. An override on another ladder than the
// desired tier's cannot be compared with it and is ignored: it belongs to a
// configuration that is gone.
func Resolve(desired Desired, override *Override, pin *Rung) Effective {
	if pin != nil {
		return Effective{Rung: *pin, Voice: VoiceProjectPin, Since: desired.Since, Reason: "pinned in the project's config"}
	}
	base := Effective{Rung: desired.Rung, Voice: VoicePolicy, Since: desired.Since, CooldownUntil: desired.CooldownUntil, Reason: desired.Reason}
	if desired.Pinned {
		base.Voice = VoicePolicyPin
		return base
	}
	if override == nil || override.Rung.Ladder != desired.Rung.Ladder {
		return base
	}
	until := base.CooldownUntil
	if override.CooldownUntil.After(until) {
		until = override.CooldownUntil
	}
	if override.Rung.Index <= desired.Rung.Index {
		base.CooldownUntil = until
		return base
	}
	return Effective{Rung: override.Rung, Voice: VoiceOverride, Since: override.Since, CooldownUntil: until, Reason: override.Reason}
}

// MayMoveDown tells whether the machine may move the step down at all, before
// any evidence is looked at; if not, why, in words.
func MayMoveDown(e Effective, now time.Time) (bool, string) {
	switch {
	case e.Pinned():
		return false, fmt.Sprintf("%s: %s stays until a person lifts it", e.Voice, e.Rung.Name)
	case e.CooldownUntil.After(now):
		return false, fmt.Sprintf("cooldown until %s: %s", e.CooldownUntil.UTC().Format("2006-01-02 15:04"), orDefault(e.Reason, "it was escalated"))
	case e.Rung.Index == 0:
		return false, "already on the cheapest tier of its ladder"
	}
	return true, ""
}

// Escalate gives the override that moves a step up to another rung; ok is false
// when that rung is not higher on the same ladder, or a pin holds the step.
func Escalate(e Effective, up Rung, now time.Time, cooldown time.Duration, reason string) (Override, bool) {
	if e.Pinned() || up.Ladder != e.Rung.Ladder || up.Index <= e.Rung.Index {
		return Override{}, false
	}
	return Override{Rung: up, Since: now, CooldownUntil: now.Add(cooldown), Reason: reason}, true
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
