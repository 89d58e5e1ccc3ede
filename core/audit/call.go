package audit

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Action is what a caller asked for.
type Action string

// The actions of the harness.
const (
	ActionList     Action = "list"     // the names a caller may see
	ActionFind     Action = "find"     // a search
	ActionDescribe Action = "describe" // the whole text of tools or skills
	ActionRun      Action = "run"      // a skill
	ActionCall     Action = "call"     // a tool of a connector
	ActionApprove  Action = "approve"  // a person's answer to an asked call
)

// Outcome is what became of it.
type Outcome string

// The outcomes of a call. Begun is written before the act where the act reaches
// out, so that nothing happens that the log does not know; the entry with the
// same id that follows says how it ended.
const (
	OutcomeBegun    Outcome = "begun"
	OutcomeOK       Outcome = "ok"
	OutcomeError    Outcome = "error"          // it ran, and failed
	OutcomeDenied   Outcome = "denied"         // a rule or a limit refused it
	OutcomeAsked    Outcome = "asked"          // it waits for a person
	OutcomeRejected Outcome = "rejected"       // a person said no
	OutcomeUnknown  Outcome = "unknown"        // no such name, or none that the caller may see
	OutcomeInput    Outcome = "input_required" // it waits for input of its caller; the next round is a call of its own
	OutcomeCanceled Outcome = "canceled"
	OutcomeLost     Outcome = "lost" // the engine ended before it did: whether it had an effect is not known
)

// callPrefix begins the kind of every entry of a call.
const callPrefix = "call."

// Call is the record of one call: who asked for what, by which rule it went or
// did not go, and what came of it. It holds no argument and no result, only what
// proves them: Arguments is a salted hash ([Redactable]), Result a plain digest.
// The order of calls is that of the log, their time that of the entry.
type Call struct {
	ID        string  // of the call, unique in the log: a ULID
	Action    Action  //
	Outcome   Outcome //
	Principal string  // the name, "" when the caller is nobody
	Auth      string  // how the caller proved who it is: an access.Kind, such as "token" or "oauth"
	Client    string  // what the client says it is, such as "inspector/1.2": untrusted
	Session   string  // of a stateful client; "" without
	Connector string  // of a tool
	Tool      string  // the tool's name as the caller knows it
	Skill     string  // of ActionRun
	Run       string  // id of the run that a skill's call made
	// Definition is the digest of the tool's definition that was called,
	// "sha256:" and 64 hexadecimal digits; for a skill that of its folder.
	Definition string
	// Arguments is the field that Redactable made of the arguments in canonical
	// JSON; keep salt and value under store.TableRedactable in the same commit.
	Arguments json.RawMessage
	Result    string // digest of the result as it was handed over, "sha256:…"
	Bytes     int64  // length of the result before it was cut
	Rule      string // the rule or limit that decided; "" when the default did
	Reason    string // why it failed or was refused, for people: no secrets, at most MaxReason bytes
	Approval  string // id of the approval that let it pass, or that it waits for
	Approver  string // who answered, in ActionApprove
	Duration  time.Duration
	Cost      int64 // micro-dollars
	// Traceparent is the W3C trace context of the call, 55 characters; "" without.
	Traceparent string
}

// MaxReason bounds Call.Reason in bytes.
const MaxReason = 1024

// call is the shape of Call in the data of an entry. Members are never renamed
// and never change their meaning; new ones are left out when they are empty.
type call struct {
	ID          string          `json:"id"`
	Action      Action          `json:"action"`
	Outcome     Outcome         `json:"outcome"`
	Principal   string          `json:"principal,omitempty"`
	Auth        string          `json:"auth,omitempty"`
	Client      string          `json:"client,omitempty"`
	Session     string          `json:"session,omitempty"`
	Connector   string          `json:"connector,omitempty"`
	Tool        string          `json:"tool,omitempty"`
	Definition  string          `json:"definition,omitempty"`
	Arguments   json.RawMessage `json:"arguments,omitempty"`
	Result      string          `json:"result,omitempty"`
	Bytes       int64           `json:"bytes,omitempty"`
	Rule        string          `json:"rule,omitempty"`
	Reason      string          `json:"reason,omitempty"`
	Approval    string          `json:"approval,omitempty"`
	Approver    string          `json:"approver,omitempty"`
	DurationUS  int64           `json:"duration_us,omitempty"`
	Cost        int64           `json:"cost,omitempty"`
	Traceparent string          `json:"traceparent,omitempty"`
}

