package openai

import (
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

var short = fakeapi.Answer{Text: []string{"Aye", "."}, Usage: fakeapi.Usage{Prompt: 3, Output: 2}}

func TestTriesAgain(t *testing.T) {
	busy := fakeapi.Reply{Status: 429, Header: map[string]string{"Retry-After-Ms": "30"}, Body: fakeapi.Failure("slow down", "requests", "rate_limit_exceeded", "")}
	fault := fakeapi.Reply{Status: 500, Body: fakeapi.Failure("oh", "server_error", "", "")}
	early := fakeapi.Reply{Events: []string{fakeapi.ChatEvents(short)[0], fakeapi.Event("", map[string]any{"error": map[string]any{"message": "overloaded", "type": "overloaded_error"}})}}
	for name, replies := range map[string][]fakeapi.Reply{
		"two refusals and a fault":        {busy, fault, busy, fakeapi.Chat(short)},
		"an error before the first text":  {early, fakeapi.Chat(short)},
		"a broken connection":             {{Drop: true}, fakeapi.Chat(short)},
		"a cut before the first text":     {{Events: fakeapi.ChatEvents(short)[:1], Cut: true}, fakeapi.Chat(short)},
		"a stream that ends and is empty": {{Events: []string{": \n\n"}}, fakeapi.Chat(short)},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakeapi.New(t, replies...)
			req := ask("x")
			req.Idempotency = "run/1"
			r, err := serve(t, s, map[string]any{"api": "chat"}).Ask(t.Context(), req)
			if err != nil || r.Message.String() != "Aye." {
				t.Fatalf("%+v, %v", r, err)
			}
			got := s.Requests()
			if len(got) != len(replies) {
				t.Fatalf("%d requests", len(got))
			}
			for i, g := range got {
				if g.Raw != got[0].Raw || g.Header.Get("Idempotency-Key") != "run/1" {
					t.Errorf("try %d is another request", i+1)
				}
			}
			if replies[0].Status == 429 && got[1].At.Sub(got[0].At) < 30*time.Millisecond {
				t.Errorf("it came back after %v", got[1].At.Sub(got[0].At))
			}
		})
	}
}

func TestDoesNotTryAgain(t *testing.T) {
	events := fakeapi.ChatEvents(short)
	for name, c := range map[string]struct {
		reply  fakeapi.Reply
		values map[string]any
		tries  int
		code   backend.ErrorCode
	}{
		"after a part was passed on":    {fakeapi.Reply{Events: events[:2], Cut: true}, nil, 1, backend.Unavailable},
		"an error after a part":         {fakeapi.Reply{Events: append(events[:2:2], fakeapi.Event("", map[string]any{"error": map[string]any{"message": "overloaded", "type": "overloaded_error"}}))}, nil, 1, backend.Overloaded},
		"a request that is wrong":       {fakeapi.Reply{Status: 400, Body: fakeapi.Failure("no", "invalid_request_error", "", "")}, nil, 1, backend.InvalidRequest},
		"more often than allowed":       {fakeapi.Reply{Status: 500}, map[string]any{"retries": 2}, 3, backend.Unavailable},
		"a lost call more than once":    {fakeapi.Reply{Drop: true}, nil, 2, backend.Unavailable},
		"later than the longest wait":   {fakeapi.Reply{Status: 429, Header: map[string]string{"Retry-After": "3600"}}, nil, 1, backend.RateLimited},
		"later than the longest, dated": {fakeapi.Reply{Status: 503, Header: map[string]string{"Retry-After": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}, nil, 1, backend.Overloaded},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakeapi.New(t, c.reply)
			values := map[string]any{"api": "chat"}
			for k, v := range c.values {
				values[k] = v
			}
			_, err := serve(t, s, values).Ask(t.Context(), ask("x"))
			e := backend.AsError(err)
			if err == nil || e.Code != c.code || len(s.Requests()) != c.tries {
				t.Fatalf("%v after %d tries", err, len(s.Requests()))
			}
			if c.tries > 1 && !strings.Contains(e.Message, fmt.Sprintf("tried %d times", c.tries)) {
				t.Errorf("it does not say how often: %v", err)
			}
			if after := c.reply.Header["Retry-After"]; after != "" && (e.RetryAfter < 59*time.Minute || e.RetryAfter > time.Hour) {
				t.Errorf("retry after %v", e.RetryAfter)
			}
		})
	}
}

