package verdict

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Whatever skills come, and however often their epochs are opened, the weights
// never sum to more than the whole, and nearly all of it can be given away.
func TestWeightsSumToOne(t *testing.T) {
	for _, first := range []int{1, 7, 960, 20_000} {
		var sum int64
		for place := 1; place <= 40*first; place++ {
			for epoch := 1; epoch <= 30; epoch++ {
				w := FleetWeight(place, first, epoch)
				if w <= 0 {
					t.Fatalf("place %d of %d, epoch %d has no weight", place, first, epoch)
				}
				sum += w
			}
		}
		if sum > Whole {
			t.Errorf("%d first skills: %d is over the whole", first, sum)
		}
		if sum < Whole*95/100 {
			t.Errorf("%d first skills: only %d was given away", first, sum)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		first, place, epoch := rapid.IntRange(1, 5000).Draw(t, "first"), rapid.IntRange(1, 20000).Draw(t, "place"), rapid.IntRange(1, 50).Draw(t, "epoch")
		w := FleetWeight(place, first, epoch)
		if FleetWeight(place+1, first, epoch) > w || FleetWeight(place, first, epoch+1) > w {
			t.Fatalf("a later test weighs more than %d", w)
		}
	})
	for _, none := range [][3]int{{0, 1, 1}, {1, 0, 1}, {1, 1, 0}, {-1, 5, 1}} {
		if w := FleetWeight(none[0], none[1], none[2]); w != 0 {
			t.Errorf("%v weighs %d", none, w)
		}
	}
	// Half a point: one founder's first epoch, by hand: 1/2 * 6/pi^2.
	if w := FleetWeight(1, 1, 1); w != int64(math.Floor(1e15*0.5*6/(math.Pi*math.Pi))) {
		t.Errorf("the first of one weighs %d", w)
	}
}

// accepted is the rule as it is written on the page, by trying every size.
func accepted(f Fleet, tests []Entrant) []int {
	for k := len(tests); k > 0; k-- {
		var out []int
		for i, e := range tests {
			if e.E >= f.Bar(e.Params, k) {
				out = append(out, i)
			}
		}
		if len(out) >= k {
			return out
		}
	}
	return nil
}

func TestAcceptIsTheLargestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Fleet{Accepted: rapid.IntRange(0, 20).Draw(t, "accepted"), Given: rapid.SampledFrom([]int64{0, Whole, Whole + Whole/3}).Draw(t, "given")}
		var tests []Entrant
		for range rapid.IntRange(0, 25).Draw(t, "tests") {
			p := Params{Method: Star1, Margin: 50_000, Alpha: 50_000, N: 400, Epoch: rapid.IntRange(1, 3).Draw(t, "epoch")}
			p.Weight = FleetWeight(rapid.IntRange(1, 60).Draw(t, "place"), 20, p.Epoch)
			tests = append(tests, Entrant{Params: p, E: rapid.Int64Range(1, 20_000).Draw(t, "e") * Million})
		}
		got, want := f.Accept(tests), accepted(f, tests)
		if !slices.Equal(got, want) {
			t.Fatalf("accepted %v, the page says %v", got, want)
		}
		for _, i := range got {
			if tests[i].E < f.Bar(tests[i].Params, len(got)) {
				t.Fatalf("%d is under its bar in a set of %d", i, len(got))
			}
			if tests[i].E < need(tests[i].Params.own()) {
				t.Fatalf("%d is under its skill's own level", i)
			}
		}
	})
}

// A test that closes at G is accepted whoever else is, on its night and later.
func TestClosedAtGIsAccepted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Params{Method: Grid8, Margin: 50_000, Alpha: 50_000, N: 400, Epoch: rapid.IntRange(1, 3).Draw(t, "epoch"), Accepted: rapid.IntRange(0, 9).Draw(t, "open")}
		p.Weight = FleetWeight(rapid.IntRange(1, 60).Draw(t, "place"), 20, p.Epoch)
		f := Fleet{Accepted: p.Accepted + rapid.IntRange(0, 5).Draw(t, "since")}
		tests := []Entrant{{p, need(p.AlphaEff())}, {p, 1}, {p, need(p.AlphaEff()) / 2}}
		if !slices.Contains(f.Accept(tests), 0) {
			t.Fatalf("not accepted at G")
		}
	})
}

// Whatever part of a proposal is applied, in whatever order, every member clears
// the bar of the moves that were made by then: the set that it would be thinned to.
func TestAnyPartOfAProposal(t *testing.T) {
	thinned := false
	rapid.Check(t, func(t *rapid.T) {
		f := Fleet{Accepted: rapid.IntRange(0, 5).Draw(t, "made")}
		var tests []Entrant
		for range rapid.IntRange(1, 12).Draw(t, "tests") {
			p := Params{Method: Star1, Margin: 50_000, Alpha: 50_000, N: 400, Epoch: 1}
			p.Weight = FleetWeight(rapid.IntRange(1, 20).Draw(t, "place"), 20, 1)
			tests = append(tests, Entrant{Params: p, E: rapid.Int64Range(20, 2500).Draw(t, "e") * Million})
		}
		alone := f.Alone(tests)
		for _, i := range alone {
			for later := range 4 {
				now := Fleet{Accepted: f.Accepted + later}
				if tests[i].E < now.Bar(tests[i].Params, 1) || !slices.Contains(now.Alone(tests), i) {
					t.Fatalf("%d may not be applied alone after %d moves", i, now.Accepted)
				}
			}
		}
		set := f.Accept(tests)
		for _, i := range alone {
			if !slices.Contains(set, i) {
				t.Fatalf("%d clears its bar alone, and not in the largest set", i)
			}
		}
		thinned = thinned || len(set) > len(alone)
	})
	if !thinned {
		t.Error("no set was larger than what may be applied in part: the test shows nothing")
	}
}

