package verdict

import (
	"fmt"
	"slices"
)

// A judged score has two parts: what code computes (gate passes, items that are
// compared with a reference) and what a judge said where both arms passed. A
// judge that is right only some of the time sees only some of a loss, and one
// that errs differently on the two arms invents one. So each part is tested at a
// margin of its own, the judged one at what labels leave of it, and both have to
// prove.

// Part is one part of the two scores of an item; nil is missing, and read as the
// null at stake reads it. Where a part is worth between nothing and Cand more on
// the candidate, Cur is nil: no gain against "worse", all of it against "not worse".
type Part struct{ Cur, Cand *int64 }

func (p Part) observe() Observation { return observe(p.Cur, p.Cand) }

// JudgeTerms are the terms of a judged test, fixed in the epoch before its first
// item. Millionths.
type JudgeTerms struct {
	Code       int64 // d_code: what the code part may lose
	Judge      int64 // d_judge: what the judged part may lose, in gold
	Margin     int64 // the judged test's own margin, in the judge's points: Judge * JLow - Bias
	JLow       int64
	Bias       int64
	LabelAlpha int64 // the labels' share of alpha, spent once
	TestAlpha  int64 // the tests' share
}

// labelShare is the part of alpha that labels take: one fifth.
const labelShare = 5

// ShareAlpha splits a level between the labels and the tests. The tests share
// theirs without splitting it: both have to prove, so that the chance that both
// do is at most the chance that the wrong one does.
func ShareAlpha(alpha int64) (labels, tests int64) {
	labels = alpha / labelShare
	return labels, alpha - labels
}

// LabelAlpha is what one bound from labels may take of a level: the labels' share,
// over the pairs of tiers that a skill can ever be compared on (each has labels of
// its own), and less for each judge that came before: labels of another judge are
// another chance to be wrong, as another epoch is. So all that the labels can
// ever be wrong about for a skill stays within their share. At least a millionth.
func LabelAlpha(alpha int64, pairs, judge int) int64 {
	labels, _ := ShareAlpha(alpha)
	const basel = 607_927 // 6/pi^2, in millionths, rounded down
	j := int64(max(judge, 1))
	return max(1, labels*basel/Million/(j*j)/int64(max(pairs, 1)))
}

// problems says what cannot be true of terms beside the epoch's own margin.
func (t *JudgeTerms) problems(p Params) []string {
	var out []string
	if t.Code <= 0 || t.Judge <= 0 || t.Code+t.Judge != p.Margin {
		out = append(out, fmt.Sprintf("the margins of the code part and the judged part, %d and %d millionths, are not two parts of the margin of %d", t.Code, t.Judge, p.Margin))
	}
	if t.Margin <= 0 || t.Margin >= Million {
		out = append(out, fmt.Sprintf("a judged test at a margin of %d millionths is no test", t.Margin))
	}
	if t.LabelAlpha <= 0 || t.TestAlpha <= 0 || t.LabelAlpha+t.TestAlpha > p.Alpha {
		out = append(out, fmt.Sprintf("labels and tests take levels of %d and %d millionths, and there are %d", t.LabelAlpha, t.TestAlpha, p.Alpha))
	}
	return out
}

func (t *JudgeTerms) params(p Params) (code, judge Params) {
	code, judge = p, p
	code.Margin, code.Alpha = t.Code, t.TestAlpha
	judge.Margin, judge.Alpha = t.Margin, t.TestAlpha
	return code, judge
}

// Parts are the two tests of a judged score.
type Parts struct{ Code, Judge State }

// splitTest is both tests side by side.
type splitTest struct {
	code, judge *Test
	t           int
	sum, worse  int64 // of the whole score's differences
	outcome     Outcome
	closed      int
}

func openSplit(s Spec) *splitTest {
	code, judge := s.Terms.params(s.Params)
	return &splitTest{code: open(code), judge: open(judge)}
}

