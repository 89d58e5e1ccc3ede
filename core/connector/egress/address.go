package egress

import (
	"net/netip"
	"strings"
)

// closed are the ranges of IPv4 that are not public: IANA's special-purpose
// registry, multicast and what is reserved.
var closed = prefixes("0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 " +
	"192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3")

// open6 is what IPv6 has of public addresses, closed6 what of it is not.
var (
	open6   = netip.MustParsePrefix("2000::/3")
	closed6 = prefixes("2001::/23 2001:db8::/32 3fff::/20 2620:4f:8000::/48")
)

// metadata are the addresses at which clouds hand out credentials. A range does
// not open them: they need naming by themselves.
var metadata = prefixes("169.254.169.254/32 169.254.170.2/32 169.254.170.23/32 168.63.129.16/32 100.100.100.200/32 fd00:ec2::254/128 fd00:ec2::23/128")

// Forms of IPv6 that stand for an address of IPv4, and where in them it is.
var embedding = []struct {
	in netip.Prefix
	at int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12}, // NAT64
	{netip.MustParsePrefix("2002::/16"), 2},     // 6to4
	{netip.MustParsePrefix("::/96"), 12},        // IPv4-compatible
}

func prefixes(list string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range strings.Fields(list) {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func ranges(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, bad := netip.ParseAddr(s)
			if bad != nil {
				return nil, refuse("private", "private: %q is no address range: write it like \"10.0.0.0/8\"", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Addr().Is4In6() {
			return nil, refuse("private", "private: write %q as a range of IPv4", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// checkAddr tells whether an address may be dialled. host is for the message.
func checkAddr(host string, a netip.Addr, allowed []netip.Prefix) error {
	given := a
	if a.Zone() != "" {
		return refuse("private", "%s resolves to %s, which is bound to a network interface", host, given)
	}
	a = a.Unmap()
	for _, e := range embedding {
		if a.Is6() && e.in.Contains(a) && !a.IsUnspecified() && a != netip.IPv6Loopback() {
			b := a.As16()
			inner := netip.AddrFrom4([4]byte(b[e.at : e.at+4]))
			if within(a, allowed) {
				return nil
			}
			return checkAddr(host, inner, allowed)
		}
	}
	for _, m := range metadata {
		if m.Contains(a) {
			for _, p := range allowed {
				if p == m {
					return nil
				}
			}
			return refuse("private", "%s resolves to %s, where clouds hand out credentials: it is allowed only when private names it by itself (%q)", host, given, m)
		}
	}
	if within(a, allowed) || public(a) {
		return nil
	}
	return refuse("private", "%s resolves to %s, which is not a public address: add its range to private if it is meant", host, given)
}

func public(a netip.Addr) bool {
	if a.Is4() {
		return !within(a, closed)
	}
	return open6.Contains(a) && !within(a, closed6)
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
