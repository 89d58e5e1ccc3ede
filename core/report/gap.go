package report

import (
	"math"
	"strings"
)

// gapChart is the mean gap with the bound that holds at every look, against the
// margin. Left of the margin lies the loss that matters.
type gapChart struct {
	ID, Title, Desc  string
	Mean, MeanAnchor string
	MeanLabel        string
	Low, LowWidth    string // the interval, from the bound to the right end
	LowLabel         string
	LowX, LowAnchor  string
	Off              bool // the bound lies left of the drawing
	Margin           string
	MarginAnchor     string
	MarginLabel      string
	Zero             string
	Left, Width      string
	LossWidth        string
	GainWidth        string
	Class            string
}

func newGapChart(id string, r Row) *gapChart {
	rec := r.Record
	if rec == nil || rec.N == 0 {
		return nil
	}
	const whole = 1_000_000
	limit := func(v int64) float64 { return math.Max(-whole, math.Min(whole, float64(v))) }
	margin, mean := limit(rec.Margin), limit(rec.HeadlineGap)
	if margin <= 0 {
		margin = 10_000
	}
	low, known := -whole*1.0, rec.Bound != nil
	if known {
		low = -limit(*rec.Bound)
	}
	// A wide bound must not squeeze what matters: the scale goes a few margins
	// to the left, and what lies beyond is an arrow with its number.
	least := math.Min(-4*margin, mean-1.5*margin)
	p := plot{
		lo: math.Max(least, math.Min(-1.8*margin, math.Min(mean-0.5*margin, low-0.3*margin))),
		hi: math.Max(0.8*margin, mean+0.8*margin), left: 2, width: 96,
	}
	c := &gapChart{
		ID: id, Title: "Mean gap of " + r.name(),
		Mean: p.x(mean), MeanAnchor: p.anchor(mean), MeanLabel: "mean " + signed(rec.HeadlineGap),
		Low: p.x(low), LowWidth: p.span(low, p.hi), LowX: p.x(low), LowAnchor: p.anchor(low), Off: low < p.lo,
		Margin: p.x(-margin), MarginAnchor: p.anchor(-margin), MarginLabel: "margin " + strings.Replace(tenths(-rec.Margin), "-", "−", 1),
		Zero: p.x(0), Left: p.x(p.lo), Width: p.span(p.lo, p.hi), LossWidth: p.span(p.lo, -margin), GainWidth: p.span(-margin, p.hi),
		Class: "open",
	}
	switch {
	case !known:
		c.LowLabel, c.Off = "nothing is excluded yet", true
	case *rec.Bound <= 0:
		c.LowLabel = "wins at least " + points(-*rec.Bound)
	default:
		c.LowLabel = atMost(*rec.Bound, rec.Margin)
	}
	switch rec.Outcome {
	case "proved":
		c.Class = "proof"
	case "disproved":
		c.Class = "worse"
	}
	c.Desc = "The mean gap is " + signed(rec.HeadlineGap) + " over " + plural(rec.N, "item", "items") + "; " + c.LowLabel + "; the margin is " + points(rec.Margin) + "."
	return c
}

// atMost says a bound on the loss, and keeps it apart from the margin where both
// round to the same: a test stops just past its margin, and on which side the
// bound lies is the verdict.
func atMost(bound, margin int64) string {
	switch {
	case tenths(bound) != tenths(margin) || bound == margin:
		return "loses at most " + points(bound)
	case bound < margin:
		return "loses less than " + points(margin)
	}
	return "may lose just over " + points(margin)
}

// bar is a measure drawn: shares of the width.
type bar struct {
	Name, Kind         string
	Current, Candidate string // texts
	CurrentWidth       string
	CandidateWidth     string
	Answer, Class      string
	Title              string
}

func newBars(measures []Measure) []bar {
	var out []bar
	p := plot{lo: 0, hi: 1_000_000, left: 0, width: 100}
	for _, m := range measures {
		b := bar{
			Name: plain(m.Name), Kind: plain(m.Kind),
			Current: percent(m.Current), Candidate: percent(m.Candidate),
			CurrentWidth: p.x(float64(m.Current)), CandidateWidth: p.x(float64(m.Candidate)),
			Answer: "unknown", Class: "unknown",
		}
		switch m.Answer {
		case "proved":
			b.Answer, b.Class = "not worse", "moved"
		case "worse":
			b.Answer, b.Class = "worse", "worse"
		}
		b.Title = b.Name + ": " + b.Current + " on the current tier, " + b.Candidate + " on the candidate"
		out = append(out, b)
	}
	return out
}
