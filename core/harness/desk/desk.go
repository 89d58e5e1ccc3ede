// Package desk stands between an agent and everything a project has: it finds
// among the skills and tools that a caller may see, describes them, runs skills,
// calls tools, and writes all of it down. Every way in goes through it: the
// meta-tools of core/mcp, connectors that are served whole, the command line.
//
// The order is always the same: authorise, then rank or act, then write down.
// What a caller may not see is answered exactly as what does not exist. A call
// that cannot be written into the audit log does not happen.
//
// It must not speak a protocol (core/mcp does), start a process (core/connector)
// or read the clock; what it needs of the engine it is handed in a Host.
//
//	d := desk.New(host)
//	d.Show(catalogue)                                    // and again whenever it changes
//	found, err := d.Find(ctx, caller, mcp.Find{Queries: []string{"open an issue"}})
//	called, err := d.CallTool(ctx, caller, mcp.CallTool{Tool: "github_issues_create", Arguments: args})
//	d.Close()                                            // what is being written down is finished
package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// Host is what a desk needs of the engine.
type Host struct {
	Scope string
	Now   func() time.Time
	NewID func() string // unique: a ULID

	// Store keeps approvals, what hides behind salted hashes, and the audit log.
	Store store.Store
	// Run runs a skill on its effective tiers.
	Run func(ctx context.Context, skill string, input json.RawMessage) (Run, error)
	// Connector finds an upstream server, or nil.
	Connector func(name string) *connector.Connector
	// Ready holds a server's present list against what was approved; with an error
	// nothing is asked of it.
	Ready func(ctx context.Context, name string) error
	// Stale tells whether a server that should answer does not.
	Stale func(name string) bool
	// Learn takes what a verified use has taught; it is folded into the catalogue
	// when that is made anew. What it returns is written down with the ends of calls:
	// the caller does not wait for it.
	Learn func(harness.Use) []store.Put
	// Asked makes the changes that tell people of a call that waits for them; they
	// belong into the commit that keeps it. nil tells nobody.
	Asked    func(a access.Approval) ([]store.Put, error)
	Recorder telemetry.Recorder
	// Problem tells an operator of what no caller is told.
	Problem func(format string, args ...any)
}

// Run is what a skill came to.
type Run struct {
	ID       string
	Text     string
	Output   json.RawMessage
	Verified bool   // gates were there, and all passed
	Failed   string // why it has no output; "" when it has
	Cost     int64  // micro-dollars
}

// Desk serves one project. It is safe for use by many goroutines.
type Desk struct {
	host    Host
	shown   atomic.Pointer[Catalogue]
	journal *journal
	memory  *memory
	rounds  *rounds
}

// New makes a desk with nothing to show.
func New(h Host) *Desk {
	d := &Desk{host: h, journal: newJournal(h), memory: newMemory(), rounds: newRounds()}
	d.shown.Store(&Catalogue{})
	return d
}

// Show replaces what there is. Calls under way end with what they began with.
func (d *Desk) Show(c *Catalogue) { d.shown.Store(c) }

// Shown is what there is now.
func (d *Desk) Shown() *Catalogue { return d.shown.Load() }

// Close waits until everything that ended is written down.
func (d *Desk) Close() { d.journal.close() }

var (
	_ mcp.Desk    = (*Desk)(nil)
	_ mcp.Library = (*Desk)(nil)
)

// principal names who calls wherever callers are kept apart by a text: a person and a
// token of one name are two, as are those of two tenants.
func principal(c mcp.Caller) string {
	p := c.Principal
	return fmt.Sprintf("%q %q %q", p.Kind, cmp.Or(p.Scope, "default"), p.Name)
}

type callerKey struct{}

// With puts who asks into a context, so that what a skill calls is called by
// whoever runs the skill.
func With(ctx context.Context, c mcp.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// From is who asks, when the context says it.
func From(ctx context.Context) (mcp.Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(mcp.Caller)
	return c, ok
}
