package judge

import (
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

func TestTermsOutliveLabelsThatAreAdded(t *testing.T) {
	day := func(ls Labels, n int) Labels {
		out := append(Labels(nil), ls...)
		for i := range out {
			out[i].At = out[i].At.Add(time.Duration(n) * 24 * time.Hour)
		}
		return out
	}
	all := many(600, 0)
	first, later := all[:800], day(all[800:], 1)
	first.sort()
	was, err := Grant(first, ask())
	if err != nil || was.Terms == nil {
		t.Fatal(was.Why, err)
	}
	join := func(parts ...Labels) Labels {
		var out Labels
		for _, p := range parts {
			out = append(out, p...)
		}
		out.sort()
		return out
	}
	other := day(all[:1], 2)
	other[0].Judge = "another"
	digest := was.Terms.Labels
	for _, c := range []struct {
		name   string
		labels Labels
		change func(*Ask)
		want   bool
	}{
		{"the same labels", join(first), nil, true},
		{"labels added", join(first, later), nil, true},
		{"labels added twice, and of another judge", join(first, later, other), nil, true},
		{"a label lost", join(first[1:], later), nil, false},
		{"a label merged in among them", join(first, day(all[800:801], -1)), nil, false},
		{"none", nil, nil, false},
		{"another judge now", join(first, later), func(a *Ask) { a.Pin = "other" }, false},
		{"another level", join(first, later), func(a *Ask) { a.Alpha /= 2 }, true}, // other terms of the same labels: another hash
	} {
		a := ask()
		if c.change != nil {
			c.change(&a)
		}
		got, err := Earlier(c.labels, a, digest)
		if err != nil {
			t.Fatal(err)
		}
		if (got != nil) != c.want {
			t.Errorf("%s: %+v", c.name, got)
		}
		if got != nil && a.Alpha == ask().Alpha && *got != *was.Terms {
			t.Errorf("%s: %+v, want %+v", c.name, got, was.Terms)
		}
		if got != nil && a.Alpha != ask().Alpha && *got == *was.Terms {
			t.Errorf("%s: terms do not follow the policy", c.name)
		}
	}
	if now, err := Grant(join(first, later), ask()); err != nil || now.Terms == nil || now.Terms.Labels == digest || now.Terms.Margin <= was.Terms.Margin-verdict.Million/100 {
		t.Errorf("with all labels: %+v, %v", now, err)
	}
}
