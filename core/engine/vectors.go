package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"sync"
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

// embedPause is how long an endpoint that failed is left alone.
const embedPause = 5 * time.Minute

// vectors makes embeddings where the project declares an endpoint for them, beside
// everything else, and keeps them in the state.
type vectors struct {
	state  *State
	record telemetry.Recorder

	life context.Context
	end  context.CancelFunc
	wait sync.WaitGroup
	turn sync.Mutex // one at a time

	mu     sync.Mutex
	latest int       // of the indexes that were asked for
	after  time.Time // not before then
}

func newVectors(s *State, r telemetry.Recorder) *vectors {
	v := &vectors{state: s, record: r}
	v.life, v.end = context.WithCancel(context.Background())
	return v
}

// close ends what is being made.
func (v *vectors) close() {
	v.end()
	v.wait.Wait()
}

// make makes the vectors of an index, unless another one is asked for meanwhile, and
// hands over what finds by them. Without an endpoint it does nothing.
func (v *vectors) make(x *harness.Index, s *config.Search, done func(*harness.Hybrid, error)) {
	if s.Embeddings == nil {
		return
	}
	v.mu.Lock()
	v.latest++
	mine := v.latest
	pause := clock().Before(v.after)
	v.mu.Unlock()
	if pause {
		return
	}
	v.wait.Go(func() {
		v.turn.Lock()
		defer v.turn.Unlock()
		v.mu.Lock()
		late := mine != v.latest
		v.mu.Unlock()
		if late || v.life.Err() != nil {
			return
		}
		h, err := v.of(x, s.Embeddings)
		if err != nil {
			if v.life.Err() != nil {
				return
			}
			v.mu.Lock()
			v.after = clock().Add(embedPause)
			v.mu.Unlock()
		}
		done(h, err)
	})
}

// of is an index with vectors beside its words. With an error it finds by words, and
// says why.
func (v *vectors) of(x *harness.Index, e *config.Embeddings) (*harness.Hybrid, error) {
	client, err := embedding(e)
	if err != nil {
		return nil, fmt.Errorf("search by words alone: %w", err)
	}
	ctx, over := context.WithTimeout(v.life, embedTime)
	defer over()
	hybrid, err := harness.Embed(ctx, x, client.Model, embedder{client, v.record}, v)
	if err != nil {
		return hybrid, fmt.Errorf("search by words alone: %w", err)
	}
	return hybrid, nil
}

// Embedded waits until the vectors that are being made are there, or ctx ends: a
// single command would else answer by words alone.
func (x *Surface) Embedded(ctx context.Context) {
	made := make(chan struct{})
	go func() {
		defer close(made)
		x.vectors.turn.Lock()
		defer x.vectors.turn.Unlock()
	}()
	select {
	case <-made:
	case <-ctx.Done():
	}
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
