package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// TestWrongInputs: each is answered by a client error, and the surface goes on.
func TestWrongInputs(t *testing.T) {
	p := serve(t, Config{Library: testShelf(), Limits: Limits{Body: 1 << 20}})
	session := handshake(t, p, "/mcp", "ann")
	old := []string{headerSession, session, headerRevision, rev2025}
	list, now := modern("tools/list", "")
	with := func(h []string, more ...string) []string { return append(append([]string{}, h...), more...) }
	for _, c := range []struct {
		what    string
		body    string
		headers []string
		status  int
		say     string
	}{
		{"nothing", "", old, 400, "non-empty"},
		{"nothing, stateless", "", now, 400, ""},
		{"no JSON", "hello", old, 400, "malformed"},
		{"no JSON, stateless", "hello", now, 400, "malformed"},
		{"control characters", "\x00\x01\x02{}", now, 400, "malformed"},
		{"half a message", `{"jsonrpc":"2.0","id":1,"meth`, old, 400, "malformed"},
		{"a number", "7", now, 400, "malformed"},
		{"1 MB and more", `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`, now, 413, "larger than 1048576"},
		{"1 MB and more, old", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"` + strings.Repeat("x", 1<<20) + `"}}`, old, 413, "larger than"},
		{"deep", strings.Repeat(`{"a":`, 100000) + "1" + strings.Repeat("}", 100000), now, 400, ""},
		{"a batch", "[" + string(list) + "," + string(list) + "]", now, 400, "batch"},
		{"a batch, old", `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, old, 400, "batch"},
		{"unknown method", `{"jsonrpc":"2.0","id":1,"method":"tools/steal","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}`, []string{headerRevision, rev2026, "Mcp-Method", "tools/steal"}, 404, "-32601"},
		{"unknown method, old", `{"jsonrpc":"2.0","id":1,"method":"tools/steal"}`, old, 400, "tools/steal"},
		{"wrong content type", string(list), with(now, "Content-Type", "text/plain"), 415, "application/json"},
		{"wrong accept", string(list), with(now, "Accept", "text/html"), 400, "Accept"},
		{"unknown revision", strings.ReplaceAll(string(list), rev2026, "2099-01-01"), []string{headerRevision, "2099-01-01", "Mcp-Method", "tools/list"}, 400, "-32022"},
		{"ancient revision", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, []string{headerSession, session, headerRevision, "2023-01-01"}, 400, "Unsupported protocol version"},
		{"header and body differ", string(list), []string{headerRevision, "2026-07-29", "Mcp-Method", "tools/list"}, 400, "-32020"},
		{"no revision header", string(list), []string{"Mcp-Method", "tools/list"}, 400, "-32020"},
		{"no method header", string(list), []string{headerRevision, rev2026}, 400, "-32020"},
		{"another method in the header", string(list), []string{headerRevision, rev2026, "Mcp-Method", "prompts/list"}, 400, "-32020"},
		{"params of the wrong shape", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[1]}`, old, 200, "-32602"},
		{"no session", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, []string{headerRevision, rev2025}, 400, "initialize first"},
		{"forged session", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, []string{headerSession, "AAAAAAAAAAAAAAAAAAAAAAAAAA", headerRevision, rev2025}, 404, "no such session"},
		{"a session id of a novel's length", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, []string{headerSession, strings.Repeat("A", 10000), headerRevision, rev2025}, 404, "no such session"},
		{"initialize twice", `{"jsonrpc":"2.0","id":9,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"x","version":"0"}}}`, old, 200, "duplicate"},
		{"a last event of a POST", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, with(old, "Last-Event-ID", "x_1"), 400, "Last-Event-ID"},
	} {
		a := post(t, p, "/mcp", "ann", []byte(c.body), c.headers...)
		if a.status != c.status || !strings.Contains(a.body, c.say) {
			t.Errorf("%s: %d %.300s, want %d %q", c.what, a.status, a.body, c.status, c.say)
		}
	}
	for _, c := range []struct {
		method  string
		headers []string
		status  int
	}{
		{http.MethodGet, []string{headerRevision, rev2026}, 405}, {http.MethodDelete, []string{headerRevision, rev2026}, 405},
		{http.MethodGet, nil, 400}, {http.MethodDelete, nil, 400}, {http.MethodPut, old, 405},
		{http.MethodGet, []string{headerSession, "forged", headerRevision, rev2025}, 404},
		{http.MethodDelete, []string{headerSession, "forged", headerRevision, rev2025}, 404},
		{http.MethodGet, with(old, "Last-Event-ID", "garbage"), 400},
	} {
		if a := send(t, p, c.method, "/mcp", "ann", nil, c.headers...); a.status != c.status {
			t.Errorf("%s %v: %d %s", c.method, c.headers, a.status, a.body)
		}
	}
	if a := post(t, p, "/mcp", "ann", list, now...); a.status != 200 {
		t.Errorf("after all that: %d %s", a.status, a.body)
	}
}

// TestSessionsAreBound to the principal and the path that opened them.
func TestSessionsAreBound(t *testing.T) {
	up := sdkServer()
	p := serve(t, Config{Wholes: inMemory(t, up, rev2025)})
	id := handshake(t, p, "/mcp", "ann")
	ping := []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	h := []string{headerSession, id, headerRevision, rev2025}
	if a := post(t, p, "/mcp", "ann", ping, h...); a.status != 200 {
		t.Fatalf("her own: %d %s", a.status, a.body)
	}
	never := post(t, p, "/mcp", "bob", ping, headerSession, "x", headerRevision, rev2025)
	for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
		a := send(t, p, method, "/mcp", "bob", ping, h...)
		if a.status != 404 || a.body != never.body {
			t.Errorf("%s by another: %d %s", method, a.status, a.body)
		}
	}
	if a := post(t, p, "/mcp/up", "ann", ping, h...); a.status != 404 {
		t.Errorf("at another path: %d %s", a.status, a.body)
	}
	if a := post(t, p, "/mcp", "ann", ping, h...); a.status != 200 {
		t.Errorf("her own, after the others tried: %d %s", a.status, a.body)
	}
	if a := send(t, p, http.MethodDelete, "/mcp", "ann", nil, h...); a.status != 204 {
		t.Errorf("DELETE: %d %s", a.status, a.body)
	}
	if a := post(t, p, "/mcp", "ann", ping, h...); a.status != 404 {
		t.Errorf("after DELETE: %d %s", a.status, a.body)
	}
}

// TestSessionsAreBounded in number, for one and for all, and in idleness.
func TestSessionsAreBounded(t *testing.T) {
	p := serve(t, Config{Limits: Limits{Sessions: 2, AllSessions: 3, Idle: 150 * time.Millisecond}})
	start := []byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"0"}}}`)
	ids := []string{handshake(t, p, "/mcp", "ann"), handshake(t, p, "/mcp", "ann"), handshake(t, p, "/mcp", "bob")}
	if a := post(t, p, "/mcp", "ann", start); a.status != 429 || a.header.Get("Retry-After") == "" || !strings.Contains(a.body, "of yours") {
		t.Errorf("one more of hers: %d %s", a.status, a.body)
	}
	if a := post(t, p, "/mcp", "bob", start); a.status != 429 {
		t.Errorf("one more than there may be: %d %s", a.status, a.body)
	}
	// A stream keeps a session; silence ends it.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/mcp", nil)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set(headerSession, ids[2])
	r.Header.Set(headerRevision, rev2025)
	res, err := as("bob").Do(r)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(err, res)
	}
	defer res.Body.Close()
	ping := []byte(`{"jsonrpc":"2.0","id":1,"method":"ping"}`)
	eventually(t, "the idle session ends", func() bool {
		p.sessions.mu.Lock()
		defer p.sessions.mu.Unlock()
		return len(p.sessions.all) == 1
	})
	if a := post(t, p, "/mcp", "ann", ping, headerSession, ids[0], headerRevision, rev2025); a.status != 404 {
		t.Errorf("the idle one: %d %s", a.status, a.body)
	}
	if a := post(t, p, "/mcp", "bob", ping, headerSession, ids[2], headerRevision, rev2025); a.status != 200 {
		t.Errorf("the one with a stream: %d %s", a.status, a.body)
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: not within a minute", what)
}

