package mcp

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// places refuses what a web page made a browser send: a request whose Host is not
// a name of this server (DNS rebinding), or whose Origin is not allowed. Programs
// send no Origin. Refused are these before anybody's credentials are looked at.
func (s *Server) places(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.hostOK(r) {
			say(w, http.StatusForbidden, "The Host header is not a name of this server.")
			return
		}
		if !s.originOK(r) {
			say(w, http.StatusForbidden, "Requests from this Origin are not allowed.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostOK refuses what is no name of this server. Off loopback without Hosts any
// name will do: nobody is let in there without a token, which no browser sends by
// itself.
func (s *Server) hostOK(r *http.Request) bool {
	known, loopback := s.named(r)
	return known || !loopback && len(s.config.Hosts) == 0
}

// named says whether Host is a name that is known to be this server's, and
// whether the request came over loopback.
func (s *Server) named(r *http.Request) (known, loopback bool) {
	host := bare(r.Host)
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true, false // no network between: a test, or somebody else's listener
	}
	at := bare(local.String())
	ip := net.ParseIP(at)
	loopback = ip != nil && ip.IsLoopback()
	if host == at || slices.ContainsFunc(s.config.Hosts, func(h string) bool { return strings.EqualFold(bare(h), host) }) {
		return true, loopback
	}
	asked := net.ParseIP(host)
	return loopback && (strings.EqualFold(host, "localhost") || asked != nil && asked.IsLoopback()), loopback
}

// originOK lets programs in, which send no Origin, and the pages that are allowed;
// without any, pages of this very server, for instance an inspector on localhost.
func (s *Server) originOK(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.ContainsFunc(s.config.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || len(s.config.Origins) > 0 {
		return false
	}
	known, _ := s.named(r) // a page that gave this server a name of its own is not of this server
	return known && strings.EqualFold(u.Host, r.Host)
}

// bare is a host without its port and brackets.
func bare(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return strings.Trim(hostport, "[]")
}
