package verdict

import (
	"fmt"
	"slices"
)

// What measures the content of an output. Without any the answer is hold.
const (
	ContentNone      = ""
	ContentReference = "reference" // items carry a reference
	ContentDimension = "dimension" // a judge scores dimensions
	ContentGates     = "gates"     // the author said quality = "gates"
)

// Kinds of dimension. Any other kind counts as reasoning, which holds.
const (
	KindReasoning = "reasoning"
	KindFormat    = "format"
)

// Defaults of a Spec's zero fields.
const (
	DefaultGateMargin    int64 = 20_000    // 2 points
	DefaultLatencyFactor int64 = 2_000_000 // twice as slow holds
)

// Spec is what an epoch fixed before its first item.
type Spec struct {
	Skill, Step        string
	Current, Candidate string // tiers, as a person writes them
	Params             Params
	Claim              string      // "" derives it from Params
	Content            string      // ContentReference, ...; "" is nothing
	Judged             bool        // scores have judged parts: without Terms they may only hold
	Terms              *JudgeTerms // what labels allow the judge; nil: it is not calibrated
	JudgeWhy           string      // why there are no Terms, in a sentence; "" says that it is not calibrated
	NoPlanted          bool        // the scores come from a file, so no output can be damaged on purpose
	GateMargin         int64       // millionths; 0 is DefaultGateMargin
	Gates              []GateSpec
	Dims               []DimSpec
	LatencyFactor      int64 // millionths; 0 is DefaultLatencyFactor
}

// GateSpec is a gate with a test of its own. Never is zero tolerance.
type GateSpec struct {
	Name   string
	Never  bool
	Margin int64 // millionths; 0 is the spec's GateMargin
}

// DimSpec is a dimension with a test of its own.
type DimSpec struct {
	Name   string
	Kind   string // KindReasoning or KindFormat
	Weight int64  // millionths
	Margin int64  // millionths; 0 is the main margin
}

// Assessment is everything measured about one candidate in one epoch. It is a
// function of the spec and the set of pairs: lines may come in any order.
type Assessment struct {
	Spec     Spec
	Claim    string
	Test     State
	Parts    *Parts // of Test, where the score is judged and the judge calibrated
	Items    int    // that count: the completed prefix up to closing, for a proof up to Floor
	Compared int    // of those that count, with a score of both tiers
	Known    int    // items of the epoch with a pair, counted or not
	Missing  struct{ Current, Candidate int }

	Bound   int64 // millionths: the loss is at most this; see the function Bound
	BoundOK bool
	OneLook int64 // Bonett-Price 95 % lower bound on the mean D, for one look only

	Gates         []Guard
	Dims          []Guard
	ReasoningGaps []string // dimensions proved worse, by kind
	FormatGaps    []string
	GatesWorse    []string // gates proved worse
	NeverFailed   []string // zero-tolerance gates that the candidate failed, anywhere
	NeverUnseen   []string // zero-tolerance gates not checked on an output that counts

	Latency Latency
	Planted Planted
	Recency Recency

	Floor    int // least items before anything may move
	Reach    int // items this method needs on all ties
	ReachOK  bool
	Deadline int // the N that would do when ReachOK is false; 0 none in sight
	Needed   Needed
	Wants    int // items that measuring should still buy before the answer is final

	Sources   map[string]int // that count, by source
	Synthetic int            // of those that count
	Problems  []string       // why this evidence cannot be true; any holds
}

// Needed is how many items a proof takes, counted from the first.
type Needed struct {
	Mean, P90 int
	OK        bool // false: no number of items like these would do
}

// Assess measures. Pairs are those of one epoch, planted are the planted-bad
// arm: Cur the real output's score, Cand the damaged one's. Evidence that cannot
// be true is not measured at all: Problems says why, and everything else is
// empty.
func Assess(s Spec, pairs, planted []Pair) Assessment {
	s = s.defaults()
	a := Assessment{Spec: s, Claim: s.Claim, Problems: problems(pairs)}
	if a.Claim == "" {
		a.Claim = s.Params.Claim()
	}
	if err := s.Params.Validate(); err != nil {
		a.Problems = append(a.Problems, err.Error())
	}
	a.Problems = append(a.Problems, s.problems(planted)...)
	if len(a.Problems) > 0 {
		a.Test.Need, a.Test.NeedWorse = EMax, EMax // no reader may see 0 >= 0
		return a
	}
	merged := Merge(pairs)
	prefix := completed(merged, s.Params.N)
	a.Known, a.Floor = len(merged), s.least()
	var obs, judged []Observation
	a.Test, a.Parts, obs, judged = measure(s, prefix)
	prefix = prefix[:counted(a.Test, len(prefix), a.Floor)]
	a.Items = len(prefix)
	a.OneLook = BonettPrice(observed(prefix, a.Test.N))
	a.foresee(obs, judged)
	a.Wants = a.wants()

	a.count(prefix)
	a.guards(prefix, pairs)
	a.Latency = latency(prefix, s.LatencyFactor)
	a.Planted = seen(s, planted)
	a.Recency = s.recent(prefix, a.Reach)
	return a
}

