package harness

import (
	"cmp"
	"slices"
)

// million is 1.0 in the scale of weights, scores and confidences.
const million = 1_000_000

// personal is the most that one principal's past queries count for one word of
// one document, in verified runs.
const personal = 3

func (p Phrase) compare(q Phrase) int {
	return cmp.Or(cmp.Compare(p.Text, q.Text), cmp.Compare(p.Principal, q.Principal), cmp.Compare(p.Weight, q.Weight))
}

// support is what verified use says of a term and a document: how much each
// principal's past queries have it, in millionths of a run.
type support struct {
	doc int32
	by  []backer // by principal
}

type backer struct {
	principal string
	weight    int64 // -personal..personal; negative when runs with the word failed more than they succeeded
}

// weight is how much the support counts for a viewer: their own runs always,
// those of others only when a quorum of people say the same. So nobody moves
// alone what others find, up or down, not with any number of runs.
func (s *support) weight(principal string, quorum int) int64 {
	var own, good, bad int64
	liked, disliked := 0, 0
	for _, b := range s.by {
		switch {
		case b.weight > 0:
			good += b.weight
			liked++
		case b.weight < 0:
			bad -= b.weight
			disliked++
		}
		if b.principal == principal {
			own = b.weight
		}
	}
	shared := int64(0)
	if liked >= quorum {
		shared = good
	}
	if disliked >= quorum {
		shared -= bad
	}
	if own < 0 {
		return 0 // their own runs failed more than they succeeded
	}
	return max(shared, own, 0)
}

// learn adds a document's phrases to the index.
func (b *builder) learn(i int32, d *Document, lang language) {
	if len(d.Learned) == 0 {
		return
	}
	type key struct {
		term      int32
		principal string
	}
	sums := map[key]int64{}
	for _, p := range d.Learned {
		weight := max(min(p.Weight, million), -million)
		if weight == 0 {
			continue
		}
		counted := map[int32]bool{} // a word counts once for each run, however often it is in the query
		tokens := b.tokens(first(p.Text, MaxLearned))
		spoken := b.x.lex.language(tokens)
		for _, t := range tokens {
			if t.spare || b.x.lex.stops(t, spoken) {
				continue
			}
			for _, word := range b.both(t, lang, spoken) {
				if id := b.term(word); !counted[id] {
					counted[id] = true
					k := key{id, p.Principal}
					sums[k] += weight
				}
			}
		}
	}
	keys := make([]key, 0, len(sums))
	for k := range sums {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.term, b.term), cmp.Compare(a.principal, b.principal))
	})
	for _, k := range keys {
		list := &b.x.learnt[k.term]
		if n := len(*list); n == 0 || (*list)[n-1].doc != i {
			*list = append(*list, support{doc: i})
		}
		last := &(*list)[len(*list)-1]
		last.by = append(last.by, backer{k.principal, max(min(sums[k], personal*million), -personal*million)})
	}
}

// both are a token's stems in the language of a document and in that of a query.
func (b *builder) both(t token, doc, query language) []string {
	out := []string{b.stem(t, doc)}
	if s := b.stem(t, query); s != out[0] {
		out = append(out, s)
	}
	return out
}
