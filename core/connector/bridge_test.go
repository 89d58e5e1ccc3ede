package connector

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// overHTTP serves the SDK's server and makes a connector to it.
func overHTTP(t testing.TB, versions []string, stateless bool, change ...func(*Config)) (*Connector, *seen) {
	t.Helper()
	server := sdkServer(versions)
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: stateless})
	log := &seen{}
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.add(r)
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(ts.Close)
	config := Config{Name: "fake", URL: ts.URL, Plaintext: true, Private: []string{"127.0.0.0/8"}, Prefix: "fake", Timeout: 10 * time.Second}
	for _, f := range change {
		f(&config)
	}
	c, _ := open(t, Host{}, config).Get("fake")
	return c, log
}

type seen struct {
	mu   sync.Mutex
	reqs []http.Header
	how  []string
}

func (s *seen) add(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reqs = append(s.reqs, r.Header.Clone())
	s.how = append(s.how, r.Method)
}

func (s *seen) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, m := range s.how {
		if m == method {
			n++
		}
	}
	return n
}

// upstreams are the four kinds of server that there are.
func upstreams(t *testing.T, f func(t *testing.T, c *Connector)) {
	all := map[string]func(t *testing.T) *Connector{
		"stdio 2026":          func(t *testing.T) *Connector { return one(t, "sdk") },
		"stdio 2025":          func(t *testing.T) *Connector { return one(t, "sdk-2025") },
		"http 2026":           func(t *testing.T) *Connector { c, _ := overHTTP(t, nil, true); return c },
		"http 2025":           func(t *testing.T) *Connector { c, _ := overHTTP(t, []string{"2025-11-25"}, false); return c },
		"stdio 2026 stateful": func(t *testing.T) *Connector { return one(t, "sdk", func(c *Config) { c.Stateful = true }) },
		"stdio 2025 stateful": func(t *testing.T) *Connector { return one(t, "sdk-2025", func(c *Config) { c.Stateful = true }) },
	}
	for name, make := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, make(t))
		})
	}
}

var canElicit = &mcp.ClientCapabilities{Elicitation: &mcp.ElicitationCapabilities{Form: &mcp.FormElicitationCapabilities{}}}

// A caller of 2026-07-28 gets input_required from every kind of server, and the
// call goes on with its answer.
func TestSuspendedCall(t *testing.T) {
	upstreams(t, func(t *testing.T, c *Connector) {
		o := Options{Principal: "ann", Session: "1", Capabilities: canElicit}
		res, err := c.Call(t.Context(), "ask", nil, o)
		if err != nil {
			t.Fatal(err)
		}
		if !res.NeedsInput {
			t.Fatalf("no question: %s", res.Raw)
		}
		v, err := res.Typed()
		if err != nil || !v.NeedsInput() || len(v.InputRequests) != 1 || v.RequestState == "" || v.RequestState == "the server's" {
			t.Fatalf("%s: %v", res.Raw, err)
		}
		answers := mcp.InputResponseMap{}
		for id, q := range v.InputRequests {
			if q.(*mcp.ElicitParams).Message != "your name?" {
				t.Errorf("%+v", q)
			}
			answers[id] = &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Ann"}}
		}
		again := o
		again.InputResponses, again.RequestState = answers, v.RequestState
		for name, spoil := range map[string]func(*Options, *string, *json.RawMessage){
			"another principal": func(o *Options, _ *string, _ *json.RawMessage) { o.Principal = "bob" },
			"another tool":      func(_ *Options, tool *string, _ *json.RawMessage) { *tool = "echo" },
			"other arguments":   func(_ *Options, _ *string, args *json.RawMessage) { *args = json.RawMessage(`{"x":1}`) },
			"another state":     func(o *Options, _ *string, _ *json.RawMessage) { o.RequestState = "x" + o.RequestState },
			"no state":          func(o *Options, _ *string, _ *json.RawMessage) { o.RequestState = "" },
		} {
			bad, tool, args := again, "ask", json.RawMessage(nil)
			spoil(&bad, &tool, &args)
			if _, err := c.Call(t.Context(), tool, args, bad); kind(err) != BadInput {
				t.Errorf("%s: %v", name, err)
			}
		}
		res, err = c.Call(t.Context(), "ask", nil, again)
		if err != nil {
			t.Fatal(err)
		}
		if got := textOf(t, res); !strings.HasPrefix(got, "accept Ann") {
			t.Errorf("%q", got)
		}
		if h := c.Health(); h.Suspended != 0 || h.Calls != 0 {
			t.Errorf("%+v", h)
		}
		if res.Revision == "2025-11-25" {
			if _, err = c.Call(t.Context(), "ask", nil, again); kind(err) != Gone {
				t.Errorf("the same answer twice: %v", err)
			}
		}
	})
}

