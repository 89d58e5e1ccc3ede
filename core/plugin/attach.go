package plugin

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// attach connects to a backend that a developer runs under a debugger, at a
// gRPC address of this machine ("unix:///tmp/x.sock"). Nothing vouches for what
// answers there, so Manager.source allows it with Config.Dev alone and it is
// always audited.
func (m *Manager) attach(ctx context.Context, spec Spec) (*process, error) {
	if _, err := m.source(spec); err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(spec.Attach, append(backend.DialOptions(),
		grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		return nil, fmt.Errorf("attaching to %s: %w", spec.Attach, err)
	}
	p := &process{remote: backend.NewRemote(conn), tail: &tail{name: spec.Plugin}, conn: conn}
	if err := p.remote.Configure(ctx, spec.Config); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("configuring the backend at %s (restart it to configure it again): %w", spec.Attach, err)
	}
	if p.desc, err = p.remote.Describe(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("describing the backend at %s: %w", spec.Attach, err)
	}
	m.cfg.Audit(Event{Kind: "attach", Backend: spec.Backend, Plugin: spec.Plugin, Detail: spec.Attach})
	return p, nil
}
