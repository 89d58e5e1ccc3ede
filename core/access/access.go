// Package access decides who may call what: the one gate before every list, find,
// describe, run and call. Rules of people are asked first: deny beats ask beats
// allow, whatever their order. What no rule matches is decided carefully: skills
// and read-only tools are allowed, all else is denied. A tool whose definition no
// person approved is denied whatever the rules say.
//
// Everything fails closed. A rule that cannot be evaluated (a member is missing,
// an annotation is not known) never allows: an allow rule does not match then, a
// deny rule and an ask rule deny. What a tool says about itself counts only once
// a person pinned it in the lock (core/connector/lock).
//
// The package is pure: it does no I/O and reads no clock. Times and counters are
// passed in; what it keeps in memory (Meter) is bounded, and can be saved. It must
// not know of MCP, nor how a caller proved who it is.
//
//	policy, diags := access.Compile(project.Accessing())
//	meter := access.NewMeter(policy, access.MeterOptions{})
//	d := meter.Decide(access.Request{Action: access.Call, Principal: p, Connector: "github", Tool: "github_issues_create",
//		Arguments: args, Definition: pinned.Digest, Pinned: true, Annotations: pinned.Annotations, At: now, Session: id})
//	if d.Effect != access.Allow {
//		return errors.New(d.Reason)
//	}
package access

import (
	"encoding/json"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Action is what the caller is about to do.
type Action string

// The actions. At List, Find and Describe the arguments are not known, and the
// question is whether the name may be seen.
const (
	List     Action = "list"
	Find     Action = "find"
	Describe Action = "describe"
	Run      Action = "run"  // a skill
	Call     Action = "call" // a tool
)

// Looks tells whether the action only looks at names.
func (a Action) Looks() bool { return a == List || a == Find || a == Describe }

// Effect is the outcome of a decision. The zero Effect is none, and lets nothing
// through.
type Effect string

// The effects.
const (
	Allow Effect = "allow"
	Deny  Effect = "deny"
	Ask   Effect = "ask" // a person is asked: see Approval
)

// Kinds of principals: how the caller proved who it is. Two principals of one name
// and different kinds are two.
const (
	KindLocal = "local" // over stdio or loopback, without credentials
	KindToken = "token" // a principal block's bearer token
	KindOAuth = "oauth" // an access token of the oauth block's issuer
	KindCLI   = "cli"   // a person at the command line, who approves
)

// Principal is who asks.
type Principal struct {
	Name  string
	Roles []string
	Scope string // the tenant; "" is "default"
	Kind  string // one of the Kind constants
}

// Annotations are what a tool's definition says about the tool. They are a
// stranger's words: only those of a definition that the lock holds may be handed
// to a Request. Nil is not said.
type Annotations struct {
	Title       string
	ReadOnly    *bool
	Destructive *bool
	Idempotent  *bool
	OpenWorld   *bool
}

// Request is what is asked: may this principal do this now?
type Request struct {
	Action    Action
	Principal Principal

	// Tool is the name that callers see ("github_issues_create") and Connector the
	// server that offers it. Skill is the skill to be run; beside a Tool it is the
	// skill that calls the tool.
	Skill     string
	Connector string
	Tool      string

	Arguments   json.RawMessage // a JSON object, or the skill's input; nil is {}. Not looked at when the Action looks
	Definition  string          // digest of the tool's definition, or of the skill's version: what an approval is bound to
	Pinned      bool            // the lock holds this very definition; a tool of a connector without it is denied
	Annotations Annotations     // as pinned; ignored unless Pinned

	At       time.Time
	Session  string   // "" is none
	Counters Counters // of the session, and of the limits: see Meter

	Approval *Approval // that the caller presents, as the store has it; nil is none
}

// Counters are what a decision may know of what happened before.
type Counters struct {
	Calls   int       // of the session, let through
	Denied  int       // of the session
	Asked   int       // of the session
	Tools   []string  // of the session, distinct, in order of their first call
	Lost    bool      // the session called more names than Tools holds: rules that read them fail
	Started time.Time // first call of the session; zero is now
	Spent   []Spent   // the limits that are used up at Request.At, for this request
}

// Spent is a limit that is used up.
type Spent struct {
	Limit string    // its label
	Until time.Time // when the next call fits
}

// Decision is the answer.
type Decision struct {
	Effect Effect
	// Rule is the label of the rule or limit that decided; "" where a default did.
	// Where several rules say the same, it is the first by name.
	Rule string
	// Reason is for the caller: what was decided and why, with no name in it that
	// the caller did not say. For a rule with a reason it is that.
	Reason string
	// Detail is for the operator only: an error of a rule, with its place.
	Detail string
	// Line says what in the config would change the decision. For the operator: it
	// may name rules and files.
	Line  string
	Range diag.Range // of the rule or limit; zero for defaults
	// Valid is how long an approval holds, from the moment of approving. Zero
	// unless Ask, or allowed by an approval.
	Valid time.Duration
	// Approvers: who approves must have a role of every list. Empty is anybody at
	// the command line.
	Approvers [][]string
	// Approval is the id of the approval that turned ask into allow. It must be
	// used up in the store (Approval.Use) before the call is made.
	Approval string
	// Until is when a call that a limit refused fits again; zero otherwise.
	Until time.Time
}

// Visible tells whether the name may be shown: that some arguments are allowed,
// or that a person would be asked.
func (d Decision) Visible() bool { return d.Effect == Allow || d.Effect == Ask }
