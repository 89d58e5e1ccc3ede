package harness

import (
	"math"
	"slices"
	"strings"
)

// query is a query as it is searched: its words, each once.
type query struct {
	words      []word
	candidates int
	pairs      []term // of words that follow each other in the query
	paired     map[uint64]bool
	at         int  // its place among the queries of the find
	sure       bool // vectors say that there is a match
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
	q := &query{paired: map[uint64]bool{}}
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
			if df := v.frequency(t); df > 0 && !q.paired[pairKey(i, j)] {
				q.paired[pairKey(i, j)] = true
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
