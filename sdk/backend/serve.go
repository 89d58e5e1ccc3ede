package backend

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"
	plugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

// PluginName is the name under which go-plugin dispenses a backend.
const PluginName = "model"

// SocketDirPrefix begins the name of the host's private folder of sockets.
const SocketDirPrefix = "plimsoll-"

// Handshake is what host and plugin must agree on before they speak. The cookie
// is no secret: it only tells a person who starts a plugin by hand why nothing
// happens.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{MagicCookieKey: "PLIMSOLL_BACKEND", MagicCookieValue: "the mark on the hull"}
}

// Serve runs the backend as a subprocess of the host and does not return before
// the host is done with it. An author's main is this one call. Standard output
// belongs to the protocol until the handshake; print diagnostics to os.Stderr,
// whose last lines the host shows when the process fails. Do not read os.Stdin:
// it carries no data, and its end means that the host has gone.
func Serve(name string, f Factory) {
	cookie := Handshake()
	if os.Getenv(cookie.MagicCookieKey) != cookie.MagicCookieValue {
		fmt.Fprintf(os.Stderr, "%s is a backend for plimsoll and is started by it. To use it: plimsoll plugin lock DIR, "+
			"then a backend block with plugin = %q.\n", name, name)
		os.Exit(2)
	}
	stdin := os.Stdin
	os.Stdin = nil // whatever the author's code does, the life line stays ours
	go dieWith(stdin, func() {
		leaveNoSocket(os.Getenv(plugin.EnvUnixSocketDir))
		endGroup()
		os.Exit(0)
	})
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: cookie,
		VersionedPlugins: map[int]plugin.PluginSet{
			ProtocolVersion: {PluginName: &servedPlugin{name: name, factory: f}},
		},
		GRPCServer: func(opts []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(opts, ServerOptions()...)...)
		},
		Logger: hclog.NewNullLogger(),
	})
}

// dieWith blocks until the host's end of the life line is closed, which the
// kernel does even for a host that was killed, and then ends the process. A
// child that survives its host would hold models and keys that nobody watches.
func dieWith(lifeline io.Reader, exit func()) {
	// Discarding, not reading once: bytes on the line mean nothing.
	_, _ = io.Copy(io.Discard, lifeline)
	exit()
}

// leaveNoSocket cleans up what the host made for this plugin and, killed, can no
// longer remove: the folder of its socket, and the one around it once that is
// empty. Only names that the host gives are touched.
func leaveNoSocket(dir string) {
	around := filepath.Dir(dir)
	if !strings.HasPrefix(filepath.Base(around), SocketDirPrefix) || !strings.HasPrefix(filepath.Base(dir), "plugin-dir") {
		return
	}
	_ = os.RemoveAll(dir)
	_ = os.Remove(around) // fails while another plugin's socket is in it
}

// servedPlugin is go-plugin's view of a backend.
type servedPlugin struct {
	plugin.NetRPCUnsupportedPlugin
	name    string
	factory Factory
}

var _ plugin.GRPCPlugin = (*servedPlugin)(nil)

// GRPCServer registers the backend's service.
func (p *servedPlugin) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	Register(s, p.name, p.factory)
	return nil
}

// GRPCClient makes the host's side, a *Remote.
func (p *servedPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return NewRemote(conn), nil
}

// HostPlugins is the set that the host offers, by protocol version; what is
// dispensed under PluginName is a *Remote. A new protocol version is added
// beside the one before it, so that plugins of both keep running.
func HostPlugins() map[int]plugin.PluginSet {
	return map[int]plugin.PluginSet{ProtocolVersion: {PluginName: &servedPlugin{}}}
}