// run is the test over the prefix and what it saw before it closed.
func run(p Params, prefix []Pair) (State, []Observation) {
	test := open(p)
	obs := make([]Observation, 0, len(prefix))
	for _, pair := range prefix {
		if test.outcome != Open {
			break
		}
		o := pair.Observe()
		obs = append(obs, o)
		test.Add(o)
	}
	return test.State(), obs
}

// observed are the whole scores' differences of the first n.
func observed(prefix []Pair, n int) []Observation {
	out := make([]Observation, 0, n)
	for _, p := range prefix[:min(n, len(prefix))] {
		out = append(out, p.Observe())
	}
	return out
}

// counted is how much of the prefix counts: all that closed the test and
// nothing later, so that a verdict recomputes to the same bytes when another
// checkout's surplus pairs are merged in; for a proof at least the floor.
func counted(s State, have, floor int) int {
	if s.Outcome == Proved {
		return min(have, max(s.ClosedAt, floor))
	}
	return s.N
}

func (s Spec) defaults() Spec {
	if s.GateMargin == 0 {
		s.GateMargin = DefaultGateMargin
	}
	if s.LatencyFactor == 0 {
		s.LatencyFactor = DefaultLatencyFactor
	}
	s.Gates, s.Dims = slices.Clone(s.Gates), slices.Clone(s.Dims)
	for i := range s.Gates {
		if s.Gates[i].Margin == 0 {
			s.Gates[i].Margin = s.GateMargin
		}
	}
	for i := range s.Dims {
		if s.Dims[i].Margin == 0 {
			s.Dims[i].Margin = s.Params.Margin
		}
	}
	return s
}

func (s Spec) problems(planted []Pair) []string {
	var out []string
	for _, g := range s.Gates {
		if g.Margin <= 0 || g.Margin >= Million {
			out = append(out, fmt.Sprintf("gate %s has a margin of %d millionths, outside 0..1", g.Name, g.Margin))
		}
	}
	for _, d := range s.Dims {
		if d.Margin <= 0 || d.Margin >= Million {
			out = append(out, fmt.Sprintf("dimension %s has a margin of %d millionths, outside 0..1", d.Name, d.Margin))
		}
	}
	if s.Terms != nil {
		out = append(out, s.Terms.problems(s.Params)...)
	}
	if s.LatencyFactor < 0 {
		out = append(out, fmt.Sprintf("a latency factor of %d millionths is negative", s.LatencyFactor))
	}
	for _, p := range planted {
		if impossible(p.Cur) || impossible(p.Cand) {
			out = append(out, fmt.Sprintf("planted item %s has a score outside 0..1", p.Item))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Least is the least number of items before anything moves, proved or not. For a sampled
// method it is the theorem's, at the epoch's level. A pool is known when it is
// counted, at any level, so there the theorem forbids nothing; but a pool of
// one item proves itself, and one item was the mistake to begin with. A pool
// has to be as large as a sample would at the policy's level.
func (p Params) Least() int {
	if p.Method.Pool() {
		return Floor(p.Margin, float64(p.Alpha)/float64(Million))
	}
	if p.FrozenAt > 0 { // accepted in a set: its level is that of its bar there
		return Floor(p.Margin, float64(Million)/float64(p.FrozenBar))
	}
	return Floor(p.Margin, p.AlphaEff())
}

func (a *Assessment) wants() int {
	n := a.Spec.Params.N
	switch {
	case a.Test.Outcome == Open && a.Needed.OK:
		return min(max(1, a.Needed.Mean-a.Items), n-a.Items)
	case a.Test.Outcome == Open:
		return n - a.Items
	case a.Test.Outcome == Proved && a.Items < a.Floor:
		return min(a.Floor, n) - a.Items
	}
	return 0
}

func (a *Assessment) count(prefix []Pair) {
	a.Sources = map[string]int{}
	for _, p := range prefix {
		if p.Cur != nil && p.Cand != nil {
			a.Compared++
		}
		a.Sources[p.Source]++
		if p.Cur == nil {
			a.Missing.Current++
		}
		if p.Cand == nil {
			a.Missing.Candidate++
		}
		if p.Synthetic {
			a.Synthetic++
		}
	}
}
