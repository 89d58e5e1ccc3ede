package harness

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Embedder turns texts into vectors, one for each text and all of one length.
// Texts leave the process through it: core/harness never makes one by itself.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// VectorCache keeps vectors by digest ("sha256:..." over model and text). Losing
// it costs time only. It is called from one goroutine at a time.
type VectorCache interface {
	Get(digest string) ([]float32, bool)
	Put(digest string, vector []float32)
}

// embedBatch is how many texts one call of an Embedder has.
const embedBatch = 64

// embedText is how many characters of a document are embedded: what most
// embedding models read without cutting.
const embedText = 1500

// fusion is the constant of reciprocal rank fusion (Cormack, Clarke and
// Buettcher, 2009): 1/(60+rank), added over the lists.
const fusion = 60

// fused is how deep the two lists are that are fused.
const fused = 100

// Hybrid finds by words and by vectors together. Without vectors, for whatever
// reason, it finds by words and says so in Found.Vectors.
type Hybrid struct {
	index    *Index
	model    string
	embedder Embedder
	vectors  [][]float32 // by document, of length 1
	err      error

	// Cosine is from where on a match by vectors alone is no abstention, 0..1. It
	// differs from model to model, so there is no default: at 0 the words decide
	// whether there is a match, and vectors only what is found beside them.
	Cosine float64
}

// Embed makes the vectors of all documents, those from the cache first. The
// Hybrid is usable also with an error: it finds by words and gives the error as
// the reason.
func Embed(ctx context.Context, x *Index, model string, e Embedder, cache VectorCache) (*Hybrid, error) {
	h := &Hybrid{index: x, model: model, embedder: e, vectors: make([][]float32, len(x.docs))}
	if err := h.embedAll(ctx, cache); err != nil {
		h.err = fmt.Errorf("embedding %d documents: %w", len(x.docs), err)
		return h, h.err
	}
	return h, nil
}

func (h *Hybrid) embedAll(ctx context.Context, cache VectorCache) error {
	var missing []int
	for i := range h.index.docs {
		if v, ok := cache.Get(h.key(i)); ok {
			if v, err := unit(v); err == nil {
				h.vectors[i] = v
				continue
			}
		}
		missing = append(missing, i)
	}
	for batch := range slices.Chunk(missing, embedBatch) {
		texts := make([]string, len(batch))
		for j, i := range batch {
			texts[j] = h.text(i)
		}
		got, err := h.embed(ctx, texts)
		if err != nil {
			return err
		}
		for j, i := range batch {
			h.vectors[i] = got[j]
			cache.Put(h.key(i), got[j])
		}
	}
	for i, v := range h.vectors {
		if len(v) != len(h.vectors[0]) {
			return fmt.Errorf("the vector of %q has %d numbers and that of %q has %d; was the model %q changed behind its name?", h.index.docs[i].Name, len(v), h.index.docs[0].Name, len(h.vectors[0]), h.model)
		}
	}
	return nil
}

// embed calls the embedder and checks what it gave.
func (h *Hybrid) embed(ctx context.Context, texts []string) ([][]float32, error) {
	got, err := h.embedder.Embed(ctx, texts)
	if err != nil {
		return nil, err
	}
	if len(got) != len(texts) {
		return nil, fmt.Errorf("%d vectors came back for %d texts", len(got), len(texts))
	}
	out := make([][]float32, len(got))
	for i, v := range got {
		if out[i], err = unit(v); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (h *Hybrid) text(i int) string {
	d := &h.index.docs[i]
	return first(d.Name+"\n"+d.Description+"\n"+d.Body, embedText)
}

func (h *Hybrid) key(i int) string {
	sum := sha256.New()
	put(sum, "plimsoll vector 1", h.model, h.text(i))
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// unit is a vector at length 1; one that has no direction is an error.
func unit(v []float32) ([]float32, error) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil, errors.New("a vector is empty, zero or not finite")
	}
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) / math.Sqrt(sum))
	}
	return out, nil
}

// Find is v.Find with the vectors of the documents that v sees. v must be a view
// of the index that was embedded, else words alone answer.
func (h *Hybrid) Find(ctx context.Context, v *View, queries []string, o Options) Found {
	vectors, err := h.queries(ctx, v, queries)
	if err != nil {
		found := v.Find(queries, o)
		found.Vectors.Reason = fmt.Sprintf("Embeddings took no part, words alone answered: %v.", err)
		return found
	}
	found := v.merge(queries, o, func(q *query, limit int) []scored {
		return h.fuse(v, q, vectors[q.at], o.Kind, limit)
	})
	found.Vectors.Used = len(vectors) > 0
	return found
}

// queries are the vectors of the queries that can be searched, by position.
func (h *Hybrid) queries(ctx context.Context, v *View, queries []string) (map[int][]float32, error) {
	switch {
	case h.err != nil:
		return nil, h.err
	case v.x != h.index && v.x.digest != h.index.digest:
		return nil, errors.New("the catalogue has changed since it was embedded")
	case len(queries) > MaxQueries:
		return nil, nil
	}
	var texts []string
	var at []int
	for i, text := range queries {
		if _, outcome := v.read(text); outcome == Matched {
			texts, at = append(texts, text), append(at, i)
		}
	}
	if len(texts) == 0 {
		return nil, nil
	}
	got, err := h.embed(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := map[int][]float32{}
	for i, vector := range got {
		if len(vector) != len(h.vectors[0]) {
			return nil, fmt.Errorf("the query's vector has %d numbers and the documents' have %d", len(vector), len(h.vectors[0]))
		}
		out[at[i]] = vector
	}
	return out, nil
}

// fuse ranks by words and by cosine, and adds up the reciprocal ranks.
func (h *Hybrid) fuse(v *View, q *query, vector []float32, kind Kind, limit int) []scored {
	words := v.rank(q, kind, fused)
	type near struct {
		doc    int32
		cosine float64
	}
	var nearest []near
	for i, d := range h.vectors {
		if !v.seen[i] || kind != "" && v.x.docs[i].Kind != kind {
			continue
		}
		var dot float32
		for j, x := range d {
			dot += x * vector[j]
		}
		nearest = append(nearest, near{int32(i), float64(dot)})
	}
	slices.SortFunc(nearest, func(a, b near) int { return cmp.Or(cmp.Compare(b.cosine, a.cosine), cmp.Compare(a.doc, b.doc)) })
	nearest = nearest[:min(len(nearest), fused)]
	if len(nearest) > 0 && h.Cosine > 0 && nearest[0].cosine >= h.Cosine {
		q.sure = true
	}
	sum := map[int32]float64{}
	score := map[int32]int64{}
	for i, s := range words {
		sum[s.doc] += 1 / float64(fusion+i+1)
		score[s.doc] = s.score
	}
	for i, n := range nearest {
		sum[n.doc] += 1 / float64(fusion+i+1)
	}
	out := make([]scored, 0, len(sum))
	for doc := range sum {
		out = append(out, scored{doc, score[doc]})
	}
	slices.SortFunc(out, func(a, b scored) int { return cmp.Or(cmp.Compare(sum[b.doc], sum[a.doc]), cmp.Compare(a.doc, b.doc)) })
	return out[:min(len(out), limit)]
}