// add counts one item on both tests: each goes on until it closes, the whole
// until both have proved or one cannot any more.
//
// A part that is proved worse ends the whole without disproving it. The other
// part may gain more than this one loses; and what the judged part loses in the
// judge's points says nothing at a level about quality: labels bound from one
// side what such a loss is worth, the side that a downgrade needs. To bound the
// other side too would take half of the labels' level from every proof, for a
// sentence about steps that stay where they are.
func (t *splitTest) add(p Pair) {
	if t.outcome != Open {
		return
	}
	o := p.Observe()
	t.t, t.sum, t.worse = t.t+1, t.sum+o.NotWorse, t.worse+o.Worse
	a, b := t.code.Add(p.Code.observe()), t.judge.Add(p.Judged.observe())
	fails := func(o Outcome) bool { return o == Disproved || o == Inconclusive }
	switch {
	case a == Proved && b == Proved:
		t.outcome = Proved
	case fails(a) || fails(b):
		t.outcome = Inconclusive
	default:
		return
	}
	t.closed = t.t
}

// state is the whole as one: the weaker proof and the weaker disproof, since a
// whole that is worse by both margins has a part that is.
func (t *splitTest) state() (State, *Parts) {
	parts := &Parts{Code: t.code.State(), Judge: t.judge.State()}
	out := parts.Code
	if parts.Judge.E < out.E {
		out = parts.Judge
	}
	out.N, out.Outcome, out.ClosedAt = t.t, t.outcome, t.closed
	out.LnEWorse = min(parts.Code.LnEWorse, parts.Judge.LnEWorse)
	out.EWorse = min(parts.Code.EWorse, parts.Judge.EWorse)
	out.Certain = parts.Code.Certain && parts.Judge.Certain
	out.MeanD, out.MeanWorse = mean(t.sum, t.t), mean(t.worse, t.t)
	return out, parts
}

// measure runs the test of a spec over the completed prefix: what it came to,
// its parts where the score is judged, and what each part saw before the close.
func measure(s Spec, prefix []Pair) (state State, parts *Parts, code, judge []Observation) {
	if s.Terms == nil {
		state, code = run(s.Params, prefix)
		return state, nil, code, nil
	}
	t := openSplit(s)
	for _, p := range prefix {
		if t.outcome != Open {
			break
		}
		code, judge = append(code, p.Code.observe()), append(judge, p.Judged.observe())
		t.add(p)
	}
	state, parts = t.state()
	return state, parts, code, judge
}

// foresee fills in bounds, needs and reach: of a judged score the worse of both.
func (a *Assessment) foresee(code, judge []Observation) {
	s := a.Spec
	if s.Terms == nil {
		a.Bound, a.BoundOK = Bound(s.Params, code)
		a.Needed = needed(s.Params, code)
		a.Reach, a.ReachOK = Reach(s.Params)
		if !a.ReachOK {
			a.Deadline = Deadline(s.Params)
		}
		return
	}
	c, j := s.Terms.params(s.Params)
	x, okX := Bound(c, code)
	y, okY := Bound(j, judge)
	// In gold the judged part lost at most what makes its margin equal the bound.
	if a.BoundOK = okX && okY && s.Terms.JLow > 0; a.BoundOK {
		gold := -floorDiv(-(y+s.Terms.Bias)*Million, s.Terms.JLow)
		a.Bound = max(-Million, min(Million, x+gold))
	} else {
		a.Bound = Million
	}
	a.Needed = needed(c, code)
	other := needed(j, judge)
	a.Needed = Needed{Mean: max(a.Needed.Mean, other.Mean), P90: max(a.Needed.P90, other.P90), OK: a.Needed.OK && other.OK}
	a.Reach, a.ReachOK = reachOf(s)
	if !a.ReachOK {
		a.Deadline = deadlineOf(s)
	}
}

func needed(p Params, obs []Observation) (n Needed) {
	n.Mean, n.P90, n.OK = ItemsNeeded(p, obs)
	return n
}

// ReachOf is Reach for a spec: of a judged score the larger of both parts'.
func ReachOf(s Spec) (n int, ok bool) { return reachOf(s.defaults()) }

