package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Drive does one run: it asks the server who it is, probes it, warms it up, sends
// the workload and waits for the last answer.
//
// The error is for what stands against a run at all: a configuration that cannot
// be, a server that does not answer a probe or not with a stream. What went wrong
// within a run is in Run.Invalid and Run.Warnings. When ctx ends the run so far is
// returned beside its error.
func Drive(ctx context.Context, c Config) (*Run, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("this cannot be run: %w", err)
	}
	if c.Endpoint.API == "" {
		c.Endpoint.API = Chat
	}
	k := newClock()
	cl := newClient(c, k)
	defer cl.http.CloseIdleConnections()
	server, err := cl.introduce(ctx)
	if err != nil {
		return nil, err
	}
	prompt, err := cl.probe(ctx)
	if err != nil {
		return nil, err
	}
	d := &driver{client: cl, config: cl.config, writer: newWriter(cl.config, prompt), items: c.schedule(), clock: newClock}
	if err := d.warm(ctx); err != nil {
		return nil, err
	}
	run := d.run(ctx)
	run.Endpoint, run.Server, run.Prompt = cl.config.Endpoint, server, prompt
	run.judge()
	if err := ctx.Err(); err != nil {
		return run, fmt.Errorf("the run was stopped: %w", context.Cause(ctx))
	}
	return run, nil
}

// driver is one run under way.
type driver struct {
	client *client
	config Config
	writer *writer
	items  []item
	clock  func() clock // newClock, but in tests of clocks that jump

	sent, done, failed, chunks, flying atomic.Int64
}

