package config

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Access is the `access` block: who may call what.
type Access struct {
	Unmatched string   // what holds where no rule matches: "careful", "deny" or "allow"
	Redact    []string // argument members whose values are stored as salted hashes only: a name, or a path with *
	Rules     []*AccessRule
	Limits    []*AccessLimit
	Range     diag.Range // the zero range without a block
}

// Match says what a rule or a limit is about: patterns (see MatchName), any of
// which is enough in each list, and of every list that is not nil one must
// match. Tools are prefixed names; connectors are names. Where Tools and Skills
// are both given, a tool of Tools or a skill of Skills matches. Without any it
// is about everything.
type Match struct {
	Tools      []string
	Skills     []string
	Connectors []string
	Roles      []string // the caller has one of them
}

// Everything tells that nothing narrows the match.
func (m Match) Everything() bool {
	return m.Tools == nil && m.Skills == nil && m.Connectors == nil && m.Roles == nil
}

// AccessRule is a `rule "TITLE"` block. Deny beats ask beats allow, whatever
// the order.
type AccessRule struct {
	Name string // a title: any text of one line
	Match
	When      *Expr  // nil is true; core/access compiles it
	Effect    string // "allow", "deny" or "ask"
	Reason    string // shown to who is refused or must ask; ""
	Valid     time.Duration
	Approvers []string // roles of an `ask`; nil is anybody who can use the command line
	Range     diag.Range
}

// AccessLimit is a `limit "TITLE"` block: a number of calls in a window of
// time.
type AccessLimit struct {
	Name string
	Match
	Per    string // whose calls are counted together: "principal", "session" or "connector"
	Calls  int    // at least 1
	Within time.Duration
	Range  diag.Range
}

// Of an access block that does not say otherwise.
const (
	defaultUnmatched = "careful"
	// DefaultValid is how long an approval holds that says nothing else.
	DefaultValid = time.Hour
)

// Accessing is the access block, or what holds without one: careful, without
// rules and limits.
func (p *Project) Accessing() *Access {
	if p.Access == nil {
		return &Access{Unmatched: defaultUnmatched}
	}
	return p.Access
}