// A caller that can be asked at once is, by every kind of server.
func TestAskedAtOnce(t *testing.T) {
	upstreams(t, func(t *testing.T, c *Connector) {
		ask := Asker{Elicit: func(_ context.Context, p *mcp.ElicitParams) (*mcp.ElicitResult, error) {
			return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Bob"}}, nil
		}}
		var all sync.WaitGroup
		for range 3 {
			all.Add(1)
			go func() {
				defer all.Done()
				res, err := c.Call(t.Context(), "ask", nil, Options{Principal: "bob", Session: "1", Ask: ask})
				if err != nil {
					t.Error(err)
				} else if got := textOf(t, res); !strings.HasPrefix(got, "accept Bob") {
					t.Errorf("%q", got)
				}
			}()
		}
		all.Wait()
		// Who declares nothing is not asked, and nobody else is either.
		res, err := c.Call(t.Context(), "ask", nil, Options{})
		if err == nil && !res.IsError && res.Revision == "2025-11-25" {
			t.Errorf("%s %v", res.Raw, err)
		}
	})
}

// Sampling and roots come in one call after another.
func TestInterview(t *testing.T) {
	for name, c := range map[string]*Connector{"stdio": one(t, "sdk-2025"), "http": func() *Connector { c, _ := overHTTP(t, []string{"2025-11-25"}, false); return c }()} {
		t.Run(name, func(t *testing.T) {
			o := Options{Principal: "ann", Capabilities: &mcp.ClientCapabilities{Sampling: &mcp.SamplingCapabilities{}, RootsV2: &mcp.RootCapabilities{}}}
			for round := 0; ; round++ {
				res, err := c.Call(t.Context(), "interview", nil, o)
				if err != nil {
					t.Fatal(err)
				}
				if !res.NeedsInput {
					if got := textOf(t, res); got != "hello file:///r" || round != 2 {
						t.Errorf("%q after %d rounds", got, round)
					}
					return
				}
				v, err := res.Typed()
				if err != nil {
					t.Fatal(err)
				}
				o.RequestState, o.InputResponses = v.RequestState, mcp.InputResponseMap{}
				for id, q := range v.InputRequests {
					switch q.(type) {
					case *mcp.ListRootsParams:
						o.InputResponses[id] = &mcp.ListRootsResult{Roots: []*mcp.Root{{URI: "file:///r"}}}
					default:
						o.InputResponses[id] = &mcp.CreateMessageWithToolsResult{Role: "assistant", Model: "m", Content: []mcp.Content{&mcp.TextContent{Text: "hello"}}}
					}
				}
			}
		})
	}
}

func TestSuspendedCallsAreBounded(t *testing.T) {
	c := one(t, "sdk-2025", func(c *Config) { c.SessionLimit = 100 })
	// Over HTTP one session would do; over stdio each one waits in a process, so
	// the limit per principal is what is tried.
	for i := range maxSuspendedOne + 1 {
		res, err := c.Call(t.Context(), "ask", nil, Options{Principal: "ann", Capabilities: canElicit})
		if i < maxSuspendedOne && (err != nil || !res.NeedsInput) {
			t.Fatal(i, err)
		}
		if i == maxSuspendedOne && kind(err) != Busy {
			t.Errorf("one too many: %v", err)
		}
	}
	if n := c.Health().Suspended; n != maxSuspendedOne {
		t.Errorf("%d", n)
	}
}

