package verdict

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// tied are n pairs with both scores 1.
func tied(n int) []Pair {
	out := make([]Pair, n)
	for i := range out {
		out[i] = pair(i, Million, Million)
	}
	return out
}

func pair(order int, cur, cand int64) Pair {
	return Pair{Order: order, Item: "item-" + string(rune('a'+order%26)) + string(rune('a'+order/26%26)) + string(rune('a'+order/676)), Cur: new(cur), Cand: new(cand), Source: "code", CurMS: 100, CandMS: 90}
}

// damaged is a planted arm that is seen.
func damaged(n int) []Pair {
	out := make([]Pair, n)
	for i := range out {
		out[i] = pair(i, Million, 0)
	}
	return out
}

func spec(m Method, n int) Spec {
	return Spec{
		Skill: "humanizer", Step: "main", Current: "large", Candidate: "small",
		Params:  Params{Method: m, Margin: 50_000, Alpha: 50_000, Epoch: 1, N: n},
		Content: ContentReference,
	}
}

func each(pairs []Pair, change func(i int, p *Pair)) []Pair {
	for i := range pairs {
		change(i, &pairs[i])
	}
	return pairs
}

func TestDecide(t *testing.T) {
	yes, no := true, false
	pass := func(cur, cand bool) map[string]GateResult {
		return map[string]GateResult{"length": {Cur: &cur, Cand: &cand}}
	}
	for _, c := range []struct {
		name     string
		spec     Spec
		pairs    []Pair
		planted  []Pair
		rules    Rules
		decision Decision
		rule     string
		reason   string // has to be in it
		advice   string
	}{
		{name: "ties of a pool", spec: spec(Pool1, 120), pairs: tied(120), planted: damaged(20),
			decision: Downgrade, rule: "proved", reason: "proved not worse by 5 points on this pool of 120 items", advice: "move humanizer.main to small"},
		{name: "ties from traffic", spec: spec(Star1, 400), pairs: tied(400), planted: damaged(20),
			decision: Downgrade, rule: "proved", reason: "proved not worse by 5 points for future runs after 139 items (e 32.9 >= 32.9)"},
		{name: "nothing", spec: spec(Star1, 400), planted: damaged(20),
			decision: Undecided, rule: "open", reason: "nothing is measured yet", advice: "measure about"},
		{name: "too few", spec: spec(Star1, 400), pairs: tied(60), planted: damaged(20),
			decision: Undecided, rule: "open", reason: "after 60 items of 400", advice: "measure about 79 items more"},
		{name: "much worse", spec: spec(Star1, 400), planted: damaged(20),
			pairs:    each(tied(100), func(i int, p *Pair) { p.Cand = new(int64(i%2) * Million) }),
			decision: Hold, rule: "disproved", reason: "worse by more than 5 points: mean gap -5"},
		{name: "deadline", spec: spec(Star1, 160), planted: damaged(20),
			pairs: each(tied(160), func(i int, p *Pair) {
				if i%20 == 3 {
					p.Cand = new(int64(0))
				}
			}),
			decision: Undecided, rule: "open", reason: "this epoch's deadline is past"},
		{name: "no content", spec: func() Spec { s := spec(Pool1, 120); s.Content = ContentNone; return s }(), pairs: tied(120), planted: damaged(20),
			decision: Hold, rule: "content", reason: "nothing here measures content", advice: "reference"},
		{name: "unknown content", spec: func() Spec { s := spec(Pool1, 120); s.Content = "vibes"; return s }(), pairs: tied(120), planted: damaged(20),
			decision: Hold, rule: "content", reason: "nothing here measures content"},
		{name: "no planted arm", spec: spec(Pool1, 120), pairs: tied(120),
			decision: Hold, rule: "planted", reason: "no outputs damaged on purpose were scored"},
		{name: "blind to damage", spec: spec(Pool1, 120), pairs: tied(120), planted: tied(20),
			decision: Hold, rule: "planted", reason: "the planted damage was not seen"},
		{name: "judged", spec: func() Spec { s := spec(Pool1, 120); s.Judged = true; return s }(), pairs: tied(120), planted: damaged(20),
			decision: Hold, rule: "judge", reason: "the judge is not calibrated", advice: "judge calibrate"},
		{name: "twice as slow and a bit", spec: spec(Pool1, 120), planted: damaged(20),
			pairs:    each(tied(120), func(_ int, p *Pair) { p.CandMS = 201 }),
			decision: Hold, rule: "latency", reason: "2.01 times as slow (p95 201 ms against 100 ms)"},
		{name: "twice as slow", spec: spec(Pool1, 120), planted: damaged(20),
			pairs:    each(tied(120), func(_ int, p *Pair) { p.CandMS = 200 }),
			decision: Downgrade},
		{name: "never", spec: func() Spec { s := spec(Pool1, 120); s.Gates = []GateSpec{{Name: "length", Never: true}}; return s }(), planted: damaged(20),
			pairs:    each(tied(120), func(i int, p *Pair) { p.Gates = pass(true, i != 119) }), // past closing, and still
			decision: Hold, rule: "never", reason: "gate length, which tolerates nothing, failed on the candidate"},
		{name: "never unchecked", spec: func() Spec { s := spec(Pool1, 120); s.Gates = []GateSpec{{Name: "length", Never: true}}; return s }(), pairs: tied(120), planted: damaged(20),
			decision: Hold, rule: "never", reason: "was not checked on every output"},
		{name: "gate worse", spec: func() Spec { s := spec(Pool1, 120); s.Gates = []GateSpec{{Name: "length"}}; return s }(), planted: damaged(20),
			pairs:    each(tied(120), func(i int, p *Pair) { p.Gates = pass(true, i%3 != 0) }),
			decision: Hold, rule: "gate", reason: "gate length is passed less often: -3"},
		{name: "reasoning gap", spec: func() Spec {
			s := spec(Pool1, 120)
			s.Dims = []DimSpec{{Name: "coverage", Kind: KindReasoning}, {Name: "numbering", Kind: KindFormat}}
			return s
		}(), planted: damaged(20),
			pairs: each(tied(120), func(i int, p *Pair) {
				p.Dims = map[string]DimResult{"coverage": {new(Million), new(Million * 6 / 10)}, "numbering": {new(Million), new(Million)}}
			}),
			decision: Hold, rule: "dimension", reason: "coverage (reasoning) got worse by 40 points"},
		{name: "format gap", spec: func() Spec {
			s := spec(Pool1, 120)
			s.Dims = []DimSpec{{Name: "numbering", Kind: KindFormat}}
			return s
		}(), planted: damaged(20),
			pairs: each(tied(120), func(i int, p *Pair) {
				p.Dims = map[string]DimResult{"numbering": {new(Million), new(Million / 2)}}
			}),
			decision: Hold, rule: "format", reason: "numbering (format) got worse by 50 points", advice: "codify numbering"},
		{name: "hold rule", spec: spec(Pool1, 120), pairs: tied(120), planted: damaged(20), rules: Rules{DowngradeWhen: &yes, Holds: []string{"copy that reaches a customer stays up"}},
			decision: Hold, rule: "hold", reason: "copy that reaches a customer stays up"},
		{name: "rule error", spec: spec(Pool1, 120), pairs: tied(120), planted: damaged(20), rules: Rules{DowngradeWhen: &yes, Err: "mean of nothing"},
			decision: Hold, rule: "rule", reason: "mean of nothing"},
		{name: "rule false", spec: spec(Pool1, 120), pairs: tied(120), planted: damaged(20), rules: Rules{DowngradeWhen: &no},
			decision: Hold, rule: "downgrade_when", reason: "downgrade_when is false"},
		{name: "a rule proves nothing", spec: spec(Pool1, 120), pairs: tied(20), planted: damaged(20), rules: Rules{DowngradeWhen: &yes},
			decision: Undecided, rule: "open"},
		{name: "pool under the floor", spec: spec(Pool1, 40), pairs: tied(40), planted: damaged(20),
			decision: Hold, rule: "floor", reason: "a pool of 40 items is under the floor of 59", advice: "add items until there are 59"},
		{name: "wins under the floor", spec: spec(Star1, 400), planted: damaged(20),
			pairs:    each(tied(40), func(_ int, p *Pair) { p.Cur = new(int64(0)) }),
			decision: Hold, rule: "floor", reason: "fewer than the floor of 69", advice: "measure 29 items more"},
		{name: "reach beyond the deadline", spec: func() Spec { s := spec(Star1, 70); s.Params.Epoch = 2; return s }(), pairs: tied(70), planted: damaged(20),
			decision: Hold, rule: "reach", reason: "at epoch 2 even an identical model takes", advice: "set max_items to at least"},
		{name: "the current side missing everywhere", spec: spec(Pool2, 120), planted: damaged(20),
			pairs:    each(tied(120), func(_ int, p *Pair) { p.Cur = nil }),
			decision: Hold, rule: "floor", reason: "has a score of both tiers"},
		{name: "missing candidate", spec: spec(Pool1, 120), planted: damaged(20),
			pairs:    each(tied(120), func(_ int, p *Pair) { p.Cand = nil }),
			decision: Undecided, rule: "open", reason: "0 of the current tier, 120 of the candidate"},
		{name: "an outage of the current side is no win", spec: spec(Pool1, 120), planted: damaged(20),
			pairs: each(tied(120), func(i int, p *Pair) {
				p.Cand = new(int64(0))
				if i%2 == 0 {
					p.Cur = nil
				} else {
					p.Cur = new(int64(0))
				}
			}),
			decision: Undecided, rule: "open"},
		{name: "impossible score", spec: spec(Pool1, 120), pairs: append(tied(119), pair(119, Million, Million+1)), planted: damaged(20),
			decision: Hold, rule: "evidence", reason: "has a score outside 0..1", advice: "evidence verify"},
		{name: "two items at one place", spec: spec(Pool1, 120), pairs: append(tied(120), Pair{Order: 7, Item: "other"}), planted: damaged(20),
			decision: Hold, rule: "evidence", reason: "both claim order 7"},
		{name: "impossible margin", spec: func() Spec { s := spec(Pool1, 120); s.Params.Margin = 0; return s }(), pairs: tied(120), planted: damaged(20),
			decision: Hold, rule: "evidence", reason: "a margin of 0 millionths"},
		{name: "good start, bad end", spec: spec(Pool1, 60), planted: damaged(20),
			pairs: each(tied(60), func(i int, p *Pair) {
				switch {
				case i < 9:
					p.Cur = new(int64(0)) // wins prove at once; the floor is not there yet
				case i%2 == 0:
					p.Cand = new(int64(0))
				}
			}),
			decision: Hold, rule: "recency", reason: "alone lean to worse"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := Decide(Assess(c.spec, c.pairs, c.planted), c.rules, Money{})
			if r.Decision != c.decision || (c.rule != "" && r.Rule != c.rule) {
				t.Errorf("decision %s by %s, want %s by %s: %s", r.Decision, r.Rule, c.decision, c.rule, r.Reason)
			}
			if !strings.Contains(r.Reason, c.reason) || r.Reason == "" {
				t.Errorf("reason %q, want %q in it", r.Reason, c.reason)
			}
			if !strings.Contains(r.Recommend, c.advice) || r.Recommend == "" {
				t.Errorf("advice %q, want %q in it", r.Recommend, c.advice)
			}
			if (r.Decision == Downgrade) != (len(r.Causes) == 0) {
				t.Errorf("decision %s with causes %v", r.Decision, r.Causes)
			}
		})
	}
}

