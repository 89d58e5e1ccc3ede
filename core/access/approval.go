package access

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// PendingFor is how long a person has to answer. What nobody answered in that time
// has lapsed, and is asked again.
const PendingFor = 24 * time.Hour

// State of an approval. Approved is the only one that lets a call through.
type State string

// The states: pending, then approved or refused, and an approved one is used.
const (
	Pending  State = "pending"
	Approved State = "approved"
	Refused  State = "refused"
	Used     State = "used"
	Lapsed   State = "lapsed" // its time ran out; a clock that is set back does not bring it back
)

// Approval is one call that a person is asked about. It is bound to who calls what
// with which arguments, and to the definition of the tool: whatever of that changes,
// it is another call. One approval lets one call through: whoever wants the same
// again asks again, also when the call failed, because nobody knows then how far it
// came.
//
// It is a value without secrets: the id that a caller presents opens nothing for
// anybody else. The caller of this package keeps it in the store under its ID, and
// must make Use and the store's write one transaction, so that two calls cannot use
// it at once.
type Approval struct {
	State     State  `json:"state"`
	Name      string `json:"principal"`
	Scope     string `json:"scope"`
	Kind      string `json:"kind"`
	Skill     string `json:"skill,omitempty"`
	Connector string `json:"connector,omitempty"`
	Tool      string `json:"tool,omitempty"`
	// Definition is the digest of the tool's definition, or of the skill's version;
	// Arguments that of the arguments in canonical JSON.
	Definition string        `json:"definition"`
	Arguments  string        `json:"arguments"`
	Rule       string        `json:"rule"` // that asked
	Valid      time.Duration `json:"valid_ns"`
	Approvers  [][]string    `json:"approvers,omitempty"`
	Asked      time.Time     `json:"asked"`
	By         string        `json:"by,omitempty"` // who answered
	ByKind     string        `json:"by_kind,omitempty"`
	Note       string        `json:"note,omitempty"`
	Answered   time.Time     `json:"answered,omitzero"`
	Ended      time.Time     `json:"ended,omitzero"` // used, or lapsed
}

// NewApproval makes the pending approval of a request that Decide answered with Ask.
func NewApproval(r Request, d Decision) (Approval, error) {
	if d.Effect != Ask || d.Valid <= 0 {
		return Approval{}, errors.New("this decision asks nobody")
	}
	if r.Action.Looks() || r.Definition == "" || r.At.IsZero() {
		return Approval{}, errors.New("an approval is bound to a call, its definition and its time, and one of them is missing")
	}
	args, err := ArgumentsDigest(r.Arguments)
	if err != nil {
		return Approval{}, err
	}
	return Approval{
		State: Pending, Name: r.Principal.Name, Scope: r.Principal.scope(), Kind: r.Principal.Kind,
		Skill: r.Skill, Connector: r.Connector, Tool: r.Tool, Definition: r.Definition, Arguments: args,
		Rule: d.Rule, Valid: d.Valid, Approvers: d.Approvers, Asked: r.At.UTC(),
	}, nil
}

