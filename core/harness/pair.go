package harness

import (
	"cmp"
	"slices"
)

// pairs are the words that follow each other in a document, so that "review
// spec" is more than "review" and "spec" apart. They are kept flat, sorted by
// key: a map of half a million keys takes four times the memory.
type pairs struct {
	keys  []uint64
	ends  []int32 // of the key's postings; they begin where those of the key before end
	texts []posting
}

// two is one occurrence of a pair.
type two struct {
	key   uint64
	doc   int32
	field field
}

func pairKey(a, b int32) uint64 { return uint64(uint32(a))<<32 | uint64(uint32(b)) }

// gather counts the occurrences.
func gather(all []two) pairs {
	slices.SortFunc(all, func(a, b two) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.doc, b.doc)) })
	var p pairs
	for i, t := range all {
		fresh := i == 0 || all[i-1].key != t.key
		if fresh {
			p.keys = append(p.keys, t.key)
			p.ends = append(p.ends, int32(len(p.texts)))
		}
		if fresh || all[i-1].doc != t.doc {
			p.texts = append(p.texts, posting{doc: t.doc})
			p.ends[len(p.ends)-1] = int32(len(p.texts))
		}
		if c := &p.texts[len(p.texts)-1].count[t.field]; *c < 255 {
			*c++
		}
	}
	p.keys, p.ends, p.texts = slices.Clip(p.keys), slices.Clip(p.ends), slices.Clip(p.texts)
	return p
}

// of are the postings of two words that follow each other.
func (p *pairs) of(a, b int32) []posting {
	i, ok := slices.BinarySearch(p.keys, pairKey(a, b))
	if !ok {
		return nil
	}
	begin := int32(0)
	if i > 0 {
		begin = p.ends[i-1]
	}
	return p.texts[begin:p.ends[i]]
}
