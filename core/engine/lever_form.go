package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
	"github.com/plimsoll-dev/plimsoll/hcl/splice"
)

// Form is what a skill's tune items say that code could own.
type Form struct {
	Skill     string `json:"skill"`
	Step      string `json:"step"`
	Candidate string `json:"candidate"` // the tier whose outputs were looked at
	Simulated bool   `json:"simulated,omitempty"`
	lever.Found
	Patch string `json:"patch,omitempty"` // unified diff of the files that it proposes to change
	File  string `json:"file,omitempty"`  // the file that it proposes to change
	Why   string `json:"why,omitempty"`   // nothing was looked at, or no patch can be made
}

// Form looks at what the candidate below a step made of the skill's tune items,
// and proposes what would have mended it. Nothing is bought and nothing changed.
func (e *Engine) Form(ctx context.Context, s *skill.Skill, step *config.Step) (*Form, error) {
	n, err := e.nightStep(s, step)
	if err != nil {
		return nil, err
	}
	out := &Form{Skill: s.Name, Step: step.Name}
	switch {
	case n.Blocked != "":
		out.Why = n.Blocked
		return out, nil
	case n.Current.Index == 0:
		out.Why = "it stands on the cheapest tier of its ladder: there is no candidate"
		return out, nil
	}
	candidate := n.Ladder.Tiers[n.Current.Index-1]
	out.Candidate, out.Simulated = candidate.Name, run.Simulated(candidate)
	subject, err := e.Subject(ctx, n, candidate)
	if err != nil {
		return nil, err
	}
	kept, err := e.Bench(nil).Kept(subject)
	if err != nil {
		return nil, err
	}
	cases, err := e.casesOf(kept)
	if err != nil {
		return nil, err
	}
	if len(cases) == 0 {
		out.Why = "no tune item was tried on " + candidate.Name + " yet: a night does that where the candidate's form holds it"
		if len(subject.Pool.Tune) == 0 {
			out.Why = "it has no tune items: name files that people may look at, with tune in its items block"
		}
		return out, nil
	}
	look := e.shape(ctx, s, s.Contract, subject)
	if out.Found, err = lever.Codify(look, cases); err != nil {
		return nil, fmt.Errorf("looking at the tune items of %s: %w", s.Name, err)
	}
	if len(out.Proposed) == 0 {
		return out, nil
	}
	return out, e.propose(ctx, s, subject, cases, out)
}

