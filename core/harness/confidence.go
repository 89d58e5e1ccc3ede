package harness

import "math"

// DefaultConfidence is the confidence below which a find abstains.
const DefaultConfidence = 500_000

// enough is the score, in words that only one document has, at which the
// confidence is one half. Calibrated on one half of three public sets so that at
// most one in twenty of the queries that find their document is turned away, and
// measured on the other (BENCHMARKS.md, 2026-11-21).
const enough = 1.0

// confidence that a document is what a query asks for, in millionths.
//
// The unit of the score is what a word counts that one document alone has: it
// grows with the catalogue as the scores do, so one threshold does for ten
// documents and for ten thousand. The share of the query's words that are
// matched was refused as a measure (long queries of agents have two good words
// in thirty), and so was the raw score. A document that has every word of the
// query is never below one half: whoever types the one word "pdf" means it.
func (v *View) confidence(score int64, every bool) int64 {
	if score <= 0 {
		return 0
	}
	words := float64(score) / million / v.idf(1)
	c := int64(math.Round(words / (words + enough) * million))
	if every {
		c = max(c, million/2)
	}
	return c
}
