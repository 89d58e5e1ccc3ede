package wire

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
)

type caller func(ctx context.Context, r Request, revision string) (*Response, error)

// handshakeLimit is how large a server's description of itself may be.
const handshakeLimit = 4 << 20

// discover asks a server of 2026-07-28 what it is.
func discover(ctx context.Context, call caller, cfg *Config) (Server, error) {
	res, err := call(ctx, Request{Method: "server/discover", Limit: handshakeLimit}, Stateless)
	if err != nil {
		return Server{}, err
	}
	var v struct {
		Versions     []string                   `json:"supportedVersions"`
		Capabilities json.RawMessage            `json:"capabilities"`
		Instructions string                     `json:"instructions"`
		Meta         map[string]json.RawMessage `json:"_meta"`
		Info         json.RawMessage            `json:"serverInfo"`
	}
	if err := json.Unmarshal(res.Result, &v); err != nil {
		return Server{}, fault(Protocol, "its answer to server/discover: %w", err)
	}
	if !slices.Contains(v.Versions, Stateless) {
		return Server{}, &Fault{Kind: Upstream, Text: "it does not speak " + Stateless, Answer: &Answer{Code: CodeUnsupportedVersion, Message: "no version in common"}}
	}
	info := v.Meta[metaServer]
	if len(info) == 0 {
		info = v.Info
	}
	return Server{Revision: Stateless, Info: info, Capabilities: v.Capabilities, Instructions: v.Instructions}, nil
}

// initialize shakes hands as 2025-11-25 and older do.
func initialize(ctx context.Context, call caller, send func(context.Context, string, any) error, cfg *Config) (Server, error) {
	params, err := marshal(map[string]any{
		"protocolVersion": Legacy,
		"clientInfo":      map[string]string{"name": cfg.Name, "version": cfg.Version},
		"capabilities":    cfg.Capabilities,
	})
	if err != nil {
		return Server{}, err
	}
	res, err := call(ctx, Request{Method: "initialize", Params: params, Limit: handshakeLimit}, Legacy)
	if err != nil {
		return Server{}, err
	}
	var v struct {
		Version      string          `json:"protocolVersion"`
		Capabilities json.RawMessage `json:"capabilities"`
		Info         json.RawMessage `json:"serverInfo"`
		Instructions string          `json:"instructions"`
	}
	if err := json.Unmarshal(res.Result, &v); err != nil {
		return Server{}, fault(Protocol, "its answer to initialize: %w", err)
	}
	if !slices.Contains(known, v.Version) {
		return Server{}, fault(Protocol, "it chose the protocol revision %q; known are %v and %s", Show(v.Version, 40), known, Stateless)
	}
	if err := send(ctx, "notifications/initialized", struct{}{}); err != nil {
		return Server{}, err
	}
	return Server{Revision: v.Version, Info: v.Info, Capabilities: v.Capabilities, Instructions: v.Instructions}, nil
}

// isAnswer tells whether the server answered at all, with a refusal.
func isAnswer(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Kind == Upstream
}
