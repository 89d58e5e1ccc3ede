package config

import (
	"net/netip"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Connector is a `connector "NAME"` block: an upstream MCP server whose tools
// are offered under the project's own access rules. Exactly one of Command and
// URL is set in a project without errors. What the block does not say is filled
// in from its kind (see Kinds).
type Connector struct {
	Name    string
	Command []string // the program and its arguments, without a shell
	URL     string   // of a streamable HTTP server
	Env     []string // names of the only variables that the subprocess sees
	Kind    Kind     // the pattern, with its defaults
	// Prefix stands before the names of its tools, with an underscore between:
	// prefix "github" makes issues_create github_issues_create. "" has none.
	Prefix  string
	Tools   []string  // patterns (see MatchName) over its own names; nil offers all
	Headers []*Header // sent with every request; of a URL only

	Timeout     time.Duration // of one call, above 0
	OutputLimit int64         // bytes of one result that the caller gets; the rest is kept as a blob
	Concurrency int           // calls at the same time, at least 1
	Idle        time.Duration // stopped after so long without a call; 0 never

	Private   []netip.Prefix // ranges that are not public and yet allowed; of a URL only
	Plaintext bool           // http is allowed
	CA        string         // PEM of the authorities that are trusted instead of the system's; ""
	Revision  string         // "auto", "2025-11-25" or "2026-07-28"

	ReadOnly  bool   // only tools that say they are read-only are offered
	Strict    bool   // arguments that a tool's schema does not name are refused
	Sanitise  bool   // hidden characters are taken out of the text of results
	MaxTools  int    // a model should see no more of it; 0 is no limit
	Job       string // its tool (own name) that a slow call's handle is asked with; ""
	Rollback  string // its tool (own name) that is called after a call failed half way; ""
	Session   *Session
	Range     diag.Range
	URLRange  diag.Range // of url, or of the block
	ToolRange diag.Range // of tools, or of the block
}

// Session bounds the sessions of a connector that keeps state between calls.
type Session struct {
	Lifetime time.Duration // after which it ends, used or not; 0 never
	Max      int           // at the same time
	Range    diag.Range    // of the block; of the connector where the kind sets it
}

// Header is an HTTP header of a connector or of the embeddings. Exactly one of
// Env, File and Value is set. A secret is never a Value.
type Header struct {
	Name   string // canonical: "Authorization"
	Env    string // name of the environment variable with the value
	File   string // file with the value, absolute; a trailing line break is no part of it
	Value  string // for what is no secret
	Prefix string // before the value of Env or File: "Bearer "
	Range  diag.Range
}

// Offers tells whether one of the connector's tools is offered, by its own
// name.
func (c *Connector) Offers(tool string) bool {
	if c.Tools == nil {
		return true
	}
	for _, p := range c.Tools {
		if MatchName(p, tool) {
			return true
		}
	}
	return false
}

// Prefixed is the name under which a tool is offered.
func (c *Connector) Prefixed(tool string) string {
	if c.Prefix == "" {
		return tool
	}
	return c.Prefix + "_" + tool
}

// Connector finds a connector by name, or nil.
func (p *Project) Connector(name string) *Connector {
	for _, c := range p.Connectors {
		if c.Name == name {
			return c
		}
	}
	return nil
}
