package harness

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// meaning is an embedder for tests: one dimension for each of a few ideas.
type meaning struct {
	calls int
	texts int
	err   error
	bend  func([][]float32) [][]float32
}

func (m *meaning) Embed(_ context.Context, texts []string) ([][]float32, error) {
	m.calls++
	m.texts += len(texts)
	if m.err != nil {
		return nil, m.err
	}
	ideas := [][]string{{"weather", "forecast", "umbrella", "rain"}, {"mail", "letter", "post", "notify"}, {"pdf"}}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = make([]float32, len(ideas)+1)
		out[i][len(ideas)] = .1
		for j, words := range ideas {
			for _, w := range words {
				if strings.Contains(strings.ToLower(t), w) {
					out[i][j] = 1
				}
			}
		}
	}
	if m.bend != nil {
		out = m.bend(out)
	}
	return out, nil
}

type shelf map[string][]float32

func (s shelf) Get(d string) ([]float32, bool) { v, ok := s[d]; return v, ok }
func (s shelf) Put(d string, v []float32)      { s[d] = v }

func TestHybrid(t *testing.T) {
	ctx := context.Background()
	x, err := Build(desk)
	if err != nil {
		t.Fatal(err)
	}
	m, cache := &meaning{}, shelf{}
	h, err := Embed(ctx, x, "m", m, cache)
	if err != nil || len(cache) != len(desk) || m.calls != 1 {
		t.Fatalf("%v, %d cached, %d calls", err, len(cache), m.calls)
	}
	if _, err := Embed(ctx, x, "m", m, cache); err != nil || m.calls != 1 {
		t.Errorf("the cache is not used: %v, %d calls", err, m.calls)
	}
	v := x.View(Viewer{Allowed: func(d *Document) bool { return d.ID != "pdf" }})
	// "umbrella" is no word of any document; without a threshold the words decide.
	if f := h.Find(ctx, v, []string{"umbrella"}, Options{}); f.Outcome != NoMatch || !f.Vectors.Used {
		t.Errorf("%+v", f)
	}
	h.Cosine = .8
	f := h.Find(ctx, v, []string{"umbrella"}, Options{})
	if f.Outcome != Matched || f.Hits[0].Document.ID != "weather" || len(f.Hits[0].Words) != 0 {
		t.Errorf("%+v", f)
	}
	if f := h.Find(ctx, v, []string{"pdf"}, Options{Confidence: -1}); slices.Contains(idsOf(f), "pdf") {
		t.Error("a denied document was found by its vector")
	}
	texts := m.texts
	if f := h.Find(ctx, v, []string{"", "?"}, Options{}); f.Outcome != Empty || m.texts != texts {
		t.Errorf("queries without words were embedded: %+v", f)
	}
}

func TestHybridFallsBackAndSaysSo(t *testing.T) {
	ctx := context.Background()
	x, err := Build(desk)
	if err != nil {
		t.Fatal(err)
	}
	v := x.View(Viewer{Allowed: Everything})
	words := v.Find([]string{"weather"}, Options{})
	check := func(name string, h *Hybrid, view *View) {
		t.Helper()
		f := h.Find(ctx, view, []string{"weather"}, Options{})
		if f.Vectors.Used || !strings.Contains(f.Vectors.Reason, "words alone") {
			t.Errorf("%s: %+v", name, f.Vectors)
		}
		if !slices.Equal(idsOf(f), idsOf(words)) {
			t.Errorf("%s: %v", name, idsOf(f))
		}
	}
	for name, m := range map[string]*meaning{
		"an error":       {err: errors.New("connection refused")},
		"too few":        {bend: func(v [][]float32) [][]float32 { return v[1:] }},
		"zero":           {bend: func(v [][]float32) [][]float32 { clear(v[0]); return v }},
		"not a number":   {bend: func(v [][]float32) [][]float32 { v[0][0] = float32(math.NaN()); return v }},
		"another length": {bend: func(v [][]float32) [][]float32 { v[0] = append(v[0], 1); return v }},
	} {
		h, err := Embed(ctx, x, "m", m, shelf{})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		check(name, h, v)
	}
	m := &meaning{}
	h, err := Embed(ctx, x, "m", m, shelf{})
	if err != nil {
		t.Fatal(err)
	}
	other := everyone(t, append(slices.Clone(desk), Document{ID: "new", Name: "n"})...)
	check("another catalogue", h, other)
	m.err = errors.New("timeout")
	check("an error at the query", h, v)
	m.err, m.bend = nil, func(v [][]float32) [][]float32 { v[0] = v[0][:2]; return v }
	check("another length at the query", h, v)
}
