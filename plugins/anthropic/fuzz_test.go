package anthropic

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/ssestream"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/plugins/internal/api"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Whatever bytes a server sends, an answer is read without a panic, and is whole
// only with a finish, a model and arguments that are objects.
func FuzzStream(f *testing.F) {
	f.Add(strings.Join(fakeapi.Events(full), ""), false)
	f.Add(strings.Join(fakeapi.Events(fakeapi.Answer{Calls: []fakeapi.Call{{ID: "t", Name: answerTool, Arguments: []string{`{`, `}`}}}}), ""), true)
	f.Add(strings.Join(slices.Repeat(fakeapi.Events(fakeapi.Answer{Text: []string{"a"}}), 2), ""), false)
	f.Add("event: message_start\ndata: {\"type\":\"message_start\",\"message\":null}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", false)
	f.Add("event: content_block_delta\ndata: []\n\n", true)
	f.Fuzz(func(t *testing.T, raw string, byTool bool) {
		body := &http.Response{Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(raw)))}
		events := ssestream.NewStream[anthropic.MessageStreamEventUnion](ssestream.NewDecoder(body), nil)
		var got backend.Collector
		a := answer{out: &got, byTool: byTool, blocks: map[int64]*block{}}
		for events.Next() && a.finish == "" {
			if err := a.take(events.Current()); err != nil {
				return
			}
		}
		if a.finish == "" {
			return
		}
		u := a.usage
		if a.model == "" || min(u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.Output, u.Reasoning) < 0 || u.CacheWrite1h > u.CacheWrite || u.Reasoning > u.Output {
			t.Fatalf("model %q, usage %+v", a.model, u)
		}
		for _, c := range got.Response().Message.ToolCalls {
			if !json.Valid(c.Arguments) || c.ID == "" || c.Name == "" {
				t.Fatalf("%+v", c)
			}
		}
	})
}

// Every error body becomes a typed error without the key.
func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{`{"type":"error","error":{"type":"overloaded_error","message":"x"}}`, `{"error":"x"}`, `{"error":null}`, `[]`, `"x"`, `<html>`, "", `{"error":{"message":3}}`, secret} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := errorReader{redact: api.NewRedactor(secret)}
		if e := r.streamed(raw); e.Code == "" || e.Message == "" || len(e.Message) > 2000 || strings.Contains(e.Message, secret) {
			t.Fatalf("%+v", e)
		}
	})
}
