package cassette

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// recorder is a Model that keeps every call of another.
type recorder struct {
	backend.Model
	dir     string
	write   func(path string, data []byte) error
	secrets redactor

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
	return &recorder{Model: m, dir: dir, write: write, secrets: newRedactor(secrets), takes: map[string]int{}}, nil
}

// Generate makes the call and then writes it down, failures included. A call that
// cannot be written fails: who records wants all of it. One that the caller
// cancelled is not written: that was no answer of the backend, and played back it
// would cancel a call that nobody wanted cancelled.
func (r *recorder) Generate(ctx context.Context, req message.Request, out backend.Sink) error {
	canon, err := Canonical(req)
	if err != nil {
		return backend.Errorf(backend.InvalidRequest, "%v", err)
	}
	if name := r.secrets.hidden(string(canon)); name != "" {
		return backend.Errorf(backend.InvalidRequest, "the request contains the value of %s and was neither sent nor recorded; "+
			"take the secret out of the prompt, or stop recording this backend", name)
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
	if tee.refused != nil || errors.Is(ctx.Err(), context.Canceled) {
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
	for _, e := range t.Events {
		if e.Text != nil && !utf8.ValidString(*e.Text) {
			return errors.New("a delta is not UTF-8, and would not be played back as it was")
		}
	}
	t, err := r.secrets.take(t)
	if err != nil {
		return fmt.Errorf("taking the secrets out: %w", err)
	}
	raw, err := Encode(t)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	key := keyOf(t.Request)
	n := r.takes[key]
	for exists(takePath(r.dir, key, n)) {
		n++
	}
	r.takes[key] = n + 1
	return r.write(takePath(r.dir, key, n), raw)
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
