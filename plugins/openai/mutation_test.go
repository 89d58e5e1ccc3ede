package openai

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// sound holds what comes out of any stream to the contract.
func sound(t interface{ Errorf(string, ...any) }, r message.Response, err error) {
	if err != nil {
		if backend.AsError(err).Code == "" {
			t.Errorf("untyped: %v", err)
		}
		return
	}
	if u := r.Usage; u.Input < 0 || u.CachedInput < 0 || u.CacheWrite < 0 || u.Output < u.Reasoning || u.Reasoning < 0 || r.Model == "" || r.Finish == "" {
		t.Errorf("%+v", r)
	}
	for _, c := range r.Message.ToolCalls {
		if !isObject(c.Arguments) || c.Name == "" || c.ID == "" {
			t.Errorf("%+v", c)
		}
	}
}

// Damaged streams end with an answer or a typed error, never with a panic, a
// hang or a number that cannot be.
func TestDamagedStreams(t *testing.T) {
	files, err := filepath.Glob("testdata/*.sse")
	if err != nil || len(files) < 10 {
		t.Fatal("the shapes are not there", err)
	}
	whole := map[string][]string{apiChat: {strings.Join(fakeapi.ChatEvents(short), "")}}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		whole[apiChat] = append(whole[apiChat], string(raw))
	}
	calls := fakeapi.Answer{Text: []string{"a"}, Calls: []fakeapi.Call{{ID: "c", Name: "f", Arguments: []string{"{}"}}}, Usage: fakeapi.Usage{Prompt: 9, Cached: 4, Output: 7, Reasoning: 3}}
	whole[apiResponses] = []string{strings.Join(fakeapi.ResponseEvents(calls), ""), strings.Join(fakeapi.ResponseEvents(fakeapi.Answer{Refusal: []string{"no"}, Finish: "content_filter"}), "")}

	var body string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = w.Write([]byte(body))
	}))
	defer s.Close()
	for api, streams := range whole {
		m := configured(t, map[string]any{"base_url": s.URL + "/v1", "dialect": "compatible", "api": api, "retries": 0})
		t.Run(api, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				body = damage(rt, rapid.SampledFrom(streams).Draw(rt, "stream"))
				r, err := backend.Collect(t.Context(), m, ask("x"))
				sound(rt, r, err)
			})
		})
	}
}

// damage drops, doubles and overwrites parts of a stream.
func damage(t *rapid.T, s string) string {
	for range rapid.IntRange(1, 4).Draw(t, "wounds") {
		if s == "" {
			return s
		}
		from := rapid.IntRange(0, len(s)-1).Draw(t, "from")
		to := min(len(s), from+rapid.IntRange(1, 200).Draw(t, "length"))
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			s = s[:from] + s[to:]
		case 1:
			s = s[:to] + s[from:]
		case 2:
			s = s[:from]
		case 3:
			s = s[:from] + rapid.SampledFrom([]string{"null", "-1", "[]", "{}", `"`, "\n\n", "\xff", "1e309", "9223372036854775807", "true", "data: "}).Draw(t, "what") + s[from:]
		case 4: // a value of another type
			if at := strings.IndexByte(s[from:], ':'); at >= 0 {
				end := from + at + 1
				stop := end + max(0, strings.IndexAny(s[end:], ",}]"))
				s = s[:end] + rapid.SampledFrom([]string{"null", "-7", "[]", "{}", `"x"`, "0.5", "true"}).Draw(t, "value") + s[stop:]
			}
		}
	}
	return s
}
