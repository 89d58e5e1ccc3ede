package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/author/suite"
	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/script"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// LoadFolder reads a skill's folder that belongs to no project: what an author
// builds and tests, and what is looked at before it is added. It stands under a
// policy that nothing moves by, and can be tested, not run.
func LoadFolder(dir string) (*Project, *skill.Skill, diag.List) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, diag.List{diag.Errorf(diag.Range{File: dir}, "skill-dir", "No skill's folder", "%v.", err)}
	}
	p := &Project{Dir: abs, Config: &config.Project{Dir: abs}, Sources: map[string][]byte{}}
	p.Config.Groups = []*config.Group{{
		Name: filepath.Base(abs), From: []string{"."}, Range: diag.Range{File: abs},
		Binding: config.Binding{Policy: &config.Policy{Name: "none"}, Ladder: &config.Ladder{Name: "none"}},
	}}
	var diags diag.List
	p.Skills, diags = skill.Load(p.Config, skill.Options{Sources: p.Sources})
	if len(p.Skills) == 0 {
		if !diags.HasErrors() {
			diags = diag.List{diag.Errorf(diag.Range{File: abs}, "no-skill-md", "No skill here", "%s has no SKILL.md, so it is no skill's folder. `plimsoll skill new NAME` starts one.", dir)}
		}
		return p, nil, diags
	}
	return p, p.Skills[0], diags
}

// CheckSkill compiles what of one skill can be compiled without running it:
// gates, rules, templates, items, and code that is a script.
func (p *Project) CheckSkill(s *skill.Skill) diag.List {
	_, diags := p.planOf(s)
	_, more := templatesOf(s)
	diags = append(diags, more...)
	diags = append(diags, p.checkScript(s)...)
	pool, more := trial.Load(s.Dir, s.Contract.Items)
	return append(diags, relative(p.Dir, append(more, checkItemRules(pool)...))...)
}

// checkScript bundles code in TypeScript or JavaScript. What is wrong with it
// stands in the author's file, and the line is shown.
func (p *Project) checkScript(s *skill.Skill) diag.List {
	if !skill.IsScript(s.Contract.Code) {
		return nil
	}
	_, err := script.Bundle(s.FS(), s.Contract.Code)
	diags := p.scriptDiags(s, scriptErrors(err))
	if err != nil && len(diags) == 0 {
		diags = diag.List{diag.Errorf(diag.Range{File: path.Join(s.Path, s.Contract.Code)}, "script", "Script cannot be used", "%v.", err)}
	}
	return diags
}

// scriptDiags shows each error at its line.
func (p *Project) scriptDiags(s *skill.Skill, errs []*script.Error) diag.List {
	var diags diag.List
	for _, e := range errs {
		file := path.Join(s.Path, e.File)
		at := diag.Range{File: file}
		if src, err := fs.ReadFile(s.FS(), e.File); err == nil && e.Line > 0 {
			p.Sources[file] = src
			at.Start = diag.Pos{Line: e.Line, Column: e.Col, Byte: offsetOf(src, e.Line, e.Col)}
			at.End = diag.Pos{Line: e.Line, Column: e.Col + 1, Byte: at.Start.Byte + 1}
		}
		text := strings.TrimSuffix(e.Message, ".") + "."
		if e.Help != "" {
			text += " " + e.Help
		}
		diags = append(diags, diag.Errorf(at, "script", "Script cannot be used", "%s", text))
	}
	return diags
}

// scriptErrors finds all that are joined in err.
func scriptErrors(err error) []*script.Error {
	var one *script.Error
	var many interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &many):
		var out []*script.Error
		for _, e := range many.Unwrap() {
			out = append(out, scriptErrors(e)...)
		}
		return out
	case errors.As(err, &one):
		return []*script.Error{one}
	}
	return nil
}

// offsetOf is the byte of a line and column, both from 1.
func offsetOf(src []byte, line, col int) int {
	at := 0
	for ; line > 1; line-- {
		i := bytes.IndexByte(src[at:], '\n')
		if i < 0 {
			return len(src)
		}
		at += i + 1
	}
	return min(at+col-1, len(src))
}

