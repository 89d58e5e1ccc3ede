package main

import (
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// A quarter is a function of its seed, spends no more than its budget and one
// item beyond it, and counts what it did.
func TestQuarter(t *testing.T) {
	for _, rule := range []bool{true, false} {
		run := func(seed uint64) quarter {
			f := fleet{world: ordinary(), method: verdict.Star1, rule: rule, items: 400, reach: map[verdict.Params]int{}}
			return f.run(seed)
		}
		q := run(5)
		if q != run(5) {
			t.Errorf("rule %t: two runs of one seed differ", rule)
		}
		if q == run(6) {
			t.Errorf("rule %t: two seeds give one quarter", rule)
		}
		if q.spent > fleetNights*(nightBudget+1_000_000) || q.spent < nightBudget {
			t.Errorf("rule %t: %.0f spent of %d a night", rule, q.spent, nightBudget)
		}
		if q.accepted < 50 || q.wrong > q.accepted || q.saved <= 0 || q.saved > q.oracle {
			t.Errorf("rule %t: %+v", rule, q)
		}
	}
}

// Both rules see the same skills and, whatever was bought of other skills, the
// same items.
func TestQuarterStreams(t *testing.T) {
	a := fleet{world: ordinary(), method: verdict.Star1, items: 400, reach: map[verdict.Params]int{}}
	b := fleet{world: ordinary(), method: verdict.Star1, items: 400, rule: true, reach: map[verdict.Params]int{}}
	a.run(9)
	b.run(9)
	same := 0
	for i := range a.skills {
		x, y := a.skills[i], b.skills[i]
		if x.gap != y.gap || x.runs != y.runs || x.saving != y.saving {
			t.Fatalf("skill %d differs: %+v, %+v", i, x, y)
		}
		if x.epoch == 1 && y.epoch == 1 {
			for k := range min(len(x.seen), len(y.seen)) {
				if x.seen[k] != y.seen[k] {
					t.Fatalf("item %d of skill %d differs", k, i)
				}
				same++
			}
		}
	}
	if same < 10_000 {
		t.Errorf("%d items compared", same)
	}
}

// A fleet in which nothing is safe saves nothing, and its oracle neither.
func TestQuarterHopeless(t *testing.T) {
	f := fleet{world: world{name: "hopeless", truth: func(*random) (int64, int64) { return -400_000, 500_000 }}, method: verdict.Star1, items: 400, reach: map[verdict.Params]int{}}
	if q := f.run(1); q.accepted != 0 || q.saved != 0 || q.oracle != 0 {
		t.Errorf("%+v", q)
	}
}
