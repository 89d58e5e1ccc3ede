package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// web is a server of 2025-11-25 whose answers to tools/call are up to the test.
func web(t *testing.T, call func(w http.ResponseWriter, r *http.Request, id string)) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			if r.Header.Get("Last-Event-ID") != "" {
				call(w, r, "")
				return
			}
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		_ = json.NewDecoder(r.Body).Decode(&m)
		switch m.Method {
		case "server/discover":
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "what?")
		case "initialize":
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Mcp-Session-Id", "s1")
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{"name":"web","version":"1"}}}`, m.ID)
		case "tools/call":
			call(w, r, string(m.ID))
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func reach(t *testing.T, s *httptest.Server) Conn {
	t.Helper()
	c, err := Dial(t.Context(), Endpoint{URL: s.URL, Client: s.Client()}, Config{Now: time.Now, Hard: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestOverHTTP(t *testing.T) {
	ok := `{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}`
	sse := func(w http.ResponseWriter, text string) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
	}
	var resumed atomic.Int32
	var waiting atomic.Value
	for name, x := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request, id string)
		kind   Kind
		says   string
	}{
		"json": {func(w http.ResponseWriter, _ *http.Request, id string) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, ok, id)
		}, "", ""},
		"stream": {func(w http.ResponseWriter, _ *http.Request, id string) { sse(w, "data: "+fmt.Sprintf(ok, id)+"\n\n") }, "", ""},
		"old revision": {func(w http.ResponseWriter, r *http.Request, id string) {
			if r.Header.Get("Mcp-Protocol-Version") != "2025-06-18" || r.Header.Get("Mcp-Session-Id") != "s1" || r.Header.Get("Mcp-Method") != "" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			fmt.Fprintf(w, ok, id)
		}, "", ""},
		"resumed": {func(w http.ResponseWriter, r *http.Request, id string) {
			if r.Method == http.MethodGet {
				resumed.Add(1)
				sse(w, "id: 2\ndata: "+fmt.Sprintf(ok, waiting.Load())+"\n\n")
				return
			}
			waiting.Store(id)
			sse(w, "retry: 10\nid: 1\ndata:\n\n")
		}, "", ""},
		"no answer":  {func(w http.ResponseWriter, _ *http.Request, id string) { sse(w, ": bye\n\n") }, Network, "without an answer"},
		"not json":   {func(w http.ResponseWriter, _ *http.Request, id string) { _, _ = io.WriteString(w, "<html>") }, Protocol, "<html>"},
		"bad event":  {func(w http.ResponseWriter, _ *http.Request, id string) { sse(w, "data: {\n\n") }, Protocol, "event"},
		"another id": {func(w http.ResponseWriter, _ *http.Request, id string) { fmt.Fprintf(w, ok, "99") }, Protocol, "something else"},
		"401":        {func(w http.ResponseWriter, _ *http.Request, id string) { w.WriteHeader(401) }, Unauthorised, "credential"},
		"404":        {func(w http.ResponseWriter, _ *http.Request, id string) { w.WriteHeader(404) }, Gone, "forgotten"},
		"500": {func(w http.ResponseWriter, _ *http.Request, id string) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		}, Network, "500"},
		"400 with error": {func(w http.ResponseWriter, _ *http.Request, id string) {
			w.WriteHeader(400)
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"error":{"code":-32602,"message":"no"}}`, id)
		}, Upstream, "no (code -32602)"},
		"dies": {func(w http.ResponseWriter, _ *http.Request, id string) { panic(http.ErrAbortHandler) }, Network, ""},
		"dies midway": {func(w http.ResponseWriter, _ *http.Request, id string) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "{")
			panic(http.ErrAbortHandler)
		}, Network, ""},
		"hangs": {func(w http.ResponseWriter, r *http.Request, id string) { <-r.Context().Done() }, Timeout, ""},
		"endless json": {func(w http.ResponseWriter, r *http.Request, id string) {
			fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":"`, id)
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		}, Flood, "more than"},
		"flood": {func(w http.ResponseWriter, r *http.Request, id string) {
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{}}\n\n", 100)); err != nil {
					return
				}
			}
		}, Flood, "more notifications"},
	} {
		t.Run(name, func(t *testing.T) {
			c := reach(t, web(t, x.answer))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if name == "hangs" {
				ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
			}
			defer cancel()
			res, err := c.Call(ctx, Request{Method: "tools/call", Params: json.RawMessage(`{"name":"x"}`)})
			var f *Fault
			if x.kind == "" {
				if err != nil || string(res.Result) != `{"content":[]}` {
					t.Errorf("%+v %v", res, err)
				}
			} else if !errors.As(err, &f) || f.Kind != x.kind || !strings.Contains(f.Text, x.says) || len(f.Text) > 1000 {
				t.Errorf("%+v %v", res, err)
			}
		})
	}
	if resumed.Load() != 1 {
		t.Error("the stream was not resumed")
	}
}

// TestStreamIsReadToItsEnd: a connection is used again after an answer that came
// as a stream, and a server that keeps the stream open holds up nobody.
func TestStreamIsReadToItsEnd(t *testing.T) {
	var seen sync.Map
	var open atomic.Bool
	held := make(chan struct{})
	s := web(t, func(w http.ResponseWriter, r *http.Request, id string) {
		seen.Store(r.RemoteAddr, true)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[]}}\n\n", id)
		_ = http.NewResponseController(w).Flush()
		if open.Load() {
			<-r.Context().Done() // the client lets it go
			close(held)
		}
	})
	c := reach(t, s)
	const calls = 20
	for range calls {
		if _, err := c.Call(t.Context(), Request{Method: "tools/call", Params: json.RawMessage(`{"name":"x"}`), Limit: 1 << 10}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond) // an agent thinks between two calls
	}
	connections := 0
	seen.Range(func(any, any) bool { connections++; return true })
	if connections >= calls {
		t.Errorf("%d calls dialled %d times", calls, connections)
	}
	open.Store(true)
	if _, err := c.Call(t.Context(), Request{Method: "tools/call", Params: json.RawMessage(`{"name":"x"}`), Limit: 1 << 10}); err != nil {
		t.Fatal(err)
	}
	<-held
}
