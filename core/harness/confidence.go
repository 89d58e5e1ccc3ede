package harness

// DefaultConfidence is the confidence below which a find abstains.
const DefaultConfidence = 100_000

// confidence that a document is what a query asks for, in millionths: the share
// of the query's weight that the document has.
func (v *View) confidence(q *query, doc int32) int64 {
	var all, got float64
	for _, w := range q.words {
		all += w.idf
		best := 0.0
		for _, t := range w.terms {
			p, s := v.at(t.id, doc)
			best = max(best, v.score(t.idf, doc, p, s))
		}
		got += best
	}
	if all == 0 {
		return 0
	}
	return min(int64(got/(all*(v.x.tune.k1+1))*million), million)
}