func TestMoney(t *testing.T) {
	a := Assess(spec(Star1, 400), tied(60), damaged(20))
	r := Decide(a, Rules{}, Money{Spent: 2_000_000, CurrentPerRun: 5_000, CandidatePerRun: 1_000, RunsPerMonth: 3_000, Known: true, ItemsPerNight: 30})
	if *r.SavingsMonth != 12_000_000 || *r.PaybackRuns != 500 || *r.NightsNeeded != 3 || *r.ItemsNeeded != 79 {
		t.Errorf("saving %d, payback %d runs, %d nights, %d items", *r.SavingsMonth, *r.PaybackRuns, *r.NightsNeeded, *r.ItemsNeeded)
	}
	r = Decide(a, Rules{}, Money{Spent: 1, CurrentPerRun: 1, CandidatePerRun: 2, RunsPerMonth: 1, Known: true})
	if *r.SavingsMonth != -1 || r.PaybackRuns != nil || r.NightsNeeded != nil {
		t.Errorf("a dearer candidate: saving %d, payback %v", *r.SavingsMonth, r.PaybackRuns)
	}
	// A warm cache that is given up is paid back too: 2,000,000 and 5,999 at 4,000 a run.
	r = Decide(a, Rules{}, Money{Spent: 2_000_000, CurrentPerRun: 5_000, CandidatePerRun: 1_000, Known: true, CacheRegret: 5_999})
	if *r.PaybackRuns != 502 || r.CacheRegret != 5_999 {
		t.Errorf("with a regret of the cache: %+v", r)
	}
	r = Decide(a, Rules{}, Money{CurrentPerRun: 5})
	if r.SavingsMonth != nil || r.PaybackRuns != nil {
		t.Error("an unknown price promises a saving")
	}
	r = Decide(a, Rules{}, Money{CurrentPerRun: 1 << 62, RunsPerMonth: 1 << 62, Known: true})
	if *r.SavingsMonth != 1<<53-1 {
		t.Errorf("an absurd saving is %d", *r.SavingsMonth)
	}
}

