// Package backend makes model calls over plugins: it assembles the stream, tells
// failures apart, repeats a call that was lost at most once, bounds how many
// calls one backend gets at a time, and records. It takes no decision about
// tiers, prices or retries of typed failures; those are the caller's.
//
//	c, err := backend.New(backend.Config{Source: manager, Backends: declared, Clock: time.Now})
//	resp, meta, err := c.Generate(ctx, "claude", req)
//	if meta.Lost {
//		// nobody knows what it cost: charge the upper bound
//	}
package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/cassette"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// defaultConcurrency is how many calls a backend gets at a time when its block
// does not say. Hosted APIs allow more, a laptop's model server less.
const defaultConcurrency = 16

// simPlugin is the one plugin that is told what is true; see Generate.
const simPlugin = "sim"

// privatePrefix marks metadata that only a simulated model may see; timeKey is
// the time that decisions are made at, with which such a model may change.
const (
	privatePrefix = "plimsoll."
	timeKey       = privatePrefix + "as_of"
)

// Source gives the supervised model of a backend. *plugin.Manager is one,
// through FromManager.
type Source interface {
	Model(plugin.Spec) (sdk.Model, error)
}

// FromManager makes a plugin manager a Source.
func FromManager(m *plugin.Manager) Source { return managed{m} }

type managed struct{ m *plugin.Manager }

func (s managed) Model(spec plugin.Spec) (sdk.Model, error) { return s.m.Client(spec) }

// Declared is one backend block, or a runner block.
type Declared struct {
	Name        string
	Role        string // before the name where plugins are listed: "runner." for a runner, else ""
	Plugin      string
	Env         []string // variable names
	Config      map[string]any
	Record      string // folder that every call is recorded into; empty records nothing
	Concurrency int    // calls at a time; 0 is 16
	Attach      string // see plugin.Spec
	Address     string // of a backend that somebody else runs, see plugin.Spec
	TLS         *sdk.TLS
}

// Config is what a Client needs.
type Config struct {
	Source   Source
	Backends []Declared
	Runners  []Declared // of runner blocks; their names are apart from those of backends
	Clock    func() time.Time
	AsOf     time.Time // the time that decisions are made at; simulated models are told
	// LookupEnv finds the values of declared variables, which a recording must
	// not contain. Required when a backend has both Env and Record.
	LookupEnv func(string) (string, bool)
}

// Meta is what is known about a call besides its answer.
type Meta struct {
	Elapsed  time.Duration // of all attempts, without waiting for a free place
	Attempts int           // calls that were sent; 2 after a lost first one
	// Lost: an attempt was cut off (crash, broken connection, deadline), so that
	// its cost is unknown, even if a second attempt brought the answer.
	Lost bool
}

// Client makes calls. It is safe for concurrent use.
type Client struct {
	clock    func() time.Time
	asOf     time.Time
	backends map[string]*entry
	runners  map[string]*entry
}

type entry struct {
	Declared
	err    error // why it cannot be called
	model  sdk.Model
	places *semaphore.Weighted
}

// New resolves every declared backend and launches none of them. One that cannot
// be had (not locked, a variable that is not set) fails its own calls, and Check:
// what needs only the others goes on.
func New(cfg Config) (*Client, error) {
	if cfg.Source == nil || cfg.Clock == nil {
		return nil, errors.New("backend client: source and clock are required")
	}
	c := &Client{clock: cfg.Clock, asOf: cfg.AsOf, backends: map[string]*entry{}, runners: map[string]*entry{}}
	for _, d := range cfg.Runners {
		e, err := cfg.entry(d)
		if err != nil {
			e = &entry{Declared: d, err: fmt.Errorf("runner %q: %w", d.Name, err)}
		}
		c.runners[d.Name] = e
	}
	for _, d := range cfg.Backends {
		e, err := cfg.entry(d)
		if err != nil {
			e = &entry{Declared: d, err: fmt.Errorf("backend %q: %w", d.Name, err)}
		}
		c.backends[d.Name] = e
	}
	return c, nil
}

// Check says why a backend cannot be called, without launching it; nil says
// that nothing is known against it.
func (c *Client) Check(name string) error {
	_, err := c.find(name)
	return err
}

