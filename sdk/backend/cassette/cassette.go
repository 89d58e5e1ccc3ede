// Package cassette is the format in which model calls are kept and played back:
// offline, byte for byte and delta by delta. A folder holds one JSON file per
// answer, named by the digest of its canonical request, so that two people who
// record at once do not collide and a diff shows what changed.
//
// Failures are answers too: a refusal, a typed error with its retry_after, a call
// that was cut off in the middle are recorded and played again. A call that the
// caller cancelled is not.
//
// It must never hold a secret. Requests carry no headers and no environment, and
// their metadata is left out. The value of a declared variable is refused in a
// request and replaced by its name in an answer, also where it is split over
// deltas, escaped or encoded; what looks like a credential goes from both. And a
// file that was edited is refused when the folder is opened.
//
//	recorded, err := cassette.Record(model, "testdata/calls", write, secrets)
//	resp, err := backend.Collect(ctx, recorded, req) // and a file is there
//	played, err := cassette.Open("testdata/calls")
//	again, err := backend.Collect(ctx, played, req) // the same, without the model
package cassette

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Version of the file format. In version 1 a changed answer went unnoticed.
const Version = 2

// Take is one recorded answer: a file.
type Take struct {
	Version int             `json:"version"`
	Request json.RawMessage `json:"request"` // canonical; see Canonical
	Events  []Event         `json:"events"`
	// Simulated: the recorded backend was a simulation. A replay says so too.
	Simulated bool `json:"simulated,omitempty"`
	// Digest is SHA-256 over all of the above, in hex. It finds what was edited or
	// damaged; who wants to deceive can compute it too.
	Digest string `json:"digest"`
}

// Event is one part of the stream; exactly one member is set. The last one is
// Done or Error, also when the call was cut off (unavailable or cancelled).
type Event struct {
	Text     *string   `json:"text,omitempty"`
	ToolCall *ToolCall `json:"tool_call,omitempty"`
	Done     *Done     `json:"done,omitempty"`
	Error    *Error    `json:"error,omitempty"`
}

// ToolCall is a call with its arguments as a string: nested as JSON they would
// be indented with the file and come back as other bytes.
type ToolCall struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// Done is how an answer ended.
type Done struct {
	Usage  message.Usage  `json:"usage"`
	Finish message.Finish `json:"finish"`
	Model  string         `json:"model"`
}

// Error mirrors backend.Error. Lost says that the call was cut off.
type Error struct {
	Code         backend.ErrorCode `json:"code"`
	Message      string            `json:"message"`
	RetryAfterMS int64             `json:"retry_after_ms,omitempty"`
	Retryable    bool              `json:"retryable,omitempty"`
	Lost         bool              `json:"lost,omitempty"`
}

// Canonical is the part of a request that decides its answer, as canonical JSON
// (RFC 8785). Left out are metadata, the session (it only routes), the idempotency
// key (it differs from call to call, and no replay would ever hit) and cache
// breakpoints (they change what a call costs, never what it says).
// What looks like a credential is replaced, when recording and when playing: the
// call is found all the same, and the file does not hold it.
func Canonical(req message.Request) ([]byte, error) {
	req.Metadata, req.Session, req.Idempotency = nil, "", ""
	req.Messages = slices.Clone(req.Messages)
	for i := range req.Messages {
		req.Messages[i].CacheHere = false
	}
	raw, err := canonjson.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("making the request canonical: %w", err)
	}
	clean := scrub(string(raw))
	if clean == string(raw) {
		return raw, nil
	}
	if raw, err = canonjson.Transform([]byte(clean)); err != nil { // a name in it may have changed its place
		return nil, fmt.Errorf("taking credentials out of the request: %w", err)
	}
	return raw, nil
}

// Encode writes a take as indented JSON with a final newline.
func Encode(t Take) ([]byte, error) {
	t.Version = Version
	if err := t.check(); err != nil {
		return nil, err
	}
	var err error
	if t.Request, err = canonjson.Transform(t.Request); err != nil {
		return nil, fmt.Errorf("writing a recorded call: %w", err)
	}
	if t.Digest, err = t.digest(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(t); err != nil {
		return nil, fmt.Errorf("writing a recorded call: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads a take and refuses one that no recorder writes: another version,
// a key that it does not know, a stream without its end, content that does not
// fit its digest.
func Decode(raw []byte) (Take, error) {
	var t Take
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return Take{}, fmt.Errorf("reading a recorded call: %w", err)
	}
	if d.More() {
		return Take{}, fmt.Errorf("reading a recorded call: something follows the JSON object")
	}
	if t.Version != Version {
		return Take{}, fmt.Errorf("reading a recorded call: it has format version %d and this program reads %d; record it again", t.Version, Version)
	}
	if err := t.check(); err != nil {
		return Take{}, err
	}
	// Files are indented for people; the digest is over the canonical form.
	canon, err := canonjson.Transform(t.Request)
	if err != nil {
		return Take{}, fmt.Errorf("reading a recorded call: %w", err)
	}
	t.Request = canon
	if sum, err := t.digest(); err != nil {
		return Take{}, err
	} else if sum != t.Digest {
		return Take{}, fmt.Errorf("a recorded call was changed by hand: its content has another digest than it says; record it again")
	}
	return t, nil
}

// digest is over the canonical request and the events as they are played; white
// space in the file is free.
func (t Take) digest() (string, error) {
	request, err := canonjson.Transform(t.Request)
	if err != nil {
		return "", fmt.Errorf("a recorded call has no proper request: %w", err)
	}
	rest, err := json.Marshal(struct {
		Version   int     `json:"version"`
		Events    []Event `json:"events"`
		Simulated bool    `json:"simulated"`
	}{t.Version, t.Events, t.Simulated})
	if err != nil {
		return "", fmt.Errorf("reading a recorded call: %w", err)
	}
	return keyOf(append(append(request, '\n'), rest...)), nil
}

func (t Take) check() error {
	canon, err := canonjson.Transform(t.Request)
	if err != nil {
		return fmt.Errorf("a recorded call has no proper request: %w", err)
	}
	var req message.Request
	if err := json.Unmarshal(canon, &req); err != nil {
		return fmt.Errorf("a recorded call has no proper request: %w", err)
	}
	for i, e := range t.Events {
		set, ends := 0, false
		for _, has := range []bool{e.Text != nil, e.ToolCall != nil} {
			if has {
				set++
			}
		}
		for _, has := range []bool{e.Done != nil, e.Error != nil} {
			if has {
				set, ends = set+1, true
			}
		}
		if e.ToolCall != nil && !json.Valid([]byte(e.ToolCall.Arguments)) {
			return fmt.Errorf("a recorded call is damaged: the arguments in event %d are not JSON", i)
		}
		if set != 1 {
			return fmt.Errorf("a recorded call is damaged: event %d has %d parts instead of one", i, set)
		}
		if last := i == len(t.Events)-1; ends != last {
			return fmt.Errorf("a recorded call is damaged: done or error has to be its last event, and only that (event %d)", i)
		}
	}
	if len(t.Events) == 0 {
		return fmt.Errorf("a recorded call is damaged: it has no events")
	}
	return nil
}

// failure is the error that a recorded one stands for.
func (e Error) failure() error {
	b := &backend.Error{
		Code: e.Code, Message: e.Message, Retryable: e.Retryable,
		RetryAfter: time.Duration(e.RetryAfterMS) * time.Millisecond,
	}
	if e.Lost {
		return &backend.LostError{Err: b}
	}
	return b
}