// Subject is a skill as its tests see it.
func (t *Tools) Subject(s *skill.Skill) suite.Subject { return subject{t, s} }

type subject struct {
	tools *Tools
	skill *skill.Skill
}

func (x subject) Steps() []string {
	var out []string
	for _, st := range x.skill.Steps() {
		out = append(out, st.Name)
	}
	return out
}

func (x subject) Path(ctx context.Context, input json.RawMessage, completions map[string]string) (suite.Path, error) {
	plan, err := x.tools.Plan(ctx, x.skill)
	if err != nil {
		return suite.Path{}, err
	}
	if plan.Drives() {
		return suite.Path{}, fmt.Errorf("the code of %s drives its own flow and asks models itself: write a case of op run, with what the host answers", x.skill.Name)
	}
	out, fence, err := plan.Finish(ctx, input, completions, nil)
	if err != nil {
		return suite.Path{}, x.failure(plan, err)
	}
	return x.judge(ctx, plan, input, out, fence)
}

func (x subject) Run(ctx context.Context, input, failed json.RawMessage, host suite.HostFunc) (suite.Path, error) {
	plan, err := x.tools.Plan(ctx, x.skill)
	if err != nil {
		return suite.Path{}, err
	}
	driver, ok := plan.Code.(run.Driver)
	if !ok || !plan.Drives() {
		return suite.Path{}, fmt.Errorf("the code of %s has no op run: a case without op goes the whole way", x.skill.Name)
	}
	in := abi.RunInput{Input: input}
	if len(failed) > 0 {
		in.Failure = &abi.RunFailure{}
		if err := json.Unmarshal(failed, in.Failure); err != nil {
			return suite.Path{}, fmt.Errorf("failed is not what run is told of an attempt: %w", err)
		}
	}
	asked, err := json.Marshal(in)
	if err != nil {
		return suite.Path{}, err
	}
	raw, _, err := driver.Drive(ctx, asked, func(_ context.Context, op abi.HostOp, payload []byte) ([]byte, error) { return host(op, payload) })
	if err != nil {
		return suite.Path{}, guestFailure(err)
	}
	out, err := abi.ReadRun(raw)
	if err != nil {
		return suite.Path{}, fmt.Errorf("run answered with something that is not its output: %w", err)
	}
	return x.judge(ctx, plan, input, out.Output, nil)
}

func (x subject) judge(ctx context.Context, plan *run.Plan, input, output json.RawMessage, fixes []gate.Fix) (suite.Path, error) {
	judged, err := plan.Judge(ctx, input, output)
	if err != nil {
		return suite.Path{}, err
	}
	return suite.Path{Output: judged.Output, Fixes: append(fixes, judged.Fixes...), Result: judged.Result}, nil
}

func (x subject) Render(ctx context.Context, format string, input, output json.RawMessage) (string, error) {
	text, err := x.tools.Render(ctx, x.skill, format, input, output)
	return text, guestFailure(err)
}

func (x subject) Call(ctx context.Context, op abi.Op, payload []byte) ([]byte, error) {
	plan, err := x.tools.Plan(ctx, x.skill)
	switch {
	case err != nil:
		return nil, err
	case plan.Code == nil:
		return nil, fmt.Errorf("op %s is answered by a skill's code, and skill %s has none", op, x.skill.Name)
	}
	out, err := plan.Code.Call(ctx, op, payload)
	return out, guestFailure(err)
}

// failure tells apart what a case may expect: the code's own failure, or a
// completion that is no output. All else is the engine's.
func (x subject) failure(plan *run.Plan, err error) error {
	failed := guestFailure(err)
	var f *suite.Failure
	if errors.As(failed, &f) || plan.Code != nil && plan.Code.Has(abi.OpFinish) {
		return failed
	}
	return &suite.Failure{Code: suite.Unreadable, Message: err.Error(), Retryable: true}
}

func guestFailure(err error) error {
	var e *sandbox.Error
	if !errors.As(err, &e) {
		return err
	}
	return &suite.Failure{Code: e.Code, Message: e.Message, Detail: e.Detail, Retryable: e.Retryable}
}

