// Package lock holds upstream servers to the tool definitions that a person
// approved. A definition is pinned by the SHA-256 of its canonical JSON, a server by
// the digest of the set of them; both stand in the lock file (hcl/lockfile). The
// definitions themselves stand in a Book beside it, so that a change can be shown.
//
// A server offers exactly what was approved, or nothing of it: one definition that
// is new, changed or gone, one that cannot be read, a name twice, or a lock file
// that contradicts itself, and none of its tools may be called or shown. A server
// that nobody approved yet offers nothing either. What is hashed is what the server
// sent, member by member, known or not: no field of a definition is outside of it.
//
// The package must not call a server, nor write a file; it never trusts a text of a
// definition, and shows hidden characters where it shows one.
//
//	report := lock.Check("github", locked, catalogue) // the raw definitions that are offered
//	if report.State != lock.OK {
//		return report.Reason // plimsoll connector diff github
//	}
//	for _, t := range report.Tools { ... } // t.Digest, t.Annotations: as pinned
package lock

import (
	"encoding/json"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// Status of one tool.
type Status string

// The statuses.
const (
	Pinned  Status = "pinned"  // as it was approved
	New     Status = "new"     // not in the lock file
	Changed Status = "changed" // in the lock file with another definition
	Gone    Status = "gone"    // in the lock file, and not offered
	Broken  Status = "broken"  // cannot be read, so it has no digest; or its name stands twice
)

// State of a server.
type State string

// The states. Only OK lets anything through.
const (
	OK          State = "ok"
	Unapproved  State = "unapproved"  // nothing of the server is in the lock file
	Quarantined State = "quarantined" // something is not as it was approved
)

// Tool is what became of one definition.
type Tool struct {
	Name        string // the server's own name for it, "" when there is none
	Status      Status
	Digest      string             // of the definition as offered; "" when gone or broken
	Locked      string             // digest in the lock file; "" when new
	Definition  json.RawMessage    // as offered, in canonical JSON; nil when gone or broken
	Annotations access.Annotations // zero unless pinned
	Problem     string             // why it is broken
}

// Report is the verdict on a server's catalogue.
type Report struct {
	Connector string
	State     State
	Tools     []Tool // by name; the broken ones without a name last
	Set       string // digest of the set as offered; "" when something in it is broken
	Locked    string // digest of the set in the lock file; "" when there is none
	Reason    string // why the state is not OK, with what to do; "" when it is
}

// Tool finds a tool by its name. The server must be OK: nothing of any other is
// handed out.
func (r Report) Tool(name string) (Tool, bool) {
	if r.State == OK {
		for _, t := range r.Tools {
			if t.Name == name && t.Status == Pinned {
				return t, true
			}
		}
	}
	return Tool{}, false
}
