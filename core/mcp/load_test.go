package mcp

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// clients is how many come at once. A thousand is what the surface is for; it
// takes half a minute on a busy machine of two cores, so it is asked for:
//
//	go test -run TestManyClients ./core/mcp -clients 1000
var clients = flag.Int("clients", 200, "how many clients TestManyClients has")

// TestManyClients: all at once, both revisions mixed, each with two calls. They
// hold their connections and sessions together before any of them leaves.
func TestManyClients(t *testing.T) {
	crowd := *clients
	desk := &counter{}
	p := serve(t, Config{Desk: desk})
	transport := &http.Transport{MaxIdleConnsPerHost: crowd, DisableCompression: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: token{transport}}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	var failed atomic.Int64
	var here, gone sync.WaitGroup
	here.Add(crowd)
	for i := range crowd {
		gone.Go(func() {
			var cs *sdk.ClientSession
			err := func() (err error) {
				defer here.Done()
				c := sdk.NewClient(&sdk.Implementation{Name: "c", Version: "1"}, nil)
				cs, err = c.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: p.url + "/mcp", HTTPClient: client, MaxRetries: -1, DisableStandaloneSSE: true},
					&sdk.ClientSessionOptions{ProtocolVersion: revisions[i%2]})
				if err != nil {
					return err
				}
				_, err = cs.ListTools(ctx, nil)
				return err
			}()
			here.Wait()
			if err == nil {
				_, err = cs.CallTool(ctx, &sdk.CallToolParams{Name: "find", Arguments: map[string]any{"queries": []string{fmt.Sprint("query ", i)}}})
			}
			if err != nil {
				if failed.Add(1) < 4 {
					t.Errorf("client %d: %v", i, err)
				}
				return
			}
			_ = cs.Close()
		})
	}
	gone.Wait()
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d clients failed", n, crowd)
	}
	if len(desk.who) != crowd {
		t.Errorf("%d calls came", len(desk.who))
	}
	eventually(t, "no session is left", func() bool {
		p.sessions.mu.Lock()
		defer p.sessions.mu.Unlock()
		return len(p.sessions.all) == 0
	})
}

type token struct{ http.RoundTripper }

func (b token) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer ann")
	return b.RoundTripper.RoundTrip(r)
}

// BenchmarkFind is one find over loopback, alone and with many clients, in both
// revisions.
func BenchmarkFind(b *testing.B) {
	for _, revision := range revisions {
		p := serve(b, Config{})
		cs := dial(b, p, "/mcp", "ann", revision, nil)
		call := func(b *testing.B) {
			if _, err := cs.CallTool(context.Background(), &sdk.CallToolParams{Name: "find", Arguments: map[string]any{"queries": []string{"mail"}}}); err != nil {
				b.Error(err)
			}
		}
		b.Run(revision+"/alone", func(b *testing.B) {
			for b.Loop() {
				call(b)
			}
		})
		b.Run(revision+"/many", func(b *testing.B) {
			b.SetParallelism(50)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					call(b)
				}
			})
		})
		_ = cs.Close()
	}
}

// BenchmarkPassing is what a connector served whole costs over the same upstream
// asked directly: the target is 0.5 ms more at the median, on loopback.
func BenchmarkPassing(b *testing.B) {
	s := sdkServer()
	up := inMemory(b, s, rev2026)
	p := serve(b, Config{Wholes: up})
	direct, err := sdk.NewClient(&sdk.Implementation{Name: "c", Version: "1"}, nil).Connect(context.Background(), up.transport(), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer direct.Close()
	through := dial(b, p, "/mcp/up", "ann", rev2026, nil)
	for name, cs := range map[string]*sdk.ClientSession{"direct": direct, "through": through} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := cs.CallTool(context.Background(), &sdk.CallToolParams{Name: "echo", Arguments: map[string]any{"a": 1}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
