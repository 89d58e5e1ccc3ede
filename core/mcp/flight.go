package mcp

import (
	"context"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// flights counts the requests that are running: to bound those of one principal,
// and to wait for them when the surface ends.
type flights struct {
	most int

	mu      sync.Mutex
	running map[string]int // by principal
	calls   int            // without streams, which only end with the surface
	drain   chan struct{}  // closed when draining and calls is 0; nil until draining
}

const (
	busyDraining = "This server is shutting down. Try another one, or later."
	busyMany     = "Too many requests of yours are running. Wait until some have ended."
)

func newFlights(most int) *flights { return &flights{most: most, running: map[string]int{}} }

// who is a principal as a key: two scopes or kinds never share one.
func who(p access.Principal) string { return p.Scope + "\x00" + p.Kind + "\x00" + p.Name }

// enter lets a request in, or says why not.
func (f *flights) enter(p access.Principal, stream bool) (leave func(), why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drain != nil {
		return nil, busyDraining
	}
	key := who(p)
	if f.running[key] >= f.most {
		return nil, busyMany
	}
	f.running[key]++
	if !stream {
		f.calls++
	}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.running[key]--; f.running[key] == 0 {
			delete(f.running, key)
		}
		if !stream {
			f.calls--
		}
		f.settle()
	}, ""
}

// settle closes drain when nothing is left to wait for. f.mu is held.
func (f *flights) settle() {
	if f.drain == nil || f.calls > 0 {
		return
	}
	select {
	case <-f.drain:
	default:
		close(f.drain)
	}
}

func (f *flights) draining() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.drain != nil
}

// stop refuses new requests and waits for the running ones.
func (f *flights) stop(ctx context.Context) error {
	f.mu.Lock()
	if f.drain == nil {
		f.drain = make(chan struct{})
	}
	f.settle()
	drained := f.drain
	f.mu.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
