package skill

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// skillMD is the file that makes a folder a skill.
const skillMD = "SKILL.md"

// place is a folder that the project names.
type place struct {
	dir   string // absolute
	shown string // relative to the project where it lies in it, with slashes
	group *config.Group
	decl  *config.Decl // the `skill` block whose source it is
}

func (p place) at() diag.Range {
	if p.decl != nil {
		return p.decl.Range
	}
	return p.group.Range
}

func (p place) file(name string) string { return p.shown + "/" + name }

// discover lists the folders of all groups and sources, in the order of the
// project's blocks.
func discover(p *config.Project) ([]place, diag.List) {
	var out []place
	var diags diag.List
	known := map[string]int{}
	add := func(dir string) int {
		known[dir] = len(out)
		out = append(out, place{dir: dir, shown: shown(p.Dir, dir)})
		return len(out) - 1
	}
	for _, d := range p.Skills {
		if d.Source == "" {
			continue
		}
		dir := absolute(p.Dir, d.Source)
		if i, twice := known[dir]; twice {
			diags = append(diags, diag.Errorf(d.Range, "duplicate-skill", "Skill declared twice", "skill %q and skill %q (%s) have the same source, %s. Keep one of them.", d.Name, out[i].decl.Name, out[i].decl.Range, d.Source))
			continue
		}
		out[add(dir)].decl = d
	}
	for _, g := range p.Groups {
		left, problem := excepted(p.Dir, g)
		diags = append(diags, problem...)
		for _, pattern := range g.From {
			matches, problem := expand(p.Dir, pattern, g)
			diags = append(diags, problem...)
			for _, dir := range matches {
				if left[dir] {
					continue
				}
				i, ok := known[dir]
				if !ok {
					i = add(dir)
				}
				if first := out[i].group; first != nil && first != g {
					diags = append(diags, diag.Errorf(g.Range, "duplicate-skill", "Skill in two groups", "The folder %s is in skills %q (%s) and in skills %q, and their policies may differ. Make one of the patterns narrower.", out[i].shown, first.Name, first.Range, g.Name))
					continue
				}
				out[i].group = g
			}
		}
	}
	return out, diags
}

// excepted are the folders that a group leaves out. A pattern that matches none
// is said: what it was to keep out may be in.
func excepted(project string, g *config.Group) (map[string]bool, diag.List) {
	out := map[string]bool{}
	var diags diag.List
	for _, pattern := range g.Except {
		matches, err := filepath.Glob(absolutePattern(project, pattern))
		switch {
		case err != nil || strings.Contains(pattern, "**"):
			diags = append(diags, diag.Errorf(g.Range, "bad-glob", "Pattern cannot be used", "skills %q: %q in except is not a pattern. A pattern has *, ? and [a-z].", g.Name, pattern))
		case len(matches) == 0:
			diags = append(diags, diag.Warnf(g.Range, "no-skills", "Nothing left out", "skills %q: no folder matches %q in except.", g.Name, pattern))
		}
		for _, m := range matches {
			out[filepath.Clean(m)] = true
		}
	}
	return out, diags
}

// expand gives the skill folders that a pattern matches. Files beside them are
// of no interest; folders without a SKILL.md are, because they may have been
// meant.
func expand(project, pattern string, g *config.Group) ([]string, diag.List) {
	if strings.Contains(pattern, "**") {
		return nil, diag.List{diag.Errorf(g.Range, "bad-glob", "Pattern cannot be used", "skills %q: ** in %q is not supported. Write one pattern for each depth, such as \"skills/*\" and \"skills/*/*\".", g.Name, pattern)}
	}
	matches, err := filepath.Glob(absolutePattern(project, pattern))
	if err != nil {
		return nil, diag.List{diag.Errorf(g.Range, "bad-glob", "Pattern cannot be used", "skills %q: %q is not a pattern (%v). A pattern has *, ? and [a-z].", g.Name, pattern, err)}
	}
	var diags diag.List
	var dirs []string
	for _, m := range matches {
		if _, err := os.Lstat(filepath.Join(m, skillMD)); err == nil {
			dirs = append(dirs, filepath.Clean(m))
			continue
		}
		if info, err := os.Stat(m); err == nil && info.IsDir() && !strings.HasPrefix(filepath.Base(m), ".") {
			diags = append(diags, diag.Warnf(g.Range, "no-skill-md", "Folder without SKILL.md", "skills %q: the folder %s has no SKILL.md, so it is no skill.", g.Name, shown(project, m)))
		}
	}
	if len(dirs) == 0 {
		diags = append(diags, diag.Warnf(g.Range, "no-skills", "No skills found", "skills %q: no folder with a SKILL.md matches %q. Patterns are relative to the project directory and name the skills' folders.", g.Name, pattern))
	}
	slices.Sort(dirs)
	return dirs, diags
}

func absolute(project, path string) string {
	path = filepath.FromSlash(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(project, path)
}

// absolutePattern keeps a project directory with brackets in its name from
// being read as a pattern. Windows has no escape, and Glob none there.
func absolutePattern(project, pattern string) string {
	pattern = filepath.FromSlash(pattern)
	if filepath.IsAbs(pattern) {
		return pattern
	}
	if runtime.GOOS != "windows" {
		project = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(project)
	}
	return filepath.Join(project, pattern)
}

func shown(project, dir string) string {
	if rel, err := filepath.Rel(project, dir); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(dir)
}