// TestFailedInitializeLeavesNothing behind.
func TestFailedInitializeLeavesNothing(t *testing.T) {
	p := serve(t, Config{})
	for _, body := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize"}`,
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":7}`,
		`{"jsonrpc":"2.0","method":"initialize","params":{}}`,
	} {
		a := post(t, p, "/mcp", "ann", []byte(body))
		if a.status == 200 && !strings.Contains(a.body, `"error"`) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	eventually(t, "no session is left", func() bool {
		p.sessions.mu.Lock()
		defer p.sessions.mu.Unlock()
		return len(p.sessions.all) == 0 && len(p.sessions.of) == 0
	})
}

// TestPlaces: DNS rebinding and foreign pages are refused before anything else.
func TestPlaces(t *testing.T) {
	p := serve(t, Config{Origins: []string{"https://app.example.com"}, Hosts: []string{"plimsoll.example.com"}})
	list, h := modern("tools/list", "")
	for _, c := range []struct {
		host, origin string
		status       int
	}{
		{"", "", 200}, {"localhost:1", "", 200}, {"[::1]:1", "", 200}, {"plimsoll.example.com", "", 200}, {"PLIMSOLL.example.com:443", "", 200},
		{"evil.example.com", "", 403}, {"127.0.0.1.evil.example.com", "", 403}, {"localhost.evil.example.com", "", 403}, {"169.254.169.254", "", 403},
		{"", "https://app.example.com", 200}, {"", "https://evil.example.com", 403}, {"", "null", 403}, {"", "http://localhost:1", 403}, {"", "https://app.example.com.evil.com", 403},
	} {
		headers := append([]string{}, h...)
		if c.host != "" {
			headers = append(headers, "Host", c.host)
		}
		if c.origin != "" {
			headers = append(headers, "Origin", c.origin)
		}
		for _, name := range []string{"ann", ""} {
			want := c.status
			if name == "" && want == 200 {
				want = 401
			}
			if a := post(t, p, "/mcp", name, list, headers...); a.status != want {
				t.Errorf("host %q, origin %q, as %q: %d %s, want %d", c.host, c.origin, name, a.status, a.body, want)
			}
		}
	}
}

