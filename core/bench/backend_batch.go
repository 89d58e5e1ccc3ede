package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/backend"
	host "github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// A batch of calls through the openai backend to a server in this process. The
// answers take 100 to 300 ms, some of the shortest that hosted models give: the
// longer they take, the easier a limit is kept full.
const (
	batchCalls = 1000
	batchLimit = 32
)

// counter is the server, and knows how many calls it has at any time.
type counter struct {
	mu       sync.Mutex
	now      int
	most     int
	served   int
	since    time.Time     // of the last change
	busy     time.Duration // calls times time, until the last one came
	first    time.Time
	lastCame time.Time
}

func (c *counter) change(by int) (nth int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now()
	if c.first.IsZero() {
		c.first, c.since = at, at
	}
	if c.served < batchCalls { // once the last call has come, nothing can fill a place
		c.busy += time.Duration(c.now) * at.Sub(c.since)
		c.lastCame = at
	}
	c.since = at
	c.now += by
	c.most = max(c.most, c.now)
	if by > 0 {
		c.served++
	}
	return c.served
}

// ServeHTTP streams a chat completion.
func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	nth := c.change(1)
	w.Header().Set("Content-Type", "text/event-stream")
	event := func(data string) {
		_, _ = fmt.Fprintf(w, "data: %s\n\n", data)
		w.(http.Flusher).Flush()
	}
	head := `{"id":"c","object":"chat.completion.chunk","created":1,"model":"bench","choices":`
	event(head + `[{"index":0,"delta":{"role":"assistant","content":"one "},"finish_reason":null}]}`)
	time.Sleep(time.Duration(100+nth*37%201) * time.Millisecond)
	event(head + `[{"index":0,"delta":{"content":"two"},"finish_reason":"stop"}]}`)
	event(head + `[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`)
	c.change(-1) // before the client can know, and call again
	event("[DONE]")
}

// fullBatch measures how full a batch keeps its limit.
func fullBatch(program string) ([]figure, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	state, err := os.MkdirTemp("", "plimsoll-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(state)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	count := &counter{}
	srv := &http.Server{Handler: count}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	m, err := host.New(host.Config{
		Self: program, SelfArgs: func(name string) []string { return []string{"plugin-serve", name} }, Bundled: []string{"openai"},
		StateDir: state, Clock: time.Now,
	})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	c, err := backend.New(backend.Config{Source: backend.FromManager(m), Clock: time.Now, Backends: []backend.Declared{{
		Name: "fake", Plugin: "openai", Concurrency: batchLimit,
		Config: map[string]any{"base_url": "http://" + l.Addr().String() + "/v1", "api": "chat"},
	}}})
	if err != nil {
		return nil, err
	}
	errs := make([]error, batchCalls)
	var wg sync.WaitGroup
	for i := range batchCalls {
		wg.Go(func() {
			resp, _, err := c.Generate(context.Background(), "fake", message.Request{
				Model: "bench", Messages: []message.Message{message.Text(message.User, "count to two")}, Idempotency: fmt.Sprint(i),
			})
			if err == nil && resp.Message.String() != "one two" {
				err = fmt.Errorf("an answer is %q", resp.Message.String())
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("the batch: %.500w", err)
	}
	if count.served != batchCalls || count.most > batchLimit {
		return nil, fmt.Errorf("the batch made %d calls, up to %d at a time", count.served, count.most)
	}
	span := count.lastCame.Sub(count.first)
	full := float64(count.busy) / float64(span*batchLimit) * 100
	return []figure{{
		fmt.Sprintf("a batch of 1,000 calls of 100 to 300 ms, %d at a time", batchLimit), ">= 95 % full",
		fmt.Sprintf("%.1f %%, in %v", full, span.Round(time.Millisecond)), full >= 95,
	}}, nil
}
