package watch

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"pgregory.net/rapid"
)

var since = time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)

func example() Watch {
	return Watch{Skill: "digest", Step: "main", Former: "ladder.l.big", Present: "ladder.l.small", Since: since, Margin: 50_000, Alpha: 50_000}
}

func event(kind, from, to string, day int) evidence.Event {
	return evidence.Event{Skill: "digest", Step: "main", Event: kind, From: from, To: to, At: since.AddDate(0, 0, day)}
}

func TestOf(t *testing.T) {
	down := event(evidence.Moved, "ladder.l.big", "ladder.l.small", 0)
	up := event(evidence.Escalated, "ladder.l.small", "ladder.l.big", 3)
	other := event(evidence.Moved, "ladder.l.mid", "ladder.l.small", 5)
	other.Step = "other"
	for name, c := range map[string]struct {
		events  []evidence.Event
		present string
		ok      bool
	}{
		"moved down":                {[]evidence.Event{down}, "ladder.l.small", true},
		"another step moved":        {[]evidence.Event{down, other}, "ladder.l.small", true},
		"nothing moved":             {nil, "ladder.l.small", false},
		"went up again":             {[]evidence.Event{down, up}, "ladder.l.big", false},
		"a person placed it higher": {[]evidence.Event{down}, "ladder.l.mid", false},
		"moved down again":          {[]evidence.Event{down, up, event(evidence.Moved, "ladder.l.big", "ladder.l.small", 9)}, "ladder.l.small", true},
		"its model changed":         {[]evidence.Event{down, event(evidence.ModelChanged, "a", "b", 4)}, "ladder.l.small", true},
	} {
		if _, ok := Of(c.events, "digest", "main", c.present, 50_000, 50_000); ok != c.ok {
			t.Errorf("%s: %v", name, ok)
		}
	}
	a, _ := Of([]evidence.Event{down}, "digest", "main", "ladder.l.small", 50_000, 50_000)
	b, _ := Of([]evidence.Event{down}, "digest", "main", "ladder.l.small", 100_000, 50_000)
	if a.ID() == b.ID() || a != example() {
		t.Errorf("another margin is another watch: %s, %s", a.ID(), b.ID())
	}
}

// A share of runs is chosen, near to what was asked for, more of them at a larger
// share and never others.
func TestChosen(t *testing.T) {
	w := example()
	for _, share := range []int64{0, 1, 100_000, 500_000, verdict.Million} {
		n := 0
		for i := range 10_000 {
			run := fmt.Sprintf("run-%d", i)
			if w.Chosen(run, share) {
				n++
				if !w.Chosen(run, min(2*share, verdict.Million)) {
					t.Fatalf("%s is chosen at %d and not at twice that", run, share)
				}
			}
		}
		if want := int(share / 100); n < want*9/10-2 || n > want*11/10+2 {
			t.Errorf("at a share of %d, %d of 10,000 runs are chosen", share, n)
		}
	}
	seen := make([]int, 7)
	for i := range 7_000 {
		seen[w.Canary(fmt.Sprintf("run-%d", i), len(seen))]++
	}
	for place, n := range seen {
		if n < 850 || n > 1150 {
			t.Errorf("item %d stands in %d times of 7,000", place, n)
		}
	}
}

func line(w Watch, night int, run string, d int64) evidence.Shadow {
	former, present := verdict.Million, verdict.Million+d
	return evidence.Shadow{
		V: evidence.Version, Kind: evidence.KindShadow, Skill: w.Skill, Step: w.Step, Watch: w.ID(), Run: run,
		Night:  since.AddDate(0, 0, night).Format(time.DateOnly),
		Margin: w.Margin, Alpha: w.Alpha, Current: evidence.Result{Score: &former, Status: "ok"}, Candidate: evidence.Result{Score: &present, Status: "ok"}, D: &d,
	}
}

// What a watch says follows from its lines alone, whatever other lines and
// watches there are and in whatever order they came.
func TestDriftFollowsFromTheLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, other := example(), example()
		other.Since = since.AddDate(0, 1, 0)
		var lines []evidence.Shadow
		for night := range rapid.IntRange(0, 8).Draw(t, "nights") {
			for i := range rapid.IntRange(0, 5).Draw(t, "pairs") {
				d := rapid.SampledFrom([]int64{0, 0, -verdict.Million, -300_000}).Draw(t, "d")
				lines = append(lines, line(w, night, fmt.Sprintf("r%d-%d", night, i), d))
			}
		}
		want, err := w.Drift(lines)
		if err != nil {
			t.Fatal(err)
		}
		mixed := append([]evidence.Shadow{line(other, 0, "x", -verdict.Million)}, rapid.Permutation(lines).Draw(t, "order")...)
		evidence.SortShadows(mixed)
		got, err := w.Drift(mixed)
		if err != nil || got != want {
			t.Fatalf("%+v, %v; in order %+v", got, err, want)
		}
	})
}

