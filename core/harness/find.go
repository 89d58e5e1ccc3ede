package harness

import (
	"cmp"
	"slices"
)

// Find searches for each of the queries and merges what they find. It never
// fails: a query that cannot be searched has an outcome that says why.
func (v *View) Find(queries []string, o Options) Found {
	return v.merge(queries, o, func(q *query, limit int) []scored { return v.rank(q, o.Kind, limit) })
}

// Find is View(viewer).Find: for a single find.
func (x *Index) Find(viewer Viewer, queries []string, o Options) Found {
	return x.View(viewer).Find(queries, o)
}

func (o Options) limit() int {
	if o.Limit <= 0 {
		return DefaultLimit
	}
	return min(o.Limit, MaxLimit)
}

func (o Options) confidence() int64 {
	if o.Confidence == 0 {
		return DefaultConfidence
	}
	return o.Confidence
}

// merge runs the queries one by one and takes their hits in turns.
func (v *View) merge(queries []string, o Options, rank func(*query, int) []scored) Found {
	switch {
	case len(queries) == 0:
		return Found{Outcome: Empty}
	case len(queries) > MaxQueries:
		return Found{Outcome: TooMany}
	}
	limit := o.limit()
	found := Found{Answers: make([]Answer, len(queries))}
	lists := make([][]Hit, len(queries))
	for i, text := range queries {
		q, outcome := v.read(text)
		if outcome != Matched {
			found.Answers[i].Outcome = outcome
			continue
		}
		q.at = i
		ranked := rank(q, limit)
		answer := &found.Answers[i]
		answer.Candidates = q.candidates
		answer.Outcome = NoMatch
		if len(ranked) == 0 {
			continue
		}
		for _, s := range ranked {
			h := v.hit(q, s)
			h.Query = i
			lists[i] = append(lists[i], h)
			answer.Confidence = max(answer.Confidence, h.Confidence)
		}
		if answer.Confidence < o.confidence() && !q.sure {
			lists[i] = nil
			continue
		}
		answer.Outcome = Matched
	}
	found.Hits = turns(lists, limit)
	found.Outcome = found.Answers[0].Outcome
	if len(found.Hits) > 0 {
		found.Outcome = Matched
	}
	return found
}

// turns takes one hit of each list at a time, and no document twice.
func turns(lists [][]Hit, limit int) []Hit {
	var out []Hit
	taken := map[string]bool{}
	for row := 0; ; row++ {
		more := false
		for _, list := range lists {
			if row >= len(list) {
				continue
			}
			more = true
			if h := list[row]; !taken[h.Document.ID] && len(out) < limit {
				taken[h.Document.ID] = true
				out = append(out, h)
			}
		}
		if !more || len(out) == limit {
			return out
		}
	}
}

// hit says why a document was found.
func (v *View) hit(q *query, s scored) Hit {
	h := Hit{Document: &v.x.docs[s.doc], Score: s.score}
	type part struct {
		shown string
		score float64
	}
	var parts []part
	for _, w := range q.words {
		got := 0.0
		for _, t := range w.terms {
			p, l := v.at(t.id, s.doc)
			now := v.score(t.idf, s.doc, p, l)
			got = max(got, now)
			if l != nil && l.weight(v.principal, v.quorum) > 0 {
				h.Learned = true
			}
		}
		if got > 0 {
			parts = append(parts, part{w.shown, got})
		}
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.score, a.score) })
	for _, p := range parts {
		h.Words = append(h.Words, p.shown)
	}
	h.Confidence = v.confidence(s.score, len(parts) == len(q.words))
	return h
}

// at is what the index has of a term in a document; nil, nil for nothing.
func (v *View) at(id, doc int32) (*posting, *support) {
	var p *posting
	var s *support
	if i, ok := slices.BinarySearchFunc(v.x.texts[id], doc, func(p posting, d int32) int { return cmp.Compare(p.doc, d) }); ok {
		p = &v.x.texts[id][i]
	}
	if i, ok := slices.BinarySearchFunc(v.x.learnt[id], doc, func(s support, d int32) int { return cmp.Compare(s.doc, d) }); ok {
		s = &v.x.learnt[id][i]
	}
	return p, s
}
