package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/render"
	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// callTimeout bounds one model call. Longer than any answer of the models that
// the price table knows; a run that needs more is better cut into steps.
const callTimeout = 120 * time.Second

// planOf compiles everything of a skill that can be compiled without running
// it. Diagnostics point into the skill's own files or into the project's.
func (p *Project) planOf(s *skill.Skill) (*run.Plan, diag.List) {
	plan := &run.Plan{
		Skill: s.Name, Hash: s.Hash, Scope: "default", Retries: 1, Timeout: callTimeout, Dir: p.Dir,
		JSON: s.OutputSchema != nil || s.Contract.Code != "",
	}
	var diags diag.List
	plan.Gates, diags = compileGates(s)
	if s.Binding.Data != nil {
		plan.Allow = map[string]bool{}
		for _, b := range s.Binding.Data.Allow {
			plan.Allow[b.Name] = true
		}
	}
	plan.Grant = s.Binding.Grant
	plan.Uncached = s.Binding.Cache == "off"
	plan.Runner = p.runnerOf(s)
	diags = append(diags, checkSteps(s)...)
	for _, st := range s.Steps() {
		prompt, err := s.Prompt(st)
		if err != nil {
			diags = append(diags, diag.Errorf(st.Range, "step-prompt", "Prompt cannot be read", "Step %s: %v.", st.Name, err))
		}
		plan.Steps = append(plan.Steps, run.Step{
			Name: st.Name, Prompt: prompt, Output: st.Output, JSON: memberIsJSON(s.OutputSchema, st.Output),
		})
	}
	return plan, diags
}

// compileGates converts a skill's gates and compiles them; what is wrong is
// mapped back to the files.
func compileGates(s *skill.Skill) (*gate.Set, diag.List) {
	var specs []gate.Spec
	var eaches []gate.Each
	var diags diag.List
	byName := map[string]*config.Gate{}
	convert := func(each string, g *config.Gate) gate.Spec {
		byName[each+"\x00"+g.Name] = g
		spec, err := specOf(s, g)
		if err != nil {
			diags = append(diags, diag.Errorf(g.KindRange, "gate-file", "File of a gate cannot be read", "Gate %s: %v.", g.Name, err))
		}
		return spec
	}
	for _, g := range s.Contract.Gates {
		specs = append(specs, convert("", g))
	}
	for _, e := range s.Contract.Eaches {
		each := gate.Each{List: e.List.Source}
		if e.ID != nil {
			each.ID = e.ID.Source
		}
		for _, g := range e.Gates {
			each.Gates = append(each.Gates, convert(each.List, g))
		}
		eaches = append(eaches, each)
	}
	if len(diags) > 0 {
		return nil, diags
	}
	set, problems := gate.Compile(specs, eaches, gate.Options{Input: s.InputSchema, Output: s.OutputSchema})
	for _, problem := range problems {
		diags = append(diags, gateDiag(s, byName, problem))
	}
	return set, diags
}

func specOf(s *skill.Skill, g *config.Gate) (gate.Spec, error) {
	spec := gate.Spec{Name: g.Name, Kind: g.Kind, OneOf: g.OneOf, Pattern: g.Pattern, Code: g.Code, Command: g.Command, Fix: g.Fix, Never: g.Never}
	if g.Value != nil {
		spec.Value = g.Value.Source
	}
	if g.UniqueBy != nil {
		spec.UniqueBy = g.UniqueBy.Source
	}
	if g.Rule != nil {
		spec.Rule = g.Rule.Source
	}
	for _, n := range []*int{g.MaxChars, g.MinChars, g.MaxItems, g.MinItems, g.Links} {
		if n != nil {
			spec.Int = *n
		}
	}
	if g.Schema == "" {
		return spec, nil
	}
	src, err := s.Read(g.Schema)
	spec.Schema = src
	return spec, err
}