// TestAuth: without credentials there is nothing, not even which paths there are.
func TestAuth(t *testing.T) {
	p := serve(t, Config{Wholes: inMemory(t, sdkServer(), rev2026), Ready: func(context.Context) error { return errors.New("index is being built") },
		Open: map[string]http.Handler{"/.well-known/oauth-protected-resource": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })}})
	list, h := modern("tools/list", "")
	for _, path := range []string{"/mcp", "/mcp/up", "/mcp/no-such", "/mcp/"} {
		a := post(t, p, path, "", list, h...)
		if a.status != 401 || !strings.Contains(a.header.Get("WWW-Authenticate"), "resource_metadata") {
			t.Errorf("%s without credentials: %d %v", path, a.status, a.header)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/.well-known/oauth-protected-resource": 200, "/": 404} {
		if a := send(t, p, http.MethodGet, path, "", nil); a.status != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := post(t, p, "/mcp/no-such", "ann", list, h...); a.status != 404 {
		t.Errorf("/mcp/no-such: %d", a.status)
	}
}

// TestShutdown lets running calls end, refuses new ones, ends streams, and is
// bounded when a call does not end.
func TestShutdown(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		t.Run(fmt.Sprintf("stubborn %v", stubborn), func(t *testing.T) {
			started, free := make(chan struct{}), make(chan struct{})
			desk := &counter{skills: func(ctx context.Context, _ Caller, _ RunSkill) (Ran, error) {
				close(started)
				select {
				case <-free:
					return Ran{Text: "in time"}, nil
				case <-ctx.Done():
					return Ran{}, ctx.Err()
				}
			}}
			p := serve(t, Config{Desk: desk})
			id := handshake(t, p, "/mcp", "ann")
			r, _ := http.NewRequest(http.MethodGet, p.url+"/mcp", nil)
			r.Header.Set("Accept", "text/event-stream")
			r.Header.Set(headerSession, id)
			r.Header.Set(headerRevision, rev2025)
			stream, err := as("ann").Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Body.Close()
			answer := make(chan rawAnswer, 1)
			body, h := modern("tools/call", `"name":"run_skill","arguments":{"skill":"slow"}`)
			var wait sync.WaitGroup
			wait.Go(func() {
				if stubborn {
					r, _ := http.NewRequest(http.MethodPost, p.url+"/mcp", bytes.NewReader(body))
					for i := 0; i < len(h); i += 2 {
						r.Header.Set(h[i], h[i+1])
					}
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Accept", "application/json, text/event-stream")
					if res, err := as("ann").Do(r); err == nil {
						_, _ = io.Copy(io.Discard, res.Body)
						res.Body.Close()
					}
					return
				}
				answer <- post(t, p, "/mcp", "ann", body, h...)
			})
			<-started
			ended := make(chan error, 1)
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			if stubborn {
				ctx, cancel = context.WithTimeout(context.Background(), 200*time.Millisecond)
			}
			defer cancel()
			go func() { ended <- p.Shutdown(ctx) }()
			eventually(t, "it is not ready", func() bool { return p.flights.draining() })
			if !stubborn {
				list, lh := modern("tools/list", "")
				if a := post(t, p, "/mcp", "ann", list, lh...); a.status != 503 || a.header.Get("Retry-After") == "" {
					t.Errorf("a new request: %d %s", a.status, a.body)
				}
				if a := send(t, p, http.MethodGet, "/readyz", "", nil); a.status != 503 {
					t.Errorf("/readyz: %d", a.status)
				}
				close(free)
				if a := <-answer; !strings.Contains(a.body, "in time") {
					t.Errorf("the running call: %d %s", a.status, a.body)
				}
			}
			if err := <-ended; (err != nil) != stubborn {
				t.Errorf("Shutdown: %v", err)
			}
			wait.Wait()
			_, _ = io.Copy(io.Discard, stream.Body) // ends
		})
	}
}

