package sim_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"github.com/plimsoll-dev/plimsoll/core/topology/sim"
)

// clock is a stepper whose times are easy to add up: a decode step 10 ms and
// 1 ms a request, a prompt token 1 ms, a step without decode 10 ms.
type clock struct{}

func (clock) Decode(batch, _ float64) float64   { return .010 + .001*batch }
func (clock) Prefill(tokens, _ float64) float64 { return .001 * tokens }
func (clock) Overhead() float64                 { return .010 }

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9 {
		t.Errorf("%s at %.4f, by hand %.4f", what, got, want)
	}
}

func TestOneRequestByHand(t *testing.T) {
	got, err := sim.Run(sim.Plan{Workers: []sim.Worker{{Step: clock{}, Budget: 64}}}, sim.Burst(1, 100, 3))
	if err != nil {
		t.Fatal(err)
	}
	// two chunks, 64 and 36 tokens, each in a step of its own; then two decode steps
	near(t, "the first token", got[0].Tokens[0], .010+.064+.010+.036)
	near(t, "the last token", got[0].Tokens[2], .120+2*.011)
}

func TestPromptsRideInDecodeSteps(t *testing.T) {
	r := []sim.Request{{Input: 10, Output: 5}, {Arrive: .025, Input: 10, Output: 1}}
	got, err := sim.Run(sim.Plan{Workers: []sim.Worker{{Step: clock{}}}}, r)
	if err != nil {
		t.Fatal(err)
	}
	// .020 first token; .031 second; the step from .031 has the other's prompt: .031+.011+.010
	near(t, "the disturbed token", got[0].Tokens[2], .052)
	near(t, "the other's only token", got[1].Tokens[0], .052)
	near(t, "the next token", got[0].Tokens[3], .063)
}

func TestPromptsFirstStopDecoding(t *testing.T) {
	r := []sim.Request{{Input: 10, Output: 3}, {Arrive: .015, Input: 100, Output: 1}}
	got, err := sim.Run(sim.Plan{Workers: []sim.Worker{{Step: clock{}, First: true}}}, r)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the other's token", got[1].Tokens[0], .020+.110)
	near(t, "the token that waited", got[0].Tokens[1], .130+.011)
}

func TestSplitByHand(t *testing.T) {
	p := sim.Plan{
		Workers:  []sim.Worker{{Step: clock{}, Role: sim.Prefill}, {Step: clock{}, Role: sim.Decode}},
		Transfer: func(tokens float64) float64 { return tokens * 1e-4 },
		Delay:    .002,
	}
	got, err := sim.Run(p, sim.Burst(1, 100, 3))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the first token", got[0].Tokens[0], .002+.110+.010)
	near(t, "the last token", got[0].Tokens[2], .122+.022)
}

func TestMemoryThatIsFullMakesWait(t *testing.T) {
	got, err := sim.Run(sim.Plan{Workers: []sim.Worker{{Step: clock{}, Slots: 1}}}, sim.Burst(2, 10, 2))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the first one's end", got[0].Tokens[1], .031)
	near(t, "the second one's first token", got[1].Tokens[0], .031+.020)
}

func TestWhatCannotServeIsRefused(t *testing.T) {
	for what, c := range map[string]struct {
		p sim.Plan
		r []sim.Request
	}{
		"nobody":        {sim.Plan{}, sim.Burst(1, 1, 1)},
		"no decode":     {sim.Plan{Workers: []sim.Worker{{Step: clock{}, Role: sim.Prefill}}}, sim.Burst(1, 1, 1)},
		"no step times": {sim.Plan{Workers: []sim.Worker{{}}}, sim.Burst(1, 1, 1)},
		"no output":     {sim.Plan{Workers: []sim.Worker{{Step: clock{}}}}, sim.Burst(1, 1, 0)},
		"too much":      {sim.Plan{Workers: []sim.Worker{{Step: clock{}}}}, sim.Burst(2, 1, 1<<26)},
		"never arrives": {sim.Plan{Workers: []sim.Worker{{Step: clock{}}}}, []sim.Request{{Arrive: math.Inf(1), Input: 1, Output: 1}}},
	} {
		if _, err := sim.Run(c.p, c.r); err == nil {
			t.Errorf("%s was served", what)
		}
	}
}

// Whatever the plan: everybody gets all tokens in order, none before it was
// sent, a closed loop is never fuller than it may be, and twice gives the same.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		worker := func(role sim.Role) sim.Worker {
			return sim.Worker{Step: clock{}, Role: role, Budget: rapid.IntRange(8, 512).Draw(t, "budget"), Slots: rapid.IntRange(0, 6).Draw(t, "slots"), First: rapid.Bool().Draw(t, "first")}
		}
		var p sim.Plan
		if rapid.Bool().Draw(t, "split") {
			p.Workers = []sim.Worker{worker(sim.Prefill), worker(sim.Decode), worker(sim.Decode)}
			p.Transfer = func(n float64) float64 { return n * 1e-5 }
		} else {
			p.Workers = []sim.Worker{worker(sim.Both), worker(sim.Both)}
		}
		n := rapid.IntRange(1, 40).Draw(t, "requests")
		requests := sim.Arrivals(n, 60, 12, rapid.Float64Range(.5, 500).Draw(t, "rate"), rapid.SampledFrom([]float64{.3, 1, 4}).Draw(t, "shape"), rapid.Uint64().Draw(t, "seed"))
		sim.Vary(requests, 1, 400, 3)
		p.Concurrency = rapid.IntRange(0, 8).Draw(t, "concurrency")
		got, err := sim.Run(p, requests)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := sim.Run(p, requests)
		type edge struct {
			at float64
			by int
		}
		var flight []edge
		for i, x := range got {
			if len(x.Tokens) != requests[i].Output || !slices.IsSorted(x.Tokens) || x.Tokens[0] <= x.Start {
				t.Fatalf("request %d: sent at %g, tokens at %v", i, x.Start, x.Tokens)
			}
			if p.Concurrency == 0 && x.Start != requests[i].Arrive {
				t.Fatalf("request %d was sent at %g, not at %g", i, x.Start, requests[i].Arrive)
			}
			if !slices.Equal(x.Tokens, again[i].Tokens) {
				t.Fatal("the same plan gave other times")
			}
			flight = append(flight, edge{x.Start, 1}, edge{x.Tokens[len(x.Tokens)-1], -1})
		}
		slices.SortFunc(flight, func(a, b edge) int {
			if a.at != b.at {
				if a.at < b.at {
					return -1
				}
				return 1
			}
			return a.by - b.by // one ends before the next begins
		})
		now := 0
		for _, e := range flight {
			if now += e.by; p.Concurrency > 0 && now > p.Concurrency {
				t.Fatalf("%d in flight, and %d are allowed", now, p.Concurrency)
			}
		}
	})
}

func TestArrivals(t *testing.T) {
	for _, shape := range []float64{.5, 1, 3} {
		r := sim.Arrivals(20000, 1, 1, 5, shape, 1)
		var gaps []float64
		for i := 1; i < len(r); i++ {
			gaps = append(gaps, r[i].Arrive-r[i-1].Arrive)
		}
		s := metric.Of(gaps)
		if math.Abs(s.Mean/.2-1) > .03 || math.Abs(s.Std/s.Mean*math.Sqrt(shape)-1) > .05 {
			t.Errorf("shape %g: mean gap %.4f, deviation %.4f", shape, s.Mean, s.Std)
		}
	}
}
