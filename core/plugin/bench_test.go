package plugin

import (
	"context"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// A call over a real subprocess: what Plimsoll adds to a model's own time. The
// target for everything beside the model call of a run is 1 ms (p50).
func BenchmarkCall(b *testing.B) {
	c := client(b, newManager(b), Spec{})
	told(b, c, "echo warm")
	req := say("echo the same answer every time")
	for b.Loop() {
		if _, err := backend.Collect(context.Background(), c, req); err != nil {
			b.Fatal(err)
		}
	}
}

// A launch with everything that belongs to it: socket, certificates, handshake.
func BenchmarkLaunch(b *testing.B) {
	for b.Loop() {
		m := newManager(b)
		told(b, client(b, m, Spec{}), "echo x")
		if err := m.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