// TestShutdownEndsSubscriptions of both revisions at once: nobody waits for what
// has no end.
func TestShutdownEndsSubscriptions(t *testing.T) {
	for _, revision := range revisions {
		p := serve(t, Config{Wholes: inMemory(t, sdkServer(), revision)})
		cs := dial(t, p, "/mcp/up", "ann", revision, &sdk.ClientOptions{ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) {}})
		eventually(t, "it listens", func() bool {
			p.flights.mu.Lock()
			defer p.flights.mu.Unlock()
			return p.flights.streams[who(local("ann"))] == 1
		})
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
		defer cancel()
		if err := p.Shutdown(ctx); err != nil {
			t.Errorf("%s: %v", revision, err)
		}
		_ = cs.Close()
		p.stop()
	}
}

// TestRequestsAreBounded for each principal by itself.
func TestRequestsAreBounded(t *testing.T) {
	free, started := make(chan struct{}), make(chan struct{}, 2)
	desk := &counter{skills: func(context.Context, Caller, RunSkill) (Ran, error) {
		started <- struct{}{}
		<-free
		return Ran{Text: "x"}, nil
	}}
	p := serve(t, Config{Desk: desk, Limits: Limits{Requests: 2}})
	body, h := modern("tools/call", `"name":"run_skill","arguments":{"skill":"slow"}`)
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() { post(t, p, "/mcp", "ann", body, h...) })
	}
	<-started
	<-started
	list, lh := modern("tools/list", "")
	if a := post(t, p, "/mcp", "ann", list, lh...); a.status != 429 {
		t.Errorf("her third: %d", a.status)
	}
	if a := post(t, p, "/mcp", "bob", list, lh...); a.status != 200 {
		t.Errorf("his first: %d", a.status)
	}
	close(free)
	wait.Wait()
}

// TestSlowReader: one who takes nothing is dropped, and holds nobody up; a stream
// that is silent for longer than the limit is not.
func TestSlowReader(t *testing.T) {
	large := strings.Repeat("x", 8<<20)
	wrote := make(chan struct{})
	desk := &counter{call: func(context.Context, Caller, CallTool) (Called, error) {
		defer close(wrote)
		return Called{Result: object{{"content", json.RawMessage(`[{"type":"text","text":` + string(quote(large)) + `}]`)}}.bytes()}, nil
	}}
	p := serve(t, Config{Desk: desk, Limits: Limits{Write: 200 * time.Millisecond}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(4096)
	body, h := modern("tools/call", `"name":"call_tool","arguments":{"tool":"large"}`)
	fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\nContent-Length: %d\r\n", len(body))
	for i := 0; i < len(h); i += 2 {
		fmt.Fprintf(conn, "%s: %s\r\n", h[i], h[i+1])
	}
	fmt.Fprintf(conn, "\r\n%s", body)
	<-wrote
	eventually(t, "the slow reader is let go", func() bool {
		p.flights.mu.Lock()
		defer p.flights.mu.Unlock()
		return p.flights.calls == 0
	})
	// A quiet stream lives on.
	up := make(chan struct{})
	quiet := &counter{skills: func(ctx context.Context, _ Caller, _ RunSkill) (Ran, error) {
		<-up
		return Ran{Text: "late"}, nil
	}}
	q := serve(t, Config{Desk: quiet, Limits: Limits{Write: 100 * time.Millisecond, Read: 100 * time.Millisecond}})
	cs := dial(t, q, "/mcp", "ann", rev2026, nil)
	time.AfterFunc(600*time.Millisecond, func() { close(up) })
	res, err := cs.CallTool(context.Background(), &sdk.CallToolParams{Name: "run_skill", Arguments: map[string]any{"skill": "x"}})
	if err != nil || text(res) != "late" {
		t.Errorf("the quiet stream: %v %v", res, err)
	}
}

// TestSlowWriter: a body that does not come is not waited for.
func TestSlowWriter(t *testing.T) {
	p := serve(t, Config{Limits: Limits{Read: 150 * time.Millisecond}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ann\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	got, _ := io.ReadAll(conn)
	if !strings.Contains(string(got), "400") || !strings.Contains(string(got), "too slowly") {
		t.Errorf("got %q", got)
	}
}
