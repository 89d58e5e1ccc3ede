package connector

import (
	"context"
	"encoding/json"
)

// Set is all connectors of a project. It is safe for concurrent use.
type Set struct{ set }

// New checks the declarations and starts nothing. Errors of all of them come
// joined.
func New(h Host, configs ...Config) (*Set, error) { return newSet(h, configs) }

// Get finds a connector.
func (s *Set) Get(name string) (*Connector, bool) { return s.get(name) }

// All are the connectors in the order of their names.
func (s *Set) All() []*Connector { return s.all() }

// Health is that of all, in the order of their names.
func (s *Set) Health() []Health { return s.health() }

// Find tells which connector offers a public name, from the catalogues at hand:
// it starts nothing. Two connectors that offer the same name both lose it, and
// the second result says so.
func (s *Set) Find(public string) (c *Connector, tool Definition, err error) { return s.find(public) }

// Close ends all servers and waits for them. Calls under way end as Closed.
func (s *Set) Close() error { return s.close() }

// Connector is one upstream server. It is safe for concurrent use.
type Connector struct{ core }

// Name is the declared one.
func (c *Connector) Name() string { return c.config.Name }

// Config is the declaration with its defaults filled in.
func (c *Connector) Config() Config { return c.config }

// Health never blocks.
func (c *Connector) Health() Health { return c.healthNow() }

// Last is the catalogue at hand, nil when there is none: it starts nothing.
func (c *Connector) Last() *Catalogue { return c.last() }

// Catalogue is what the server offers: the one at hand while it is fresh, else
// asked for again, starting the server when it must. When that fails the last
// good one comes back, marked Stale with the reason; with none at all it is an
// error. It is never an empty list for a failure.
func (c *Connector) Catalogue(ctx context.Context) (*Catalogue, error) { return c.catalogue(ctx) }

// Refresh asks the server now. Unlike Catalogue it returns an error when that
// fails, beside the last good catalogue.
func (c *Connector) Refresh(ctx context.Context) (*Catalogue, error) { return c.refresh(ctx) }

// Quarantine shuts the connector: calls are refused with the reason, lists still
// work, so that the change can be looked at. Release opens it again.
func (c *Connector) Quarantine(reason string) { c.quarantine(reason) }

// Release ends a quarantine.
func (c *Connector) Release() { c.quarantine("") }

// Call calls a tool by the server's own name. args is a JSON object, or empty.
func (c *Connector) Call(ctx context.Context, tool string, args json.RawMessage, o Options) (*Result, error) {
	return c.call(ctx, tool, args, o)
}

// Session is a caller's own view of the whole server, for serving it under its
// own names.
func (c *Connector) Session(ctx context.Context, o SessionOptions) (*Session, error) {
	return c.session(ctx, o)
}

// Stop ends the server; the next call starts it again.
func (c *Connector) Stop() error { return c.stop() }