// CodeFacts is what is known of a skill's code once it was admitted.
type CodeFacts struct {
	Declared     bool     `json:"declared"` // the code says what it answers; without, it is taken to answer check and render
	Name         string   `json:"name,omitempty"`
	Version      string   `json:"version,omitempty"`
	Digest       string   `json:"digest"`
	Bytes        int64    `json:"bytes"` // of the file that skill.hcl names
	Ops          []string `json:"ops"`
	Gates        []string `json:"gates"`
	Formats      []string `json:"formats"`
	Capabilities []string `json:"capabilities"`

	Profile      string     `json:"profile"`        // the convention that the module speaks
	Functions    int        `json:"functions"`      // that the module defines
	MachineBytes int64      `json:"machine_bytes"`  // of machine code
	ImageBytes   int64      `json:"image_bytes"`    // of memory that is not zero before a call
	MemoryBytes  int64      `json:"memory_bytes"`   // of memory before a call
	Restored     bool       `json:"restored"`       // instances are put back as they were and used again; else each call makes one
	Why          string     `json:"why,omitempty"`  // why they are not
	StartFuel    int64      `json:"start_fuel"`     // that starting it took
	SelfTests    int        `json:"self_tests"`     // of the manifest; all passed twice
	SelfTestFuel int64      `json:"self_test_fuel"` // that one round of them took
	Limits       abi.Limits `json:"limits"`         // that hold for it

	Input  json.RawMessage `json:"-"` // the manifest's schemas
	Output json.RawMessage `json:"-"`
	Grant  string          `json:"-"` // lines for the project's grant block, for what is asked for and not given
}

// CodeFacts admits a skill's code and says what it is. A skill without code, or
// with code that is refused, is an error.
func (t *Tools) CodeFacts(ctx context.Context, s *skill.Skill) (CodeFacts, error) {
	plan, err := t.Plan(ctx, s)
	if err != nil {
		return CodeFacts{}, err
	}
	g, ok := plan.Code.(guest)
	if !ok {
		return CodeFacts{}, fmt.Errorf("skill %s has no code", s.Name)
	}
	m, declared := g.admitted.Manifest()
	x := g.admitted.Facts()
	f := CodeFacts{
		Declared: declared, Name: m.Name, Version: m.Version, Digest: g.admitted.Digest(), Bytes: int64(x.ModuleBytes),
		Ops: []string{}, Gates: orEmpty(m.Gates), Formats: orEmpty(m.Formats), Capabilities: orEmpty(m.Capabilities),
		Profile: x.Profile, Functions: x.Functions, MachineBytes: x.MachineBytes, ImageBytes: x.ImageBytes, MemoryBytes: x.MemoryImage,
		Restored: x.Restored, Why: x.Why, StartFuel: x.StartFuel, SelfTests: x.SelfTests, SelfTestFuel: x.SelfTestFuel, Limits: x.Limits,
		Input: m.Input, Output: m.Output, Grant: grantLines(s, m),
	}
	if skill.IsScript(s.Contract.Code) { // what was admitted is the interpreter
		code, err := s.Code()
		if err != nil {
			return CodeFacts{}, err
		}
		f.Bytes = int64(len(code))
	}
	for _, op := range []abi.Op{abi.OpPrepare, abi.OpFinish, abi.OpCheck, abi.OpRender, abi.OpRun} {
		if g.admitted.Has(op) {
			f.Ops = append(f.Ops, op.String())
		}
	}
	return f, nil
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// grantLines are what to write into a grant block so that the code gets what it
// asks for.
func grantLines(s *skill.Skill, m abi.Manifest) string {
	if !m.Has(abi.OpRun) {
		return ""
	}
	var lines []string
	for _, c := range capabilities(s) {
		if !c.given && slices.ContainsFunc(c.ops, m.Asks) {
			lines = append(lines, fmt.Sprintf("%-5s = %s", c.name, c.value))
		}
	}
	return strings.Join(lines, "\n")
}