// Without a weight nothing changes, and with one no test closes sooner.
func TestFleetOnlyRaisesTheBar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, obs := drawParams(t), drawDifferences(t, 80)
		q := p
		q.Weight, q.Accepted = FleetWeight(rapid.IntRange(1, 30).Draw(t, "place"), 10, max(p.Epoch, 1)), rapid.IntRange(0, 40).Draw(t, "accepted")
		if q.Validate() != nil {
			return
		}
		if need(q.AlphaEff()) < need(p.AlphaEff()) {
			t.Fatalf("the fleet's level is laxer than the skill's own")
		}
		// Star1 aims at its goal, so another goal bets otherwise.
		if p.Method != Star1 && walk(q, obs).Outcome == Proved && walk(p, obs).Outcome == Open {
			t.Fatalf("proved under the fleet, and not without")
		}
	})
}

// An acceptance stands at the item where it was made, with the wealth that the
// test had there: not with a higher one of before, and not with a bar that the
// items do not reach.
func TestFrozen(t *testing.T) {
	p := Params{Method: Grid8, Margin: 100_000, Alpha: 50_000, Epoch: 1, N: 400, Weight: FleetWeight(1, 100, 1)}
	obs := make([]Observation, 150)
	at := 60
	e := walk(p, obs[:at]).E
	if open := walk(p, obs[:at]); open.Outcome != Open {
		t.Fatalf("%+v is no test of freezing", open)
	}
	p.FrozenAt, p.FrozenBar = at, e
	s := walk(p, obs)
	if s.Outcome != Proved || s.ClosedAt != at || s.E != e || s.Need != e {
		t.Errorf("accepted at %d: %+v", at, s)
	}
	if bound, ok := Bound(p, obs[:at]); !ok || bound >= p.Margin {
		t.Errorf("the bound %d of an accepted test is not below its margin", bound)
	}
	p.FrozenBar = e + 1
	if s := walk(p, obs[:at+1]); s.Outcome != Open {
		t.Errorf("a bar that was not reached: %+v", s)
	}
	for name, q := range map[string]Params{
		"no bar": {FrozenAt: 3, Weight: 1}, "no item": {FrozenBar: EMax, Weight: 1}, "no weight": {FrozenAt: 3, FrozenBar: EMax},
		"lax": {FrozenAt: 3, FrozenBar: 19 * Million, Weight: Whole}, "overweight": {Weight: Whole + 1}, "negative": {Weight: Whole, Accepted: -1}, "unweighed": {Accepted: 1},
	} {
		q.Method, q.Margin, q.Alpha, q.Epoch, q.N = Grid8, 50_000, 50_000, 1, 400
		if q.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// False discovery over nights of 200 skills whose candidates are half bad, on
// the boundary, and dependent: every bad skill sees the same luck. The share of
// wrong moves, averaged over runs, stays under alpha plus three standard errors.
func TestFalseDiscovery(t *testing.T) {
	const skills, runs, nights, perNight = 60, 60, 6, 25
	const margin = 100_000
	rng := rand.New(rand.NewPCG(7, 11))
	var sum, square float64
	moves := 0
	for range runs {
		tests := make([]*Test, skills)
		params := make([]Params, skills)
		done := make([]bool, skills)
		for i := range tests {
			params[i] = Params{Method: Grid8, Margin: margin, Alpha: 50_000, Epoch: 1, N: nights * perNight, Weight: FleetWeight(i+1, skills, 1)}
			tests[i] = open(params[i])
		}
		fleet, wrong := Fleet{}, 0
		for range nights {
			for range perNight {
				shared := rng.Float64() // one draw for all bad skills
				for i := range tests {
					var d int64
					if i%2 == 0 && shared < .1 {
						d = -Million // bad: loses exactly the margin
					}
					tests[i].Add(Same(d))
				}
			}
			var entrants []Entrant
			var who []int
			for i, test := range tests {
				if s := test.State(); !done[i] && s.Outcome != Disproved {
					entrants, who = append(entrants, Entrant{params[i], s.E}), append(who, i)
				}
			}
			set := fleet.Accept(entrants)
			for _, k := range set {
				done[who[k]] = true
				if who[k]%2 == 0 {
					wrong++
				}
			}
			fleet.Accepted += len(set)
		}
		share := float64(wrong) / math.Max(1, float64(fleet.Accepted))
		sum, square = sum+share, square+share*share
		moves += fleet.Accepted
	}
	mean := sum / runs
	sd := math.Sqrt(math.Max(0, square/runs-mean*mean) / runs)
	if mean > .05+3*sd {
		t.Errorf("the share of wrong moves is %.3f (standard error %.3f)", mean, sd)
	}
	if moves < runs*skills/4 {
		t.Errorf("only %d of %d good skills moved: the test proves nothing", moves, runs*skills/2)
	}
}
