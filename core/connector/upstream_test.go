package connector

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A server that misbehaves costs its call a typed error and nobody else anything.
func TestMisbehaviour(t *testing.T) {
	for _, x := range []struct {
		mode string
		kind Kind
		says string
	}{
		{"dies", Died, "of the disco"},
		{"dies-midway", Died, "in the middle of a message"},
		{"hangs", Timeout, "timeout"},
		{"invalid", Protocol, "cannot be read"},
		{"wrong-shape", Protocol, "no JSON object"},
		{"not-rpc", Protocol, "cannot be read"},
		{"floods", Flood, "more notifications"},
		{"endless-line", Flood, "more than"},
		{"closes-output", Died, "closed its output"},
		{"leaks", Upstream, "[FAKE_SECRET]"},
		{"dies-at-once", NoStart, "no licence, token [FAKE_SECRET]"},
		{"mute", NoStart, "in time"},
	} {
		t.Run(x.mode, func(t *testing.T) {
			t.Parallel()
			bad, good := fake(x.mode), fake("plain")
			bad.Timeout, bad.HardLimit, bad.Start = 60*time.Second, 4<<20, 60*time.Second
			switch x.mode {
			case "hangs":
				bad.Timeout = 500 * time.Millisecond
			case "mute":
				bad.Start = time.Second
			}
			good.Name, good.Prefix = "good", "good"
			s := open(t, Host{}, bad, good)
			c, _ := s.Get("fake")
			_, err := c.Call(t.Context(), "go", nil, Options{})
			if kind(err) != x.kind || !strings.Contains(err.Error(), x.says) {
				t.Errorf("%s %v, wanted %s saying %q", kind(err), err, x.kind, x.says)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret-value") {
				t.Errorf("a secret is in %v", err)
			}
			other, _ := s.Get("good")
			if _, err := other.Call(t.Context(), "go", nil, Options{}); err != nil {
				t.Errorf("the other connector: %v", err)
			}
		})
	}
}

func TestTolerated(t *testing.T) {
	for mode, want := range map[string]string{"plain": "ok", "chatty": "ok", "partial": "in parts", "exits-on-discover": "ok", "mute-on-discover": "ok", "asks-wrongly": "fine", "floods-stderr": ""} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c := one(t, mode, func(c *Config) {
				c.Start, c.Timeout = 20*time.Second, 30*time.Second
			})
			res, err := c.Call(t.Context(), "go", nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := textOf(t, res); got != want {
				t.Errorf("%q, wanted %q", got, want)
			}
			if mode == "plain" && !strings.Contains(string(res.Raw), `"unknown":{"kept":true}`) {
				t.Errorf("an unknown member was lost: %s", res.Raw)
			}
			if h := c.Health(); h.State != Up || h.Revision != "2025-11-25" {
				t.Errorf("%+v", h)
			}
		})
	}
}

func TestBothRevisions(t *testing.T) {
	for mode, revision := range map[string]string{"sdk": "2026-07-28", "sdk-2025": "2025-11-25"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c := one(t, mode)
			cat, err := c.Catalogue(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if cat.Revision != revision || cat.Stale || len(cat.Tools) == 0 || len(cat.Prompts) != 1 || len(cat.Resources) != 1 || len(cat.Templates) != 1 || cat.Server.Name != "fake" {
				t.Errorf("%+v", cat)
			}
			if d, ok := cat.Tool("fake_echo"); !ok || d.Name != "echo" || !json.Valid(d.Raw) {
				t.Errorf("%+v %v", d, ok)
			}
			res, err := c.Call(t.Context(), "echo", json.RawMessage(`{"text":"<é>"}`), Options{})
			if err != nil || textOf(t, res) != "<é>" {
				t.Fatal(res, err)
			}
			if _, err := c.Call(t.Context(), "nope", nil, Options{}); kind(err) != Unknown {
				t.Error(err)
			}
			var got []float64
			_, err = c.Call(t.Context(), "progress", nil, Options{Meta: mcp.Meta{"progressToken": "mine"}, Progress: func(p *mcp.ProgressNotificationParams) {
				if p.ProgressToken != "mine" {
					t.Errorf("token %v", p.ProgressToken)
				}
				got = append(got, p.Progress)
			}})
			if err != nil || len(got) != 5 {
				t.Error(got, err)
			}
			const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
			res, err = c.Call(t.Context(), "meta", nil, Options{Meta: mcp.Meta{"traceparent": trace, "baggage": "who=ann", "io.modelcontextprotocol/protocolVersion": "1999"}})
			if err != nil || !strings.Contains(textOf(t, res), `"traceparent":"`+trace+`"`) || strings.Contains(textOf(t, res), "1999") || strings.Contains(textOf(t, res), "ann") {
				t.Error(string(res.Raw), err)
			}
		})
	}
}

func TestCancelReachesTheServer(t *testing.T) {
	for _, mode := range []string{"sdk", "sdk-2025"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			c := one(t, mode)
			file := t.TempDir() + "/cancelled"
			args, _ := json.Marshal(echoArgs{Text: file, N: 20_000})
			if _, err := c.Catalogue(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if _, err := c.Call(ctx, "slow", args, Options{}); kind(err) != Timeout {
				t.Error(err)
			}
			appears(t, file)
		})
	}
}

func TestForcedRevision(t *testing.T) {
	for _, x := range []struct{ mode, forced, spoken string }{{"sdk", "2025-11-25", "2025-11-25"}, {"sdk", "2026-07-28", "2026-07-28"}, {"sdk", "auto", "2026-07-28"}, {"sdk-2025", "2026-07-28", ""}} {
		t.Run(x.mode+" "+x.forced, func(t *testing.T) {
			t.Parallel()
			cat, err := one(t, x.mode, func(c *Config) { c.Revision = x.forced }).Catalogue(t.Context())
			if x.spoken == "" {
				if kind(err) != NoStart {
					t.Error(cat, err)
				}
			} else if err != nil || cat.Revision != x.spoken {
				t.Error(cat, err)
			}
		})
	}
}