// Losses that some order puts first would cross the bar on the way: the alarm is
// about what all lines of a night come to, in whatever order they came.
func TestNoOrderIsSearchedForAnAlarm(t *testing.T) {
	w := example()
	var lines []evidence.Shadow
	for i := range 60 {
		d := verdict.Million // wins, and ...
		if i < 10 {
			d = -verdict.Million // losses that the names of their runs put first
		}
		lines = append(lines, line(w, 0, fmt.Sprintf("r%03d", i), d))
	}
	if s, err := w.Drift(lines[:10]); err != nil || !s.Alarm {
		t.Fatalf("ten losses and nothing else: %+v, %v", s, err)
	}
	got, err := w.Drift(lines)
	if err != nil || got.Alarm || got.Pairs != len(lines) {
		t.Errorf("after %d pairs: %+v, %v", len(lines), got, err)
	}
	slices.Reverse(lines)
	if other, err := w.Drift(lines); err != nil || other.Alarm || other.M/1000 != got.M/1000 {
		t.Errorf("in the other order M is %d, not %d: %v", other.M, got.M, err)
	}
}

// A missing side is never taken for a loss of the present tier.
func TestMissingRaisesNoAlarm(t *testing.T) {
	w := example()
	var lines []evidence.Shadow
	for i := range 500 {
		l := line(w, i/10, fmt.Sprintf("r%04d", i), 0)
		l.D, l.Candidate.Score = nil, nil
		lines = append(lines, l)
	}
	if s, err := w.Drift(lines); err != nil || s.Alarm || s.M > verdict.Million {
		t.Errorf("%+v, %v", s, err)
	}
}

func proof(n, failed int, cost int64) *evidence.Opened {
	o := &evidence.Opened{}
	for i := range n {
		d := int64(0)
		p := evidence.Pair{D: &d, Current: evidence.Result{Cost: 5 * cost, Priced: true, Status: "ok"}, Candidate: evidence.Result{Cost: cost, Priced: true, Status: "ok"}}
		if i < failed {
			d = -verdict.Million
			p.Candidate.Status = "failed"
		}
		o.Tried = append(o.Tried, p)
	}
	return o
}

func TestSet(t *testing.T) {
	w := example()
	k := Known{Proof: proof(100, 3, 100), RunsPerMonth: 6000, Within: 720 * time.Hour, Share: -1}
	s := w.Set(k)
	if s.Explicit || s.Capped || !s.Reached || s.Share <= 0 || s.Share > 200_000 || s.Delay.P90 > 30 {
		t.Errorf("200 runs a day: %+v", s)
	}
	if !s.Fuse.OK || s.Fuse.FalseTrip > w.Alpha || s.Fuse.Rate != verdict.UpperRate(3, 100) {
		t.Errorf("the fuse: %+v", s.Fuse)
	}
	if want := 6000 * s.Share / verdict.Million * 500; !s.Priced || s.Month < want || s.Month > want+500 {
		t.Errorf("a month costs %d, at a share of %d: %d", s.Month, s.Share, want)
	}
	if s.Stale(w, k) {
		t.Error("a setup is stale at once")
	}
	for name, change := range map[string]func(*Known){
		"twice the traffic": func(k *Known) { k.RunsPerMonth *= 2 },
		"another delay":     func(k *Known) { k.Within /= 2 },
		"a share":           func(k *Known) { k.Share = 10_000 },
		"a fuse":            func(k *Known) { k.FuseLength = 3 },
		"many pairs":        func(k *Known) { k.Lines = make([]evidence.Shadow, 40) },
	} {
		changed := k
		change(&changed)
		if !s.Stale(w, changed) {
			t.Errorf("%s: the setup is still taken", name)
		}
	}
	// Little traffic: half of the saving is the most that shadowing may cost, and
	// what that gives is said.
	k.RunsPerMonth = 60
	s = w.Set(k)
	if s.Share != 400_000 || !s.Capped || s.Reached {
		t.Errorf("two runs a day: %+v", s)
	}
	if s.Delay.OK && s.Delay.P90 <= 30 {
		t.Errorf("two runs a day promise %+v", s.Delay)
	}
	k.Share, k.FuseLength = 0, 2
	if s = w.Set(k); !s.Explicit || s.Share != 0 || s.Delay.OK || !s.Fuse.Explicit || s.Fuse.Length != 2 {
		t.Errorf("switched off: %+v", s)
	}
	if s = w.Set(Known{Share: -1, Within: time.Hour}); s.Share != verdict.Million || s.Reached || s.Fuse.OK || s.Priced {
		t.Errorf("nothing known: %+v", s)
	}
}
