package run

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Executor runs plans. It holds no state of its own and may be used by many
// goroutines at once.
type Executor struct {
	Models  Models
	Runners Runners // of plans that have a runner; may be nil without them
	Blobs   Blobs
	Now     func() time.Time
	Sleep   func(ctx context.Context, d time.Duration) // between retries of a call; nil waits for real
	// Place waits for room at a backend and gives what hands it back; nil bounds
	// nothing. It is held for the time of one call alone: what a run writes and
	// checks before and after must not keep a backend idle.
	Place func(ctx context.Context, backend string) (leave func(), err error)
	// Sparing: a call whose answer was lost, and that may have been charged, is not
	// made again here. Who stated a maximum beforehand keeps to it by this.
	Sparing bool

	// What skills that drive their own flow can reach; all may be nil.
	Keys  Keys
	Tools Tools
	// Announce writes down that a tool is about to be called that may act on the
	// world. Without it the tool is not called.
	Announce func(ctx context.Context, skill string, c HostCall) error
	// Recorded finds what the same call, by the digest of its payload, was
	// answered in a recorded run of the same skill and input.
	Recorded func(ctx context.Context, skill string, input json.RawMessage, payload string) (answer []byte, found bool, err error)
}

// Do carries out one request. An error means that nothing could be tried (a
// backend that may not see the data, a blob that cannot be written); everything
// that went wrong with models or gates stands in the record.
func (x Executor) Do(ctx context.Context, p *Plan, r Request) (*Record, error) {
	if err := p.mayRun(r); err != nil {
		return nil, err
	}
	p = p.On(r.Fixture)
	rec := &Record{
		ID: r.ID, Scope: p.Scope, Skill: p.Skill, Hash: p.Hash, Trial: r.Trial, Started: x.Now().UTC(),
		Start: names(r.Tiers), Priced: true, keeper: &keeper{blobs: x.Blobs},
	}
	if p.Runner != nil {
		rec.Runner = p.Runner.Name
	}
	rec.Input = rec.keeper.keep(r.Input)
	tiers := maps.Clone(r.Tiers)
	for {
		if err := x.onTiers(ctx, p, r, tiers, rec); err != nil {
			return nil, err
		}
		up := raise(p, r, tiers)
		if rec.Status != Failed && rec.Status != Refused || rec.acted || up == nil {
			break
		}
		tiers = up
	}
	rec.End = names(tiers)
	rec.MS = (x.Now().Sub(rec.Started) - rec.waited).Milliseconds()
	rec.Result = rec.keeper.keep(rec.Output)
	if err := rec.keeper.wait(); err != nil {
		return nil, fmt.Errorf("keeping what run %s said: %w", r.ID, err)
	}
	return rec, nil
}

// onTiers tries on one set of tiers until gates pass or retries are used up.
func (x Executor) onTiers(ctx context.Context, p *Plan, r Request, tiers map[string]*config.Tier, rec *Record) error {
	var before *attempt
	for try := 0; try <= p.Retries; try++ {
		id := fmt.Sprintf("%s/a%d", r.ID, len(rec.Attempts)+1)
		var a *attempt
		var err error
		if p.Drives() {
			a, err = x.drive(ctx, p, r, tiers, id, before, rec)
		} else {
			a, err = x.attempt(ctx, p, r, tiers, id, before, rec.keeper)
		}
		if err != nil {
			return err
		}
		rec.add(a)
		if a.rec.Status != Failed || a.acted || ctx.Err() != nil {
			return nil
		}
		before = a
	}
	return nil
}

func (r *Record) add(a *attempt) {
	r.Attempts = append(r.Attempts, a.rec)
	r.Status, r.Why, r.Output, r.Checked = a.rec.Status, a.rec.Why, a.output, a.checked
	r.Writes = nil
	if a.rec.Status == OK {
		r.Writes = a.writes
	}
	r.acted = a.acted
	r.waited += a.waited
	for _, c := range a.rec.Calls {
		r.Micro += c.Micro
		r.Unsure += c.Unsure
		r.GPU += c.GPU
		r.Priced = r.Priced && c.Priced
		r.Simulated = r.Simulated || c.Simulated
	}
}

// mayRun refuses before anything leaves the house.
func (p *Plan) mayRun(r Request) error {
	if p.Runner != nil && (len(p.Steps) != 1 || p.Drives()) {
		return fmt.Errorf("%s has steps or code of its own that ask models, and runner %s runs a skill whole, with one model: take runner out of its block", p.Skill, p.Runner.Name)
	}
	for _, s := range p.Steps {
		t := r.Tiers[s.Name]
		if t == nil {
			return fmt.Errorf("step %s of %s has no tier", s.Name, p.Skill)
		}
		if err := p.MaySee(t.Backend.Name); err != nil {
			return err
		}
	}
	if !json.Valid(r.Input) {
		return fmt.Errorf("the input of %s is not JSON: give an object, or a quoted string for plain text", p.Skill)
	}
	return nil
}

// MaySee tells whether a backend may see the skill's inputs, by its data block.
func (p *Plan) MaySee(backend string) error {
	if p.Allow == nil || p.Allow[backend] {
		return nil
	}
	return &DataError{Skill: p.Skill, Backend: backend}
}

// DataError says that a backend may not see a skill's inputs. Nothing was sent.
type DataError struct{ Skill, Backend string }

func (e *DataError) Error() string {
	return fmt.Sprintf("backend %s may not see the inputs of %s: add backend.%s to the allow list of the skill's data block, or use another tier", e.Backend, e.Skill, e.Backend)
}

// NextUp is the next tier of a ladder whose backend may see the skill's inputs,
// nil where there is none.
func (p *Plan) NextUp(l *config.Ladder, t *config.Tier) *config.Tier {
	if l == nil || l.Name != t.Ladder {
		return nil
	}
	for _, next := range l.Tiers[t.Index+1:] {
		if p.MaySee(next.Backend.Name) == nil {
			return next
		}
	}
	return nil
}

// raise gives every step that may move its next tier up; nil when nothing can
// move or the request has to stay.
func raise(p *Plan, r Request, tiers map[string]*config.Tier) map[string]*config.Tier {
	if r.Trial {
		return nil
	}
	up, moved := maps.Clone(tiers), false
	for _, s := range p.Steps {
		if next := p.NextUp(r.Ladders[s.Name], tiers[s.Name]); next != nil {
			up[s.Name], moved = next, true
		}
	}
	if !moved {
		return nil
	}
	return up
}

func names(tiers map[string]*config.Tier) map[string]string {
	out := make(map[string]string, len(tiers))
	for step, t := range tiers {
		out[step] = t.Ref()
	}
	return out
}

// attempt is one try and what the next one learns from it.
type attempt struct {
	rec         Attempt
	completions map[string]string
	output      json.RawMessage
	checked     gate.Result
	writes      map[string]json.RawMessage
	acted       bool          // a tool that may change the world was called: no other try may call it again
	waited      time.Duration // for places
	keeper      *keeper
	files       []File // that an agent left different
}
