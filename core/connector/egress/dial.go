package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// dialer resolves a name once, checks every address, and dials the address that
// it checked: between the check and the connection nobody is asked again.
type dialer struct {
	allowed []netip.Prefix
	look    LookupFunc
	dial    DialFunc
	timeout time.Duration
	stall   time.Duration // a write may take so long
}

func (d *dialer) context(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, refuse("url", "the address %q: %v", address, err)
	}
	addrs, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		// One bad address refuses the name: a name that is both inside and outside
		// is how a rebinding attack looks.
		if err := checkAddr(host, a, d.allowed); err != nil {
			return nil, err
		}
	}
	var all []error
	for i, a := range addrs {
		// What is left of the time is shared by the addresses that are left.
		part, cancel := context.WithTimeout(ctx, d.timeout/time.Duration(len(addrs)-i))
		conn, err := d.one(part, host, net.JoinHostPort(a.String(), port))
		cancel()
		if err == nil {
			return &patient{Conn: conn, stall: d.stall}, nil
		}
		all = append(all, err)
	}
	return nil, errors.Join(all...)
}

func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	look := d.look
	if look == nil {
		look = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	addrs, err := look(ctx, host)
	if err != nil {
		return nil, refuse("dns", "resolving %s: %v", host, err)
	}
	if len(addrs) == 0 {
		return nil, refuse("dns", "resolving %s: it has no address", host)
	}
	return addrs[:min(len(addrs), 8)], nil
}

func (d *dialer) one(ctx context.Context, host, address string) (net.Conn, error) {
	if d.dial != nil {
		return d.dial(ctx, "tcp", address)
	}
	n := net.Dialer{Timeout: d.timeout, KeepAlive: 30 * time.Second, Control: func(_, dialled string, _ syscall.RawConn) error {
		// The address in the kernel's own terms, once more.
		at, err := netip.ParseAddrPort(dialled)
		if err != nil {
			return refuse("private", "%s: what is dialled, %q, is no address", host, dialled)
		}
		return checkAddr(host, at.Addr(), d.allowed)
	}}
	return n.DialContext(ctx, "tcp", address)
}

// patient closes a connection whose other side does not take what is written.
type patient struct {
	net.Conn
	stall time.Duration
}

func (p *patient) Write(b []byte) (int, error) {
	t := time.AfterFunc(p.stall, func() { _ = p.Conn.Close() })
	n, err := p.Conn.Write(b)
	if !t.Stop() && err != nil {
		return n, refuse("quiet", "the server took no more of the request for %s", p.stall)
	}
	return n, err
}
