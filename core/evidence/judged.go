package evidence

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// JudgeTerms are the terms of a judged test, in millionths. Everything that a
// verdict needs of the labels stands here: recomputing reads no other file.
type JudgeTerms struct {
	CodeMargin  int64  `json:"code_margin"`  // what the code part may lose
	JudgeMargin int64  `json:"judge_margin"` // what the judged part may lose, in gold
	Margin      int64  `json:"margin"`       // of the judged test, in the judge's points
	JLow        int64  `json:"j_low"`
	Bias        int64  `json:"bias"`
	LabelAlpha  int64  `json:"label_alpha"`
	TestAlpha   int64  `json:"test_alpha"`
	How         string `json:"how"`    // pairs or rates, see core/verdict
	Labels      string `json:"labels"` // digest of the labels that were counted
	Count       int    `json:"count"`  // pairs, or labels of the smallest class of an arm
	Simulated   bool   `json:"simulated,omitempty"`
}

func (t *JudgeTerms) verdict() *verdict.JudgeTerms {
	if t == nil {
		return nil
	}
	return &verdict.JudgeTerms{
		Code: t.CodeMargin, Judge: t.JudgeMargin, Margin: t.Margin, JLow: t.JLow, Bias: t.Bias,
		LabelAlpha: t.LabelAlpha, TestAlpha: t.TestAlpha,
	}
}

// Sources of a pair's scores.
const (
	Code      = "code"      // gates and references
	Pointwise = "pointwise" // a judge scored each output alone
	Pairwise  = "pairwise"  // a judge compared both, in both orders
)

// parts splits a pair's scores: an item that code compares is all code; of one
// that a judge scored, code says whether the gates were passed, and the judge
// speaks where both were. A run that brought nothing is missing in both.
//
// Where the candidate alone passed its gates nobody has scored what passed: it
// may be worth nothing. Such a gain counts as none in a proof (the page's split
// would count a whole point, and so let outputs that nobody looked at pay for
// outputs that are lost), and as all of it before anything is called worse.
func (p Pair) parts() (code, judged verdict.Part) {
	if p.Source == Code {
		return verdict.Part{Cur: p.Current.Score, Cand: p.Candidate.Score}, verdict.Part{Cur: new(int64), Cand: new(int64)}
	}
	code = verdict.Part{Cur: p.Current.through(), Cand: p.Candidate.through()}
	judged = verdict.Part{Cur: p.Current.Score, Cand: p.Candidate.Score}
	if is(code.Cur, 0) && is(code.Cand, million) {
		return verdict.Part{Cand: code.Cand}, verdict.Part{Cur: new(int64), Cand: new(int64)}
	}
	for _, passed := range []*int64{code.Cur, code.Cand} {
		if passed != nil && *passed == 0 {
			return code, verdict.Part{Cur: new(int64), Cand: new(int64)}
		}
	}
	return code, judged
}

func is(score *int64, what int64) bool { return score != nil && *score == what }

// through is 1 for an output that passed its gates, 0 for one that did not, nil
// where there was none.
func (r Result) through() *int64 {
	switch r.Status {
	case "missing":
		return nil
	case "ok":
		one := int64(million)
		return &one
	}
	return new(int64)
}

// Describe says the terms in words.
func (t *JudgeTerms) Describe() string {
	return fmt.Sprintf("%d labels (%s) leave the judged part %.2f points of %.2f; the code part has %.2f", t.Count, t.How, float64(t.Margin)/1e4, float64(t.JudgeMargin)/1e4, float64(t.CodeMargin)/1e4)
}
