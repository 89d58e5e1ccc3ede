package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
)

// Tools run what needs no state and no model: a skill's gates, fixes, code and
// renderers.
type Tools struct {
	Project *Project
	asOf    time.Time
	dated   bool // the caller said the time: production runs carry it, too
	host    *sandbox.Host

	mu    sync.Mutex
	plans map[string]*run.Plan
	pools map[string]*trial.Pool
}

// OpenTools makes the sandbox ready; code is admitted when it is first needed.
func OpenTools(_ context.Context, p *Project, asOf time.Time) (*Tools, error) {
	dated := !asOf.IsZero()
	if !dated {
		asOf = clock().UTC().Truncate(time.Second)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = filepath.Join(p.Dir, StateDir)
	}
	host, err := sandbox.New(sandbox.Config{CacheDir: filepath.Join(cache, "plimsoll", "wasm")})
	if err != nil {
		return nil, err
	}
	return &Tools{Project: p, asOf: asOf, dated: dated, host: host, plans: map[string]*run.Plan{}, pools: map[string]*trial.Pool{}}, nil
}

// Close releases the sandbox.
func (t *Tools) Close() error { return t.host.Close() }

// Plan makes a skill ready to run, once.
func (t *Tools) Plan(ctx context.Context, s *skill.Skill) (*run.Plan, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p, ok := t.plans[s.Name]; ok {
		return p, nil
	}
	plan, diags := t.Project.planOf(s)
	if err := diags.Err(); err != nil {
		return nil, err
	}
	if s.Contract.Code != "" {
		admitted, err := t.admit(ctx, s)
		if err != nil {
			return nil, err
		}
		plan.Code = guest{admitted: admitted, at: t.asOf, seed: []byte(s.Hash)}
	}
	t.plans[s.Name] = plan
	return plan, nil
}

// Tried is what gates made of an output that anybody made.
type Tried struct {
	run.Judged
	Rendered string
}

// Try takes a completion as if the skill's one model call had given it, and
// applies code, fixes, gates and, if a format is named, the renderer. No model
// is called.
func (t *Tools) Try(ctx context.Context, s *skill.Skill, input json.RawMessage, completions map[string]string, format string) (*Tried, error) {
	plan, err := t.Plan(ctx, s)
	if err != nil {
		return nil, err
	}
	if plan.Drives() {
		return nil, fmt.Errorf("the code of %s drives its own flow (op run): it asks models itself, so a completion cannot stand in for them. Give an output to plimsoll gate instead, or run the skill on a ladder of simulated models", s.Name)
	}
	for _, step := range plan.Steps {
		if _, ok := completions[step.Name]; !ok {
			return nil, fmt.Errorf("step %s has no completion: give --completion %s=FILE", step.Name, step.Name)
		}
	}
	out, fence, err := plan.Finish(ctx, input, completions, nil)
	if err != nil {
		return nil, fmt.Errorf("the completion cannot be read: %w", err)
	}
	judged, err := plan.Judge(ctx, input, out)
	if err != nil {
		return nil, err
	}
	judged.Fixes = append(fence, judged.Fixes...)
	tried := &Tried{Judged: judged}
	if format != "" && len(judged.Result.Failed) == 0 {
		tried.Rendered, err = t.Render(ctx, s, format, input, judged.Output)
	}
	return tried, err
}

// Gate applies fixes and gates to an output as it stands.
func (t *Tools) Gate(ctx context.Context, s *skill.Skill, input, output json.RawMessage) (run.Judged, error) {
	plan, err := t.Plan(ctx, s)
	if err != nil {
		return run.Judged{}, err
	}
	return plan.Judge(ctx, input, output)
}

// Render makes text of an output, by template or by the skill's code.
func (t *Tools) Render(ctx context.Context, s *skill.Skill, format string, input, output json.RawMessage) (string, error) {
	var names []string
	for _, r := range s.Contract.Renders {
		names = append(names, r.Name)
		if r.Name != format {
			continue
		}
		if r.Template == "" {
			plan, err := t.Plan(ctx, s)
			if err != nil {
				return "", err
			}
			return plan.Render(ctx, format, input, output)
		}
		templates, diags := templatesOf(s)
		if err := diags.Err(); err != nil {
			return "", err
		}
		in, _, err := gate.Decode(input, true)
		if err != nil {
			return "", fmt.Errorf("reading the input: %w", err)
		}
		out, _, err := gate.Decode(output, true)
		if err != nil {
			return "", fmt.Errorf("reading the output: %w", err)
		}
		return templates[format].Render(out, in)
	}
	if len(names) == 0 {
		return "", fmt.Errorf("skill %s declares no format: add a render %q block to its skill.hcl", s.Name, format)
	}
	return "", fmt.Errorf("skill %s has no format %q; it has %v", s.Name, format, names)
}

// itemRule evaluates an item's own rule: true and false are 1 and 0.
func itemRule(src string, input, output, reference json.RawMessage) (float64, error) {
	program, err := rule.CompileGate(src, rule.GateOptions{Reference: true})
	if err != nil {
		return 0, err
	}
	var env rule.Env
	for _, part := range []struct {
		raw  json.RawMessage
		into *any
	}{{input, &env.Input}, {output, &env.Output}, {reference, &env.Reference}} {
		if len(part.raw) == 0 {
			continue
		}
		if *part.into, _, err = gate.Decode(part.raw, true); err != nil {
			return 0, err
		}
	}
	v, err := program.Value(env)
	if err != nil {
		return 0, err
	}
	switch x := v.(type) {
	case bool:
		if x {
			return 1, nil
		}
		return 0, nil
	case int64:
		return float64(x), nil
	case float64:
		return x, nil
	}
	return 0, errors.New("the rule gives neither true or false nor a number")
}

// memberIsJSON tells from the output schema whether a member is JSON or text. A
// member that the schema does not describe is text.
func memberIsJSON(schema []byte, member string) bool {
	var doc struct {
		Properties map[string]struct {
			Type json.RawMessage `json:"type"`
		} `json:"properties"`
	}
	if json.Unmarshal(schema, &doc) != nil {
		return false
	}
	p, ok := doc.Properties[member]
	return ok && string(p.Type) != `"string"`
}
