package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	host "github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// metronome is the backend under measurement: it sends chunks at a pace, each
// with the time at which it was sent. It runs in this process, over gRPC in this
// process, and as a subprocess, so that a hop is the difference of two of them.
const metronome = "metronome"

// metronomeArg makes this program be the backend.
const metronomeArg = "serve-metronome"

type ticker struct{}

func newMetronome(map[string]any) (backend.Model, error) { return ticker{}, nil }

func (ticker) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: metronome, Version: "1.0.0", Simulated: true}, nil
}

// Generate reads "CHUNKS PAUSE" from the prompt.
func (ticker) Generate(_ context.Context, req message.Request, out backend.Sink) error {
	var chunks int
	var pause time.Duration
	fields := strings.Fields(req.Messages[0].String())
	if len(fields) == 2 {
		chunks, _ = strconv.Atoi(fields[0])
		pause, _ = time.ParseDuration(fields[1])
	}
	for range chunks {
		if pause > 0 {
			time.Sleep(pause)
		}
		if err := out.Text(fmt.Sprintf("%020d", time.Now().UnixNano())); err != nil {
			return err
		}
	}
	return out.Done(message.Usage{Input: 1, Output: int64(chunks)}, message.FinishStop, "tick")
}

func tick(chunks int, pause time.Duration) message.Request {
	return message.Request{Model: "tick", Messages: []message.Message{message.Text(message.User, fmt.Sprintf("%d %s", chunks, pause))}}
}

// arrivals notes how long each chunk was under way.
type arrivals struct {
	backend.Collector
	took []time.Duration
}

func (a *arrivals) Text(delta string) error {
	now := time.Now().UnixNano()
	sent, err := strconv.ParseInt(delta, 10, 64)
	if err != nil {
		return fmt.Errorf("a chunk was cut or joined: %q", delta)
	}
	a.took = append(a.took, time.Duration(now-sent))
	return nil
}

// share is a percentile, such as 0.5 or 0.99.
func share(all []time.Duration, of float64) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[min(len(all)-1, int(of*float64(len(all))))]
}

// place is one way to reach the metronome.
type place struct {
	name   string
	model  backend.Model
	calls  []time.Duration
	chunks []time.Duration
}

// backends measures what the hop into a subprocess costs.
func backends(program string) ([]figure, error) {
	state, err := os.MkdirTemp("", "plimsoll-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(state)
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	launch := func() (*host.Manager, *host.Client, error) {
		m, err := host.New(host.Config{
			Self: self, SelfArgs: func(string) []string { return []string{metronomeArg} }, Bundled: []string{metronome},
			StateDir: state, Clock: time.Now,
		})
		if err != nil {
			return nil, nil, err
		}
		c, err := m.Client(host.Spec{Backend: metronome, Plugin: metronome})
		return m, c, err
	}
	started, err := median(7, func() error {
		m, c, err := launch()
		if err != nil {
			return err
		}
		_, err = backend.Collect(context.Background(), c, tick(1, 0))
		if closed := m.Close(); err == nil {
			err = closed
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("starting the backend: %w", err)
	}
	m, c, err := launch()
	if err != nil {
		return nil, err
	}
	defer m.Close()
	var own cleanup
	defer own.run()
	places := []*place{
		{name: "function call", model: ticker{}},
		{name: "gRPC in process", model: backend.NewHarness(&own, newMetronome, nil)},
		{name: "subprocess", model: c},
	}
	if err := measure(places); err != nil {
		return nil, err
	}
	floor, hop := places[1], places[2]
	const limit = time.Millisecond
	out := []figure{
		{"a call, function (floor)", "", spread(places[0].calls), true},
		{"a call, gRPC in one process (floor)", "", spread(floor.calls), true},
		{"a call, subprocess", "", spread(hop.calls), true},
		{"a call through the subprocess, p50, all that is not the model", "<= 1ms", against(share(hop.calls, .5), share(floor.calls, .5), "gRPC in process"), share(hop.calls, .5) <= limit},
		{"a streamed chunk, gRPC in one process (floor)", "", spread(floor.chunks), true},
		{"a streamed chunk, subprocess", "", spread(hop.chunks), true},
		{"a chunk through the subprocess, p50", "<= 1ms", against(share(hop.chunks, .5), share(floor.chunks, .5), "gRPC in process"), share(hop.chunks, .5) <= limit},
		{"start-up to the first answer", "<= 1s", started.Round(time.Millisecond).String(), started <= time.Second},
	}
	crowd, err := streams(hop.model)
	if err != nil {
		return nil, err
	}
	batch, err := fullBatch(program)
	if err != nil {
		return nil, err
	}
	return append(append(out, crowd), batch...), nil
}

func spread(all []time.Duration) string {
	return fmt.Sprintf("p50 %v, p99 %v", share(all, .5).Round(100*time.Nanosecond), share(all, .99).Round(100*time.Nanosecond))
}

// measure takes turns between the places, so that a noisy moment hits all.
func measure(places []*place) error {
	ctx := context.Background()
	const rounds, calls, chunks = 10, 100, 100
	for round := range rounds + 1 {
		for _, p := range places {
			for range calls {
				began := time.Now()
				if _, err := backend.Collect(ctx, p.model, tick(1, 0)); err != nil {
					return fmt.Errorf("%s: %w", p.name, err)
				}
				if round > 0 { // the first round warms up
					p.calls = append(p.calls, time.Since(began))
				}
			}
			var a arrivals
			if err := p.model.Generate(ctx, tick(chunks, time.Millisecond), &a); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if round > 0 {
				p.chunks = append(p.chunks, a.took...)
			}
		}
	}
	return nil
}

// streams runs a hundred streams at once; every chunk has to come, in order.
func streams(model backend.Model) (figure, error) {
	const many, chunks = 100, 100
	all := make([]arrivals, many)
	errs := make([]error, many)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range many {
		wg.Go(func() { errs[i] = model.Generate(context.Background(), tick(chunks, 10*time.Millisecond), &all[i]) })
	}
	wg.Wait()
	took := time.Since(began)
	var under []time.Duration
	for i := range all {
		if errs[i] != nil {
			return figure{}, fmt.Errorf("100 streams: %w", errs[i])
		}
		under = append(under, all[i].took...)
	}
	return figure{"100 streams at once, 100 chunks each, one in 10 ms", "all whole", fmt.Sprintf("%v; a chunk %s", took.Round(time.Millisecond), spread(under)), len(under) == many*chunks}, nil
}

// cleanup is the part of a test that the SDK's harness asks for.
type cleanup struct{ todo []func() }

var _ backend.TB = (*cleanup)(nil)

func (c *cleanup) Helper()                           {}
func (c *cleanup) Cleanup(f func())                  { c.todo = append(c.todo, f) }
func (c *cleanup) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (c *cleanup) run() {
	for _, f := range slices.Backward(c.todo) {
		f()
	}
}

// serveMetronome makes this process the backend when it was started as one.
func serveMetronome() bool {
	if len(os.Args) != 2 || filepath.Base(os.Args[1]) != metronomeArg {
		return false
	}
	backend.Serve(metronome, newMetronome)
	return true
}
