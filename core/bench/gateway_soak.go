package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// newPipe is an SDK client of the upstream as a subprocess.
func newPipe(ctx context.Context, self, revision string) (*sdk.ClientSession, error) {
	c := sdk.NewClient(&sdk.Implementation{Name: "bench", Version: "1"}, nil)
	return c.Connect(ctx, &sdk.CommandTransport{Command: exec.Command(self, upstreamArg)}, &sdk.ClientSessionOptions{ProtocolVersion: revision})
}

// traffic counts what the soak did.
type traffic struct {
	done, failures, cancelled, died, sessions atomic.Int64
	refused, wrong                            atomic.Int64
	why                                       atomic.Pointer[error]
	death                                     atomic.Int64 // when a server died last, in nanoseconds
}

func (t *traffic) bad(err error) {
	t.wrong.Add(1)
	t.why.Store(&err)
}

// grace is how long after the death of a server calls of it may be refused: its
// start and the pause before it.
const grace = 10 * time.Second

func (t *traffic) killed() { t.died.Add(1); t.death.Store(time.Now().UnixNano()) }

// upstreamed counts what came of a call that needs a server.
func (t *traffic) upstreamed(ctx context.Context, err error) {
	switch {
	case err == nil || ctx.Err() != nil:
	case time.Since(time.Unix(0, t.death.Load())) < grace:
		t.refused.Add(1)
	default:
		t.bad(err)
	}
}

// Bounds of a soak: what may be more at its end than in its middle. The heap is
// what a leak shows in first. RSS also holds Badger's tables, which are mapped
// and grow until they are written out. Idle connections to upstreams are kept for
// 90 s, each with two goroutines: so many more or less are no leak, which in
// thousands of calls would show in hundreds.
const (
	heapBound     = 2 << 20
	residentBound = 96 << 20
	workers       = 6
	idleBound     = 4 * workers
)

// soaks runs mixed traffic for a time and looks at the server at the start, after
// a warm-up, in the middle and at the end.
func soaks(program string, length time.Duration) (figures []figure, err error) {
	g, _, err := newGateway(program, project, 0, "near", "older", "pipe")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.start(); err != nil {
		return nil, err
	}
	t := &traffic{}
	var seen []holding
	for i, d := range []time.Duration{min(length/6, 10*time.Minute), length / 2, length / 2} {
		g.mix(t, d, uint64(i))
		if i == 0 {
			// A first look gives what is quiet; nothing is known to wait for yet.
			time.Sleep(3 * time.Second)
		} else if err := g.quiet(seen[0]); err != nil {
			return nil, err
		}
		h, err := g.holds()
		if err != nil {
			return nil, err
		}
		seen = append(seen, h)
	}
	below := children(g.serve.cmd.Process.Pid)
	if err := g.stop(); err != nil {
		return nil, fmt.Errorf("stopping the server: %w", err)
	}
	left := 0
	for _, pid := range below {
		if alive(pid) {
			left++
		}
	}
	start, middle, end := seen[0], seen[1], seen[2]
	why := ""
	if p := t.why.Load(); p != nil {
		why = ": " + (*p).Error()
	}
	name := "soak of " + length.String() + ": "
	return []figure{
		{name + "calls; failing, cancelled, refused; servers died", "", fmt.Sprintf("%d; %d, %d, %d; %d", t.done.Load(), t.failures.Load(), t.cancelled.Load(), t.refused.Load(), t.died.Load()), true},
		{name + "sessions opened and left", "", fmt.Sprint(t.sessions.Load()), true},
		{name + "wrong answers", "none", fmt.Sprintf("%d%s", t.wrong.Load(), why), t.wrong.Load() == 0},
		{name + "start, after a warm-up and a GC", "", start.String(), true},
		{name + "middle", "", middle.String(), true},
		{name + "end", "", end.String(), true},
		{name + "heap from the middle to the end", "<= 2 MiB", fmt.Sprintf("%+.1f MiB", mib(end.heap-middle.heap)), end.heap-middle.heap <= heapBound},
		{name + "RSS from the middle to the end", "<= 96 MiB", fmt.Sprintf("%+.0f MiB", mib(end.resident-middle.resident)), end.resident-middle.resident <= residentBound},
		{name + "goroutines from the start to the end", fmt.Sprintf("<= %d", idleBound), fmt.Sprintf("%+d", end.goroutines-start.goroutines), end.goroutines-start.goroutines <= idleBound},
		{name + "open files from the start to the end", fmt.Sprintf("<= %d", idleBound), fmt.Sprintf("%+d", end.files-start.files), end.files-start.files <= idleBound},
		{name + "processes of upstreams: at the start, at the end, after it", "none after", fmt.Sprintf("%d, %d, %d", start.children, end.children, left), end.children <= start.children && left == 0},
	}, nil
}

