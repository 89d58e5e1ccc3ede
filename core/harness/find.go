package harness

import (
	"cmp"
	"math"
	"slices"
	"strings"
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

// scored is a document that a query ranks.
type scored struct {
	doc   int32
	score int64 // millionths
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

// query is a query as it is searched: its words, each once.
type query struct {
	words      []word
	candidates int
	pairs      []term // of words that follow each other in the query
	at         int    // its place among the queries of the find
	sure       bool   // vectors say that there is a match
}

// word of a query: the terms that it may stand under (more than one only where
// the catalogue has several languages), and what they weigh.
type word struct {
	shown string
	terms []term
	idf   float64 // the greatest of its terms'; that of an unknown word when it has none
}

// term is a term of the index, or a pair of them, and what it weighs.
type term struct {
	id     int32
	idf    float64
	texts  []posting
	learnt []support
}

// read takes a query apart. Its outcome is Matched when it can be ranked.
func (v *View) read(text string) (*query, Outcome) {
	switch {
	case len(text) > MaxQuery:
		return nil, TooLong
	case strings.TrimSpace(text) == "":
		return nil, Empty
	}
	var tokens []token
	split(text, func(t token) {
		if !t.spare {
			tokens = append(tokens, t)
		}
	})
	if len(tokens) == 0 {
		return nil, NoWords
	}
	if v.n == 0 {
		return nil, Unstocked
	}
	lang := v.x.lex.language(tokens)
	kept := slices.Clone(tokens)
	kept = slices.DeleteFunc(kept, func(t token) bool { return v.x.lex.stops(t, lang) })
	if len(kept) == 0 {
		kept = tokens // "how to": a name may be made of stop words
	}
	q := &query{}
	known := map[string]bool{}
	var before []string
	for _, t := range kept {
		variants := stems(t, v.langs)
		v.pair(q, before, variants)
		before = variants
		key := variants[0]
		if known[key] {
			continue
		}
		known[key] = true
		w := word{shown: t.shown}
		for _, s := range variants {
			if id, ok := v.x.terms[s]; ok {
				t := term{id: id, texts: v.x.texts[id], learnt: v.x.learnt[id]}
				if df := v.frequency(t); df > 0 {
					t.idf = v.idf(df)
					w.terms = append(w.terms, t)
				}
			}
		}
		for _, t := range w.terms {
			w.idf = max(w.idf, t.idf)
		}
		if len(w.terms) == 0 {
			w.idf = v.idf(0)
		}
		q.words = append(q.words, w)
	}
	return q, Matched
}

// pair adds what two words of the query that follow each other stand for.
func (v *View) pair(q *query, before, after []string) {
	for _, a := range before {
		for _, b := range after {
			i, ok := v.x.terms[a]
			if !ok {
				break
			}
			j, ok := v.x.terms[b]
			if !ok {
				continue
			}
			t := term{texts: v.x.pairs.of(i, j)}
			if df := v.frequency(t); df > 0 && !slices.ContainsFunc(q.pairs, func(o term) bool { return &o.texts[0] == &t.texts[0] }) {
				t.idf = float64(v.x.tune.pair * v.idf(df))
				q.pairs = append(q.pairs, t)
			}
		}
	}
}

// frequency is in how many documents of the view a term stands, learned words
// that count for the viewer included.
func (v *View) frequency(t term) int {
	df := 0
	texts, learnt := t.texts, t.learnt
	if len(texts) == v.n && v.n == len(v.seen) {
		return v.n
	}
	j := 0
	for i := range learnt {
		s := &learnt[i]
		for j < len(texts) && texts[j].doc < s.doc {
			if v.seen[texts[j].doc] {
				df++
			}
			j++
		}
		if j < len(texts) && texts[j].doc == s.doc {
			continue // counted below
		}
		if v.seen[s.doc] && s.weight(v.principal, v.quorum) > 0 {
			df++
		}
	}
	for ; j < len(texts); j++ {
		if v.seen[texts[j].doc] {
			df++
		}
	}
	return df
}

// idf after Robertson and Zaragoza, "The Probabilistic Relevance Framework:
// BM25 and Beyond" (2009), with one added so that it is never negative.
func (v *View) idf(df int) float64 {
	return math.Log(1 + (float64(v.n-df)+.5)/(float64(df)+.5))
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
