// Package engine wires the parts together: it is the one place where config
// meets store, sandbox and backends, and the one reader of the clock.
//
// A Project is what stands in the files. Tools run what needs no state: gates,
// fixes, rendering. An Engine has the state folder, the audit log and the
// backends, and does the rest.
//
//	p, diags := engine.LoadProject(engine.LoadOptions{Dir: "."})
//	e, err := engine.Open(ctx, engine.Options{Project: p, Self: self, Bundled: []string{"sim"}})
//	defer e.Close()
//	night, err := e.Nightly(ctx, engine.NightOptions{})
package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/backend"
	"github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/hcl/lockfile"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// scope is the tenant until there are more.
const scope = "default"

// ServeArg is the hidden command with which the binary serves a bundled backend.
const ServeArg = "plugin-serve"

// Options of an engine.
type Options struct {
	Project *Project
	AsOf    time.Time // the time of decisions; zero is the clock's
	Self    string    // this binary, for first-party backends
	Bundled []string  // names of first-party backends that Self can serve
	Stderr  io.Writer // what plugins print
	Version string    // of this program, as servers are told
	State   *State    // held open by the caller, as plimsoll serve does; nil takes the folder for this engine alone

	Recorder telemetry.Recorder // of metrics and traces; nil records nothing
}

// Engine is a project with its state. It is safe for use by many goroutines.
type Engine struct {
	*Tools
	options  Options
	asOf     time.Time
	state    *State
	owned    bool // the state was opened for this engine alone
	store    *badgerstore.DB
	log      *audit.Log
	key      *audit.KeyFile
	stderr   io.Writer
	posted   atomic.Bool // something was put into the outbox
	plugins  *crew
	backends *backend.Client
	runs     run.Executor
	told     tellings
	fleets   fleets
	parsed   parsed
}

// Open takes the state folder, for this process alone unless Options.State holds
// it, and makes ready to call backends; none is launched before it is needed.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Recorder == nil {
		o.Recorder = telemetry.Nothing()
	}
	tools, err := OpenTools(ctx, o.Project, o.AsOf)
	if err != nil {
		return nil, err
	}
	e := &Engine{Tools: tools, options: o, asOf: tools.asOf, state: o.State, stderr: o.Stderr}
	if e.state == nil {
		e.owned = true
		if e.state, err = OpenState(o.Project.Dir); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	e.store, e.log, e.key = e.state.store, e.state.log, e.state.key
	if err := e.openBackends(o); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.runs = run.Executor{
		Models: models{e.backends, o.Recorder}, Runners: runners{e.backends, e.Project}, Blobs: e.store, Now: clock,
		Keys: keys{e.store}, Tools: e.toolbox(), Announce: e.announce, Recorded: e.recorded,
	}
	if err := e.reconcile(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// clock is the only one: every other package is handed its time.
func clock() time.Time { return time.Now() }

func (e *Engine) openBackends(o Options) error {
	locked, err := e.Project.locked()
	if err != nil {
		return err
	}
	var declared []backend.Declared
	missing := map[string]error{}
	for _, b := range e.Project.Config.Backends {
		config, err := e.Project.served(b)
		if err != nil {
			missing[b.Name] = err
		}
		record := b.Record
		if record != "" && !filepath.IsAbs(record) {
			record = filepath.Join(e.Project.Dir, record)
		}
		d := backend.Declared{Name: b.Name, Plugin: b.Plugin, Env: b.Env, Config: config, Record: record}
		if r := b.Remote; r != nil {
			d.Address = r.Address
			if r.TLS != nil {
				d.TLS = &sdk.TLS{CA: []byte(r.TLS.CA), Cert: []byte(r.TLS.Cert), Key: []byte(r.TLS.Key)}
			}
		}
		declared = append(declared, d)
	}
	agents := e.Project.declaredRunners()
	e.plugins, err = e.state.hire(slices.Concat(declared, agents), plugin.Config{
		Self: o.Self, SelfArgs: func(name string) []string { return []string{ServeArg, name} }, Bundled: o.Bundled,
		Lock: locked, Root: e.Project.Dir, StateDir: filepath.Join(e.Project.Dir, StateDir), Stderr: o.Stderr, Clock: clock,
		Audit: e.state.auditPlugin,
	})
	if err != nil {
		return err
	}
	e.backends, err = backend.New(backend.Config{Source: located{backend.FromManager(e.plugins.Manager), missing}, Backends: declared, Runners: agents, Clock: clock, AsOf: e.asOf, LookupEnv: os.LookupEnv})
	return err
}

// Close ends what only this engine used: plugins and the state folder, unless
// they are shared.
func (e *Engine) Close() error {
	errs := []error{e.lastRound(e.stderr)}
	if e.plugins != nil {
		errs = append(errs, e.state.dismiss(e.plugins))
	}
	if e.owned && e.state != nil {
		errs = append(errs, e.state.Close())
	}
	if e.Tools != nil {
		errs = append(errs, e.Tools.Close())
	}
	return errors.Join(errs...)
}

// AsOf is the time that decisions are made at.
func (e *Engine) AsOf() time.Time { return e.asOf }

// Checkpoint is the audit log's signed state; "" while the log is empty.
func (e *Engine) Checkpoint() (string, error) { return string(e.log.Checkpoint()), nil }

// locked converts the lock file's plugins.
func (p *Project) locked() ([]plugin.Locked, error) {
	file, err := p.ReadLock()
	if err != nil {
		return nil, err
	}
	var out []plugin.Locked
	for _, l := range file.Plugins {
		locked := plugin.Locked{Name: l.Name, Version: l.Version, Source: l.Source, Digests: l.Digests}
		if l.ConfigSchema != "" {
			if err := json.Unmarshal([]byte(l.ConfigSchema), &locked.ConfigSchema); err != nil {
				return nil, fmt.Errorf("the config schema of plugin %s in %s cannot be read; run `plimsoll plugin lock` again: %w", l.Name, LockFile, err)
			}
		}
		out = append(out, locked)
	}
	return out, nil
}

// ReadLock reads the lock file; a project without one has nothing locked.
func (p *Project) ReadLock() (*lockfile.File, error) {
	src, err := os.ReadFile(filepath.Join(p.Dir, LockFile))
	if errors.Is(err, os.ErrNotExist) {
		return &lockfile.File{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", LockFile, err)
	}
	file, diags := lockfile.Parse(LockFile, src)
	if err := diags.Err(); err != nil {
		return nil, err
	}
	return file, nil
}

// models hands calls to backends and tells their failures in core/run's words.
type models struct {
	client *backend.Client
	record telemetry.Recorder
}

func (m models) Generate(ctx context.Context, name string, req message.Request) (message.Response, bool, error) {
	ctx, done := m.record.Call(ctx, telemetry.Labels{Op: telemetry.Model, Provider: name, Model: req.Model})
	resp, lost, err := m.ask(ctx, name, req)
	done(answered(resp, err))
	return resp, lost, err
}

func (m models) ask(ctx context.Context, name string, req message.Request) (message.Response, bool, error) {
	resp, meta, err := m.client.Generate(ctx, name, req)
	if err == nil {
		return resp, meta.Lost, nil
	}
	out := &run.CallError{Code: "unavailable", Message: err.Error(), Lost: meta.Lost}
	var typed *sdk.Error
	if errors.As(err, &typed) {
		out.Code, out.Message = string(typed.Code), typed.Message
		out.Retryable, out.RetryAfter = typed.Retryable, typed.RetryAfter
	}
	return resp, meta.Lost, out
}