// mix is the traffic of all workers for a time. One more ends the upstream over
// HTTP now and then and starts it again.
func (g *gateway) mix(t *traffic, length time.Duration, seed uint64) {
	ctx, stop := context.WithTimeout(context.Background(), length)
	defer stop()
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() { g.work(ctx, t, rand.New(rand.NewPCG(seed, uint64(w)))) })
	}
	wait.Go(func() {
		for every := max(length/3, 2*grace); ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(every):
			}
			t.killed()
			_ = g.upstream.stop(os.Kill) // it is meant to die
			if err := g.startUpstream(g.address); err != nil {
				t.bad(fmt.Errorf("starting the upstream again: %w", err))
				return
			}
			t.death.Store(time.Now().UnixNano())
		}
	})
	wait.Wait()
}

// work is one client after another: each opens a session, does some calls and
// leaves. None goes without a word: the server keeps such sessions for half an
// hour, and a soak of minutes would see them all.
func (g *gateway) work(ctx context.Context, t *traffic, r *rand.Rand) {
	for ctx.Err() == nil {
		transport := &http.Transport{}
		rev := revisions[r.IntN(2)]
		url, whole := g.url, r.IntN(4) == 0
		if whole {
			url += "/" + rev.connector
		}
		s, err := connect(ctx, &http.Client{Transport: transport}, url, rev.name)
		if err != nil {
			t.upstreamed(ctx, fmt.Errorf("a session at %s: %w", url, err))
			time.Sleep(10 * time.Millisecond)
			continue
		}
		t.sessions.Add(1)
		for range 5 + r.IntN(20) {
			if ctx.Err() != nil {
				break
			}
			if whole {
				t.upstreamed(ctx, call(ctx, s, "echo", "whole"))
			} else {
				g.step(ctx, s, t, rev, r)
			}
			t.done.Add(1)
		}
		_ = s.Close() // the server may have ended it
		transport.CloseIdleConnections()
	}
}

// step is one call of some kind, answered as it should be.
func (g *gateway) step(ctx context.Context, s *sdk.ClientSession, t *traffic, rev revision, r *rand.Rand) {
	text := fmt.Sprint(r.Uint64())
	gated := func(ctx context.Context, tool string, in said) (*sdk.CallToolResult, error) {
		return s.CallTool(ctx, &sdk.CallToolParams{Name: "call_tool", Arguments: map[string]any{"tool": tool, "arguments": in}})
	}
	var err error
	switch kind := r.IntN(200); {
	case kind < 50:
		_, err = meta(ctx, s, "find", map[string]any{"queries": []string{"say what " + text}})
	case kind < 70:
		_, err = meta(ctx, s, "describe", map[string]any{"names": []string{"near_echo", "near_" + text}})
	case kind < 90:
		var res *sdk.CallToolResult
		if res, err = gated(ctx, rev.connector+"_fail", said{Text: text}); err == nil && !res.IsError {
			err = errors.New("a call that fails succeeded")
		}
		t.failures.Add(1)
	case kind < 100:
		soon, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		res, late := gated(soon, rev.connector+"_echo", said{Text: text, Pause: 10_000})
		if cancel(); late == nil && !res.IsError {
			err = errors.New("a call of ten seconds was answered in 20 ms")
		}
		t.cancelled.Add(1)
	case kind == 100 && r.IntN(50) == 0:
		t.killed()
		_, _ = gated(ctx, "pipe_die", said{Text: text}) // nobody can answer it
		t.death.Store(time.Now().UnixNano())
		return
	case kind < 130:
		t.upstreamed(ctx, through(ctx, s, "pipe_echo", text))
		return
	default:
		t.upstreamed(ctx, through(ctx, s, rev.connector+"_echo", text))
		return
	}
	if err != nil && ctx.Err() == nil {
		t.bad(err)
	}
}
