package judge

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Ask is what a comparison wants of a judge's labels. Margins and levels are in
// millionths.
type Ask struct {
	Judge, Pin         string
	Family             string
	Current, Candidate string // models
	Dimensions         []Weight
	Margin             int64 // of the whole score
	JudgeMargin        int64 // the judged part's; 0 is half
	Alpha              int64
	Pairs              int  // of tiers that the skill can ever be compared on; 0 is one
	Simulated          bool // both arms are simulated, so simulated labels will do
	Pairwise           bool // labels are of comparisons: only pairs will do
}

// Granted is what the labels allow.
type Granted struct {
	Calibration verdict.Calibration
	Terms       *evidence.JudgeTerms // nil: the judge may only hold
	Why         string               // then: why, in a sentence
	Labels      int                  // that were looked at
	Reported    string               // the id that the judge gave when it made them, "" not known
}

// Grant turns labels into the terms of a judged test, or says why they allow
// none. Only labels of this judge as it is now count: under another model,
// prompt or panel it is another judge.
func Grant(ls Labels, a Ask) (Granted, error) {
	var g Granted
	mine := a.mine(ls)
	now := a.now(mine)
	g.Labels = len(now)
	code, judged := Split(a.Margin, a.JudgeMargin)
	_, testAlpha := verdict.ShareAlpha(a.Alpha)
	labelAlpha := verdict.LabelAlpha(a.Alpha, a.Pairs, mine.judges(a.Pin))
	switch {
	case len(mine) == 0:
		g.Why = fmt.Sprintf("the score is judged and judge %s has no labels for %s on %s and %s, so it may only hold", a.Judge, a.Family, a.Current, a.Candidate)
		return g, nil
	case len(now) == 0:
		g.Why = fmt.Sprintf("the score is judged, and the %d labels of judge %s were made when it was %s: it is another judge now, so it may only hold", len(mine), a.Judge, mine[len(mine)-1].Pin)
		return g, nil
	}
	for _, l := range now {
		if g.Reported == "" {
			g.Reported = l.Reported
		}
		if l.Reported != "" && l.Reported != g.Reported {
			g.Why = fmt.Sprintf("the score is judged, and judge %s answered as %s and as %s while it was calibrated: labels of two models are no calibration, so it may only hold", a.Judge, g.Reported, l.Reported)
			return g, nil
		}
	}
	gold := verdict.Gold{}
	var r1, r2 bool
	gold.Current, r1 = now.marks(a.Current, a.Dimensions)
	gold.Candidate, r2 = now.marks(a.Candidate, a.Dimensions)
	gold.Random = r1 && r2
	g.Calibration = verdict.Calibrate(gold, judged, labelAlpha)
	c := g.Calibration
	flaw := flaws(now, a)
	switch {
	case flaw != "":
		g.Why = flaw
	case c.Kind == verdict.Rates && a.Pairwise:
		g.Why = fmt.Sprintf("the score is judged by comparing, and judge %s has no random sample of inputs labelled on both arms (--random): error rates are of single outputs, so it may only hold", a.Judge)
	case c.Kind == verdict.Rates && len(a.Dimensions) > 1:
		// A judge that sees one dimension better than another would let a gain that
		// it sees pay for a loss that it does not.
		g.Why = fmt.Sprintf("the score is judged on %d dimensions, and error rates allow one: label a random sample of inputs on both arms (--random), which allows any number. Until then judge %s may only hold", len(a.Dimensions), a.Judge)
	case c.Kind == "":
		g.Why = fmt.Sprintf("the score is judged, and judge %s has %d inputs labelled on both arms and %d labels of the smallest class of an arm; %d of the one, drawn at random, or of the other are the least, so it may only hold", a.Judge, c.Paired, c.Least, verdict.LeastLabels)
	case c.Margin <= 0 && c.Needed > 0:
		g.Why = fmt.Sprintf("the score is judged, and %d labels of judge %s leave %.1f of the judged part's %.1f points: at a margin of nothing it may only hold; about %d labels like these would do", count(c), a.Judge, float64(c.Margin)/1e4, float64(judged)/1e4, c.Needed)
	case c.Margin <= 0:
		g.Why = fmt.Sprintf("the score is judged, and %d labels of judge %s leave %.1f of the judged part's %.1f points; no number of labels like these leaves more than nothing, since it errs differently on the two arms, so it may only hold", count(c), a.Judge, float64(c.Margin)/1e4, float64(judged)/1e4)
	default:
		used := a.used(now)
		digest, err := used.Digest()
		if err != nil {
			return g, err
		}
		g.Terms = &evidence.JudgeTerms{
			CodeMargin: code, JudgeMargin: judged, Margin: c.Margin, JLow: c.JLow, Bias: c.Bias,
			LabelAlpha: labelAlpha, TestAlpha: testAlpha, How: c.Kind, Labels: digest, Count: count(c),
		}
		for _, l := range used {
			g.Terms.Simulated = g.Terms.Simulated || l.Simulated
		}
	}
	return g, nil
}

