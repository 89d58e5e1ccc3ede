package backend_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/authority"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

type echo struct{}

func (echo) Describe(context.Context) (backend.Description, error) {
	return backend.Description{Name: "echo", Version: "1.0.0"}, nil
}

func (echo) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	text := req.Messages[0].String()
	if err := out.Text(text); err != nil {
		return err
	}
	if text == "wait" {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
	return out.Done(message.Usage{Input: 1, Output: 1}, message.FinishStop, req.Model)
}

func ask(text string) message.Request {
	return message.Request{Model: "m", Messages: []message.Message{message.Text(message.User, text)}}
}

func issue(t *testing.T, a *authority.Authority, host string) backend.TLS {
	t.Helper()
	out, err := a.Issue(host)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func newAuthority(t *testing.T) *authority.Authority {
	t.Helper()
	a, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// remote serves echo and returns its address, and how to stop it.
func remote(t *testing.T, certs backend.TLS) (addr string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- backend.ServeTLSOn(ctx, l, certs, "echo", func(map[string]any) (backend.Model, error) { return echo{}, nil })
	}()
	t.Cleanup(cancel)
	return l.Addr().String(), func() error { cancel(); return <-served }
}

func dialed(t *testing.T, addr string, certs *backend.TLS) *backend.Remote {
	t.Helper()
	conn, err := backend.Dial(addr, certs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return backend.NewRemote(conn)
}

func TestRemoteOverTLS(t *testing.T) {
	ca := newAuthority(t)
	addr, stop := remote(t, issue(t, ca, "127.0.0.1"))
	host := issue(t, ca, "host")
	r := dialed(t, addr, &host)
	if err := r.Configure(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := dialed(t, addr, &host).Configure(t.Context(), nil); err != nil {
		t.Errorf("a second host with the same config: %v", err)
	}
	if err := dialed(t, addr, &host).Configure(t.Context(), map[string]any{"x": 1}); err == nil {
		t.Error("a second host changes the config of the first")
	}
	big := strings.Repeat("x", 12<<20)
	if resp, err := backend.Collect(t.Context(), r, ask(big)); err != nil || resp.Message.String() != big {
		t.Errorf("12 MiB: %d bytes back, %v", len(resp.Message.String()), err)
	}
	// What runs when the server is told to stop may end.
	answered := make(chan error, 1)
	go func() {
		_, err := backend.Collect(context.Background(), r, ask("wait"))
		answered <- err
	}()
	time.Sleep(100 * time.Millisecond)
	if err := stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if err := <-answered; err != nil {
		t.Errorf("the call that ran meanwhile: %v", err)
	}
}

// Each case leaves one thing of mutual TLS out, and gets no answer.
func TestStrangersGetNoAnswer(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	server := issue(t, ours, "127.0.0.1")
	addr, _ := remote(t, server)
	elsewhere, _ := remote(t, issue(t, ours, "other.example.com"))
	host, foreign := issue(t, ours, "host"), issue(t, theirs, "host")
	mixed := backend.TLS{CA: server.CA, Cert: foreign.Cert, Key: foreign.Key}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for name, r := range map[string]*backend.Remote{
		"a host of another authority":    dialed(t, addr, &mixed),
		"a server of another authority":  dialed(t, addr, &foreign),
		"a server under another's name":  dialed(t, elsewhere, &host),
		"in the clear to a TLS server":   dialed(t, addr, nil),
		"in the clear, and nobody there": dialed(t, "127.0.0.1:1", nil),
	} {
		if d, err := r.Describe(ctx); err == nil || ctx.Err() != nil {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	// No certificate at all, and an old version of TLS.
	for _, config := range []*tls.Config{
		{InsecureSkipVerify: true, NextProtos: []string{"h2"}},
		{InsecureSkipVerify: true, NextProtos: []string{"h2"}, MaxVersion: tls.VersionTLS12},
	} {
		conn, err := tls.Dial("tcp", addr, config)
		if err == nil {
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			_, err = conn.Read(make([]byte, 1)) // TLS 1.3 tells a client only now
			_ = conn.Close()
		}
		if err == nil {
			t.Errorf("a client without a certificate got in, with version limit %x", config.MaxVersion)
		}
	}
}

func TestAddresses(t *testing.T) {
	for addr, plain := range map[string]bool{
		"gpu1.example.com:9443": false, "10.0.0.7:9443": false, "[2001:db8::1]:1": false,
		"127.0.0.1:9443": true, "127.8.8.8:1": true, "[::1]:65535": true, "localhost:80": true, "unix:///tmp/x.sock": true,
	} {
		if err := backend.CheckAddress(addr, false); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
		if err := backend.CheckAddress(addr, true); (err == nil) != plain {
			t.Errorf("%s in the clear: %v", addr, err)
		}
	}
	for _, addr := range []string{"", ":", "host", "host:", ":9443", "host:0", "host:65536", "host:http", "dns:///host:1", "xds:x:1", "unix:rel", "unix://rel", "ho/st:1", "https://host:1", "localhost.evil.example:80x"} {
		if err := backend.CheckAddress(addr, false); err == nil {
			t.Errorf("%q is taken for an address", addr)
		}
	}
	if err := backend.CheckAddress("localhost.evil.example:80", true); err == nil {
		t.Error("a name that begins like this machine's is spoken to in the clear")
	}
}

func TestBrokenCertificates(t *testing.T) {
	good := issue(t, newAuthority(t), "host")
	other := issue(t, newAuthority(t), "host")
	for name, bad := range map[string]backend.TLS{
		"no ca":         {Cert: good.Cert, Key: good.Key},
		"no key":        {CA: good.CA, Cert: good.Cert},
		"another's key": {CA: good.CA, Cert: good.Cert, Key: other.Key},
		"not PEM":       {CA: []byte("x"), Cert: good.Cert, Key: good.Key},
	} {
		if err := bad.Check(); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := backend.Dial("127.0.0.1:1", &bad); err == nil {
			t.Errorf("%s: dialed", name)
		}
		if err := backend.ServeTLS(t.Context(), "127.0.0.1:0", bad, "x", nil); err == nil {
			t.Errorf("%s: served", name)
		}
	}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}