// A server's wait beyond the caller's deadline ends the call at once, with the
// server's reason.
func TestDeadlineBeforeTheWait(t *testing.T) {
	s := fakeapi.New(t, fakeapi.Reply{Status: 429, Header: map[string]string{"Retry-After": "30"}})
	t.Setenv(defaultKeyEnv, testKey)
	m := configured(t, map[string]any{"base_url": s.URL, "dialect": "openai"})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	start := time.Now()
	_, err := backend.Collect(ctx, m, ask("x"))
	if code(err) != backend.RateLimited || time.Since(start) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestCancelReachesTheWire(t *testing.T) {
	both(t, short, func(t *testing.T, api string, reply fakeapi.Reply) {
		for name, stuck := range map[string]fakeapi.Reply{
			"within the answer":      {Events: reply.Events[:2], Hang: true},
			"before the first event": {Events: []string{": wait\n\n"}, Hang: true},
		} {
			t.Run(name, func(t *testing.T) {
				s := fakeapi.New(t, stuck)
				h := serve(t, s, map[string]any{"api": api})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() { _, err := h.Ask(ctx, ask("x")); ended <- err }()
				for len(s.Requests()) == 0 {
					time.Sleep(time.Millisecond)
				}
				time.Sleep(20 * time.Millisecond)
				cancelled := time.Now()
				cancel()
				select {
				case at := <-s.Gone():
					if late := at.Sub(cancelled); late > 100*time.Millisecond {
						t.Errorf("the server saw it after %v", late)
					}
				case <-time.After(5 * time.Second):
					t.Fatal("the server never saw it")
				}
				if err := <-ended; code(err) != backend.Cancelled {
					t.Error(err)
				}
			})
		}
	})
}

func TestSilence(t *testing.T) {
	for name, reply := range map[string]fakeapi.Reply{
		"within the answer": {Events: fakeapi.ChatEvents(short)[:2], Hang: true},
		"before it":         {Events: []string{""}, Hang: true},
	} {
		s := fakeapi.New(t, reply)
		_, err := serve(t, s, map[string]any{"api": "chat", "idle_seconds": 0.1, "retries": 0}).Ask(t.Context(), ask("x"))
		if code(err) != backend.Unavailable || !strings.Contains(err.Error(), "sent nothing for 100ms") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Slow is not silent: each part comes in time, and all together do not.
	reply := fakeapi.Chat(short)
	reply.Pause = 40 * time.Millisecond
	if _, err := serve(t, fakeapi.New(t, reply), map[string]any{"api": "chat", "idle_seconds": 0.15, "retries": 0}).Ask(t.Context(), ask("x")); err != nil {
		t.Error(err)
	}
	_, err := serve(t, fakeapi.New(t, reply), map[string]any{"api": "chat", "timeout_seconds": 0.1}).Ask(t.Context(), ask("x"))
	if code(err) != backend.Cancelled {
		t.Errorf("beyond timeout_seconds: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	m := configured(t, map[string]any{"base_url": "http://" + address + "/v1", "retries": 1})
	_, err = backend.Collect(t.Context(), m, ask("x"))
	if code(err) != backend.Unavailable || !strings.Contains(err.Error(), "not reached") || !strings.Contains(err.Error(), "tried 2 times") {
		t.Error(err)
	}
}

func TestOneLimitForAllCalls(t *testing.T) {
	reply := fakeapi.Chat(short)
	reply.Pause = 2 * time.Millisecond
	s := fakeapi.New(t, reply)
	h := serve(t, s, map[string]any{"api": "chat", "concurrency": 3})
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			if _, err := h.Ask(t.Context(), ask(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.Most() != 3 {
		t.Errorf("%d ran at a time", s.Most())
	}
}

// A proxy sees the call, and the server's own certificate is trusted because
// the config holds it.
func TestProxyAndCertificate(t *testing.T) {
	fake := fakeapi.New(t, fakeapi.Chat(short))
	target, err := url.Parse(strings.TrimSuffix(fake.URL, "/v1"))
	if err != nil {
		t.Fatal(err)
	}
	var through atomic.Int64
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		through.Add(1)
		r.SetURL(target)
	}})
	defer proxy.Close()
	m := configured(t, map[string]any{"base_url": "http://model.example/v1", "proxy": proxy.URL})
	if r, err := backend.Collect(t.Context(), m, ask("x")); err != nil || r.Message.String() != "Aye." || through.Load() != 1 {
		t.Errorf("%+v, %v, %d calls through the proxy", r, err, through.Load())
	}

	secure := httptest.NewTLSServer(fake)
	defer secure.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}))
	m = configured(t, map[string]any{"base_url": secure.URL + "/v1", "ca_pem": ca})
	if r, err := backend.Collect(t.Context(), m, ask("x")); err != nil || r.Finish != message.FinishStop {
		t.Errorf("%+v, %v", r, err)
	}
	m = configured(t, map[string]any{"base_url": secure.URL + "/v1", "retries": 0})
	if _, err := backend.Collect(t.Context(), m, ask("x")); code(err) != backend.Unavailable || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate: %v", err)
	}
}

// BenchmarkBatch asks a server that takes 200 ms for each answer a thousand
// times. full is the part of the allowed places that was in use on average.
func BenchmarkBatch(b *testing.B) {
	const runs, places, each = 1000, 25, 200 * time.Millisecond
	for b.Loop() {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(each)
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, strings.Join(fakeapi.ChatEvents(short), ""))
		}))
		made, err := New(map[string]any{"base_url": s.URL + "/v1", "concurrency": places})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		var wg sync.WaitGroup
		for range runs {
			wg.Go(func() {
				if _, err := backend.Collect(context.Background(), made, ask("x")); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
		b.ReportMetric(float64(runs*each)/float64(places)/float64(time.Since(start))*100, "%full")
		s.Close()
	}
}