// watch calls Progress until the returned function is called, which reports the end.
func (d *driver) watch(stage string, of int) (end func()) {
	d.sent.Store(0)
	d.done.Store(0)
	d.failed.Store(0)
	d.chunks.Store(0)
	if d.config.Progress == nil {
		return func() {}
	}
	k := newClock()
	tell := func() {
		d.config.Progress(Progress{Stage: stage, Sent: int(d.sent.Load()), Done: int(d.done.Load()), Failed: int(d.failed.Load()), Of: of, Chunks: int(d.chunks.Load()), Elapsed: k.mono()})
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				tell()
			case <-stop:
				tell()
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// warm sends requests of the workload's lengths that are not counted, and leaves
// connections open for the run. One that fails ends the run before it begins.
func (d *driver) warm(ctx context.Context) error {
	n := d.config.Warmup
	if n == 0 {
		return nil
	}
	end := d.watch("warm-up", n)
	defer end()
	places := make(chan struct{}, min(n, orSixtyFour(d.config.Pace.Concurrency)))
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	for i := range n {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			it := d.items[i%len(d.items)]
			r := &Request{N: -1 - i, Asked: it.output}
			d.sent.Add(1)
			// Numbers beyond the run's: the same text would be in the server's cache.
			d.client.send(ctx, r, d.writer.body(d.config, mostPrompts+i, it))
			d.done.Add(1)
			if !r.OK() {
				d.failed.Add(1)
				once.Do(func() { failed = fmt.Errorf("warming up: a request failed (%s): %s", r.Kind, r.Error) })
			}
			<-places
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("warming up: %w", context.Cause(ctx))
	}
	return failed
}

// orSixtyFour is how many warm-up requests go at a time without a cap.
func orSixtyFour(n int) int {
	if n == 0 {
		return 64
	}
	return n
}

// ahead bounds the bytes of bodies that are made before they are due.
const ahead = 64 << 20

// bodies makes them in order, beforehand as far as they fit in memory. ready is
// closed when those are made.
func (d *driver) bodies(ctx context.Context) (out <-chan []byte, ready <-chan struct{}) {
	longest := 1
	for _, it := range d.items {
		longest = max(longest, it.input*7+256)
	}
	c, full := make(chan []byte, max(1, min(len(d.items), ahead/longest))), make(chan struct{})
	go func() {
		defer close(c)
		enough := sync.OnceFunc(func() { close(full) })
		defer enough()
		for i, it := range d.items {
			if i == cap(c) {
				enough()
			}
			select {
			case c <- d.writer.body(d.config, i, it):
			case <-ctx.Done():
				return
			}
		}
	}()
	return c, full
}

// run sends everything and waits for the end.
func (d *driver) run(ctx context.Context) *Run {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	bodies, ready := d.bodies(inner)
	<-ready
	requests := make([]Request, len(d.items))
	for i, it := range d.items {
		// Room for the chunks now: growing it later would cost time when they come.
		requests[i] = Request{N: i, Scheduled: it.at, Asked: it.output, Input: it.input, Kind: Unsent, Chunks: make([]time.Duration, 0, min(it.output, 4096)+2)}
	}
	end := d.watch("run", len(d.items))
	d.client.chunk = func() { d.chunks.Add(1) }
	// The clock of the run starts a moment ahead, so that a burst's goroutines and
	// the first sleep are set up when it begins.
	k := d.clock()
	d.client.clock = k
	wall := k.wall()
	bird := startCanary(k)
	began := k.mono() + 2*time.Millisecond
	for i := range requests {
		requests[i].Scheduled += began
	}
	var wg sync.WaitGroup
	overflow := d.pace(ctx, requests, bodies, &wg)
	wg.Wait()
	last := k.mono()
	drift := k.wall().Sub(wall) - last
	var reads []time.Duration
	if bird != nil {
		reads = bird.stop()
	}
	end()
	run := &Run{Started: wall, Workload: d.config.Workload, Pace: d.config.Pace, Warmup: d.config.Warmup, Requests: requests}
	for i := range requests {
		if requests[i].Kind == Unsent && !overflow {
			requests[i].Error = "the run was stopped before"
		}
		run.Duration = max(run.Duration, requests[i].End-began)
	}
	run.Lag = lag(requests, reads)
	if overflow {
		run.Invalid = append(run.Invalid, fmt.Sprintf("more than %d requests were in flight, so that some were not sent: the server does not keep up with this rate", d.client.limits.InFlight))
	}
	if drift.Abs() > 500*time.Millisecond {
		run.Warnings = append(run.Warnings, fmt.Sprintf("the wall clock moved %s while %s went by: it was set, or the machine slept. The figures are of the monotonic clock", (last+drift).Round(time.Millisecond), last.Round(time.Millisecond)))
	}
	if bird == nil {
		run.Warnings = append(run.Warnings, "how late this machine reads could not be measured: no connection to itself was possible")
	}
	return run
}

// pace sends each request when it is due. It tells whether some were left out
// because too many were in flight.
func (d *driver) pace(ctx context.Context, requests []Request, bodies <-chan []byte, wg *sync.WaitGroup) (overflow bool) {
	k := d.client.clock
	alarm := newAlarm()
	defer alarm.close()
	most := d.config.Pace.Concurrency
	free := make(chan time.Duration, max(most, 1))
	for range most {
		free <- 0
	}
	for i := range requests {
		r := &requests[i]
		for wait := r.Scheduled - k.mono(); wait > 0; wait = r.Scheduled - k.mono() {
			// Short naps, so that an end of the run is noticed.
			alarm.sleep(min(wait, 100*time.Millisecond))
			if ctx.Err() != nil {
				return overflow
			}
		}
		if most > 0 {
			select {
			case r.Free = <-free:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return overflow
		}
		body := <-bodies
		if d.flying.Load() >= int64(d.client.limits.InFlight) {
			r.Error, overflow = "too many requests were in flight", true
			continue
		}
		d.flying.Add(1)
		d.sent.Add(1)
		wg.Go(func() {
			d.client.send(ctx, r, body)
			d.flying.Add(-1)
			d.done.Add(1)
			if !r.OK() {
				d.failed.Add(1)
			}
			if most > 0 {
				free <- k.mono()
			}
		})
	}
	return overflow
}
