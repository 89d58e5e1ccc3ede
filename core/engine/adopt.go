package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/adopt"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
	"github.com/plimsoll-dev/plimsoll/hcl/pricelist"
)

// AdoptOptions say what a project is made from. Nothing else is read.
type AdoptOptions struct {
	Dir     string   // of the project
	From    []string // folders of skills
	Logs    []string // files, or folders of them
	Mapping string   // file; "" is none
	Model   string   // what skills run on that stand in no log; "" is not said
	// Simulated writes simulated models in the places of the real ones, to go through
	// everything without a key.
	Simulated bool
	DryRun    bool
}

// Adopted is what was found, and what was or would be written.
type Adopted struct {
	Skills  []adopt.Found
	Apart   []Apart // folders that are not taken, and why
	Spend   adopt.Spend
	Lines   transcript.Lines
	Logs    LogFiles
	Plan    *adopt.Plan
	AsOf    string            // day of the price list
	Text    map[string]string // the files that the project would have, by name
	Written []string          // what was written
	Added   map[string]string // diffs of what is not written, since the file is there: by name
	Exists  bool              // there is a project already
	Unknown []string          // skills in the logs that lie in none of the folders
}

// Apart is a skill folder that is not adopted.
type Apart struct {
	Path string `json:"path"`
	Name string `json:"name,omitempty"`
	Why  string `json:"why"`
}

const projectFile = "plimsoll.hcl"

