package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

type principalKey struct{}

// byHeader is an authentication for tests: the bearer token is the name.
func byHeader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			w.Header().Set("WWW-Authenticate", `Bearer resource_metadata="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), principalKey{}, local(name))))
	})
}

func principalOf(ctx context.Context) (access.Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(access.Principal)
	return p, ok
}

// place is a surface under test.
type place struct {
	*Server
	url  string
	stop func() // idempotent; waits
}

// serve starts a surface on loopback and checks, when the test ends, that
// nothing of it is left running.
func serve(t testing.TB, c Config) *place {
	t.Helper()
	before := runtime.NumGoroutine()
	if c.Desk == nil {
		c.Desk = &counter{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Principal == nil {
		c.Auth, c.Principal = byHeader, principalOf
	}
	c.Version = "1.2.3"
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.ServeHTTP(l) }()
	p := &place{Server: s, url: "http://" + l.Addr().String()}
	var once bool
	p.stop = func() {
		if once {
			return
		}
		once = true
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = s.Shutdown(ctx)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if r, ok := c.Wholes.(*relay); ok {
			r.end()
		}
		settled(t, before)
	}
	t.Cleanup(p.stop)
	return p
}

// settled waits until no more goroutines run than before.
func settled(t testing.TB, before int) {
	t.Helper()
	var now int
	for range 100 {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		if now = runtime.NumGoroutine(); now <= before+1 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines ran before, %d run now:\n%s", before, now, buf[:runtime.Stack(buf, true)])
}

// bearer sends a token with every request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func as(name string) *http.Client { return &http.Client{Transport: bearer(name)} }

// dial connects the SDK's client.
func dial(t testing.TB, p *place, path, name, revision string, opts *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c := sdk.NewClient(&sdk.Implementation{Name: "test-client", Version: "9"}, opts)
	cs, err := c.Connect(ctx, &sdk.StreamableClientTransport{Endpoint: p.url + path, HTTPClient: as(name), MaxRetries: -1}, &sdk.ClientSessionOptions{ProtocolVersion: revision})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cs.Close() })
	return cs
}

// rawAnswer is a raw HTTP answer.
type rawAnswer struct {
	status int
	header http.Header
	body   string
}

// message is the JSON-RPC message in a body, out of an event stream or not.
func (a rawAnswer) message(t testing.TB) map[string]json.RawMessage {
	t.Helper()
	text := a.body
	for line := range strings.Lines(a.body) {
		if data, ok := strings.CutPrefix(line, "data: "); ok && strings.Contains(data, `"id"`) {
			text = data
		}
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatalf("no message in %d %q: %v", a.status, a.body, err)
	}
	return m
}

// post sends bytes as name, with the headers given in pairs ("" deletes).
func post(t testing.TB, p *place, path, name string, body []byte, headers ...string) rawAnswer {
	t.Helper()
	return send(t, p, http.MethodPost, path, name, body, headers...)
}

func send(t testing.TB, p *place, method, path, name string, body []byte, headers ...string) rawAnswer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	client := as(name)
	if name == "" {
		client = http.DefaultClient
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rawAnswer{res.StatusCode, res.Header, string(data)}
}

// modern is a request of 2026-07-28 and its headers.
func modern(method, params string) (body []byte, headers []string) {
	meta := `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"raw","version":"0"},"io.modelcontextprotocol/clientCapabilities":{}}`
	if params != "" {
		params += ","
	}
	headers = []string{headerRevision, rev2026, "Mcp-Method", method}
	var p struct{ Name, URI string }
	_ = json.Unmarshal([]byte("{"+strings.TrimSuffix(params, ",")+"}"), &p)
	if n := p.Name + p.URI; n != "" && method != methodSkillsGet {
		headers = append(headers, "Mcp-Name", n)
	}
	return []byte(`{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":{` + params + meta + `}}`), headers
}

// handshake opens a session of 2025-11-25 by hand.
func handshake(t testing.TB, p *place, path, name string) (id string) {
	t.Helper()
	a := post(t, p, path, name, []byte(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"0"}}}`))
	if a.status != http.StatusOK {
		t.Fatalf("initialize: %d %s", a.status, a.body)
	}
	id = a.header.Get(headerSession)
	if b := post(t, p, path, name, []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`), headerSession, id, headerRevision, rev2025); b.status != http.StatusAccepted {
		t.Fatalf("initialized: %d %s", b.status, b.body)
	}
	return id
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" || *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (go test -update rewrites it):\n%s", path, got)
	}
}