// Kind is the kind of the call's entry: "call." and the action, or how it was
// kept from happening: call.begin, call.deny, call.ask.
func (c Call) Kind() string {
	switch c.Outcome {
	case OutcomeBegun:
		return callPrefix + "begin"
	case OutcomeDenied, OutcomeUnknown:
		return callPrefix + "deny"
	case OutcomeAsked:
		return callPrefix + "ask"
	}
	return callPrefix + string(c.Action)
}

// Entry makes the audit entry of the call. It refuses a call that a reader could
// not read back: a missing id, an unknown action or outcome, a digest that is
// none, arguments that are not a salted hash.
func (c Call) Entry(scope string, at time.Time) (store.Entry, error) {
	if err := c.check(); err != nil {
		return store.Entry{}, fmt.Errorf("audit record of call %q: %w", c.ID, err)
	}
	data, err := canonjson.Marshal(call{
		ID: c.ID, Action: c.Action, Outcome: c.Outcome, Principal: c.Principal, Auth: c.Auth, Client: c.Client, Session: c.Session,
		Connector: c.Connector, Tool: c.Tool, Definition: c.Definition, Arguments: c.Arguments, Result: c.Result, Bytes: c.Bytes,
		Rule: c.Rule, Reason: c.Reason, Approval: c.Approval, Approver: c.Approver,
		DurationUS: c.Duration.Microseconds(), Cost: c.Cost, Traceparent: c.Traceparent,
	})
	if err != nil {
		return store.Entry{}, fmt.Errorf("audit record of call %q: %w", c.ID, err)
	}
	return store.Entry{Time: at, Kind: c.Kind(), Scope: scope, Skill: c.Skill, Run: c.Run, Data: data}, nil
}

