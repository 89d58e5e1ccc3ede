package skill

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Skill is a folder that was read and checked, with what the project says about
// it.
type Skill struct {
	Name          string
	Description   string
	Body          string // SKILL.md below the front matter, without white space around it
	License       string
	Compatibility string
	AllowedTools  []string
	Metadata      map[string]string

	Dir    string // absolute
	Path   string // as people see it: relative to the project, with slashes
	Group  string // the `skills` block that found it; ""
	Source string // "group" or "decl": what brought it in
	Range  diag.Range

	Contract *config.Contract // skill.hcl, with the project's `skill` block laid over it
	Binding  config.Binding   // the group's, with the `skill` block's laid over it; Tags are all of them

	// Files has the digest ("sha256:...") of every file that makes an epoch, by
	// its path in the folder: SKILL.md, skill.hcl, code, schemas, prompts,
	// templates. Items are not among them. Hash is one digest over all of these.
	Files map[string]string
	Hash  string

	InputSchema  []byte // nil without one
	OutputSchema []byte // nil without one
}

// SourceGroup and SourceDecl are the values of Skill.Source.
const (
	SourceGroup = "group"
	SourceDecl  = "decl"
)

// mainStep is the step of a skill that declares none.
const mainStep = "main"

// Steps are the model calls of the skill, in their order: those that are
// declared, or one named main. A pin of the whole skill is a pin of each step
// that has none of its own.
func (s *Skill) Steps() []*config.Step {
	steps := s.Contract.Steps
	if len(steps) == 0 {
		steps = []*config.Step{{Name: mainStep, Range: s.Range}}
	}
	out := make([]*config.Step, len(steps))
	for i, step := range steps {
		c := *step
		if c.Pin == nil {
			c.Pin = s.Binding.Pin
		}
		out[i] = &c
	}
	return out
}

// Read gives a file of Files as it was when the skill was loaded. It is an
// error when the file has changed since: a run must not mix two versions under
// one hash.
func (s *Skill) Read(name string) ([]byte, error) {
	want, ok := s.Files[clean(name)]
	if !ok {
		return nil, fmt.Errorf("skill %s: %s is not a file that the skill declares", s.Name, name)
	}
	root, err := os.OpenRoot(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", s.Name, err)
	}
	defer root.Close()
	data, err := root.ReadFile(filepath.FromSlash(clean(name)))
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", s.Name, err)
	}
	if digest(data) != want {
		return nil, fmt.Errorf("skill %s: %s has changed since it was loaded; run the command again", s.Name, name)
	}
	return data, nil
}

// Code is the skill's WASM module; nil without code. It is read when it is
// asked for: a Go guest has 3.5 MiB, and most commands need none.
func (s *Skill) Code() ([]byte, error) {
	if s.Contract.Code == "" {
		return nil, nil
	}
	return s.Read(s.Contract.Code)
}

// Prompt is the system prompt of a step: its file, or SKILL.md's body.
func (s *Skill) Prompt(step *config.Step) (string, error) {
	if step.Prompt == "" {
		return s.Body, nil
	}
	data, err := s.Read(step.Prompt)
	return string(data), err
}

func clean(name string) string { return path.Clean(filepath.ToSlash(name)) }