func reachOf(s Spec) (int, bool) {
	if s.Terms == nil {
		return Reach(s.Params)
	}
	code, judge := s.Terms.params(s.Params)
	if s.least() > s.Params.N {
		return 0, false // labels can leave a margin so small that looking for its reach takes seconds
	}
	x, okX := Reach(code)
	y, okY := Reach(judge)
	return max(x, y), okX && okY
}

func deadlineOf(s Spec) int {
	code, judge := s.Terms.params(s.Params)
	if s.least() > s.Params.N {
		return 0
	}
	x, y := Deadline(code), Deadline(judge)
	if x == 0 || y == 0 {
		return 0
	}
	return max(x, y)
}

// least is Params.Least for a spec.
func (s Spec) least() int {
	if s.Terms == nil {
		return s.Params.Least()
	}
	code, judge := s.Terms.params(s.Params)
	return max(code.Least(), judge.Least())
}

// recent is the recency of a spec: of a judged score each part's own.
func (s Spec) recent(prefix []Pair, reach int) Recency {
	if s.Terms == nil {
		return recency(s.Params, prefix, reach)
	}
	code, judge := s.Terms.params(s.Params)
	parts := func(of func(Pair) Part) []Pair {
		out := make([]Pair, len(prefix))
		for i, p := range prefix {
			x := of(p)
			out[i] = Pair{Order: p.Order, Item: p.Item, Cur: x.Cur, Cand: x.Cand}
		}
		return out
	}
	x := recency(code, parts(func(p Pair) Part { return p.Code }), reach)
	y := recency(judge, parts(func(p Pair) Part { return p.Judged }), reach)
	if y.EWorse > x.EWorse {
		x.EWorse = y.EWorse
	}
	x.OK = x.OK && y.OK
	return x
}

// Trace is the state of the spec's test after each item of the completed prefix,
// up to its close: for charts.
func Trace(s Spec, pairs []Pair) []State {
	s = s.defaults()
	if s.Params.Validate() != nil || s.Terms != nil && len(s.Terms.problems(s.Params)) > 0 {
		return nil
	}
	var out []State
	prefix := completed(Merge(pairs), s.Params.N)
	if s.Terms == nil {
		t := open(s.Params)
		for _, p := range prefix {
			outcome := t.Add(p.Observe())
			if out = append(out, t.State()); outcome != Open {
				break
			}
		}
		return out
	}
	t := openSplit(s)
	for _, p := range prefix {
		t.add(p)
		state, _ := t.state()
		if out = append(out, state); t.outcome != Open {
			break
		}
	}
	return slices.Clip(out)
}

// worseParts say which part of a judged score is proved worse, at its own margin
// and in its own points.
func (a Assessment) worseParts() []string {
	if a.Parts == nil {
		return nil
	}
	var out []string
	if p := a.Parts.Code; p.Outcome == Disproved {
		out = append(out, fmt.Sprintf("what code computes is worse by more than the %s that are its part of the margin: mean gap %s over %s", points(a.Spec.Terms.Code), points(p.MeanWorse), items(p.N)))
	}
	if p := a.Parts.Judge; p.Outcome == Disproved {
		out = append(out, fmt.Sprintf("the judge scores it lower by more than the judged part's margin, which is %s in the judge's points: mean gap %s over %s, and what that is in quality the labels do not say", points(a.Spec.Terms.Margin), points(p.MeanWorse), items(p.N)))
	}
	return out
}

// judgedProof is how a judged score was proved, for people.
func (a Assessment) judgedProof() string {
	t := a.Spec.Terms
	return fmt.Sprintf("proved not worse by %s for %s after %s: what code computes within %s (e %s), and the judged part within %s of the judge's points (e %s), which the labels make %s of quality; both needed %s",
		points(a.Spec.Params.Margin), a.Claim, items(a.Test.ClosedAt), points(t.Code), figure(a.Parts.Code.E), points(t.Margin), figure(a.Parts.Judge.E), points(t.Judge), figure(a.Test.Need))
}
