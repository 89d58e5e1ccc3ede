package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// Names of files and folders in a project.
const (
	PolicyFile  = "policy.hcl"
	LockFile    = "plimsoll.lock.hcl"
	EvidenceDir = "evidence"
	StateDir    = ".plimsoll"
)

// Project is what stands in the files: config, skills, and the desired state.
// Nothing is opened and nothing runs.
type Project struct {
	Dir     string
	Config  *config.Project
	Skills  []*skill.Skill
	Policy  *Desired
	Sources map[string][]byte // for snippets

	load LoadOptions // how it was read
}

// LoadOptions say where and with which variables.
type LoadOptions struct {
	Dir     string
	Vars    map[string]string
	Environ func(string) (string, bool)
	Only    string // load just this skill: the others are looked up in the index
}

// LoadProject reads and checks a directory. Diagnostics come all at once; the
// project holds what could be understood, and must not be run when there are
// errors.
func LoadProject(o LoadOptions) (*Project, diag.List) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, diag.List{diag.Errorf(diag.Range{File: o.Dir}, "project-dir", "No project directory", "%v", err)}
	}
	if o.Environ == nil {
		o.Environ = os.LookupEnv
	}
	cfg, diags := config.Load(dir, config.Options{Vars: o.Vars, Environ: o.Environ})
	p := &Project{Dir: dir, Config: cfg, Sources: map[string][]byte{}, load: o}
	if cfg == nil {
		return p, diags
	}
	for name, src := range cfg.Sources {
		p.Sources[name] = src
	}
	index := skill.Options{IndexPath: filepath.Join(dir, StateDir, "index.json"), Sources: p.Sources}
	if o.Only == "" {
		var more diag.List
		p.Skills, more = skill.Load(cfg, index)
		diags = append(diags, more...)
	} else {
		one, more := skill.Find(cfg, o.Only, index)
		diags = append(diags, more...)
		if one != nil {
			p.Skills = []*skill.Skill{one}
		}
	}
	diags = append(diags, p.readPolicy()...)
	return p, diags
}

// readPolicy reads the desired state; a project without a policy file has none
// yet.
func (p *Project) readPolicy() diag.List {
	src, err := os.ReadFile(filepath.Join(p.Dir, PolicyFile))
	if errors.Is(err, fs.ErrNotExist) {
		src, err = nil, nil
	}
	if err != nil {
		return diag.List{diag.Errorf(diag.Range{File: PolicyFile}, "policy-read", "Policy file cannot be read", "%v", err)}
	}
	p.Sources[PolicyFile] = src
	var diags diag.List
	desired, ok := recall(p.Dir, src)
	if !ok {
		var file *policyfile.File
		if file, diags = policyfile.Parse(PolicyFile, src); file == nil {
			return diags
		}
		desired = desiredOf(file.Assignments())
		remember(p.Dir, src, file.Assignments())
	}
	p.Policy = desired
	for _, a := range desired.Assignments() {
		diags = append(diags, p.checkAssignment(a)...)
	}
	return diags
}

// checkAssignment finds assignments to tiers that do not exist. One of a skill
// that is gone is only a warning: skills come and go, their history stays.
func (p *Project) checkAssignment(a policyfile.Assignment) diag.List {
	ladder := p.ladder(a.Tier.Ladder)
	switch {
	case ladder == nil:
		return diag.List{diag.Errorf(a.Range, "unknown-name", "Unknown ladder", "The assignment of %s names %s, and there is no ladder %q.%s", a.Skill, a.Tier, a.Tier.Ladder, diag.DidYouMean(a.Tier.Ladder, p.ladderNames()))}
	case ladder.Tier(a.Tier.Tier) == nil:
		var names []string
		for _, t := range ladder.Tiers {
			names = append(names, t.Name)
		}
		return diag.List{diag.Errorf(a.Range, "unknown-name", "Unknown tier", "The assignment of %s names %s, and ladder %q has no tier %q.%s", a.Skill, a.Tier, a.Tier.Ladder, a.Tier.Tier, diag.DidYouMean(a.Tier.Tier, names))}
	}
	return nil
}

func (p *Project) ladder(name string) *config.Ladder {
	for _, l := range p.Config.Ladders {
		if l.Name == name {
			return l
		}
	}
	return nil
}

func (p *Project) ladderNames() []string {
	var names []string
	for _, l := range p.Config.Ladders {
		names = append(names, l.Name)
	}
	return names
}

// Skill finds a skill by name.
func (p *Project) Skill(name string) (*skill.Skill, error) {
	var names []string
	for _, s := range p.Skills {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("this project has no skills: add a skill or a skills block to a .hcl file in %s", p.Dir)
	}
	return nil, fmt.Errorf("there is no skill %q.%s `plimsoll skill list` shows all %d", name, diag.DidYouMean(name, names), len(names))
}

// Ladder of a skill: its own, else its policy's.
func Ladder(s *skill.Skill) *config.Ladder {
	if s.Binding.Ladder != nil {
		return s.Binding.Ladder
	}
	if s.Binding.Policy != nil {
		return s.Binding.Policy.Ladder
	}
	return nil
}

// JudgeOf a skill, nil without one.
func (p *Project) JudgeOf(s *skill.Skill) *config.Judge { return p.judgeOf(s) }

// judgeOf a skill: its own, its policy's, or the only one that is declared.
func (p *Project) judgeOf(s *skill.Skill) *config.Judge {
	switch {
	case s.Binding.Judge != nil:
		return s.Binding.Judge
	case s.Binding.Policy != nil && s.Binding.Policy.Judge != nil:
		return s.Binding.Policy.Judge
	case len(p.Config.Judges) == 1:
		return p.Config.Judges[0]
	}
	return nil
}
