// Package connector keeps the MCP servers behind Plimsoll: it starts them when
// they are first needed, speaks both protocol revisions to them, knows what they
// offer, calls their tools within bounds, and ends them without leaving a
// process behind.
//
// It decides nothing about who may call what: that is core/access. It pins
// nothing: that is core/connector/lock. What a server sends is untrusted, bounded
// and handed on as the bytes that came; nothing in it steers this package.
//
//	set, err := connector.New(connector.Host{Now: clock, Spill: blobs}, connector.Config{Name: "github", Command: argv})
//	defer set.Close()
//	c, _ := set.Get("github")
//	list, err := c.Catalogue(ctx)                          // may be the last good one, and says so
//	res, err := c.Call(ctx, "issues_list", args, connector.Options{Principal: "ci"})
//	var e *connector.Error; if errors.As(err, &e) { ... }  // e.Kind, and a text that says what to do
package connector

import (
	"log/slog"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/connector/egress"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// Config is one connector as it was declared. Either Command or URL is set.
type Config struct {
	Name    string
	Command []string // a server over stdio: program and arguments
	Dir     string   // its working folder; "" is the host's
	Env     []string // names of the only variables that it sees, besides PATH, HOME and the like (a short list without secrets)
	URL     string   // a server over streamable HTTP

	Headers   []egress.Header // sent with every request; secrets by reference
	Private   []string        // address ranges (CIDR) that are not public and yet allowed
	Plaintext bool            // http allowed
	CA        []byte          // PEM; trusted in place of the system's roots when given

	Prefix   string   // "github" makes github_issues_create; "" none
	Tools    []string // patterns of its own names that are offered; none means all
	Rollback string   // its own name of a tool that only calls with Options.Rollback reach when Tools does not offer it; "" none
	Revision string   // "", "auto", "2025-11-25" or "2026-07-28"

	Timeout     time.Duration // of one call; 0 is 30 s
	Start       time.Duration // of a start with its handshake; 0 is 30 s (npx downloads on the first)
	Idle        time.Duration // stopped after so long without a call; 0 is 10 min, below 0 is never
	OutputLimit int64         // bytes of a result that a caller gets whole; 0 is 1 MiB
	HardLimit   int64         // bytes of a result that are kept at all; 0 is 64 MiB
	Concurrency int           // calls at once; 0 is 8
	Relist      time.Duration // the catalogue is asked for again after so long; 0 is 5 min (a server's own ttlMs wins, within 10 s and 1 h)

	Stateful     bool          // one upstream session for every caller session
	Lifetime     time.Duration // of such a session; 0 is 1 h, below 0 is without end
	SessionLimit int           // of such sessions at once; 0 is 16
}

// Host is what the connectors need of the engine. Every member may be left out.
type Host struct {
	Now      func() time.Time                     // the clock; needed
	Lookup   func(name string) (string, bool)     // environment variables; os.LookupEnv when nil
	Keep     Keeper                               // where last-good catalogues survive a restart
	Spill    Spiller                              // where results beyond OutputLimit go; without it they are cut, and say so
	Log      *slog.Logger                         // what an operator should see; secrets are masked
	Key      []byte                               // authenticates request states; random when empty, and then a restart forgets suspended calls, which it does anyway
	Name     string                               // how Plimsoll names itself to servers; "plimsoll" when empty
	Version  string                               // its version; "dev" when empty
	Dial     egress.DialFunc                      // replaces the network in tests
	Look     egress.LookupFunc                    // replaces DNS in tests
	Change   func(connector string, c *Catalogue) // called after every list that differs from the one before; must not block
	Recorder telemetry.Recorder                   // measures requests, restarts and results that were too long; nothing when nil
}

// Keeper keeps the last good catalogue of each connector over restarts. The
// bytes are opaque. Load answers nil, nil when there is none.
type Keeper interface {
	Save(connector string, data []byte) error
	Load(connector string) ([]byte, error)
}
