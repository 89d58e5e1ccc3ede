package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/backend"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/fixture"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/redact"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// taskPlaces is how many tasks a runner does at a time. An agent is a program
// with a few hundred megabytes of its own, not a line to somebody's API.
const taskPlaces = 4

// declaredRunners are the runner blocks as backends of their own.
func (p *Project) declaredRunners() []backend.Declared {
	var out []backend.Declared
	for _, r := range p.Config.Runners {
		values := r.Config
		if r.Plugin == "command" {
			values = map[string]any{"command": r.Command, "env": append([]string{}, r.Env...)}
			if r.Output != "" {
				values["output"] = r.Output
			}
			if len(r.Usage) > 0 {
				values["usage"] = r.Usage
			}
		}
		out = append(out, backend.Declared{Name: r.Name, Role: backend.RunnerRole, Plugin: r.Plugin, Env: r.Env, Config: values, Concurrency: taskPlaces})
	}
	return out
}

// runners hands tasks to agents and tells their failures in core/run's words.
type runners struct {
	client  *backend.Client
	project *Project
}

var _ run.Runners = runners{}

// Execute has the agent see PATH and the like besides the variables that its
// block names. Values of those are taken out of its diagnostics and errors, which
// are shown and kept.
func (x runners) Execute(ctx context.Context, name string, t run.Task) (run.Done, bool, error) {
	input, err := json.Marshal(map[string]any{"prompt": t.Prompt, "input": t.Input, "skill_dir": t.SkillDir, "skill_files": t.Shared})
	if err != nil {
		return run.Done{}, false, fmt.Errorf("writing a task down: %w", err)
	}
	env := map[string]string{}
	for _, pair := range run.MinimalEnv() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	r, meta, err := x.client.Execute(ctx, name, sdk.Task{
		Input: input, Fixture: t.Fixture, Model: t.Model, Timeout: t.Timeout, Env: env, Idempotency: t.Idempotency,
	})
	done := run.Done{
		Text: r.Text, Usage: r.Usage, UsageKnown: r.UsageKnown, Cost: r.Cost, CostKnown: r.CostKnown, Model: r.Model,
		ExitCode: r.ExitCode, TimedOut: r.TimedOut,
	}
	hide := x.hides(name)
	for _, line := range r.Log {
		done.Log = append(done.Log, hide.Replace(line))
	}
	for _, f := range r.Files {
		file := run.File{Path: f.Path, Change: string(f.Kind), Size: f.Size, Data: f.Data}
		if file.Data == nil && f.Size == 0 {
			file.Data = []byte{}
		}
		done.Files = append(done.Files, file)
	}
	if err == nil {
		return done, meta.Lost, nil
	}
	out := &run.CallError{Code: "unavailable", Message: err.Error(), Lost: meta.Lost}
	var typed *sdk.Error
	if errors.As(err, &typed) {
		out.Code, out.Message = string(typed.Code), typed.Message
		out.Retryable, out.RetryAfter = typed.Retryable, typed.RetryAfter
	}
	out.Message = hide.Replace(out.Message)
	return done, meta.Lost, out
}

// hides takes what a runner's declared variables hold out of what is kept of it.
func (x runners) hides(name string) *strings.Replacer {
	var env []string
	for _, r := range x.project.Config.Runners {
		if r.Name == name {
			env = r.Env
		}
	}
	return redact.Variables(env...)
}

// runnerOf makes a skill's runner ready.
func (p *Project) runnerOf(s *skill.Skill) *run.Runner {
	r := s.Binding.Runner
	if r == nil {
		return nil
	}
	out := &run.Runner{Name: r.Name, Timeout: r.Timeout, SkillDir: s.Dir, MaxCost: r.MaxCost}
	if r.Fixture != "" {
		out.Fixture = filepath.Join(p.Dir, filepath.FromSlash(r.Fixture))
	}
	if len(r.Files) > 0 {
		out.Takes = r.Takes
	}
	if shared, err := sharedBy(s); err == nil { // else reachable says why, before a task is made
		for _, f := range shared {
			out.Shared = append(out.Shared, f.Path)
		}
	}
	return out
}

// sharedBy are the files of a skill that its agent gets a copy of, where the
// command asks for them.
func sharedBy(s *skill.Skill) ([]skill.Shared, error) {
	for _, arg := range s.Binding.Runner.Command {
		if strings.Contains(arg, "{skill_dir}") {
			return s.Shared()
		}
	}
	return nil, nil
}

// givenTo is the digest of a folder that comes with one input.
func givenTo(s *skill.Skill, folder string) (string, error) {
	if folder == "" {
		return "", nil
	}
	if s.Binding.Runner == nil {
		return "", fmt.Errorf("skill %s runs without a runner, so nothing would read the folder %s: name a runner in its block at %s", s.Name, folder, s.Range)
	}
	read, err := fixture.Read(folder)
	if err != nil {
		return "", fmt.Errorf("the folder for the agent: %w", err)
	}
	return read.Digest(), nil
}

