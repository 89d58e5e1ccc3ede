package mcp

import (
	"context"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// flights counts the requests that are running: to bound those of one principal,
// and to wait for them when the surface ends. Streams, which end only with the
// client or the surface, are bounded by themselves and not waited for.
type flights struct {
	most, mostStreams int

	mu      sync.Mutex
	running map[string]int // by principal, without streams
	streams map[string]int // by principal
	calls   int            // of everybody, without streams
	drain   chan struct{}  // closed when draining and calls is 0; nil until draining
}

const (
	busyDraining = "This server is shutting down. Try another one, or later."
	busyMany     = "Too many requests of yours are running. Wait until some have ended."
)

func newFlights(l Limits) *flights {
	return &flights{most: l.Requests, mostStreams: l.Sessions, running: map[string]int{}, streams: map[string]int{}}
}

// who is a principal as a key: two scopes or kinds never share one.
func who(p access.Principal) string { return p.Scope + "\x00" + p.Kind + "\x00" + p.Name }

// flight is one request that was let in.
type flight struct {
	f      *flights
	key    string
	stream bool
}

// enter lets a request in, or says why not.
func (f *flights) enter(p access.Principal) (in *flight, why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.drain != nil {
		return nil, busyDraining
	}
	in = &flight{f: f, key: who(p)}
	if f.running[in.key] >= f.most {
		return nil, busyMany
	}
	f.running[in.key]++
	f.calls++
	return in, ""
}

// streams says that the request is a stream, or why it may not be one.
func (in *flight) streams() (why string) {
	f := in.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.streams[in.key] >= f.mostStreams {
		return busyMany
	}
	in.stream = true
	f.streams[in.key]++
	f.land(in.key)
	return ""
}

func (in *flight) leave() {
	f := in.f
	f.mu.Lock()
	defer f.mu.Unlock()
	if !in.stream {
		f.land(in.key)
		return
	}
	if f.streams[in.key]--; f.streams[in.key] == 0 {
		delete(f.streams, in.key)
	}
}

// land takes a running request off. f.mu is held.
func (f *flights) land(key string) {
	if f.running[key]--; f.running[key] == 0 {
		delete(f.running, key)
	}
	f.calls--
	f.settle()
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
