package harness

import (
	"cmp"
	"math"
	"slices"
)

// scored is a document that a query ranks.
type scored struct {
	doc   int32
	score int64 // millionths
}

// rank scores every document of the view that has a word of the query and gives
// back the best, ties by name. Products are rounded before they are added up, so
// that processors that fuse the two rank alike.
func (v *View) rank(q *query, kind Kind, limit int) []scored {
	total := make([]float64, len(v.seen))
	var several []float64 // of one word with several terms
	for _, w := range q.words {
		if len(w.terms) == 1 {
			v.walk(w.terms[0], func(doc int32, s float64) { total[doc] += s })
			continue
		}
		if len(w.terms) == 0 {
			continue
		}
		if several == nil {
			several = make([]float64, len(v.seen))
		}
		clear(several)
		for _, t := range w.terms {
			v.walk(t, func(doc int32, s float64) { several[doc] = max(several[doc], s) })
		}
		for i, s := range several {
			total[i] += s
		}
	}
	for _, t := range q.pairs {
		v.walk(t, func(doc int32, s float64) { total[doc] += s })
	}
	return v.top(q, total, kind, limit)
}

// compare puts the better first, and of two alike the one that comes first by
// name, which is the order of the documents.
func (s scored) compare(o scored) int {
	return cmp.Or(cmp.Compare(o.score, s.score), cmp.Compare(s.doc, o.doc))
}

// top are the best documents of a kind that have any word of the query.
func (v *View) top(q *query, total []float64, kind Kind, limit int) []scored {
	out := make([]scored, 0, limit+1)
	for i, t := range total {
		if t <= 0 || kind != "" && v.x.docs[i].Kind != kind {
			continue
		}
		q.candidates++
		s := scored{int32(i), int64(math.Round(t * million))}
		if len(out) == limit && s.score <= out[limit-1].score {
			continue // documents come by name, so the one that is there goes first
		}
		at, _ := slices.BinarySearchFunc(out, s, scored.compare)
		out = slices.Insert(out, at, s)
		out = out[:min(len(out), limit)]
	}
	return out
}

// walk goes over the documents of the view that have a term, with what the term
// adds to their score.
func (v *View) walk(t term, yield func(doc int32, score float64)) {
	texts, learnt := t.texts, t.learnt
	i, j := 0, 0
	for i < len(texts) || j < len(learnt) {
		var doc int32
		switch {
		case j == len(learnt) || i < len(texts) && texts[i].doc <= learnt[j].doc:
			doc = texts[i].doc
		default:
			doc = learnt[j].doc
		}
		var p *posting
		var s *support
		if i < len(texts) && texts[i].doc == doc {
			p = &texts[i]
			i++
		}
		if j < len(learnt) && learnt[j].doc == doc {
			s = &learnt[j]
			j++
		}
		if !v.seen[doc] {
			continue
		}
		if got := v.score(t.idf, doc, p, s); got > 0 {
			yield(doc, got)
		}
	}
}

// score of one term in one document: idf * tf * (k1+1) / (tf + k1), where tf
// adds up the fields by weight and length (BM25F), and what was learned.
func (v *View) score(idf float64, doc int32, p *posting, s *support) float64 {
	var tf float64
	if p != nil {
		norm := &v.norm[doc]
		for f, n := range p.count {
			if n != 0 {
				tf += float64(float64(norm[f]) * float64(n))
			}
		}
	}
	if s != nil {
		tf += float64(v.x.tune.learnt * float64(s.weight(v.principal, v.quorum)) / million)
	}
	k1 := v.x.tune.k1
	return float64(idf * tf * (k1 + 1) / (tf + k1))
}