// unrunnable says why a skill cannot run through its runner, "" where it can.
func unrunnable(s *skill.Skill) string {
	r := s.Binding.Runner
	if r == nil || len(s.Steps()) == 1 {
		return ""
	}
	return fmt.Sprintf("it has %d steps with a tier each, and runner %s runs a skill whole, with one model: take runner out of its block, or the steps out of its contract", len(s.Steps()), r.Name)
}

// checkRunner is what of a skill's runner shows in the files.
func (p *Project) checkRunner(s *skill.Skill) diag.List {
	r := s.Binding.Runner
	if r == nil {
		return nil
	}
	if why := unrunnable(s); why != "" {
		return diag.List{diag.Errorf(s.Range, "runner-steps", "Runner cannot run steps", "Skill %s: %s.", s.Name, why)}
	}
	var diags diag.List
	if _, err := sharedBy(s); err != nil {
		diags = append(diags, diag.Errorf(s.Range, "runner-files", "Skill's files cannot be handed over", "%v.", err))
	}
	if r.Fixture != "" {
		folder, err := fixture.Read(filepath.Join(p.Dir, filepath.FromSlash(r.Fixture)))
		if err != nil {
			diags = append(diags, diag.Errorf(r.Range, "fixture-read", "Fixture cannot be used", "The fixture of runner %s: %v.", r.Name, err))
		}
		if len(folder.Skipped) > 0 {
			diags = append(diags, diag.Warnf(r.Range, "fixture-links", "Fixture has links", "%s in the fixture of runner %s is no regular file, and tasks do not get it: links are not followed. Put a file in its place.", folder.Skipped[0], r.Name))
		}
	}
	return diags
}

// checkFixtures finds items whose folder nobody would read.
func checkFixtures(s *skill.Skill, pool *trial.Pool) diag.List {
	var diags diag.List
	for _, it := range slices.Concat(pool.Prove, pool.Tune) {
		if it.Fixture != "" && s.Binding.Runner == nil {
			diags = append(diags, diag.Errorf(it.At, "item-fixture", "Fixture without a runner", "Item %s brings the folder %s, and skill %s runs without a runner, so that nothing would read it. Name a runner in the skill's block, or take fixture out of the item.", it.ID, it.Fixture, s.Name))
		}
	}
	return diags
}

// reachable says why a skill cannot be run on a tier, before anything is bought
// or counted as its failure. A runner's agent calls its model itself: the tier's
// backend is not asked.
func (e *Engine) reachable(s *skill.Skill, t *config.Tier) error {
	if r := s.Binding.Runner; r != nil {
		if why := unrunnable(s); why != "" {
			return fmt.Errorf("skill %s cannot be run: %s", s.Name, why)
		}
		if _, err := sharedBy(s); err != nil {
			return err
		}
		return e.backends.CheckRunner(r.Name)
	}
	return e.callable(t)
}

// runnerPart is what an epoch has of a runner: how it is called, which folder it
// works on, and the bytes of those of its own files that lie in the project.
// Another version of a program that is installed elsewhere is not seen.
func (p *Project) runnerPart(s *skill.Skill) (string, error) {
	r := s.Binding.Runner
	part := map[string]any{
		"plugin": r.Plugin, "command": r.Command, "env": r.Env, "timeout": r.Timeout.String(), "files": r.Files,
		"output": r.Output, "config": r.Config,
	}
	if r.Fixture != "" {
		folder, err := fixture.Read(filepath.Join(p.Dir, filepath.FromSlash(r.Fixture)))
		if err != nil {
			return "", fmt.Errorf("the fixture of runner %s: %w", r.Name, err)
		}
		part["fixture"] = folder.Digest()
	}
	own := map[string]string{}
	for i, arg := range r.Command {
		name, inProject := strings.CutPrefix(arg, "{project}/")
		if !inProject && (i > 0 || !strings.ContainsAny(arg, `/\`) || filepath.IsAbs(arg)) {
			continue
		}
		src, err := os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(name)))
		if err == nil {
			own[name] = digestOf(src)
		}
	}
	shared, err := sharedBy(s)
	if err != nil {
		return "", err
	}
	for _, f := range shared {
		own["skill/"+f.Path] = f.Digest
	}
	part["own"] = own
	digest, err := canonjson.Digest(part)
	if err != nil {
		return "", fmt.Errorf("hashing runner %s: %w", r.Name, err)
	}
	return digest, nil
}

// runnerNotes say of which rows of a night agents were run, since nothing held
// them.
func (e *Engine) runnerNotes(rows []report.Row) []string {
	by := map[string][]string{}
	for _, row := range rows {
		s, err := e.Project.Skill(row.Skill)
		if err != nil || s.Binding.Runner == nil || row.Bought == 0 {
			continue
		}
		name := s.Binding.Runner.Name
		if !slices.Contains(by[name], row.Skill) {
			by[name] = append(by[name], row.Skill)
		}
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(by)) {
		out = append(out, fmt.Sprintf("Not sandboxed: runner %s ran an agent with this user's rights for %s. Each trial had a temporary copy of its folder; what an agent did elsewhere, nothing here has seen or undone.", name, strings.Join(by[name], ", ")))
	}
	return out
}