// casesOf reads the outputs of tried items.
func (e *Engine) casesOf(kept []evolve.Kept) ([]lever.Case, error) {
	var out []lever.Case
	for _, k := range kept {
		switch run.Status(k.Result.Status) {
		case run.Refused, run.Timeout, run.Missing:
			continue // no gate mends these
		}
		c := lever.Case{Item: k.Item.ID, Unreadable: k.Result.Status == evidence.Unreadable}
		var err error
		if c.Input, _, err = gate.Decode(k.Item.Input, true); err != nil {
			return nil, fmt.Errorf("reading the input of item %s: %w", k.Item.ID, err)
		}
		if len(k.Item.Reference) > 0 {
			if c.Reference, _, err = gate.Decode(k.Item.Reference, true); err != nil {
				return nil, fmt.Errorf("reading the reference of item %s: %w", k.Item.ID, err)
			}
		}
		if !c.Unreadable {
			raw, err := e.store.GetBlob(k.Output)
			if err != nil {
				return nil, fmt.Errorf("reading the output of item %s: %w", k.Item.ID, err)
			}
			if c.Output, _, err = gate.Decode(raw, true); err != nil {
				c.Unreadable = true
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// shape is a contract as a lever sees it. Code and command gates are asked as in a
// trial, and items are scored as there; what only a judge could score stays
// unknown.
func (e *Engine) shape(ctx context.Context, s *skill.Skill, c *config.Contract, subject evolve.Subject) lever.Shape {
	out := lever.Shape{Options: gate.Options{Input: s.InputSchema, Output: s.OutputSchema}, Schema: c.Output}
	spec := func(g *config.Gate) gate.Spec {
		x, err := specOf(s, g)
		if err != nil {
			x.Schema = nil // said when the project was loaded; the gate then fails to compile
		}
		return x
	}
	for _, g := range c.Gates {
		out.Gates = append(out.Gates, spec(g))
	}
	for _, each := range c.Eaches {
		x := gate.Each{List: each.List.Source}
		if each.ID != nil {
			x.ID = each.ID.Source
		}
		for _, g := range each.Gates {
			x.Gates = append(x.Gates, spec(g))
		}
		out.Eaches = append(out.Eaches, x)
	}
	byID := map[string]trial.Item{}
	for _, it := range subject.Pool.Tune {
		byID[it.ID] = it
	}
	out.External = func(c lever.Case, x gate.External, output any) gate.Verdict {
		raw, err := json.Marshal(output)
		if err != nil {
			return gate.Verdict{Err: err.Error()}
		}
		return subject.Plan.External(ctx, x, byID[c.Item].Input, raw)
	}
	out.Score = func(c lever.Case, output any) (int64, bool) {
		raw, err := json.Marshal(output)
		if err != nil {
			return 0, false
		}
		res, err := subject.Measure.Score(byID[c.Item], &run.Record{Status: run.OK, Output: raw}, nil)
		if err != nil || res.Score == nil {
			return 0, false
		}
		return *res.Score, true
	}
	return out
}

// propose writes the remedies into the file where they belong, and looks at the
// tune items once more with what then stands there: a patch that does not do what
// is claimed of it is never shown.
func (e *Engine) propose(ctx context.Context, s *skill.Skill, subject evolve.Subject, cases []lever.Case, out *Form) error {
	name, before, err := e.Project.homeOf(s)
	if err != nil {
		out.Why = err.Error()
		return nil
	}
	inFolder := filepath.Base(name) == "skill.hcl"
	after := before
	for i, r := range out.Proposed {
		if g := gateNamed(s.Contract, r.Each, r.Gate); !r.New && g != nil {
			if g.FromProject && inFolder {
				out.Why = fmt.Sprintf("gate %s is the project's: write %s = %q in it at %s", r.Gate, "fix", r.Fix, g.Range)
				return nil
			}
			r.File = g.Schema
			out.Proposed[i] = r
		}
		if after, err = lay(s, inFolder, name, after, r); err != nil {
			out.Why = fmt.Sprintf("the patch for gate %s has to be made by hand: %v", r.Gate, err)
			return nil
		}
	}
	contract, err := e.Project.contractWith(s, inFolder, name, after, out.Proposed)
	if err != nil {
		return fmt.Errorf("the patch for %s cannot be used: %w", s.Name, err)
	}
	again, err := lever.Codify(e.shape(ctx, s, contract, subject), cases)
	if err != nil {
		return fmt.Errorf("trying the patch for %s: %w", s.Name, err)
	}
	caught := 0
	for _, r := range out.Proposed {
		caught += r.Caught
	}
	if left := out.Failed - out.Rescued; again.Failed > left+caught {
		return fmt.Errorf("the patch for %s leaves %d failures where the simulation had %d: please report this", s.Name, again.Failed, left)
	}
	out.File, out.Patch = name, unified(before, after, name)
	return nil
}

// unified is a diff that also makes a file that is not there.
func unified(before, after []byte, name string) string {
	diff := policyfile.Diff(before, after, name)
	if len(before) == 0 {
		diff = strings.Replace(diff, "--- a/"+name+"\n", "--- /dev/null\n", 1)
	}
	return diff
}

// homeOf is the file that a person would change to change a skill's gates: its
// skill.hcl where the folder belongs to the project, else the project's own file
// that names the skill, or finds it.
func (p *Project) homeOf(s *skill.Skill) (name string, src []byte, err error) {
	rel, err := filepath.Rel(p.Dir, s.Dir)
	if err == nil && filepath.IsLocal(rel) {
		name = filepath.ToSlash(filepath.Join(rel, "skill.hcl"))
		src, err = os.ReadFile(filepath.Join(s.Dir, "skill.hcl"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
		return name, src, nil
	}
	for _, d := range p.Config.Skills {
		if d.Name == s.Name {
			name = d.Range.File
		}
	}
	for _, g := range p.Config.Groups {
		if name == "" && g.Name == s.Group {
			name = g.Range.File
		}
	}
	src, ok := p.Config.Sources[name]
	if !ok {
		return "", nil, fmt.Errorf("skill %s is declared in no file of this project", s.Name)
	}
	return name, src, nil
}

// lay writes one remedy into a source: into the skill's own file, or into the
// project's block of the skill, which is made where there is none.
func lay(s *skill.Skill, inFolder bool, name string, src []byte, r lever.Remedy) ([]byte, error) {
	var at []splice.Ref
	if !inFolder {
		at = []splice.Ref{{Type: "skill", Labels: []string{s.Name}}}
		if !splice.Has(name, src, at) {
			var err error
			if src, err = splice.AddBlock(name, src, nil, "skill "+splice.Quote(s.Name)+" {\n}"); err != nil {
				return nil, err
			}
		}
	}
	if r.Each != "" {
		each := splice.Ref{Type: "each", Labels: []string{r.Each}}
		if !splice.Has(name, src, append(at, each)) {
			var err error
			if src, err = splice.AddBlock(name, src, at, "each "+splice.Quote(r.Each)+" {\n}"); err != nil {
				return nil, err
			}
		}
		at = append(at, each)
	}
	own := append(at[:len(at):len(at)], splice.Ref{Type: "gate", Labels: []string{r.Gate}})
	if splice.Has(name, src, own) {
		attr, expr := r.Attribute()
		return splice.SetAttribute(name, src, own, attr, expr)
	}
	return splice.AddBlock(name, src, at, r.Block())
}

func gateNamed(c *config.Contract, each, name string) *config.Gate {
	list := c.Gates
	for _, e := range c.Eaches {
		if e.List.Source == each {
			list = e.Gates
		}
	}
	for _, g := range list {
		if g.Name == name {
			return g
		}
	}
	return nil
}

// contractWith is the skill's contract as it would be with a changed file.
func (p *Project) contractWith(s *skill.Skill, inFolder bool, name string, after []byte, remedies []lever.Remedy) (*config.Contract, error) {
	if !inFolder {
		// The project's block lays the same gates over the contract: they are read as
		// a contract of their own.
		var src []byte
		for _, r := range remedies {
			var err error
			if src, err = lay(s, true, name, src, r); err != nil {
				return nil, err
			}
		}
		over, diags := config.ParseContract(name, src, config.ContractOptions{Skill: s.Name})
		return s.Contract.Overlay(over), diags.Err()
	}
	c, diags := config.ParseContract(name, bytes.Clone(after), config.ContractOptions{Skill: s.Name})
	if err := diags.Err(); err != nil {
		return nil, err
	}
	for _, d := range p.Config.Skills {
		if d.Name == s.Name {
			c = c.Overlay(&d.Contract)
		}
	}
	return c, nil
}
