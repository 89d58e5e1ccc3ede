package backend

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
)

// TLS is one end of a connection between two machines, as PEM: the authority
// that the other end's certificate has to be signed by, and the own certificate
// with its key. Both ends show one; there is no way to leave the check out.
type TLS struct {
	CA, Cert, Key []byte
}

// The host asks an idle connection whether it is alive every pingEvery while
// calls run, and gives it up after pingWait: a machine that loses its power says
// no goodbye. A server has to allow that (gRPC's own default is five minutes).
const (
	pingEvery = 30 * time.Second
	pingWait  = 10 * time.Second
)

// stopGrace is what calls under way get when a server is told to stop.
const stopGrace = 10 * time.Second

// ServeTLS offers the backend at an address, "host:port", until ctx is done, and
// returns nil then: what Serve is for a subprocess. Only hosts with a
// certificate of t.CA get an answer. Calls under way have ten seconds to end.
//
// One process has one config: the first host that connects configures it, later
// ones have to send the same values.
func ServeTLS(ctx context.Context, addr string, t TLS, name string, f Factory) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("listening for hosts: %w", err)
	}
	return ServeTLSOn(ctx, l, t, name, f)
}

// ServeTLSOn is ServeTLS on a listener, which it closes.
func ServeTLSOn(ctx context.Context, l net.Listener, t TLS, name string, f Factory) error {
	config, err := t.config()
	if err != nil {
		return errors.Join(err, l.Close())
	}
	config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, config.RootCAs
	srv := grpc.NewServer(append(ServerOptions(), grpc.Creds(credentials.NewTLS(config)),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery / 2, PermitWithoutStream: true}))...)
	Register(srv, name, f)
	alive := health.NewServer()
	healthpb.RegisterHealthServer(srv, alive)
	stop := context.AfterFunc(ctx, func() {
		alive.Shutdown()
		force := time.AfterFunc(stopGrace, srv.Stop)
		srv.GracefulStop()
		force.Stop()
	})
	defer stop()
	if err := srv.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("serving %s at %s: %w", name, l.Addr(), err)
	}
	if ctx.Err() != nil {
		srv.Stop() // returns once GracefulStop has, which closed the listener first
	}
	return nil
}

// Dial connects to a backend at "host:port", or "unix:///PATH", without waiting
// for it. A nil t speaks in the clear, which it does with this machine alone.
// Proxies of the environment are not used: they are meant for web pages.
func Dial(addr string, t *TLS) (*grpc.ClientConn, error) {
	if err := CheckAddress(addr, t == nil); err != nil {
		return nil, err
	}
	creds := insecure.NewCredentials()
	if t != nil {
		config, err := t.config()
		if err != nil {
			return nil, err
		}
		creds = credentials.NewTLS(config)
	}
	target := addr
	if !strings.HasPrefix(addr, "unix:") {
		target = "dns:///" + addr // named, or "xds:x:1" would be a scheme
	}
	conn, err := grpc.NewClient(target, append(DialOptions(), grpc.WithTransportCredentials(creds),
		grpc.WithIdleTimeout(0), grpc.WithNoProxy(), grpc.WithDisableServiceConfig(),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingWait}))...)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", addr, err)
	}
	return conn, nil
}

// CheckAddress says what is wrong with the address of a remote backend. In the
// clear it has to be one of this machine.
func CheckAddress(addr string, plaintext bool) error {
	if path, ok := strings.CutPrefix(addr, "unix://"); ok {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("the address %q is no socket: write unix:///PATH", addr)
		}
		return nil
	}
	host, port, err := net.SplitHostPort(addr)
	if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || n == 0 || host == "" || strings.ContainsAny(host, "/%? ") {
		return fmt.Errorf("the address %q is not HOST:PORT, such as gpu1.example.com:9443", addr)
	}
	ip, err := netip.ParseAddr(host)
	if plaintext && host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return fmt.Errorf("the address %q is another machine's, and only this one (127.0.0.1, [::1], localhost) is spoken to in the clear: add a tls block", addr)
	}
	return nil
}

// Check says what is wrong with the certificates, without connecting.
func (t TLS) Check() error {
	_, err := t.config()
	return err
}

func (t TLS) config() (*tls.Config, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(t.CA) {
		return nil, errors.New("tls: ca holds no certificate in PEM form")
	}
	pair, err := tls.X509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("tls: cert and key: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, Certificates: []tls.Certificate{pair}}, nil
}
