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

func (s *Server) hostOK(r *http.Request) bool {
	host := bare(r.Host)
	if slices.ContainsFunc(s.config.Hosts, func(h string) bool { return strings.EqualFold(bare(h), host) }) {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true // no network between: a test, or somebody else's listener
	}
	at := bare(local.String())
	if ip := net.ParseIP(at); ip != nil && ip.IsLoopback() {
		named := net.ParseIP(host)
		return strings.EqualFold(host, "localhost") || named != nil && named.IsLoopback()
	}
	// Off loopback names come from DNS that a stranger cannot point at a private
	// address of this server without being its client; with Hosts it is strict.
	return len(s.config.Hosts) == 0 || host == at
}

func (s *Server) originOK(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.ContainsFunc(s.config.Origins, func(o string) bool { return strings.EqualFold(o, origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	// A page of this very server, for instance an inspector on localhost.
	return strings.EqualFold(u.Host, r.Host) && len(s.config.Origins) == 0
}

// bare is a host without its port and brackets.
func bare(hostport string) string {
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		return h
	}
	return strings.Trim(hostport, "[]")
}