// Adopt makes a project out of skill folders and logs. A project that is there
// already stays as it is: what it would gain comes back as a diff.
func Adopt(ctx context.Context, o AdoptOptions) (*Adopted, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	out := &Adopted{Text: map[string]string{}, Added: map[string]string{}}
	found, err := findSkills(dir, o.From)
	if err != nil {
		return nil, err
	}
	out.Skills, out.Apart = found.skills, found.apart
	prices, names, asOf, err := listPrices(dir)
	if err != nil {
		return nil, err
	}
	out.AsOf = asOf
	ledger := adopt.NewLedger(prices)
	ledger.Now = clock().UTC()
	opts := transcript.Options{Skills: found.index, Now: ledger.Now}
	if opts.Mapping, err = readMapping(o.Mapping); err != nil {
		return nil, err
	}
	r := transcript.New(opts)
	out.Logs, err = readLogs(ctx, o.Logs, r, func(c transcript.Call) error {
		ledger.Add(c)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Lines, out.Spend = r.Lines(), ledger.Spend()
	known := map[string]bool{}
	for _, s := range found.skills {
		known[s.Name] = true
	}
	for _, a := range found.apart {
		known[a.Name] = true
	}
	for _, s := range out.Spend.BySkill() {
		if !known[s.Skill] {
			out.Unknown = append(out.Unknown, s.Skill)
		}
	}
	out.Plan = adopt.Make(adopt.Facts{From: found.from, Except: found.except, Skills: found.skills, Spend: out.Spend, Prices: prices, Model: o.Model, Listed: names, Simulated: o.Simulated})
	if len(out.Plan.Rungs) == 0 {
		return out, nil
	}
	return out, out.write(dir, o.DryRun)
}

// write brings the files into the project's folder, where none is there.
func (a *Adopted) write(dir string, dry bool) error {
	policy, _, err := a.Plan.Policy(PolicyFile, nil)
	if err != nil {
		return fmt.Errorf("making the policy file: %w", err)
	}
	a.Text[projectFile], a.Text[PolicyFile], a.Text[".gitignore"] = string(a.Plan.HCL()), string(policy), StateDir+"/\n"
	there, err := filepath.Glob(filepath.Join(escaped(dir), "*.hcl"))
	if err != nil {
		return err
	}
	a.Exists = len(there) > 0
	for _, name := range []string{".gitignore", projectFile, PolicyFile} {
		path := filepath.Join(dir, name)
		was, err := os.ReadFile(path)
		switch {
		case err == nil && name == PolicyFile:
			// What stands there stays; steps that it does not have are shown.
			if policy, _, err = a.Plan.Policy(PolicyFile, was); err != nil {
				return fmt.Errorf("%s cannot be read, and nothing was written: %w", PolicyFile, err)
			}
			a.add(name, was, policy)
			continue
		case err == nil && name == ".gitignore":
			continue
		case err == nil:
			a.add(name, was, []byte(a.Text[name]))
			continue
		case !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("looking at %s: %w", name, err)
		case a.Exists:
			a.add(name, nil, []byte(a.Text[name]))
			continue
		}
		if len(a.Text[name]) == 0 {
			continue // nothing is assigned
		}
		if !dry {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("making the project's folder: %w", err)
			}
			if err := atomicfile.Write(path, []byte(a.Text[name]), 0o644); err != nil {
				return fmt.Errorf("writing %s: %w", name, err)
			}
		}
		a.Written = append(a.Written, name)
	}
	return nil
}

func (a *Adopted) add(name string, was, is []byte) {
	if name != ".gitignore" && !bytes.Equal(was, is) {
		a.Added[name] = policyfile.Diff(was, is, name)
	}
}

// listPrices are the prices that a folder sees: its own list's over those that
// ship. A model that is dated is priced by its name without the day.
func listPrices(dir string) (prices adopt.Prices, models []string, asOf string, err error) {
	list, err := config.ListPrices(dir)
	if err != nil {
		return nil, nil, "", err
	}
	return func(model string) (price.Rates, string, bool) {
		e, listed, err := list.Dated(model)
		if err != nil {
			return price.Rates{}, "", false
		}
		return ratesOf(e), listed, true
	}, slices.Sorted(maps.Keys(list.Models)), list.AsOf.Format("2006-01-02"), nil
}

func ratesOf(e pricelist.Entry) price.Rates {
	r := price.Rates{Known: true, Tokens: price.Tokens(e.Rates)}
	if e.Above != nil {
		r.Above = price.Step{Prompt: e.Above.Tokens, Tokens: price.Tokens(e.Above.Rates)}
	}
	return r
}

func readMapping(file string) (*transcript.Mapping, error) {
	if file == "" {
		return nil, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("reading the mapping: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil, fmt.Errorf("reading the mapping: %s is no small file", file)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the mapping: %w", err)
	}
	m, err := transcript.ParseMapping(src)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// skillsFound are the skills below some folders.
type skillsFound struct {
	from, except []string
	skills       []adopt.Found
	apart        []Apart
	index        *transcript.Index
}

// maxDepth bounds how deep below a folder skills are looked for.
const maxDepth = 12

// findSkills looks for folders with a SKILL.md, and loads each as the project
// will. What cannot be loaded, and what has the name of another, stands apart: a
// project that has it in does not validate.
func findSkills(dir string, roots []string) (*skillsFound, error) {
	out := &skillsFound{index: &transcript.Index{}}
	var dirs []string
	for _, root := range roots {
		found, odd, err := skillDirs(root)
		if err != nil {
			return nil, err
		}
		for _, file := range odd {
			out.apart = append(out.apart, Apart{Path: nameFrom(dir, filepath.Dir(file)), Why: "its file is called " + filepath.Base(file) + ", and no agent finds it where names have a case: rename it to SKILL.md"})
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("there is no SKILL.md below %s: name the folder that holds your skills' folders", root)
		}
		depths := map[int]bool{}
		base, err := filepath.Abs(root)
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			rel, err := filepath.Rel(base, d)
			if err != nil {
				return nil, err
			}
			depth := 0
			if rel != "." {
				depth = 1 + strings.Count(filepath.ToSlash(rel), "/")
			}
			depths[depth] = true
		}
		for depth := range maxDepth + 1 {
			if pattern := adopt.Pattern(nameFrom(dir, base)) + strings.Repeat("/*", depth); depths[depth] && !slices.Contains(out.from, pattern) {
				out.from = append(out.from, pattern)
			}
		}
		for _, d := range found {
			if !slices.Contains(dirs, d) {
				dirs = append(dirs, d)
			}
		}
	}
	byName := map[string][]*skill.Skill{}
	var order []string
	for _, d := range dirs {
		s, why := loadAlone(dir, d)
		if s == nil {
			out.leave(dir, d, "", why)
			continue
		}
		if byName[s.Name] == nil {
			order = append(order, s.Name)
		}
		byName[s.Name] = append(byName[s.Name], s)
	}
	for _, name := range order {
		all := byName[name]
		for _, s := range all {
			out.index.Add(name, s.Body)
		}
		same := true
		for _, s := range all[1:] {
			same = same && s.Hash == all[0].Hash
		}
		for i, s := range all {
			switch {
			case !same:
				out.leave(dir, s.Dir, name, fmt.Sprintf("%d different skills are named %q, and the logs do not tell them apart: rename them, or take one out of except", len(all), name))
			case i > 0:
				out.leave(dir, s.Dir, name, "it is a copy of "+all[0].Path)
			default:
				entries, err := os.ReadDir(s.Dir)
				if err != nil {
					return nil, fmt.Errorf("looking into %s: %w", s.Path, err)
				}
				var beside []string
				for _, e := range entries {
					beside = append(beside, e.Name())
				}
				out.skills = append(out.skills, adopt.See(s, beside))
			}
		}
	}
	return out, nil
}

func (f *skillsFound) leave(dir, path, name, why string) {
	at := nameFrom(dir, path)
	f.apart = append(f.apart, Apart{Path: at, Name: name, Why: why})
	f.except = append(f.except, adopt.Pattern(at))
}

// loadAlone loads one folder with the rules of a project, nil and the reason where
// the project would refuse it.
func loadAlone(dir, folder string) (*skill.Skill, string) {
	ladder := &config.Ladder{Name: "adopted"}
	p := &config.Project{Dir: dir, Groups: []*config.Group{{
		Name: "adopted", From: []string{adopt.Pattern(filepath.ToSlash(folder))},
		Binding: config.Binding{Policy: &config.Policy{Name: "preset.careful"}, Ladder: ladder},
	}}}
	all, diags := skill.Load(p, skill.Options{})
	for _, d := range diags {
		if diags.HasErrors() && d.Severity == diag.Error {
			return nil, strings.TrimSuffix(strings.Join(strings.Fields(d.Detail), " "), ".")
		}
	}
	if len(all) == 0 {
		return nil, "it cannot be read"
	}
	return all[0], ""
}

// skillDirs are the folders below root that have a SKILL.md, root itself among
// them, and files that are SKILL.md but for the case of their name. A link to a
// skill's folder is followed, as agents link them; links below
// that are not.
func skillDirs(root string) (out, odd []string, err error) {
	base, err := filepath.Abs(root)
	if err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(base)
	if err != nil {
		return nil, nil, fmt.Errorf("looking for skills: %w", err)
	}
	if !info.IsDir() {
		if filepath.Base(base) != "SKILL.md" {
			return nil, nil, fmt.Errorf("looking for skills: %s is no folder", root)
		}
		base = filepath.Dir(base)
	}
	if linked, err := filepath.EvalSymlinks(base); err == nil && linked != base {
		// WalkDir does not enter a link, also not where it begins.
		base += string(filepath.Separator) + "."
	}
	err = filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("looking for skills: %w", err)
		}
		rel, relErr := filepath.Rel(base, path)
		switch {
		case relErr != nil:
			return relErr
		case d.IsDir() && d.Name() == ".git", d.IsDir() && strings.Count(filepath.ToSlash(rel), "/") >= maxDepth:
			return filepath.SkipDir
		case d.Type()&fs.ModeSymlink != 0 || d.IsDir():
			if info, err := os.Stat(filepath.Join(path, "SKILL.md")); err == nil && !info.IsDir() {
				out = append(out, filepath.Clean(path))
			}
		case d.Name() != "SKILL.md" && strings.EqualFold(d.Name(), "SKILL.md"):
			// Where names have no case, the folder was found by the right one.
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), "SKILL.md")); err != nil {
				odd = append(odd, path)
			}
		}
		return nil
	})
	return out, odd, err
}

// nameFrom is a folder as a project names it.
func nameFrom(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}

func escaped(dir string) string { return adopt.Pattern(dir) }
