package harness

// View is an index as one viewer sees it. Everything that a score is made of is
// counted over what they may see alone, so nothing about the rest can be read
// off it; that costs one call of Allowed and some 50 ns for each document, which
// is why a caller keeps a View for as long as the viewer's rules hold.
//
// Inverse document frequencies over the whole index were refused: a viewer who
// compares a word's weight with the documents they see learns how many others
// have that word, and by asking for many words what those are about.
type View struct {
	x         *Index
	principal string
	quorum    int
	seen      []bool
	n         int
	norm      [][fields]float32 // by document: what one occurrence in a field counts
	langs     languageSet
}

// View is the index as the viewer sees it.
func (x *Index) View(v Viewer) *View {
	w := &View{x: x, principal: v.Principal, quorum: v.Quorum, seen: make([]bool, len(x.docs))}
	if w.quorum <= 0 {
		w.quorum = Quorum
	}
	var sum [fields]int64
	for i := range x.docs {
		if v.Allowed == nil || !v.Allowed(&x.docs[i]) {
			continue
		}
		w.seen[i] = true
		w.n++
		w.langs |= 1 << x.spoken[i]
		for f, n := range x.length[i] {
			sum[f] += int64(n)
		}
	}
	w.langs |= 1 << english_ // names
	w.norm = make([][fields]float32, len(x.docs))
	for i := range x.docs {
		if !w.seen[i] {
			continue
		}
		for f, n := range x.length[i] {
			if sum[f] == 0 {
				continue
			}
			relative := float64(n) * float64(w.n) / float64(sum[f])
			b := x.tune.b[f]
			w.norm[i][f] = float32(x.tune.weight[f] / (1 - b + float64(b*relative)))
		}
	}
	return w
}

// Len is the number of documents that the viewer sees.
func (v *View) Len() int { return v.n }

// Document is the one with that id, if the viewer may see it. A document that
// they may not see and one that there is not are the same answer.
func (v *View) Document(id string) (*Document, bool) {
	i, ok := v.x.byID[id]
	if !ok || !v.seen[i] {
		return nil, false
	}
	return &v.x.docs[i], true
}

// Documents are those that the viewer sees, by name and then id.
func (v *View) Documents() []*Document {
	out := make([]*Document, 0, v.n)
	for i := range v.x.docs {
		if v.seen[i] {
			out = append(out, &v.x.docs[i])
		}
	}
	return out
}
