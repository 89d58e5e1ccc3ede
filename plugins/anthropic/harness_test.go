package anthropic

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// secret looks like no key at all, so that only knowing it takes it out.
const secret = "wet-ink-7731"

// serve makes the backend of a fake API, behind real gRPC.
func serve(t *testing.T, s *fakeapi.Server, config map[string]any) *backend.Harness {
	t.Helper()
	t.Setenv("PLIMSOLL_TEST_KEY", secret)
	all := map[string]any{"base_url": s.URL, "api_key_env": "PLIMSOLL_TEST_KEY", "retry_max_seconds": 5}
	for k, v := range config {
		all[k] = v
	}
	return backend.NewHarness(t, New, all)
}

func ask(text string) message.Request {
	return message.Request{Model: "claude-haiku-4-5", Messages: []message.Message{message.Text(message.User, text)}}
}

// aye is the answer of a fake API when a test looks at the request alone.
func aye() fakeapi.Reply {
	return fakeapi.Message(fakeapi.Answer{Text: []string{"aye"}, Usage: fakeapi.Usage{Input: 9, Output: 2}})
}

func code(err error) backend.ErrorCode {
	var e *backend.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// sameJSON compares by meaning.
func sameJSON(t *testing.T, what string, got any, want string) {
	t.Helper()
	var g, w any
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(json.Unmarshal(raw, &g), json.Unmarshal([]byte(want), &w)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("%s\n got %s\nwant %s", what, raw, want)
	}
}

func ptr[T any](v T) *T { return &v }
