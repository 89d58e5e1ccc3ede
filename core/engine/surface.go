package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/connector/lock"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/harness/desk"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/hcl/lockfile"
)

// Surface is what agents reach of a project: its skills and the tools of its
// connectors, behind the desk. A state has at most one; it starts no server
// before a call needs it, and follows the files as they change.
type Surface struct {
	Desk *desk.Desk

	state   *State
	options Options
	record  telemetry.Recorder
	lines   atomic.Int64 // clients over stdio

	stocking sync.Mutex // one catalogue is made at a time; taken before mu

	hiring sync.Mutex // one engine that runs skills is opened at a time
	runner *runner

	mu       sync.Mutex
	project  *Project
	shelf    map[string]*desk.Entry // of its skills, by name: their files are read once
	stamp    string                 // of the files that the project was read from
	load     LoadOptions            // how its owner reads them
	set      *connector.Set
	meter    *access.Meter
	locked   *lockfile.File
	book     *lock.Book
	reports  map[string]lock.Report // of the catalogues at hand
	checked  map[string]*connector.Catalogue
	learned  *harness.Learned
	taught   bool // something was learned since the catalogue was made
	vectors  *vectors
	problems []string
}

// Surface is the state's, as the files are now. Whoever opened it first says how
// they are read: a command that runs in a server brings variables of its own, and
// must not change by them what agents may do.
func (e *Engine) Surface(ctx context.Context) (*Surface, error) {
	x, opened, err := e.standing(ctx)
	if err != nil || opened {
		return x, err
	}
	return x, x.Refresh(ctx)
}

// standing is the surface as it stands: what a skill calls is called under the rules
// that hold, whichever project the skill was started from.
func (e *Engine) standing(ctx context.Context) (x *Surface, opened bool, err error) {
	s := e.state
	s.surfacing.Lock()
	defer s.surfacing.Unlock()
	if s.surface != nil {
		return s.surface, false, nil
	}
	if x, err = newSurface(ctx, s, e.options); err != nil {
		return nil, false, err
	}
	s.surface = x
	return x, true, nil
}

