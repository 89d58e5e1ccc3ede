package mcp

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// Caller is who asks. Everything but Principal and Via comes from the client
// and is untrusted: it may be shown and logged, never decided upon.
type Caller struct {
	Principal access.Principal
	// Session names the client's session where the revision has sessions
	// (2025-11-25 and older, and stdio); empty for stateless requests.
	Session string
	// Client is what the client says of itself.
	Client Client
	// Traceparent is W3C trace context: of the span that answers this request, or
	// without a receiver of traces what _meta or the HTTP header says; empty when
	// absent or malformed.
	Traceparent string
	// Via is how the request arrived: "http" or "stdio".
	Via string
}

// Client is a client's own name and version, each cut to 256 bytes.
type Client struct{ Name, Version string }

// Desk answers the four meta-tools. Every method is called concurrently, ends
// soon after ctx ends, and answers with a [*Problem] what an agent can mend; any
// other error is shown as a failure of this program. What the caller may not see
// is answered exactly as what does not exist.
type Desk interface {
	Find(ctx context.Context, c Caller, q Find) (Found, error)
	Describe(ctx context.Context, c Caller, names []string) (Described, error)
	RunSkill(ctx context.Context, c Caller, r RunSkill) (Ran, error)
	CallTool(ctx context.Context, c Caller, r CallTool) (Called, error)
}

// Find asks what fits the queries. Limit is 1..50, Kind "", "skill" or "tool".
type Find struct {
	Queries []string
	Limit   int
	Kind    string
}

// Found is one ranked list over all queries, best first. Empty Hits mean that
// nothing fits well enough; Note then says why and what to try.
type Found struct {
	Hits []Hit
	Note string
}

// Hit is one skill or tool. Stale says that its connector did not answer lately
// and the entry is its last good one.
type Hit struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"` // "skill" or "tool"
	Summary string `json:"summary"`
	Stale   bool   `json:"stale,omitempty"`
}

// Described holds what is known of each name asked for, in the order asked.
type Described struct{ Items []Description }

// Description is all an agent needs to use one skill or tool. Unknown is set,
// with nothing beside Name and Note, when there is no such name for this caller.
type Description struct {
	Name        string          `json:"name"`
	Kind        string          `json:"kind,omitempty"`
	Description string          `json:"description,omitempty"`
	Input       json.RawMessage `json:"input,omitempty"`       // JSON Schema
	Output      json.RawMessage `json:"output,omitempty"`      // JSON Schema
	Annotations json.RawMessage `json:"annotations,omitempty"` // of a tool, as its server gave them: untrusted
	Approval    bool            `json:"approval,omitempty"`    // a call must be approved first
	Stale       bool            `json:"stale,omitempty"`
	Unknown     bool            `json:"unknown,omitempty"`
	Note        string          `json:"note,omitempty"`
}

// RunSkill runs a skill. Input is a JSON object, or null for none.
type RunSkill struct {
	Skill    string
	Input    json.RawMessage
	Approval string // id of an approval, when the desk asked for one
	// Progress tells the client how far the run is; never nil.
	Progress func(done, total float64, message string)
}

// Ran is a skill's answer: text, a JSON value, or both.
type Ran struct {
	Run    string          // id of the run
	Text   string          // what a reader sees
	Output json.RawMessage // the structured output, if the skill has one
}

// CallTool calls an upstream tool. Arguments is a JSON object, or null for none.
type CallTool struct {
	Tool      string
	Arguments json.RawMessage
	Approval  string // id of an approval, when the desk asked for one
	// Retry carries the answers to what the tool asked for before.
	Retry Retry
	// Peer is the client, for what the upstream tells and asks during the call.
	// Ask says that it can be asked at once (older revisions); otherwise a tool
	// that asks is suspended and Called.Result is input_required.
	Peer Peer
	Ask  bool
	// Capabilities are the client's ClientCapabilities, or nil: a tool is told of
	// nothing else.
	Capabilities json.RawMessage
}

// Retry is the second half of a multi round-trip request (SEP-2322): the
// inputResponses and the requestState of the client, as they came.
type Retry struct {
	Responses json.RawMessage // a JSON object, or nil
	State     string
}

// Called is the upstream's CallToolResult as it came: content,
// structuredContent, isError, or inputRequests and requestState when the tool
// asks for something first. Blob names the stored rest of an output that was cut.
type Called struct {
	Result json.RawMessage
	Blob   string // "sha256:…", or empty
}

// Problem is an error that an agent can act upon. Each part is a sentence in
// plain words; none of them names what the caller may not see.
type Problem struct {
	Code string // one of the codes below
	What string // what is wrong
	Why  string // why it is so; may be empty
	Next string // what to do; may be empty
	// Approval is the id of the approval to wait for, with CodeApproval.
	Approval string
}

// Codes of problems.
const (
	CodeUnknown     = "unknown"     // no such name for this caller
	CodeInvalid     = "invalid"     // the input does not fit the schema
	CodeDenied      = "denied"      // a rule refuses it
	CodeApproval    = "approval"    // a person has to approve first
	CodeLimited     = "limited"     // too many calls
	CodeQuarantined = "quarantined" // the definition changed since it was approved
	CodeUnavailable = "unavailable" // the upstream or an index does not answer
	CodeFailed      = "failed"      // it was tried and failed
)

func (p *Problem) Error() string {
	parts := make([]string, 0, 3)
	for _, s := range []string{p.What, p.Why, p.Next} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}

// Library holds the skills that a caller may read: for prompts, resources and
// the Skills extension. Nothing in it depends on the session, only on the
// principal, and lists are sorted by name so that they are byte-identical.
type Library interface {
	// Skills lists the skills, by name. A failure is an error, never an empty list.
	Skills(ctx context.Context, c Caller) ([]Skill, error)
	// File reads a file of a skill; path as in Skill.Files. It answers with a
	// [*Problem] of CodeUnknown for what there is not, and the bytes have the
	// digest that Skills told, or it is an error.
	File(ctx context.Context, c Caller, skill, path string) ([]byte, error)
	// Result reads a part of a result that was too long and is kept: of the caller's
	// own calls only.
	Result(ctx context.Context, c Caller, digest string, from int64) (Part, error)
	// Prompt fills a skill's instructions in with arguments.
	Prompt(ctx context.Context, c Caller, skill string, arguments map[string]string) (string, error)
}

// Part is a part of a kept result: text from a byte on, the length of the whole,
// and where the next part begins; 0 after the last.
type Part struct {
	Text        string
	Bytes, Next int64
}

// Skill is a skill as the extension lists it.
type Skill struct {
	Name        string
	Description string
	// Frontmatter is the YAML front matter of SKILL.md rendered verbatim as a
	// JSON object; name and description are in it.
	Frontmatter json.RawMessage
	// Files are the files of the skill with SKILL.md among them, by path.
	Files []File
	// Prompt says that the skill is offered as a prompt, with these arguments.
	Prompt    bool
	Arguments []Argument
}

// File is one file of a skill: a slash-separated path from the skill's folder,
// the SHA-256 of its bytes ("sha256:" and 64 lower-case hex digits), their number.
type File struct {
	Path   string
	Digest string
	Size   int64
	MIME   string // text/markdown for SKILL.md; empty when unknown
}

// Argument is one argument of a prompt.
type Argument struct {
	Name, Description string
	Required          bool
}
