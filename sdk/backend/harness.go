package backend

import (
	"context"
	"errors"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// TB is the part of testing.TB that the harness needs. Importing testing would
// put it into every backend's binary.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Harness is a backend under test behind a real gRPC connection, inside the
// test's own process. It is a Model itself.
//
//	h := backend.NewHarness(t, newHello, map[string]any{"greeting": "ahoy"})
//	resp, err := h.Ask(ctx, message.Request{Model: "hello-1", Messages: ...})
type Harness struct{ *Remote }

// NewHarness serves f in process, configures it and fails the test when that
// does not work. A nil config is an empty one.
func NewHarness(t TB, f Factory, config map[string]any) *Harness {
	t.Helper()
	h := Unconfigured(t, f)
	if err := h.Configure(context.Background(), config); err != nil {
		t.Fatalf("configuring the backend: %v", err)
	}
	return h
}

// Unconfigured is NewHarness without Configure, for tests of configs that must
// be refused.
func Unconfigured(t TB, f Factory) *Harness {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	srv := grpc.NewServer(ServerOptions()...)
	Register(srv, "harness", f)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	conn, err := grpc.NewClient("passthrough:harness", append(DialOptions(),
		grpc.WithContextDialer(dial), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatalf("connecting to the backend: %v", err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		srv.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Fatalf("serving the backend: %v", err)
		}
	})
	return &Harness{NewRemote(conn)}
}

// Ask collects a whole answer.
func (h *Harness) Ask(ctx context.Context, req message.Request) (message.Response, error) {
	return Collect(ctx, h.Remote, req)
}
