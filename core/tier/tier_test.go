package tier_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/tier"
	"pgregory.net/rapid"
)

func rung(i int) tier.Rung {
	return tier.Rung{Ladder: "desk", Name: []string{"small", "medium", "large"}[i], Index: i}
}

func TestResolve(t *testing.T) {
	now := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	top := rung(2)
	for _, c := range []struct {
		name     string
		desired  tier.Desired
		override *tier.Override
		pin      *tier.Rung
		want     tier.Rung
		voice    tier.Voice
	}{
		{"policy alone", tier.Desired{Rung: rung(1)}, nil, nil, rung(1), tier.VoicePolicy},
		{"override above", tier.Desired{Rung: rung(0)}, &tier.Override{Rung: rung(1)}, nil, rung(1), tier.VoiceOverride},
		{"override below", tier.Desired{Rung: rung(2)}, &tier.Override{Rung: rung(1)}, nil, rung(2), tier.VoicePolicy},
		{"override on a ladder that is gone", tier.Desired{Rung: rung(0)}, &tier.Override{Rung: tier.Rung{Ladder: "old", Index: 2}}, nil, rung(0), tier.VoicePolicy},
		{"policy pin beats override", tier.Desired{Rung: rung(0), Pinned: true}, &tier.Override{Rung: rung(2)}, nil, rung(0), tier.VoicePolicyPin},
		{"config pin beats all", tier.Desired{Rung: rung(0), Pinned: true}, &tier.Override{Rung: rung(1)}, &top, rung(2), tier.VoiceProjectPin},
	} {
		got := tier.Resolve(c.desired, c.override, c.pin)
		if got.Rung != c.want || got.Voice != c.voice {
			t.Errorf("%s: got %v by %s, want %v by %s", c.name, got.Rung, got.Voice, c.want, c.voice)
		}
	}
	eff := tier.Resolve(tier.Desired{Rung: rung(2), CooldownUntil: now.Add(time.Hour)}, &tier.Override{Rung: rung(1), CooldownUntil: now.Add(2 * time.Hour)}, nil)
	if !eff.CooldownUntil.Equal(now.Add(2 * time.Hour)) {
		t.Errorf("the later cooldown counts, got %v", eff.CooldownUntil)
	}
}

func TestMayMoveDown(t *testing.T) {
	now := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name string
		eff  tier.Effective
		ok   bool
		why  string
	}{
		{"free", tier.Effective{Rung: rung(2)}, true, ""},
		{"cheapest", tier.Effective{Rung: rung(0)}, false, "cheapest"},
		{"cooling", tier.Effective{Rung: rung(2), CooldownUntil: now.Add(time.Minute), Reason: "gates failed 6 times in a row"}, false, "gates failed 6 times"},
		{"cooled at the very moment", tier.Effective{Rung: rung(2), CooldownUntil: now}, true, ""},
		{"pinned", tier.Effective{Rung: rung(2), Voice: tier.VoicePolicyPin}, false, "until a person lifts it"},
	} {
		ok, why := tier.MayMoveDown(c.eff, now)
		if ok != c.ok || !strings.Contains(why, c.why) {
			t.Errorf("%s: got %v %q", c.name, ok, why)
		}
	}
}

// An override can only ever raise a step, and a pin is never moved.
func TestResolveOnlyRaises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := tier.Desired{Rung: rung(rapid.IntRange(0, 2).Draw(t, "desired")), Pinned: rapid.Bool().Draw(t, "pinned")}
		o := tier.Override{Rung: rung(rapid.IntRange(0, 2).Draw(t, "override"))}
		got := tier.Resolve(d, &o, nil)
		if got.Rung.Index < d.Rung.Index || d.Pinned && got.Rung != d.Rung {
			t.Fatalf("desired %v, override %v gave %v", d, o, got)
		}
	})
}

func TestEscalate(t *testing.T) {
	now := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	o, ok := tier.Escalate(tier.Effective{Rung: rung(0)}, rung(1), now, time.Hour, "gates failed")
	if !ok || o.Rung != rung(1) || !o.CooldownUntil.Equal(now.Add(time.Hour)) {
		t.Fatalf("got %+v, %v", o, ok)
	}
	for name, e := range map[string]tier.Effective{
		"to the same rung": {Rung: rung(1)},
		"down":             {Rung: rung(2)},
		"from a pin":       {Rung: rung(0), Voice: tier.VoicePolicyPin},
		"across ladders":   {Rung: tier.Rung{Ladder: "other"}},
	} {
		if _, ok := tier.Escalate(e, rung(1), now, time.Hour, ""); ok {
			t.Errorf("escalated %s", name)
		}
	}
}