// newSurface makes a surface that shows o.Project.
func newSurface(ctx context.Context, s *State, o Options) (*Surface, error) {
	x := &Surface{state: s, options: o, load: o.Project.load, record: telemetry.Nothing(), reports: map[string]lock.Report{}, checked: map[string]*connector.Catalogue{}}
	if o.Recorder != nil {
		x.record = o.Recorder
	}
	var err error
	if x.learned, err = s.readLearned(); err != nil {
		return nil, err
	}
	x.vectors = newVectors(s, x.record)
	x.Desk = desk.New(desk.Host{
		Scope: scope, Now: clock, NewID: newID, Store: s.store,
		Run: x.run, Connector: x.connector, Ready: x.ready, Stale: x.stale, Learn: x.learn, Asked: x.asked,
		Recorder: x.record, Problem: x.problem,
	})
	if err := x.Desk.Settle(ctx); err != nil {
		return nil, fmt.Errorf("writing down how calls ended that were under way: %w", err)
	}
	if _, err := x.take(o.Project); err != nil {
		return nil, err
	}
	if err := x.restock(); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func newID() string { return ulid.MustNew(ulid.Timestamp(clock()), ulid.DefaultEntropy()).String() }

// Project is what the surface shows now.
func (x *Surface) Project() *Project {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.project
}

// take makes a project the one that is shown: its rules, skills and connectors.
// What cannot be used changes nothing. The set of servers that it replaces is given
// back, to be closed without keeping others from their calls.
func (x *Surface) take(p *Project) (old *connector.Set, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	stamp, err := p.stamp()
	if err != nil {
		return nil, err
	}
	policy, diags := access.Compile(p.Config.Accessing())
	if err := diags.Err(); err != nil {
		return nil, err
	}
	locked, err := p.ReadLock()
	if err != nil {
		return nil, err
	}
	book, err := p.readBook()
	if err != nil {
		return nil, err
	}
	if x.project == nil || !reflect.DeepEqual(x.project.Config.Connectors, p.Config.Connectors) {
		set, err := x.connect(p)
		if err != nil {
			return nil, err
		}
		old, x.set = x.set, set // calls of servers that are declared otherwise now end with them
		x.recheck()
	}
	if x.project == nil || !reflect.DeepEqual(x.project.Config.Access, p.Config.Access) {
		meter := access.NewMeter(policy, access.MeterOptions{})
		if err := x.count(meter); err != nil {
			return nil, err
		}
		x.meter = meter
	}
	if !reflect.DeepEqual(x.locked, locked) {
		x.recheck() // what was held against another lock is held against this one
	}
	x.project, x.shelf, x.stamp, x.locked, x.book = p, map[string]*desk.Entry{}, stamp, locked, book
	return old, nil
}

// recheck forgets what lists were held against.
func (x *Surface) recheck() {
	x.checked, x.reports = map[string]*connector.Catalogue{}, map[string]lock.Report{}
}

// sameKeys tells whether a project trusts the issuer's keys that are known: they are
// read by file(), from files that the stamp does not know.
func (x *Surface) sameKeys(p *Project) bool {
	return reflect.DeepEqual(x.project.Config.OAuth, p.Config.OAuth)
}

// Refresh reads the files again if any of them changed, as the surface's owner reads
// them. What is wrong in them is the error, and what stood there before holds.
func (x *Surface) Refresh(ctx context.Context) error {
	s := x.state
	s.surfacing.Lock()
	defer s.surfacing.Unlock()
	changed, taught, err := x.changed()
	if err != nil {
		return err
	}
	if changed {
		p, diags := LoadProject(x.load)
		if err := diags.Err(); err != nil {
			return err
		}
		old, err := x.take(p)
		if err != nil {
			return err
		}
		if old != nil {
			go x.dismiss(old)
		}
	}
	if !changed && !taught || ctx.Err() != nil {
		return ctx.Err()
	}
	return x.restock()
}

// changed tells whether the files are others than were read, and whether something
// was learned since the catalogue was made.
func (x *Surface) changed() (changed, taught bool, err error) {
	fresh, diags := ReadConfig(x.load)
	if err := diags.Err(); err != nil {
		return false, false, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	now, err := x.project.stamp()
	return err != nil || now != x.stamp || !x.sameKeys(fresh), x.taught, nil
}

// dismiss ends servers that are declared otherwise now.
func (x *Surface) dismiss(old *connector.Set) {
	if err := old.Close(); err != nil {
		x.problem("stopping connectors: %v", err)
	}
}

// count gives a meter what was counted before: by the one whose rules it follows,
// or by an engine that has ended.
func (x *Surface) count(m *access.Meter) error {
	var saved []byte
	var err error
	if x.meter != nil {
		saved, err = x.meter.Save()
	} else {
		saved, err = x.state.readCounts()
	}
	if err != nil || saved == nil {
		return err
	}
	return m.Restore(saved)
}

func countsKey() []byte { return store.Key(store.TableMeta, scope, "calls") }

// readCounts is what an engine that ended had counted; nil when there was none.
func (s *State) readCounts() ([]byte, error) {
	raw, err := s.store.Get(countsKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the counts of calls: %w", err)
	}
	_, body, err := store.Unseal(raw)
	return body, err
}

// keepCounts keeps them for the next engine, so that a restart begins no limit
// anew.
func (x *Surface) keepCounts() error {
	if x.meter == nil {
		return nil
	}
	saved, err := x.meter.Save()
	if err != nil {
		return err
	}
	_, err = x.state.store.Commit(context.Background(), store.Batch{Puts: []store.Put{{Key: countsKey(), Value: store.Seal(1, saved)}}})
	return err
}

// Close ends every server and writes down what has ended.
func (x *Surface) Close() error {
	x.vectors.close()
	x.mu.Lock()
	set := x.set
	x.mu.Unlock()
	x.hiring.Lock()
	runner := x.runner
	x.hiring.Unlock()
	var errs []error
	if set != nil {
		errs = append(errs, set.Close())
	}
	x.Desk.Close()
	errs = append(errs, x.keepCounts())
	if runner != nil {
		errs = append(errs, runner.close())
	}
	return errors.Join(errs...)
}

func (x *Surface) problem(format string, args ...any) {
	if x.options.Stderr != nil {
		fmt.Fprintf(x.options.Stderr, format+"\n", args...)
	}
}

// run runs a skill for a caller of the desk.
func (x *Surface) run(ctx context.Context, name string, input json.RawMessage) (desk.Run, error) {
	r, err := x.engineFor(ctx)
	if err != nil {
		return desk.Run{}, err
	}
	defer r.release()
	if len(input) == 0 {
		input = json.RawMessage(`""`)
	}
	ran, err := r.engine.Run(ctx, name, input, "")
	if err != nil {
		return desk.Run{}, err
	}
	rec := ran.Record
	out := desk.Run{ID: rec.ID, Cost: rec.Micro}
	if rec.Status != run.OK {
		out.Failed = fmt.Sprintf("run %s ended as %s: %s", rec.ID, rec.Status, rec.Why)
		return out, nil
	}
	s, err := r.engine.Project.Skill(name)
	if err != nil {
		return out, err
	}
	if s.OutputSchema != nil || json.Unmarshal(rec.Output, &out.Text) != nil {
		out.Output = rec.Output
	}
	out.Verified = len(s.Contract.Gates)+len(s.Contract.Eaches) > 0
	return out, nil
}

// runner is an engine that runs skills for agents, for as long as the project is
// the one that it was opened with.
type runner struct {
	engine *Engine
	mu     sync.Mutex
	users  int
	ended  bool
}

func (x *Surface) engineFor(ctx context.Context) (*runner, error) {
	x.hiring.Lock()
	defer x.hiring.Unlock()
	if p := x.Project(); x.runner == nil || x.runner.engine.Project != p {
		o := x.options
		o.Project, o.State, o.AsOf = p, x.state, time.Time{}
		e, err := Open(ctx, o)
		if err != nil {
			return nil, err
		}
		if old := x.runner; old != nil {
			if err := old.close(); err != nil {
				x.problem("closing what ran skills before: %v", err)
			}
		}
		x.runner = &runner{engine: e}
	}
	x.runner.mu.Lock()
	defer x.runner.mu.Unlock()
	x.runner.users++
	return x.runner, nil
}

// release gives the runner back; the last one of an ended runner closes it.
func (r *runner) release() {
	r.mu.Lock()
	r.users--
	last := r.ended && r.users == 0
	r.mu.Unlock()
	if last {
		_ = r.engine.Close() // its state is the surface's, and stays open
	}
}

func (r *runner) close() error {
	r.mu.Lock()
	r.ended = true
	idle := r.users == 0
	r.mu.Unlock()
	if idle {
		return r.engine.Close()
	}
	return nil
}