func (cfg Config) entry(d Declared) (*entry, error) {
	model, err := cfg.Source.Model(plugin.Spec{Backend: d.Role + d.Name, Plugin: d.Plugin, Env: d.Env, Config: d.Config, Attach: d.Attach, Address: d.Address, TLS: d.TLS})
	if err != nil {
		return nil, err
	}
	if d.Record != "" {
		secrets := map[string]string{}
		for _, name := range d.Env {
			if cfg.LookupEnv == nil {
				return nil, errors.New("recording a backend with environment variables needs LookupEnv")
			}
			secrets[name], _ = cfg.LookupEnv(name)
		}
		write := func(path string, data []byte) error { return atomicfile.Write(path, data, 0o600) }
		if model, err = cassette.Record(model, d.Record, write, secrets); err != nil {
			return nil, err
		}
	}
	if d.Concurrency <= 0 {
		d.Concurrency = defaultConcurrency
	}
	return &entry{Declared: d, model: model, places: semaphore.NewWeighted(int64(d.Concurrency))}, nil
}

// Describe asks a backend what it is; it launches it.
func (c *Client) Describe(ctx context.Context, name string) (sdk.Description, error) {
	e, err := c.find(name)
	if err != nil {
		return sdk.Description{}, err
	}
	return e.model.Describe(ctx)
}

// Generate makes one call. Errors are *sdk/backend.Error throughout, so that a
// caller needs one errors.As; a launch that was refused is invalid_request with
// the reason. On an error the response holds what had arrived. A lost attempt is
// repeated once with the same idempotency key, unless ctx is done.
//
// Metadata under "plimsoll." carries an item's reference for simulated models.
// It is taken out here for every other plugin: one place that cannot be
// forgotten, whoever builds the request.
func (c *Client) Generate(ctx context.Context, name string, req message.Request) (message.Response, Meta, error) {
	e, err := c.find(name)
	if err != nil {
		return message.Response{}, Meta{}, sdk.Errorf(sdk.InvalidRequest, "%v", err)
	}
	// What answers at an address may call itself sim, and gets no more for it.
	if e.Plugin != simPlugin || e.Address != "" {
		req.Metadata = public(req.Metadata)
	} else if !c.asOf.IsZero() {
		req.Metadata = maps.Clone(req.Metadata)
		if req.Metadata == nil {
			req.Metadata = map[string]string{}
		}
		req.Metadata[timeKey] = c.asOf.UTC().Format(time.RFC3339)
	}
	if err := e.places.Acquire(ctx, 1); err != nil {
		return message.Response{}, Meta{}, sdk.Errorf(sdk.Cancelled, "waiting for a free place at backend %q (%d calls at a time): %v", name, e.Concurrency, err)
	}
	defer e.places.Release(1)

	var meta Meta
	start := c.clock()
	for {
		// Asking first launches the plugin if need be, so that a launch that
		// fails is not mistaken for a call, and tells whether a program makes
		// the answers up. The running plugin's answer is at hand, without a call.
		d, err := e.model.Describe(ctx)
		if err != nil {
			meta.Elapsed = c.clock().Sub(start)
			return message.Response{}, meta, typed(err)
		}
		meta.Attempts++
		resp, err := sdk.Collect(ctx, e.model, req)
		resp.Simulated = d.Simulated
		meta.Elapsed = c.clock().Sub(start)
		var lost *sdk.LostError
		switch {
		case err == nil:
			return resp, meta, nil
		case !errors.As(err, &lost):
			return resp, meta, typed(err)
		}
		meta.Lost = true
		if meta.Attempts > 1 || ctx.Err() != nil {
			return resp, meta, typed(lost.Err)
		}
	}
}

func (c *Client) find(name string) (*entry, error) {
	e, ok := c.backends[name]
	if !ok {
		names := make([]string, 0, len(c.backends))
		for n := range c.backends {
			names = append(names, n)
		}
		slices.Sort(names)
		return nil, fmt.Errorf("there is no backend %q%s", name, didYouMean(name, names))
	}
	return e, e.err
}

func public(metadata map[string]string) map[string]string {
	var out map[string]string
	for k, v := range metadata {
		if strings.HasPrefix(k, privatePrefix) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[k] = v
	}
	return out
}

// typed makes any failure an *sdk.Error. A refused plugin is no outage: waiting
// does not help.
func typed(err error) error {
	var refused *plugin.RefusedError
	if errors.As(err, &refused) || errors.Is(err, plugin.ErrClosed) {
		return sdk.Errorf(sdk.InvalidRequest, "%v", err)
	}
	return sdk.AsError(err)
}
