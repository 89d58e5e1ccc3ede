package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/connector/egress"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/harness/embed"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// embedTime bounds the making of all vectors of a catalogue: until it is over,
// find answers from the catalogue before.
const embedTime = 2 * time.Minute

// vectors makes embeddings where the project declares an endpoint for them, and
// keeps them in the state.
type vectors struct {
	state  *State
	record telemetry.Recorder
}

// of is an index with vectors beside its words; nil where none are declared. With
// an error it finds by words, and says why.
func (v *vectors) of(ctx context.Context, x *harness.Index, s *config.Search) (*harness.Hybrid, error) {
	if s.Embeddings == nil {
		return nil, nil
	}
	client, err := embedding(s.Embeddings)
	if err != nil {
		return nil, fmt.Errorf("search by words alone: %w", err)
	}
	ctx, over := context.WithTimeout(ctx, embedTime)
	defer over()
	hybrid, err := harness.Embed(ctx, x, client.Model, embedder{client, v.record}, v)
	if err != nil {
		return hybrid, fmt.Errorf("search by words alone: %w", err)
	}
	return hybrid, nil
}

// embedding is the declared endpoint. It may be on this machine: it was named.
func embedding(e *config.Embeddings) (*embed.Client, error) {
	http, err := egressTo(e.URL, e.Headers)
	if err != nil {
		return nil, err
	}
	return &embed.Client{HTTP: http, URL: e.URL, Model: e.Model}, nil
}

func egressTo(url string, headers []*config.Header) (*http.Client, error) {
	return egress.New(egress.Config{URL: url, Headers: headersOf(headers), Private: []string{"127.0.0.0/8", "::1/128"}, Plaintext: true})
}

func (v *vectors) key(digest string) []byte { return store.Key(store.TableVector, scope, digest) }

// Get is a vector that was made before.
func (v *vectors) Get(digest string) ([]float32, bool) {
	raw, err := v.state.store.Get(v.key(digest))
	if err != nil {
		return nil, false
	}
	_, body, err := store.Unseal(raw)
	if err != nil || len(body)%4 != 0 {
		return nil, false
	}
	out := make([]float32, len(body)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(body[4*i:]))
	}
	return out, true
}

// Put keeps a vector. One that cannot be kept is made again the next time.
func (v *vectors) Put(digest string, vector []float32) {
	body := make([]byte, 0, 4*len(vector))
	for _, x := range vector {
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(x))
	}
	_, _ = v.state.store.Commit(context.Background(), store.Batch{Puts: []store.Put{{Key: v.key(digest), Value: store.Seal(1, body)}}})
}