// gateDiag maps a gate's error to the place that its author can mend.
func gateDiag(s *skill.Skill, byName map[string]*config.Gate, problem gate.SpecError) diag.Diagnostic {
	at := diag.Range{File: s.Dir}
	detail := problem.Err.Error()
	var re *rule.Error
	hasRule := errors.As(problem.Err, &re)
	if hasRule {
		detail = re.Message
	}
	if g := byName[problem.Each+"\x00"+problem.Gate]; g != nil {
		at = g.Range
		if x := field(g, problem.Field); x != nil {
			at = x.Range
			if hasRule {
				at = x.At(re.Line, re.Column)
			}
		}
	} else {
		for _, e := range s.Contract.Eaches {
			if e.List.Source != problem.Each {
				continue
			}
			x := e.List
			if problem.Field == "id" && e.ID != nil {
				x = e.ID
			}
			at = x.Range
			if hasRule {
				at = x.At(re.Line, re.Column)
			}
		}
	}
	d := diag.Errorf(at, "gate-"+orWord(problem.Field, "gate"), "Gate cannot be used", "Gate %s of skill %s, %s: %s.", problem.Gate, s.Name, problem.Field, detail)
	if hasRule && re.Hint != "" {
		d = d.WithSuggestion(re.Hint)
	}
	return d
}

func field(g *config.Gate, name string) *config.Expr {
	switch name {
	case "value":
		return g.Value
	case "rule":
		return g.Rule
	case "unique_by":
		return g.UniqueBy
	}
	return nil
}

func orWord(s, d string) string {
	if s == "" {
		return d
	}
	return s
}

// templatesOf compiles a skill's templates.
func templatesOf(s *skill.Skill) (map[string]*render.Template, diag.List) {
	out := map[string]*render.Template{}
	var diags diag.List
	for _, r := range s.Contract.Renders {
		if r.Template == "" {
			continue
		}
		src, err := s.Read(r.Template)
		if err != nil {
			diags = append(diags, diag.Errorf(r.Range, "render-template", "Template cannot be read", "Format %s: %v.", r.Name, err))
			continue
		}
		t, err := render.Compile(r.Template, src)
		if err != nil {
			diags = append(diags, diag.Errorf(r.Range, "render-template", "Template cannot be used", "Format %s: %v.", r.Name, err))
			continue
		}
		out[r.Name] = t
	}
	return out, diags
}

// guest is a skill's own code in the sandbox. It is admitted when it is first
// needed, and then kept.
type guest struct {
	admitted *sandbox.Admitted
	at       time.Time
	seed     []byte
}

var _ run.Driver = guest{}

func (g guest) Has(op abi.Op) bool { return g.admitted.Has(op) }

func (g guest) Call(ctx context.Context, op abi.Op, input []byte) ([]byte, error) {
	return g.admitted.Call(ctx, op, input, sandbox.CallOptions{Time: g.at, Seed: g.seed})
}

// Clock is the time that the code sees.
func (g guest) Clock() time.Time { return g.at }

// Drive calls op run. An error of the engine's ends the code at once: nothing
// that it would still do could be recorded.
func (g guest) Drive(ctx context.Context, input []byte, host run.HostFunc) ([]byte, int64, error) {
	ctx, end := context.WithCancel(ctx)
	defer end()
	var used sandbox.Used
	answer, err := g.admitted.Call(ctx, abi.OpRun, input, sandbox.CallOptions{
		Time: g.at, Seed: append(slices.Clone(g.seed), input...), Used: &used,
		Host: func(ctx context.Context, op abi.HostOp, payload []byte) ([]byte, error) {
			answer, err := host(ctx, op, payload)
			var f *abi.Failure
			if errors.As(err, &f) {
				return nil, &sandbox.Error{Code: f.Code, Message: f.Message, Retryable: f.Retryable, Detail: f.Detail}
			}
			if err != nil {
				end()
			}
			return answer, err
		},
	})
	return answer, used.Fuel, err
}