// CallOf reads the call back from an entry that Entry made; ok is false for
// entries of other kinds.
func CallOf(e store.Entry) (c Call, ok bool, err error) {
	if !strings.HasPrefix(e.Kind, callPrefix) {
		return Call{}, false, nil
	}
	var d call
	dec := json.NewDecoder(bytes.NewReader(e.Data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Call{}, true, fmt.Errorf("the record of a call that this program cannot read (%w): a newer one may have written it", err)
	}
	c = Call{
		ID: d.ID, Action: d.Action, Outcome: d.Outcome, Principal: d.Principal, Auth: d.Auth, Client: d.Client, Session: d.Session,
		Connector: d.Connector, Tool: d.Tool, Skill: e.Skill, Run: e.Run, Definition: d.Definition, Arguments: d.Arguments,
		Result: d.Result, Bytes: d.Bytes, Rule: d.Rule, Reason: d.Reason, Approval: d.Approval, Approver: d.Approver,
		Duration: time.Duration(d.DurationUS) * time.Microsecond, Cost: d.Cost, Traceparent: d.Traceparent,
	}
	if err := c.check(); err != nil {
		return Call{}, true, fmt.Errorf("the record of call %q: %w", d.ID, err)
	}
	if c.Kind() != e.Kind {
		return Call{}, true, fmt.Errorf("the record of call %q is of the kind %s and says it is of %s", d.ID, e.Kind, c.Kind())
	}
	return c, true, nil
}

var (
	callID      = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._:-]{0,127}$`)
	traceparent = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)
)

// maxDuration keeps microseconds exact in JSON's numbers; it is 285 years.
const maxDuration = time.Duration(1<<53-1) * time.Microsecond

func (c Call) check() error {
	if !callID.MatchString(c.ID) {
		return errors.New("its id must be letters, digits, '.', '_', ':' and '-', at most 128")
	}
	switch c.Action {
	case ActionList, ActionFind, ActionDescribe, ActionRun, ActionCall, ActionApprove:
	default:
		return fmt.Errorf("there is no action %q", c.Action)
	}
	switch c.Outcome {
	case OutcomeBegun, OutcomeOK, OutcomeError, OutcomeDenied, OutcomeAsked, OutcomeRejected, OutcomeUnknown, OutcomeInput, OutcomeCanceled, OutcomeLost:
	default:
		return fmt.Errorf("there is no outcome %q", c.Outcome)
	}
	if c.Bytes < 0 || c.Bytes >= 1<<53 || c.Cost < 0 || c.Cost >= 1<<53 || c.Duration < 0 || c.Duration > maxDuration {
		return errors.New("its bytes, cost or duration are out of range")
	}
	if len(c.Reason) > MaxReason {
		return fmt.Errorf("its reason has %d bytes, at most %d are kept", len(c.Reason), MaxReason)
	}
	if c.Traceparent != "" && !traceparent.MatchString(c.Traceparent) {
		return fmt.Errorf("%q is no traceparent", c.Traceparent)
	}
	for _, digest := range []string{c.Definition, c.Result} {
		if digest != "" && !isDigest(digest) {
			return fmt.Errorf("%q is no digest (sha256: and 64 hexadecimal digits)", digest)
		}
	}
	if len(c.Arguments) > 0 {
		return checkRedactable(c.Arguments)
	}
	return nil
}

// checkRedactable keeps arguments out that were not hashed.
func checkRedactable(field json.RawMessage) error {
	var r redactable
	dec := json.NewDecoder(bytes.NewReader(field))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil || dec.More() || !isDigest(r.Redactable) {
		return errors.New("its arguments must be a salted hash, as audit.Redactable makes it")
	}
	return nil
}

func isDigest(s string) bool {
	digits, ok := strings.CutPrefix(s, "sha256:")
	if !ok || len(digits) != 64 || strings.ToLower(digits) != digits {
		return false
	}
	_, err := hex.DecodeString(digits)
	return err == nil
}

// FoundCall is one entry of a call, with its place in the log.
type FoundCall struct {
	Index int64
	Entry store.Entry
	Call  Call
}

// FindCall returns the entries of the call with that id, in the order of the
// log: usually one, two where the act reached out (begun, then its end), more
// where a person was asked. None is store.ErrNotFound. It reads the whole log
// once, and decodes only the entries that name the id.
func FindCall(r store.Reader, id string) ([]FoundCall, error) {
	if !callID.MatchString(id) {
		return nil, fmt.Errorf("%q is no id of a call: letters, digits, '.', '_', ':' and '-', at most 128", id)
	}
	var found []FoundCall
	quoted, prefix := []byte(`"id":"`+id+`"`), []byte(`"kind":"`+callPrefix)
	err := r.Scan(store.Key(store.TableAuditEntry, ""), func(key, data []byte) error {
		if !bytes.Contains(data, quoted) || !bytes.Contains(data, prefix) {
			return nil
		}
		index, err := indexOf(key)
		if err != nil {
			return err
		}
		e, err := DecodeEntry(data)
		if err != nil {
			return fmt.Errorf("audit entry %d: %w", index, err)
		}
		c, ok, err := CallOf(e)
		if err != nil {
			return fmt.Errorf("audit entry %d: %w", index, err)
		}
		if ok && c.ID == id {
			found = append(found, FoundCall{Index: index, Entry: e, Call: c})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for call %s: %w", id, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the audit log has no call %s: %w", id, store.ErrNotFound)
	}
	return found, nil
}
