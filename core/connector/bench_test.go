package connector

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// BenchmarkCall puts a call of ours beside the same call of the SDK's own client
// to the same kind of server, in turns, and prints the median and the 99th
// percentile of both, in microseconds, and what we add.
func BenchmarkCall(b *testing.B) {
	for _, size := range []int{100, 100_000} {
		args := json.RawMessage(fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", size)))
		for name, revision := range map[string][]string{"2026": nil, "2025": {"2025-11-25"}} {
			b.Run(fmt.Sprintf("stdio/%s/%d", name, size), func(b *testing.B) {
				mode := "sdk"
				if revision != nil {
					mode = "sdk-2025"
				}
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), "PLIMSOLL_FAKE="+mode)
				compare(b, one(b, mode), &mcp.CommandTransport{Command: cmd}, args)
			})
			b.Run(fmt.Sprintf("http/%s/%d", name, size), func(b *testing.B) {
				c, _ := overHTTP(b, revision, revision == nil)
				server := sdkServer(revision)
				ts := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: revision == nil}))
				b.Cleanup(ts.Close)
				compare(b, c, &mcp.StreamableClientTransport{Endpoint: ts.URL}, args)
			})
		}
	}
}

func compare(b *testing.B, c *Connector, t mcp.Transport, args json.RawMessage) {
	direct, err := mcp.NewClient(&mcp.Implementation{Name: "bench", Version: "1"}, nil).Connect(b.Context(), t, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = direct.Close() }()
	ours := func() error {
		_, err := c.Call(context.Background(), "echo", args, Options{})
		return err
	}
	theirs := func() error {
		_, err := direct.CallTool(context.Background(), &mcp.CallToolParams{Name: "echo", Arguments: args})
		return err
	}
	for range 20 {
		if err := ours(); err != nil {
			b.Fatal(err)
		}
		if err := theirs(); err != nil {
			b.Fatal(err)
		}
	}
	var a, d []time.Duration
	b.ResetTimer()
	for range b.N {
		t0 := time.Now()
		if err := ours(); err != nil {
			b.Fatal(err)
		}
		t1 := time.Now()
		if err := theirs(); err != nil {
			b.Fatal(err)
		}
		a, d = append(a, t1.Sub(t0)), append(d, time.Since(t1))
	}
	at := func(s []time.Duration, q int) float64 {
		slices.Sort(s)
		return float64(s[len(s)*q/100].Nanoseconds()) / 1000
	}
	b.ReportMetric(at(a, 50), "p50-us")
	b.ReportMetric(at(a, 99), "p99-us")
	b.ReportMetric(at(d, 50), "direct-p50-us")
	b.ReportMetric(at(d, 99), "direct-p99-us")
	b.ReportMetric(at(a, 50)-at(d, 50), "added-p50-us")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLarge is the cost of a result that is spilled.
func BenchmarkLarge(b *testing.B) {
	m := &memory{}
	config := fake("100mb")
	config.Timeout = time.Minute
	s := open(b, Host{Spill: m}, config)
	c, _ := s.Get("fake")
	b.ReportAllocs()
	b.SetBytes(100 << 20)
	for b.Loop() {
		if _, err := c.Call(b.Context(), "go", nil, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCatalogue lists 10,000 tools (5.8 MB).
func BenchmarkCatalogue(b *testing.B) {
	c := one(b, "many")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Refresh(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
