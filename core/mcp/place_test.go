package mcp

import (
	"context"
	"net"
	"net/http"
	"testing"
)

// TestPlacesOffLoopback: a page that points a name of its own at a server in the
// network (DNS rebinding) is not taken for a page of the server.
func TestPlacesOffLoopback(t *testing.T) {
	for _, c := range []struct {
		hosts, origins []string
		host, origin   string
		hostOK, all    bool
	}{
		{nil, nil, "192.168.1.5:7070", "", true, true},
		{nil, nil, "192.168.1.5:7070", "http://192.168.1.5:7070", true, true},
		{nil, nil, "evil.example:7070", "http://evil.example:7070", true, false},
		{nil, nil, "plimsoll.lan", "", true, true},
		{[]string{"plimsoll.lan"}, nil, "plimsoll.lan", "http://plimsoll.lan", true, true},
		{[]string{"plimsoll.lan"}, nil, "evil.example", "", false, false},
		{[]string{"plimsoll.lan"}, []string{"https://app.example"}, "plimsoll.lan", "http://plimsoll.lan", true, false},
		{[]string{"plimsoll.lan"}, []string{"https://app.example"}, "plimsoll.lan", "https://app.example", true, true},
	} {
		s := &Server{config: Config{Hosts: c.hosts, Origins: c.origins}}
		r, err := http.NewRequestWithContext(context.WithValue(context.Background(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(192, 168, 1, 5), Port: 7070})), http.MethodPost, "http://"+c.host+"/mcp", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if got := s.hostOK(r); got != c.hostOK {
			t.Errorf("%+v: host %v", c, got)
		}
		if got := s.hostOK(r) && s.originOK(r); got != c.all {
			t.Errorf("%+v: let in %v", c, got)
		}
	}
}