// ArgumentsDigest is the SHA-256 of arguments in canonical JSON, "sha256:..."; no
// arguments are an empty object. Arguments that have no canonical form (a member
// twice, an integer beyond 53 bits) cannot be bound to anything, and are an error.
func ArgumentsDigest(raw json.RawMessage) (string, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	canonical, err := canonjson.Transform(raw)
	if err != nil {
		return "", fmt.Errorf("an approval cannot be bound to these arguments: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// ID names the approval by what it is bound to: 32 hexadecimal digits. The same call
// asked about twice is one approval.
func (a Approval) ID() string {
	h := sha256.New()
	for _, part := range []string{"plimsoll approval 1", a.Kind, a.Scope, a.Name, a.Skill, a.Connector, a.Tool, a.Definition, a.Arguments} {
		fmt.Fprintf(h, "%d:%s,", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// At is the approval as it stands at a time: its time may have run out. A caller that
// sees it lapse writes that down, so that no clock brings it back.
func (a Approval) At(now time.Time) Approval {
	var end time.Time
	switch a.State {
	case Pending:
		end = a.Asked.Add(PendingFor)
	case Approved:
		end = a.Answered.Add(a.Valid)
	default:
		return a
	}
	if !now.Before(end) {
		a.State, a.Ended = Lapsed, end
	}
	return a
}

// Open tells whether asking again would change nothing: the approval waits for a
// person, or for its call. Otherwise a new one takes its place under the same ID.
func (a Approval) Open(now time.Time) bool {
	s := a.At(now).State
	return s == Pending || s == Approved
}

// Approve records that a person says yes.
func (a Approval) Approve(by Principal, now time.Time) (Approval, error) {
	a, err := a.answer(by, "", now)
	if err == nil {
		a.State = Approved
	}
	return a, err
}

// Refuse records that a person says no, and why.
func (a Approval) Refuse(by Principal, note string, now time.Time) (Approval, error) {
	a, err := a.answer(by, note, now)
	if err == nil {
		a.State = Refused
	}
	return a, err
}

// Answers tells why somebody cannot say yes or no to it; nil when they can.
func (a Approval) Answers(by Principal) error {
	switch {
	case by.Name == "":
		return errors.New("an answer needs a name")
	case by.Name == a.Name && by.Kind == a.Kind:
		return errors.New("nobody answers for their own call")
	}
	for _, roles := range a.Approvers {
		if !slices.ContainsFunc(by.Roles, func(r string) bool { return slices.Contains(roles, r) }) {
			return fmt.Errorf("%s has none of the roles that answer for this: %v", by.Name, roles)
		}
	}
	if len(a.Approvers) == 0 && by.Kind != KindCLI {
		return errors.New("the rule names no approvers, so it is answered at the command line")
	}
	return nil
}

// Use records that the call is about to be made. It fails when Permits does.
func (a Approval) Use(r Request) (Approval, error) {
	if err := a.Permits(r); err != nil {
		return a, err
	}
	a.State, a.Ended = Used, r.At.UTC()
	return a, nil
}

func (a Approval) answer(by Principal, note string, now time.Time) (Approval, error) {
	now = now.UTC()
	was := a.At(now)
	switch {
	case was.State == Lapsed:
		return was, errors.New("nobody answered in time; let the call be asked again")
	case was.State != Pending:
		return a, fmt.Errorf("this was answered already: it is %s", was.State)
	case now.Before(a.Asked):
		return a, errors.New("the clock went back: this was asked later than now")
	}
	if err := a.Answers(by); err != nil {
		return a, err
	}
	a.By, a.ByKind, a.Note, a.Answered = by.Name, by.Kind, note, now
	return a, nil
}

// Permits tells whether the approval lets this very request through now; the error
// says why not, in words for the caller.
func (a Approval) Permits(r Request) error {
	args, err := ArgumentsDigest(r.Arguments)
	if err != nil {
		return err
	}
	now := a.At(r.At)
	switch {
	case a.Name != r.Principal.Name || a.Scope != r.Principal.scope() || a.Kind != r.Principal.Kind:
		return errors.New("there is no such approval") // somebody else's is nobody's business
	case a.Skill != r.Skill || a.Connector != r.Connector || a.Tool != r.Tool:
		return errors.New("the approval is for another call")
	case a.Definition == "" || a.Definition != r.Definition:
		return errors.New("the definition has changed since it was approved")
	case a.Arguments != args:
		return errors.New("the approval is for other arguments")
	case r.At.Before(a.Asked) || r.At.Before(a.Answered):
		return errors.New("the clock went back: the approval is from later than now")
	}
	switch now.State {
	case Approved:
		return nil
	case Pending:
		return errors.New("nobody has answered yet")
	case Refused:
		return errors.New("a person said no")
	case Used:
		return errors.New("the approval was used: each lets one call through")
	case Lapsed:
		return errors.New("the approval's time has run out")
	}
	return errors.New("the approval is in no known state")
}

// Encode is the approval's one form in bytes: canonical JSON.
func (a Approval) Encode() ([]byte, error) { return canonjson.Marshal(a) }

// DecodeApproval reads what Encode wrote, and nothing else: unknown members, other
// spellings and states that no sequence of answers leads to are errors.
func DecodeApproval(raw []byte) (Approval, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var a Approval
	if err := d.Decode(&a); err != nil {
		return Approval{}, fmt.Errorf("reading an approval: %w", err)
	}
	again, err := a.Encode()
	if err != nil || !bytes.Equal(again, raw) {
		return Approval{}, errors.New("reading an approval: it is not as it was written")
	}
	answered := !a.Answered.IsZero()
	ended := !a.Ended.IsZero()
	sound := false
	switch a.State {
	case Pending:
		sound = !answered && !ended
	case Approved, Refused:
		sound = answered && !ended
	case Used:
		sound = answered && ended
	case Lapsed:
		sound = ended
	}
	if !sound || a.Asked.IsZero() || a.Valid <= 0 || cmp.Or(a.Tool, a.Skill) == "" || answered && (a.By == "" || a.Answered.Before(a.Asked)) || ended && a.Ended.Before(a.Asked) {
		return Approval{}, errors.New("reading an approval: it contradicts itself")
	}
	return a, nil
}
