package engine

import (
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// plantedSize is the planted-bad arm: at a margin of 5 points grid8 sees an arm
// that always loses after 9 items at the first epoch, and one that loses half
// the time within 30.
const plantedSize = 30

// parallel is how many items of one comparison are tried at once, and the batch
// after which the test is asked: each item makes two runs.
const parallel = 8

// Subject makes the comparison of a step with a candidate.
func (e *Engine) Subject(ctx context.Context, n nightly.Step, candidate *config.Tier) (evolve.Subject, error) {
	s, err := e.Project.Skill(n.Skill)
	if err != nil {
		return evolve.Subject{}, err
	}
	plan, err := e.Plan(ctx, s)
	if err != nil {
		return evolve.Subject{}, err
	}
	if err := e.noteGrant(ctx, s, plan); err != nil {
		return evolve.Subject{}, err
	}
	pool, err := e.provePool(s)
	if err != nil {
		return evolve.Subject{}, err
	}
	tiers := map[string]*config.Tier{}
	for _, step := range s.Steps() {
		place, err := e.Place(s, step)
		if err != nil {
			return evolve.Subject{}, err
		}
		tiers[step.Name] = place.Tier
	}
	for _, used := range append(slices.Collect(maps.Values(tiers)), n.Current, candidate) {
		if err := e.reachable(s, used); err != nil {
			return evolve.Subject{}, err
		}
	}
	rules, diags := compilePolicy(n.Policy)
	if err := diags.Err(); err != nil {
		return evolve.Subject{}, err
	}
	h, err := e.history(n.Skill, n.Step)
	if err != nil {
		return evolve.Subject{}, err
	}
	parts, err := e.epochParts(s, n.Policy)
	if err != nil {
		return evolve.Subject{}, err
	}
	if err := noteCaching(parts, plan, n.Step, tiers, candidate); err != nil {
		return evolve.Subject{}, err
	}
	subject := evolve.Subject{
		Skill: n.Skill, Step: n.Step, Plan: plan, Measure: measureOf(s), Pool: pool, Tiers: tiers,
		Current: n.Current, Candidate: candidate, Terms: termsOf(s, n.Policy, pool), Parts: parts,
		Runs: n.Runs, Rules: rules.evaluate(s, n.Step, h, e.asOf),
	}
	if subject.Logged, err = e.loggedOn(s, plan, tiers); err != nil {
		return evolve.Subject{}, err
	}
	if n := sampling(s); n > 0 { // the draw is all that there is to try
		subject.Terms.MaxItems = min(subject.Terms.MaxItems, n)
	}
	if subject.Regret, err = e.cacheRegret(n.Skill, n.Step, n.Current, candidate); err != nil {
		return evolve.Subject{}, err
	}
	if subject.Fleet, err = e.placeInFleet(ctx, n.Skill, n.Policy); err != nil {
		return evolve.Subject{}, err
	}
	if j := e.Project.judgeOf(s); j != nil {
		if err := e.callable(j.Tier); err != nil {
			return evolve.Subject{}, err
		}
		subject.Judge = j.Tier
		if subject.Jury, err = e.juryOf(j, s, n.Policy, n.Current, candidate); err != nil {
			return evolve.Subject{}, err
		}
	}
	return subject, nil
}

// termsOf converts a policy into what an epoch fixes.
func termsOf(s *skill.Skill, p *config.Policy, pool *trial.Pool) evolve.Terms {
	t := evolve.Terms{
		Method: methodOf(p, pool.Source), Margin: micro(p.Margin), Alpha: micro(p.Alpha), MaxItems: p.MaxItems,
		GateMargin: micro(p.GateMargin), PlantedSize: plantedSize,
	}
	for _, g := range gatesOf(s.Contract) {
		t.Gates = append(t.Gates, evidence.GateDef{Name: g.Name, Never: g.Never, Margin: t.GateMargin})
	}
	for _, d := range s.Contract.Dimensions {
		margin := d.Margin
		if margin == 0 {
			margin = p.Margin
		}
		t.Dims = append(t.Dims, evidence.DimDef{Name: d.Name, Kind: d.Kind, Weight: micro(d.Weight), Margin: micro(margin)})
	}
	return t
}

// gatesOf lists all gates of a contract, those inside an each first.
func gatesOf(c *config.Contract) []*config.Gate {
	var out []*config.Gate
	for _, e := range c.Eaches {
		out = append(out, e.Gates...)
	}
	return append(out, c.Gates...)
}

// methodOf is the policy's method, or the default by where items come from:
// sampled from traffic they speak of future runs, written by people they speak
// of themselves.
func methodOf(p *config.Policy, source string) verdict.Method {
	if p.Method != "" {
		return verdict.Method(p.Method)
	}
	if source == "traffic" {
		return verdict.Star2
	}
	return verdict.Pool2
}

// epochParts digests what makes an epoch besides the skill's own files: what
// the project lays over them, and what stands behind the names of backends.
func (e *Engine) epochParts(s *skill.Skill, p *config.Policy) (map[string]string, error) {
	contract, err := canonjson.Digest(contractOf(s.Contract))
	if err != nil {
		return nil, fmt.Errorf("hashing the contract of %s: %w", s.Name, err)
	}
	locked, err := e.Project.locked()
	if err != nil {
		return nil, err
	}
	digests := map[string]map[string]string{}
	for _, l := range locked {
		digests[l.Name] = l.Digests
	}
	backends := map[string]any{}
	for _, b := range e.Project.Config.Backends {
		what := map[string]any{"plugin": b.Plugin, "config": b.Config, "digests": digests[b.Plugin]}
		if b.Remote != nil { // and where it is, but not by which certificates it is known
			what["address"] = b.Remote.Address
		}
		if b.Topology != nil { // and what it serves, but not on how many GPUs
			what["topology"] = e.Project.behind(b)
		}
		backends[b.Name] = what
	}
	behind, err := canonjson.Digest(backends)
	if err != nil {
		return nil, fmt.Errorf("hashing the backends: %w", err)
	}
	parts := map[string]string{"contract": contract, "method": p.Method, "backends": behind}
	if s.Binding.Grant != nil {
		// What its code may reach decides what it does. Without a grant there is no
		// part, so that epochs of before grants existed go on.
		if parts["grant"], err = canonjson.Digest(s.Binding.Grant); err != nil {
			return nil, fmt.Errorf("hashing the grant of %s: %w", s.Name, err)
		}
	}
	if s.Binding.Runner != nil {
		if parts["runner"], err = e.Project.runnerPart(s); err != nil {
			return nil, err
		}
	}
	if s.Binding.Limits != nil {
		if parts["limits"], err = canonjson.Digest(s.Binding.Limits); err != nil {
			return nil, fmt.Errorf("hashing the limits of %s: %w", s.Name, err)
		}
	}
	return parts, nil
}

// contractOf is what a contract measures by, without the places where it was
// written: moving a line in a file opens no epoch.
func contractOf(c *config.Contract) map[string]any {
	source := func(x *config.Expr) string {
		if x == nil {
			return ""
		}
		return x.Source
	}
	gate := func(g *config.Gate) map[string]any {
		return map[string]any{
			"name": g.Name, "kind": g.Kind, "value": source(g.Value), "max_chars": g.MaxChars, "min_chars": g.MinChars,
			"max_items": g.MaxItems, "min_items": g.MinItems, "links": g.Links, "one_of": g.OneOf, "pattern": g.Pattern,
			"unique_by": source(g.UniqueBy), "schema": g.Schema, "rule": source(g.Rule), "code": g.Code, "command": g.Command,
			"fix": g.Fix, "never": g.Never,
		}
	}
	var gates, eaches, dims, steps []any
	for _, g := range c.Gates {
		gates = append(gates, gate(g))
	}
	for _, e := range c.Eaches {
		var inner []any
		for _, g := range e.Gates {
			inner = append(inner, gate(g))
		}
		eaches = append(eaches, map[string]any{"list": source(e.List), "id": source(e.ID), "gates": inner})
	}
	for _, d := range c.Dimensions {
		dims = append(dims, map[string]any{"name": d.Name, "kind": d.Kind, "weight": d.Weight, "margin": d.Margin, "rubric": d.Rubric})
	}
	for _, st := range c.Steps {
		steps = append(steps, map[string]any{"name": st.Name, "prompt": st.Prompt, "output": st.Output})
	}
	return map[string]any{"code": c.Code, "input": c.Input, "output": c.Output, "quality": c.Quality, "gates": gates, "eaches": eaches, "dimensions": dims, "steps": steps}
}

// history is what happened to a step. Overrides of the day are part of it: a
// night writes them down before it measures.
func (e *Engine) history(skillName, step string) (history, error) {
	moves, err := e.moves(skillName, step)
	return historyOf(moves), err
}

func historyOf(moves []evidence.Event) history {
	var h history
	for _, m := range moves {
		switch m.Event {
		case evidence.Escalated:
			h.escalations++
			h.lastEscalation = m.At
		case evidence.Moved:
			h.moves++
			h.lastMove = m.At
		}
	}
	return h
}

// Bench is where trials of this engine happen.
func (e *Engine) Bench(watch func(evolve.Progress)) *evolve.Bench {
	return &evolve.Bench{
		Runs: e.runs, Store: e.store, Files: e.files(), Scope: scope, Origin: e.log.Origin(),
		AsOf: e.asOf, Parallel: parallel, Watch: watch,
	}
}

// NightOptions of one night.
type NightOptions struct {
	Only   string
	DryRun bool
	Patch  bool // leave the policy file as it is: the report's diff is a proposal
	Watch  func(done, of int, what string)
	Items  func(evolve.Progress)
	// Waiting is told that another night runs, and since when.
	Waiting func(since time.Time)
	Planned bool // begun by a schedule
}

// micro takes a fraction to millionths.
func micro(x float64) int64 { return int64(math.Round(x * 1e6)) }

func (p *Project) name() string { return filepath.Base(p.Dir) }
