package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

func classify(err error) *backend.Error {
	var s *StatusError
	if errors.As(err, &s) {
		return s.Typed(s.Code(), s.Error())
	}
	return backend.AsError(err)
}

func status(code int, header ...string) error {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &StatusError{Status: code, Header: h}
}

func TestCallTries(t *testing.T) {
	for name, c := range map[string]struct {
		errs    []error // nil: it works
		pass    bool    // a part is passed on before the error
		retries int
		tries   int
		code    backend.ErrorCode
		atLeast time.Duration
		atMost  time.Duration
	}{
		"works":                   {[]error{nil}, false, 4, 1, "", 0, 0},
		"refused twice":           {[]error{status(429), status(503), nil}, false, 4, 3, "", 0, 1500 * time.Millisecond},
		"told to wait":            {[]error{status(429, "Retry-After", "7"), nil}, false, 4, 2, "", 7 * time.Second, 7500 * time.Millisecond},
		"told in ms":              {[]error{status(429, "Retry-After-Ms", "1500", "Retry-After", "9"), nil}, false, 4, 2, "", 1500 * time.Millisecond, 2 * time.Second},
		"told too much":           {[]error{status(429, "Retry-After", "61")}, false, 4, 1, backend.RateLimited, 0, 0},
		"used up":                 {[]error{status(500), status(500), status(500)}, false, 2, 3, backend.Unavailable, 0, 1500 * time.Millisecond},
		"no tries":                {[]error{status(500)}, false, 0, 1, backend.Unavailable, 0, 0},
		"for good":                {[]error{status(400)}, false, 4, 1, backend.InvalidRequest, 0, 0},
		"passed on":               {[]error{status(500)}, true, 4, 1, backend.Unavailable, 0, 0},
		"lost":                    {[]error{io.ErrUnexpectedEOF, io.ErrUnexpectedEOF}, false, 4, 2, backend.Unavailable, 0, time.Second},
		"lost once":               {[]error{status(500), io.ErrUnexpectedEOF, status(500), nil}, false, 4, 4, "", 0, 4 * time.Second},
		"not sent":                {[]error{&NotSentError{io.EOF}, &NotSentError{io.EOF}, &NotSentError{io.EOF}, nil}, false, 4, 4, "", 0, 4 * time.Second},
		"read as typed":           {[]error{backend.Errorf(backend.Overloaded, "busy"), backend.Errorf(backend.Overloaded, "busy"), nil}, false, 4, 3, "", 0, 2 * time.Second},
		"typed and not retryable": {[]error{&backend.Error{Code: backend.RateLimited, Message: "no money"}}, false, 4, 1, backend.RateLimited, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				caller := NewCaller(Limits{Retries: c.retries}, classify)
				noticed := 0
				caller.Notice = func(string) { noticed++ }
				begin, tries := time.Now(), 0
				var got backend.Collector
				err := caller.Call(t.Context(), 10, &got, func(_ context.Context, out backend.Sink) error {
					tries++
					if c.pass {
						if err := out.Text("Aye"); err != nil {
							return err
						}
					}
					if err := c.errs[min(tries, len(c.errs))-1]; err != nil {
						return err
					}
					return out.Done(message.Usage{Input: 1}, message.FinishStop, "m")
				})
				e := backend.AsError(err)
				took := time.Since(begin)
				if tries != c.tries || noticed != tries-1 || took < c.atLeast || took > c.atMost || (err == nil) != (c.code == "") || err != nil && e.Code != c.code {
					t.Errorf("%v after %d tries and %v, %d noticed", err, tries, took, noticed)
				}
				if tries > 1 && err != nil && !strings.Contains(err.Error(), "tried") {
					t.Errorf("it does not count: %v", err)
				}
			})
		})
	}
}

type deaf struct{ backend.Collector }

func (*deaf) Text(string) error { return errors.New("the host has gone") }

func TestNobodyListens(t *testing.T) {
	caller := NewCaller(Limits{Retries: 4}, classify)
	tries := 0
	err := caller.Call(t.Context(), 0, &deaf{}, func(_ context.Context, out backend.Sink) error {
		tries++
		_ = out.Text("Aye")
		return status(500)
	})
	if tries != 1 || err == nil || err.Error() != "the host has gone" {
		t.Errorf("%v after %d tries", err, tries)
	}
}

// Waits are spread over the whole range, so that callers do not come in step.
func TestFullJitter(t *testing.T) {
	caller := NewCaller(Limits{}, classify)
	var low, high int
	for range 1000 {
		switch w := caller.wait(backend.Errorf(backend.Unavailable, "x"), 3); {
		case w > 8*caller.Base || w < 0:
			t.Fatalf("a wait of %v", w)
		case w < 2*caller.Base:
			low++
		case w > 6*caller.Base:
			high++
		}
	}
	if low < 150 || high < 150 {
		t.Errorf("of 1000 waits %d are short and %d long", low, high)
	}
	if w := caller.wait(backend.Errorf(backend.Unavailable, "x"), 1000); w > time.Minute {
		t.Errorf("a wait of %v", w)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "3": 3 * time.Second, "0.5": 500 * time.Millisecond, "-1": 0, "soon": 0, "NaN": 0, "1e300": 24 * time.Hour,
		"Thu, 02 Jul 2026 12:00:20 GMT": 20 * time.Second, "Thu, 02 Jul 2026 11:00:00 GMT": 0, "Thursday, 02-Jul-26 12:00:20 GMT": 20 * time.Second,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: %v", v, got)
		}
	}
}

func TestDo(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, "/ok", http.StatusTemporaryRedirect)
		case "/ok":
			_, _ = io.WriteString(w, "ok")
		default:
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(503)
			_, _ = io.WriteString(w, strings.Repeat("x", 2*maxErrorBody))
		}
	}))
	defer s.Close()
	client, err := NewClient(Network{Idle: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	do := func(ctx context.Context, path string) error {
		req, err := http.NewRequestWithContext(ctx, "POST", s.URL+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	if err := do(t.Context(), "/ok"); err != nil {
		t.Error(err)
	}
	var e *StatusError
	if err := do(t.Context(), "/busy"); !errors.As(err, &e) || e.Status != 503 || len(e.Body) != maxErrorBody || e.RetryAfter(time.Now()) != 3*time.Second {
		t.Errorf("%v", err)
	}
	if err := do(t.Context(), "/away"); !errors.As(err, &e) || e.Status != 307 {
		t.Errorf("a redirect was followed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := do(ctx, "/ok"); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), s.URL) {
		t.Errorf("%v", err)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("key my-secret-value here", "my-secret-value")
	f.Add("Bearer abcdef123", "x")
	f.Add(strings.Repeat("ü", 1000), "ü")
	f.Add("üü", "\xc3")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := NewRedactor(secret).Text(text)
		// No key has white space or brackets; one of a few letters is in "[key]".
		if len(secret) > 3 && utf8.ValidString(secret) && !strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("[].", r) }) && strings.Contains(got, secret) {
			t.Errorf("%q keeps %q", got, secret)
		}
		if !utf8.ValidString(got) || len(got) > maxText+4 || strings.ContainsAny(got, "\n\r\t") {
			t.Errorf("%q", got)
		}
	})
}