// The record's JSON has the names of the design page, and no value that JSON
// readers could misread.
func TestRecordJSON(t *testing.T) {
	for _, pairs := range [][]Pair{nil, tied(120)} {
		raw, err := json.Marshal(Decide(Assess(spec(Pool1, 120), pairs, damaged(9)), Rules{}, Money{}))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		for _, name := range strings.Fields("skill step current candidate decision claim headline_gap reasoning_gaps format_gaps reason recommend n items_needed nights_needed e_value e_worse threshold bound margin alpha method epoch spent est_savings_month payback_runs evidence rule") {
			if _, ok := got[name]; !ok {
				t.Errorf("the record has no %s", name)
			}
		}
		for _, name := range []string{"reasoning_gaps", "format_gaps", "causes"} {
			if got[name] == nil {
				t.Errorf("%s is null, want an empty list", name)
			}
		}
	}
}

func TestMerge(t *testing.T) {
	a, b := pair(0, Million, Million), pair(0, Million, 0)
	late := pair(1, 0, 0)
	got := Merge([]Pair{late, a, b, a})
	if len(got) != 2 || *got[0].Cand != 0 || got[1].Order != 1 {
		t.Errorf("merged to %d pairs, the first with %d", len(got), *got[0].Cand)
	}
	slow := a
	slow.CandMS = 5000
	if got := Merge([]Pair{a, slow}); got[0].CandMS != 5000 {
		t.Error("of two equal pairs the faster was kept")
	}
}

func TestGuardMissing(t *testing.T) {
	// 30 items that one arm was not scored on must not cover up the 20 that
	// show a loss, and must not count as proof.
	s := spec(Star1, 400)
	s.Dims = []DimSpec{{Name: "coverage", Kind: KindReasoning}}
	pairs := each(tied(50), func(i int, p *Pair) {
		if i >= 30 {
			p.Dims = map[string]DimResult{"coverage": {new(Million), new(int64(0))}}
		}
	})
	a := Assess(s, pairs, nil)
	if !slices.Equal(a.ReasoningGaps, []string{"coverage"}) || a.Dims[0].N != 20 || a.Dims[0].Gap != -Million {
		t.Errorf("guard %+v, gaps %v", a.Dims[0], a.ReasoningGaps)
	}
	a = Assess(s, tied(140), nil)
	if g := a.Dims[0]; g.Outcome != Open || g.N != 0 {
		t.Errorf("a dimension that was never scored is %+v", g)
	}
}