// flaws says what is wrong with a judge whatever its margin, or "".
func flaws(ls Labels, a Ask) string {
	for _, x := range Abilities(ls, a.JudgeMarginOr(), a.Alpha) {
		switch {
		case x.Again.Worse:
			return fmt.Sprintf("the score is judged, and judge %s does not repeat itself: the same %d outputs of %s scored %+.1f points at the second look, on %s, so it may only hold", a.Judge, x.Again.N, x.Arm, float64(x.Again.Gap)/1e4, x.Dimension)
		case x.Length.Sways:
			return fmt.Sprintf("the score is judged, and judge %s is swayed by length: of %d outputs of %s that people marked alike on %s the longer ones score %+.1f points, so it may only hold; say in the rubric that length does not count, and calibrate again", a.Judge, x.Length.N, x.Arm, x.Dimension, float64(x.Length.Gap)/1e4)
		}
	}
	return ""
}

// JudgeMarginOr is the judged part's margin.
func (a Ask) JudgeMarginOr() int64 {
	_, judged := Split(a.Margin, a.JudgeMargin)
	return judged
}

func wanted(l Label, dims []Weight) bool {
	for _, d := range dims {
		if d.Dimension == l.Dimension {
			return true
		}
	}
	return false
}

// judges is the place of a pin among those that labels were made under, from 1.
func (ls Labels) judges(pin string) int {
	var seen []string
	for _, l := range ls {
		if !slices.Contains(seen, l.Pin) {
			seen = append(seen, l.Pin)
		}
		if l.Pin == pin {
			break
		}
	}
	return max(len(seen), 1)
}

func count(c verdict.Calibration) int {
	if c.Kind == verdict.Pairs {
		return c.Paired
	}
	return c.Least
}

// Split is the margin in its code part and its judged part; judge 0 is half.
func Split(margin, judge int64) (code, judged int64) {
	if judge <= 0 || judge >= margin {
		judge = margin / 2
	}
	return margin - judge, judge
}

// Rate is an exact share with its one-sided bounds, in millionths.
type Rate struct {
	Of    int   `json:"of"`
	Yes   int   `json:"yes"`
	Share int64 `json:"share"`
	Low   int64 `json:"low"`
	High  int64 `json:"high"`
}

func rate(yes, of int, alpha int64) Rate {
	r := Rate{Of: of, Yes: yes}
	if of > 0 {
		r.Share = int64(yes) * verdict.Million / int64(of)
	}
	r.Low, r.High = verdict.ClopperPearson(yes, of, alpha)
	return r
}

// Ability is how a judge does on one dimension of one arm. A score of a half and
// more counts as a pass.
type Ability struct {
	Family      string `json:"family"`
	Dimension   string `json:"dimension"`
	Arm         string `json:"arm"`
	Labels      int    `json:"labels"`
	Graded      int    `json:"graded"`
	Sensitivity Rate   `json:"sensitivity"`
	Specificity Rate   `json:"specificity"`
	JLow        int64  `json:"j_low"` // sensitivity + specificity - 1, of their lower bounds
	Again       Again  `json:"again"`
	Length      Length `json:"length"`
}

// Again is the A/A run: the same outputs judged twice must not look worse.
type Again struct {
	N      int   `json:"n"`
	Gap    int64 `json:"gap"`     // mean of second minus first, millionths
	EWorse int64 `json:"e_worse"` // against "not worse by the margin", millionths
	Worse  bool  `json:"worse"`
}

// Abilities measures every arm and dimension that labels speak of, in order of
// family, dimension and arm. alpha is the level of each bound.
func Abilities(ls Labels, margin, alpha int64) []Ability {
	type key struct{ family, dim, arm string }
	groups := map[key]Labels{}
	var keys []key
	for _, l := range ls {
		k := key{l.Family, l.Dimension, l.Arm}
		if groups[k] == nil {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], l)
	}
	sortKeys(keys, func(k key) string { return k.family + "\x00" + k.dim + "\x00" + k.arm })
	var out []Ability
	for _, k := range keys {
		out = append(out, ability(k.family, k.dim, k.arm, groups[k], margin, alpha))
	}
	return out
}

func ability(family, dim, arm string, ls Labels, margin, alpha int64) Ability {
	a := Ability{Family: family, Dimension: dim, Arm: arm, Labels: len(ls)}
	var good, seen, bad, caught int
	for _, l := range ls {
		pass := l.Score >= verdict.Million/2
		switch l.Gold {
		case verdict.Million:
			good++
			if pass {
				seen++
			}
		case 0:
			bad++
			if !pass {
				caught++
			}
		default:
			a.Graded++
		}
	}
	a.Sensitivity, a.Specificity = rate(seen, good, alpha), rate(caught, bad, alpha)
	a.JLow = a.Sensitivity.Low + a.Specificity.Low - verdict.Million
	a.Again = again(ls, margin, alpha)
	a.Length = length(ls, alpha)
	return a
}

// again tests the second look against the first, both ways round: a judge whose
// second word on an output is systematically another has no word.
func again(ls Labels, margin, alpha int64) Again {
	var a Again
	var sum int64
	var up, down []verdict.Observation
	for _, l := range ls {
		if l.Again == nil {
			continue
		}
		d := *l.Again - l.Score
		a.N, sum = a.N+1, sum+d
		up, down = append(up, verdict.Same(d)), append(down, verdict.Same(-d))
	}
	if a.N == 0 {
		return a
	}
	a.Gap = sum / int64(a.N)
	a.EWorse = max(verdict.EWorse(margin, up), verdict.EWorse(margin, down))
	a.Worse = float64(a.EWorse)*float64(alpha) >= 2*float64(verdict.Million)*float64(verdict.Million)
	return a
}
