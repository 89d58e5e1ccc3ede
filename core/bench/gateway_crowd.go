package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// each is how many calls a client of the crowd makes.
const each = 5

// rush is what came of a crowd.
type rush struct {
	took   []time.Duration // of calls, sorted
	wall   time.Duration   // of all calls
	failed int
	why    error
}

func (r *rush) rate() float64 { return float64(len(r.took)) / r.wall.Seconds() }

// crowds has many clients at once, half of them of each revision, at the upstream
// alone and at the gateway in turn. A client connects, waits until all are there,
// makes a handful of calls and leaves.
func crowds(program string, clients int) (figures []figure, err error) {
	g, _, err := newGateway(program, project, 0, "near", "older")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.start(); err != nil {
		return nil, err
	}
	direct := func(r revision) (string, func(context.Context, *sdk.ClientSession, string) error) {
		return "http://" + g.address + r.path, func(ctx context.Context, s *sdk.ClientSession, text string) error { return call(ctx, s, "echo", text) }
	}
	gated := func(r revision) (string, func(context.Context, *sdk.ClientSession, string) error) {
		return g.url, func(ctx context.Context, s *sdk.ClientSession, text string) error {
			return through(ctx, s, r.connector+"_echo", text)
		}
	}
	swarm(20, gated) // the first call starts what is lazy
	before, err := g.holds()
	if err != nil {
		return nil, err
	}
	var alone, behind []*rush
	const turns = 3
	for range turns {
		alone = append(alone, swarm(clients, direct))
		behind = append(behind, swarm(clients, gated))
	}
	if err := g.quiet(before); err != nil {
		return nil, err
	}
	after, err := g.holds()
	if err != nil {
		return nil, err
	}
	byRate := func(a, b *rush) int { return int(a.rate() - b.rate()) }
	slices.SortFunc(alone, byRate)
	slices.SortFunc(behind, byRate)
	a, b := alone[turns/2], behind[turns/2]
	failed, why := 0, ""
	for _, r := range behind {
		if failed += r.failed; r.why != nil {
			why = ": " + r.why.Error()
		}
	}
	name := fmt.Sprintf("%d clients at once, %d calls each", clients, each)
	return []figure{
		{name + ": errors in three turns", "none", fmt.Sprintf("%d of %d%s", failed, turns*clients*each, why), failed == 0},
		{name + ": the upstream alone, p50 / p90 / p99", "", quantiles(a.took), true},
		{name + ": through the gateway", "", quantiles(b.took), true},
		{name + ": calls a second", "", fmt.Sprintf("%.0f, alone %.0f: %.2f x", b.rate(), a.rate(), b.rate()/a.rate()), true},
		{"the server before them, after a GC", "", before.String(), true},
		{"the server after them, after a GC", "heap +16 MiB", after.String(), after.heap <= before.heap+16<<20},
	}, nil
}

// swarm lets the clients in. An error counts for its call.
func swarm(clients int, how func(revision) (string, func(context.Context, *sdk.ClientSession, string) error)) *rush {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}}
	defer client.CloseIdleConnections()
	out := &rush{}
	var mu sync.Mutex
	failed := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		out.failed++
		out.why = err
	}
	// Connecting is not what is measured: it is done by so many at a time.
	doors := make(chan struct{}, 64)
	var here, made, gone sync.WaitGroup
	here.Add(clients)
	made.Add(clients)
	begin := make(chan struct{})
	for i := range clients {
		gone.Go(func() {
			r := revisions[i%len(revisions)]
			url, do := how(r)
			doors <- struct{}{}
			s, err := connect(ctx, client, url, r.name)
			<-doors
			here.Done()
			<-begin
			for k := range each {
				if err != nil {
					failed(err)
					break
				}
				began := time.Now()
				if err = do(ctx, s, fmt.Sprintf("client %d call %d", i, k)); err == nil {
					took := time.Since(began)
					mu.Lock()
					out.took = append(out.took, took)
					mu.Unlock()
				}
			}
			made.Done()
			if s != nil {
				_ = s.Close() // what it answers is no part of the measure
			}
		})
	}
	here.Wait()
	began := time.Now()
	close(begin)
	made.Wait()
	out.wall = time.Since(began)
	gone.Wait()
	slices.Sort(out.took)
	if len(out.took) == 0 {
		out.took = []time.Duration{0}
	}
	return out
}

// quiet waits until the server has let go of its clients: as many goroutines and
// files as before, or half a minute, after which the figures say what is left.
func (g *gateway) quiet(before holding) error {
	http.DefaultClient.CloseIdleConnections()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		m, err := g.read()
		if err != nil {
			return err
		}
		if int64(m["go_goroutines"]) <= before.goroutines && int64(m["process_open_fds"]) <= before.files {
			return nil
		}
	}
	return nil
}
