package anthropic

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// One whole call against a server on the same machine: what the SDK, the limits
// and the reading of the stream add to a model's own time.
func BenchmarkCall(b *testing.B) {
	server := fakeapi.New(b, fakeapi.Message(fakeapi.Answer{Text: strings.Split(strings.Repeat("word ", 100), " "), Usage: fakeapi.Usage{Input: 5, Output: 100}}))
	b.Setenv("PLIMSOLL_TEST_KEY", secret)
	made, err := New(map[string]any{"base_url": server.URL, "api_key_env": "PLIMSOLL_TEST_KEY"})
	if err != nil {
		b.Fatal(err)
	}
	req := ask("hello")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := backend.Collect(b.Context(), made, req); err != nil {
			b.Fatal(err)
		}
	}
}
