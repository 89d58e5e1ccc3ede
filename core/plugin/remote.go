package plugin

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// checkRemote refuses an address or certificates that can never work, so that a
// mistake shows before a run begins.
func checkRemote(spec Spec) error {
	if len(spec.Env) > 0 {
		return fmt.Errorf("backend %q is at a remote address, and no environment variable can be handed over: take env out", spec.Backend)
	}
	err := backend.CheckAddress(spec.Address, spec.TLS == nil)
	if err == nil && spec.TLS != nil {
		err = spec.TLS.Check()
	}
	if err != nil {
		return &RefusedError{Plugin: spec.Plugin, Why: err.Error()}
	}
	return nil
}

// connect makes the connection to a remote backend and configures it: what
// launch is for a subprocess. From then on both are the same to their callers.
// A connection that is lost is the end of a process: gRPC would mend it by
// itself, behind the back of the circuit and to a server that may have been
// started anew, without a config.
func (m *Manager) connect(ctx context.Context, spec Spec) (*process, error) {
	conn, err := backend.Dial(spec.Address, spec.TLS)
	if err != nil {
		return nil, &RefusedError{Plugin: spec.Plugin, Why: err.Error()}
	}
	p := &process{remote: backend.NewRemote(conn), tail: &tail{name: spec.Plugin}, conn: conn, link: conn, address: spec.Address}
	if err := m.introduce(ctx, p, spec); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("backend %q at %s: %w", spec.Backend, spec.Address, err)
	}
	p.exited = lost(conn)
	m.cfg.Audit(Event{Kind: "connect", Backend: spec.Backend, Plugin: spec.Plugin, Detail: spec.Address})
	return p, nil
}

// introduce asks a backend who it is, hands it its config, and asks again: the
// models may depend on the config.
func (m *Manager) introduce(ctx context.Context, p *process, spec Spec) (err error) {
	if p.desc, err = p.remote.Describe(ctx); err != nil {
		return err
	}
	if p.desc.Name != spec.Plugin {
		if p.address != "" {
			return &RefusedError{Plugin: spec.Plugin, Why: fmt.Sprintf("what answers at %s calls itself %q; check the address, or the plugin of the backend block", p.address, p.desc.Name)}
		}
		return &RefusedError{Plugin: spec.Plugin, Why: fmt.Sprintf("the file calls itself %q; lock it under that name", p.desc.Name)}
	}
	if err := p.remote.Configure(ctx, spec.Config); err != nil {
		return err
	}
	p.desc, err = p.remote.Describe(ctx)
	return err
}

// lost is closed once a connection that stood does not stand any more.
func lost(conn *grpc.ClientConn) <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		// Ends at the latest when the connection is closed. One change is enough: by
		// now gRPC may have made the connection anew.
		conn.WaitForStateChange(context.Background(), connectivity.Ready)
	}()
	return gone
}
