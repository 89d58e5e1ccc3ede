package cassette

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// shortSecret is the length up to which a variable's value is not treated as a
// secret: "1" or "true" stand in every request.
const shortSecret = 5

// recorder is a Model that keeps every call of another.
type recorder struct {
	backend.Model
	dir     string
	write   func(path string, data []byte) error
	secrets map[string]string

	mu    sync.Mutex
	takes map[string]int // how many files each request has
}

// Record wraps m so that every finished call becomes a file in dir, which is
// made if need be. write puts a whole file in place atomically: the SDK leaves
// the how to the host. secrets are values by variable name that no file may
// contain. A second recording of the same request is a further take beside the
// first; to record anew, delete the folder.
func Record(m backend.Model, dir string, write func(path string, data []byte) error, secrets map[string]string) (backend.Model, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of recorded calls: %w", err)
	}
	r := &recorder{Model: m, dir: dir, write: write, secrets: map[string]string{}, takes: map[string]int{}}
	for name, value := range secrets {
		if len(value) > shortSecret {
			r.secrets[name] = value
		}
	}
	return r, nil
}

// Generate makes the call and then writes it down. A call that cannot be
// written fails: who records wants all of it.
func (r *recorder) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	canon, err := Canonical(req)
	if err != nil {
		return backend.Errorf(backend.InvalidRequest, "%v", err)
	}
	for name, value := range r.secrets {
		if strings.Contains(string(canon), quoted(value)) {
			return backend.Errorf(backend.InvalidRequest, "the request contains the value of %s and was neither sent nor recorded; "+
				"take the secret out of the prompt, or stop recording this backend", name)
		}
	}
	d, err := r.Describe(ctx)
	if err != nil {
		return err
	}
	tee := &tee{out: out}
	failure := r.Model.Generate(ctx, req, tee)
	take := Take{Request: canon, Events: tee.events, Simulated: d.Simulated}
	if failure != nil {
		take.Events = append(take.Events, r.failed(failure))
	}
	if tee.refused != nil {
		return failure // the caller gave up in the middle: what was seen is no whole answer
	}
	if err := r.save(take); err != nil {
		return errors.Join(failure, backend.Errorf(backend.InvalidRequest, "the call was made but not recorded: %v", err))
	}
	return failure
}

func (r *recorder) failed(err error) Event {
	var lost *backend.LostError
	e := backend.AsError(err)
	return Event{Error: &Error{
		Code: e.Code, Message: e.Message, RetryAfterMS: e.RetryAfter.Milliseconds(),
		Retryable: e.Retryable, Lost: errors.As(err, &lost),
	}}
}

func (r *recorder) save(t Take) error {
	if r.splitSecret(t.Events) {
		t.Events = joinText(t.Events)
	}
	for _, e := range t.Events {
		if e.ToolCall != nil { // JSON inside a JSON string: quoted once more than all else
			e.ToolCall.Arguments = r.blank(e.ToolCall.Arguments)
		}
	}
	raw, err := Encode(t)
	if err != nil {
		return err
	}
	// Replacing happens on the finished file, so that no member can be missed:
	// text, the name of a tool, the message of an error.
	text := r.blank(string(raw))
	if _, err := Decode([]byte(text)); err != nil {
		return fmt.Errorf("taking the secrets out: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := keyOf(t.Request)
	n := r.takes[key]
	for exists(takePath(r.dir, key, n)) {
		n++
	}
	r.takes[key] = n + 1
	return r.write(takePath(r.dir, key, n), []byte(text))
}

// blank puts the names of variables for their values in a piece of JSON.
func (r *recorder) blank(text string) string {
	for name, value := range r.secrets {
		text = strings.ReplaceAll(text, quoted(value), "["+name+"]")
	}
	return text
}

// splitSecret tells whether a secret spans several deltas. Then, and only then,
// the recording gives up the chunks.
func (r *recorder) splitSecret(events []Event) bool {
	var whole strings.Builder
	inOne := map[string]int{}
	for _, e := range events {
		if e.Text == nil {
			continue
		}
		whole.WriteString(*e.Text)
		for name, value := range r.secrets {
			inOne[name] += strings.Count(*e.Text, value)
		}
	}
	for name, value := range r.secrets {
		if strings.Count(whole.String(), value) > inOne[name] {
			return true
		}
	}
	return false
}

// joinText puts all text into its first event.
func joinText(events []Event) []Event {
	var out []Event
	first := -1
	for _, e := range events {
		switch {
		case e.Text == nil:
			out = append(out, e)
		case first < 0:
			first = len(out)
			out = append(out, e)
		default:
			whole := *out[first].Text + *e.Text
			out[first].Text = &whole
		}
	}
	return out
}

// quoted is how a value looks inside a JSON string.
func quoted(value string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return value
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}

func takePath(dir, key string, n int) string {
	return filepath.Join(dir, fmt.Sprintf("%s.%d.json", key, n))
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// tee passes an answer on and remembers it.
type tee struct {
	out     backend.Sink
	events  []Event
	refused error
}

func (t *tee) Text(delta string) error {
	t.events = append(t.events, Event{Text: &delta})
	return t.pass(t.out.Text(delta))
}

func (t *tee) ToolCall(call message.ToolCall) error {
	t.events = append(t.events, Event{ToolCall: &ToolCall{ID: call.ID, Name: call.Name, Arguments: string(call.Arguments)}})
	return t.pass(t.out.ToolCall(call))
}

func (t *tee) Done(usage message.Usage, finish message.Finish, model string) error {
	t.events = append(t.events, Event{Done: &Done{Usage: usage, Finish: finish, Model: model}})
	return t.pass(t.out.Done(usage, finish, model))
}

func (t *tee) pass(err error) error {
	if err != nil {
		t.refused = err
	}
	return err
}
