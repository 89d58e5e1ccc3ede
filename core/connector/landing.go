package connector

import (
	"context"
	"encoding/json"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type set struct{}
type core struct{ config Config }
type view struct{}

func newSet(Host, []Config) (*Set, error)                     { return &Set{}, nil }
func (set) get(string) (*Connector, bool)                     { return nil, false }
func (set) all() []*Connector                                 { return nil }
func (set) health() []Health                                  { return nil }
func (set) find(string) (*Connector, Definition, error)       { return nil, Definition{}, errLanding }
func (set) close() error                                      { return nil }
func (core) healthNow() Health                                { return Health{} }
func (core) last() *Catalogue                                 { return nil }
func (core) catalogue(context.Context) (*Catalogue, error)    { return nil, errLanding }
func (core) refresh(context.Context) (*Catalogue, error)      { return nil, errLanding }
func (core) quarantine(string)                                {}
func (core) stop() error                                      { return nil }
func (view) init() *mcp.InitializeResult                      { return nil }
func (view) subscribe(context.Context, string) error          { return errLanding }
func (view) unsubscribe(context.Context, string) error        { return errLanding }
func (view) setLevel(context.Context, mcp.LoggingLevel) error { return errLanding }
func (view) close() error                                     { return nil }
func (core) call(context.Context, string, json.RawMessage, Options) (*Result, error) {
	return nil, errLanding
}
func (core) session(context.Context, SessionOptions) (*Session, error) { return nil, errLanding }
func (view) raw(context.Context, string, any) (json.RawMessage, error) { return nil, errLanding }
func (view) callTool(context.Context, string, json.RawMessage, Options) (*Result, error) {
	return nil, errLanding
}
func ask[T any](context.Context, *Session, string, any) (*T, error) { return nil, errLanding }

var errLanding = &Error{Kind: Closed, Text: "this package is being written; its API is what stands here"}