func TestHeaders(t *testing.T) {
	c, log := overHTTP(t, nil, true)
	if _, err := c.Call(t.Context(), "echo", json.RawMessage(`{"text":"x"}`), Options{Meta: mcp.Meta{"traceparent": "x"}}); err != nil {
		t.Fatal(err)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	h := log.reqs[len(log.reqs)-1]
	for name, want := range map[string]string{"Mcp-Method": "tools/call", "Mcp-Name": "echo", "Mcp-Protocol-Version": "2026-07-28", "Mcp-Session-Id": "", "Authorization": ""} {
		if h.Get(name) != want {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
}

func TestHTTPSessionOfTheOldRevision(t *testing.T) {
	c, log := overHTTP(t, []string{"2025-11-25"}, false)
	if _, err := c.Call(t.Context(), "echo", json.RawMessage(`{"text":"x"}`), Options{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a stream is opened", func() bool { return log.count("GET") == 1 })
	_ = c.Stop()
	if log.count("DELETE") != 1 {
		t.Error("the session was not ended on the server")
	}
	if _, err := c.Call(t.Context(), "echo", json.RawMessage(`{"text":"x"}`), Options{}); err != nil {
		t.Fatal(err)
	}
}

func TestWholeServer(t *testing.T) {
	upstreams(t, func(t *testing.T, c *Connector) {
		var mu sync.Mutex
		var updated, changed []string
		o := SessionOptions{Principal: "ann", Key: "k", Own: true,
			Updated: func(p *mcp.ResourceUpdatedNotificationParams) {
				mu.Lock()
				updated = append(updated, p.URI)
				mu.Unlock()
			},
			Changed: func(l string) { mu.Lock(); changed = append(changed, l); mu.Unlock() }}
		s, err := c.Session(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		tools, err := s.ListTools(t.Context(), nil)
		if err != nil || len(tools.Tools) < 5 {
			t.Fatal(tools, err)
		}
		p, err := s.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "hello", Arguments: map[string]string{"who": "you"}})
		if err != nil || p.Messages[0].Content.(*mcp.TextContent).Text != "hello you" {
			t.Fatal(p, err)
		}
		r, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "test://one"})
		if err != nil || r.Contents[0].Text != "one" {
			t.Fatal(r, err)
		}
		if _, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "none://x"}); kind(err) != Upstream {
			t.Error(err)
		}
		done, err := s.Complete(t.Context(), &mcp.CompleteParams{Ref: &mcp.CompleteReference{Type: "ref/prompt", Name: "hello"}, Argument: mcp.CompleteParamsArgument{Name: "who", Value: "a"}})
		if err != nil || done.Completion.Values[0] != "a!" {
			t.Error(done, err)
		}
		if l, err := s.ListResourceTemplates(t.Context(), nil); err != nil || len(l.ResourceTemplates) != 1 {
			t.Error(l, err)
		}
		if err := s.SetLevel(t.Context(), "debug"); err != nil {
			t.Error(err)
		}
		if err := s.SetLevel(t.Context(), "loud"); kind(err) != BadInput {
			t.Error(err)
		}
		if err := s.Subscribe(t.Context(), "test://one"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.CallTool(t.Context(), "touch", json.RawMessage(`{"text":"test://one"}`), Options{}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the update arrives", func() bool { mu.Lock(); defer mu.Unlock(); return len(updated) == 1 })
		if err := s.Unsubscribe(t.Context(), "test://one"); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := s.ListTools(t.Context(), nil); kind(err) != Gone {
			t.Error(err)
		}
	})
}

func TestListChanged(t *testing.T) {
	for name, c := range map[string]*Connector{"stdio 2026": one(t, "sdk"), "stdio 2025": one(t, "sdk-2025"),
		"http 2026": func() *Connector { c, _ := overHTTP(t, nil, true); return c }(),
		"http 2025": func() *Connector { c, _ := overHTTP(t, []string{"2025-11-25"}, false); return c }()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := c.Catalogue(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond) // the subscription is not there at once
			if _, err := c.Call(t.Context(), "grow", nil, Options{}); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the new tool is known", func() bool { _, ok := c.Last().Own("grown"); return ok })
		})
	}
}

func TestStatefulSessions(t *testing.T) {
	c := one(t, "sdk-2025", func(c *Config) {
		c.Stateful, c.SessionLimit, c.Lifetime = true, 2, 300*time.Millisecond
	})
	pid := func(session string) (string, error) {
		res, err := c.Call(t.Context(), "pid", nil, Options{Principal: "ann", Session: session})
		if err != nil {
			return "", err
		}
		return textOf(t, res), nil
	}
	a, err := pid("a")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := pid("a")
	b, err := pid("b")
	if err != nil || a != again || a == b {
		t.Errorf("%s %s %s %v", a, again, b, err)
	}
	if _, err := pid("c"); kind(err) != Busy {
		t.Errorf("a third session: %v", err)
	}
	eventually(t, "the sessions end with their lifetime", func() bool { _, err := pid("c"); return err == nil })
}
