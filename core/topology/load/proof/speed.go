package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
)

// Targets of the design page.
const (
	chunksPerSecond = 10_000
	mostLag         = 5 * time.Millisecond
	mostCores       = 0.5
	mostTimes       = 2.5 // of the bare reader's
)

// measured is one way to read the streams, while all of them run.
type measured struct {
	lags []time.Duration // sorted: from the engine's write to our time of it
	span time.Duration
	cpu  time.Duration
}

// window takes what lies between the last stream's first chunk and the first
// stream's last: before and after there is less to read than the target says.
func window(got, sent [][]int64, used *meter) (measured, error) {
	var from, to int64
	for i, g := range got {
		if len(g) == 0 {
			return measured{}, fmt.Errorf("stream %d has no chunks", i)
		}
		from = max(from, g[0])
		if last := g[len(g)-1]; to == 0 || last < to {
			to = last
		}
	}
	m := measured{span: time.Duration(to - from), cpu: used.between(from, to)}
	for i, g := range got {
		for k, at := range g {
			if at >= from && at <= to {
				m.lags = append(m.lags, time.Duration(at-sent[i][k]))
			}
		}
	}
	if m.span < time.Second {
		return m, fmt.Errorf("all streams ran together for %s only: the machine is too busy", m.span)
	}
	slices.Sort(m.lags)
	return m, nil
}

func (m measured) p(q float64) time.Duration {
	if len(m.lags) == 0 {
		return 0
	}
	return m.lags[int(q*float64(len(m.lags)-1))]
}

func (m measured) cores() float64 { return m.cpu.Seconds() / m.span.Seconds() }
func (m measured) rate() float64  { return float64(len(m.lags)) / m.span.Seconds() }

// scene is a number of streams that the engine sends at once.
type scene struct {
	name    string
	script  string
	streams int
	tokens  int
	rate    load.Rate // of their begin
}

// spread: 500 streams that give a chunk every 50 ms, each at its own time.
func spread(ctx context.Context, program string) ([]figure, error) {
	return race(ctx, program, scene{
		name: "500 streams, each at its own time", streams: 500, tokens: 220, rate: 1000,
		script: `{"seed":1,"record_times":true,"ttft":{"kind":"uniform","mean":"700ms","spread":"25ms"},"tpot":{"mean":"50ms"}}`,
	})
}

// lockstep: 128 streams that all get their chunk in the same step, as an engine
// sends them, 78 steps a second.
func lockstep(ctx context.Context, program string) ([]figure, error) {
	return race(ctx, program, scene{
		name: "128 streams in one step", streams: 128, tokens: 800,
		script: `{"seed":1,"record_times":true,"ttft":{"mean":"100ms"},"tpot":{"mean":"12800us"}}`,
	})
}

// tries that a busy machine has: noise only ever adds to a lag.
const tries = 3

// race lets the generator and a bare reader take the same streams, one after the
// other, again when the generator was late. Where the bare reader, too, is later
// than the target allows, the machine is what is measured: then the target is
// mostTimes of what the bare reader had, and the figure says so.
func race(ctx context.Context, program string, s scene) ([]figure, error) {
	var ours, bare measured
	for i := range tries {
		o, err := s.generator(ctx, program)
		if err != nil {
			return nil, err
		}
		b, err := s.bareReader(ctx, program)
		if err != nil {
			return nil, err
		}
		if i == 0 || o.p(.99) < ours.p(.99) {
			ours, bare = o, b
		}
		if ours.p(.99) <= mostLag {
			break
		}
	}
	target, holds := "<= 5 ms", ours.p(.99) <= mostLag
	if bare.p(.99) > mostLag {
		target, holds = "<= 2.5 x bare", float64(ours.p(.99)) <= mostTimes*float64(bare.p(.99))
	}
	out := []figure{
		{s.name + ": chunks a second", fmt.Sprintf(">= %d", chunksPerSecond*9/10), fmt.Sprintf("%.0f", ours.rate()), ours.rate() >= chunksPerSecond*0.9},
		{s.name + ": p99 lag", target, fmt.Sprintf("%.2f ms (p50 %.2f)", ms(ours.p(.99)), ms(ours.p(.5))), holds},
		{s.name + ": p99 lag of a bare reader", "", fmt.Sprintf("%.2f ms (p50 %.2f)", ms(bare.p(.99)), ms(bare.p(.5))), true},
	}
	if ours.cpu == 0 {
		return append(out, figure{s.name + ": processor time", "", "not known on this system", true}), nil
	}
	return append(out,
		figure{s.name + ": processor time", "<= 0.5 core", fmt.Sprintf("%.2f cores", ours.cores()), ours.cores() <= mostCores},
		figure{s.name + ": against a bare reader", "<= 2.5 x", fmt.Sprintf("%.2f x (%.2f cores)", ours.cores()/bare.cores(), bare.cores()), ours.cores() <= mostTimes*bare.cores()}), nil
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

func (s scene) config(url string) load.Config {
	return load.Config{
		Endpoint: load.Endpoint{URL: url, Model: "some/model", API: load.Completion},
		Workload: load.Workload{Name: s.name, Input: 64, Output: s.tokens, Prompts: s.streams, Seed: 1},
		Pace:     load.Pace{Rate: s.rate},
	}
}

// generator reads the streams as a run does.
func (s scene) generator(ctx context.Context, program string) (measured, error) {
	e, err := start(program, s.script)
	if err != nil {
		return measured{}, err
	}
	defer e.stop()
	used := startMeter()
	run, err := load.Drive(ctx, s.config(e.url))
	used.stop()
	if err != nil {
		return measured{}, err
	}
	truths, err := e.tells(ctx)
	if err != nil {
		return measured{}, err
	}
	var got, sent [][]int64
	for i := range run.Requests {
		r := &run.Requests[i]
		t := truths[fmt.Sprintf("bench-%d", r.N)]
		if !r.OK() || len(t.Sent) != len(r.Chunks) {
			return measured{}, fmt.Errorf("request %d ended as %s with %d chunks, and %d were sent: %s", r.N, r.Kind, len(r.Chunks), len(t.Sent), r.Error)
		}
		var at []int64
		for _, c := range r.Chunks {
			at = append(at, run.Started.UnixNano()+int64(c))
		}
		got, sent = append(got, at), append(sent, t.Sent)
	}
	return window(got, sent, used)
}
