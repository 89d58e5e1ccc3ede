package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// turn lets one night at a time work on a state. Runs need no turn: by day and
// during a night they go side by side.
type turn struct {
	free  chan struct{} // holds one word while nobody has the turn
	drain chan struct{} // closed once nights are to stop where they can
	once  sync.Once

	mu    sync.Mutex
	since time.Time // of the night that has it; zero without one
}

func newTurn() *turn {
	t := &turn{free: make(chan struct{}, 1), drain: make(chan struct{})}
	t.free <- struct{}{}
	return t
}

// Drain tells nights to stop at the end of the batch that is being measured. A
// night stopped like this has lost nothing, and goes on another time.
func (s *State) Drain() { s.turn.once.Do(func() { close(s.turn.drain) }) }

// NightSince is when the night began that is running, zero without one.
func (s *State) NightSince() time.Time {
	s.turn.mu.Lock()
	defer s.turn.mu.Unlock()
	return s.turn.since
}

func (s *State) setNight(since time.Time) {
	s.turn.mu.Lock()
	defer s.turn.mu.Unlock()
	s.turn.since = since
}

// ErrDrained is the cause of a night's end when the engine is being stopped.
var ErrDrained = errors.New("the engine is being stopped: what was measured is written down, and the next night goes on from there")

// Nightly is one night. Nights take turns: one that has to wait says so through
// NightOptions.Waiting, and then reads the policy file again.
func (e *Engine) Nightly(ctx context.Context, o NightOptions) (*report.Night, error) {
	if o.DryRun {
		return e.night(ctx, o)
	}
	if err := e.takeTurn(ctx, o.Waiting); err != nil {
		return nil, err
	}
	// A night that was killed may have left halves of files. One that cannot be
	// removed does no harm, and is looked at by the next night.
	for _, dir := range []string{e.Project.Dir, filepath.Join(e.Project.Dir, EvidenceDir)} {
		_ = atomicfile.Sweep(dir)
	}
	began := clock().UTC()
	e.state.setNight(began)
	defer func() {
		e.state.setNight(time.Time{})
		e.state.turn.free <- struct{}{}
		e.state.announce()
	}()
	if err := e.noteBegin(ctx, began, o); err != nil {
		return nil, err
	}
	n, err := e.night(ctx, o)
	e.measureNight(n, err, began)
	if errors.Is(err, nightly.ErrStopped) {
		return nil, ErrDrained
	}
	if ctx.Err() != nil {
		return n, err
	}
	return n, errors.Join(err, e.noteEnd(ctx, began, o))
}

// draining tells whether nights are to stop where they can.
func (e *Engine) draining() bool {
	select {
	case <-e.state.turn.drain:
		return true
	default:
		return false
	}
}

// takeTurn waits until no other night runs.
func (e *Engine) takeTurn(ctx context.Context, waiting func(since time.Time)) error {
	t := e.state.turn
	select {
	case <-t.drain:
		return ErrDrained
	default:
	}
	select {
	case <-t.free:
		return nil
	default:
	}
	if waiting != nil {
		waiting(e.state.NightSince())
	}
	select {
	case <-t.free:
	case <-t.drain:
		return ErrDrained
	case <-ctx.Done():
		return fmt.Errorf("waiting for the night that is running: %w", ctx.Err())
	}
	// What the other night moved is no hand edit.
	if err := e.Project.readPolicy().Err(); err != nil {
		t.free <- struct{}{}
		return err
	}
	return nil
}

// NightNote is what a state remembers of nights, for whoever plans the next one.
type NightNote struct {
	Since time.Time `json:"since"`          // when planning began
	Began time.Time `json:"began,omitzero"` // of the last night of all skills
	Ended time.Time `json:"ended,omitzero"` // zero: a planned one was cut off
	Cut   int       `json:"cut,omitempty"`  // how often in a row
}

func nightKey() []byte { return store.Key(store.TableMeta, scope, "night") }

// NightNote reads it; the first time planning begins now.
func (s *State) NightNote(ctx context.Context) (NightNote, error) {
	n, err := s.readNight()
	if err != nil || !n.Since.IsZero() {
		return n, err
	}
	n.Since = clock().UTC()
	return n, s.writeNight(ctx, n)
}

func (s *State) readNight() (NightNote, error) {
	var n NightNote
	raw, err := s.store.Get(nightKey())
	if errors.Is(err, store.ErrNotFound) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("reading when the last night was: %w", err)
	}
	return n, unseal(raw, &n)
}

func (s *State) writeNight(ctx context.Context, n NightNote) error {
	raw, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if _, err := s.store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: nightKey(), Value: store.Seal(1, raw)}}}); err != nil {
		return fmt.Errorf("writing down when the night was: %w", err)
	}
	return nil
}

// noteBegin is written for a planned night, so that one that is cut off goes on
// at the next start. A person who stops a night knows it.
func (e *Engine) noteBegin(ctx context.Context, began time.Time, o NightOptions) error {
	if !o.Planned {
		return nil
	}
	n, err := e.state.readNight()
	if err != nil {
		return err
	}
	n.Began, n.Ended, n.Cut = began, time.Time{}, n.Cut+1
	return e.state.writeNight(ctx, n)
}

// noteEnd: a night of all skills that ended, whoever asked for it and whatever it
// came to, is the night of that day.
func (e *Engine) noteEnd(ctx context.Context, began time.Time, o NightOptions) error {
	if o.Only != "" {
		return nil
	}
	n, err := e.state.readNight()
	if err != nil {
		return err
	}
	n.Began, n.Ended, n.Cut = began, clock().UTC(), 0
	return e.state.writeNight(ctx, n)
}
