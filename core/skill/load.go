package skill

import (
	"path/filepath"
	"slices"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Options of Load and Find.
type Options struct {
	IndexPath string            // file that remembers digests and names between commands; "" has none
	Sources   map[string][]byte // receives the files that ranges name, for snippets; may be nil
}

// Load reads every skill of a project and checks all of them; everything that
// is wrong comes back at once. Skills that could not be read are left out.
// Skills come in the order of the project's blocks, folders of one pattern by
// name.
func Load(p *config.Project, o Options) ([]*Skill, diag.List) {
	l := newLoader(p, o)
	places, diags := discover(p)
	var out []*Skill
	first := map[string]*Skill{}
	for _, at := range places {
		s, found := l.load(at)
		diags = append(diags, found...)
		if s == nil {
			continue
		}
		if other := first[s.Name]; other != nil {
			diags = append(diags, duplicate(s.Range, s.Name, s.Path, other.Path))
			continue
		}
		first[s.Name] = s
		out = append(out, s)
	}
	names := make([]string, 0, len(first))
	for name := range first {
		names = append(names, name)
	}
	for _, d := range p.Skills {
		if d.Source == "" && first[d.Name] == nil && !l.broken[d.Name] {
			diags = append(diags, unknown(d, names))
		}
	}
	l.index.keepOnly(l.seen)
	return out, append(diags, l.index.save()...)
}

// Find reads one skill. With a warm index it parses that one only; the others
// are looked at just far enough (size and time of their SKILL.md) to know that
// they have other names. Without such a skill it returns nil and an error that
// names the closest one.
func Find(p *config.Project, name string, o Options) (*Skill, diag.List) {
	l := newLoader(p, o)
	places, diags := discover(p)
	var at []place
	names := make([]string, 0, len(places))
	for _, c := range places {
		n := l.name(c)
		names = append(names, n)
		if n == name {
			at = append(at, c)
		}
	}
	if len(at) == 0 {
		d := diag.Errorf(diag.Range{File: p.Dir}, "unknown-skill", "Unknown skill", "There is no skill %q in this project.%s", name, diag.DidYouMean(name, names))
		for _, decl := range p.Skills {
			if decl.Name == name {
				d = unknown(decl, names)
			}
		}
		return nil, append(diags, append(l.index.save(), d)...)
	}
	s, found := l.load(at[0])
	diags = append(diags, found...)
	for _, other := range at[1:] {
		diags = append(diags, duplicate(other.at(), name, other.shown, at[0].shown))
	}
	return s, append(diags, l.index.save()...)
}

func duplicate(at diag.Range, name, second, first string) diag.Diagnostic {
	return diag.Errorf(at, "duplicate-skill", "Two skills of one name", "The folders %s and %s are both skills named %q. Rename one of them (name: in its SKILL.md), or make a pattern narrower.", first, second, name)
}

func unknown(d *config.Decl, names []string) diag.Diagnostic {
	return diag.Errorf(d.Range, "unknown-skill", "Unknown skill", "skill %q has no source, so it is about a skill that a skills block finds, and none has this name.%s Write source = \"...\" if it lies elsewhere.", d.Name, diag.DidYouMean(d.Name, names))
}

// loader reads the skills of one project.
type loader struct {
	project  *config.Project
	sources  map[string][]byte
	index    *index
	overlays map[string]*config.Decl // by name: `skill` blocks without source
	broken   map[string]bool         // names of skills that were found and could not be read
	seen     map[string]bool         // files that were looked at
}

func newLoader(p *config.Project, o Options) *loader {
	l := &loader{project: p, sources: o.Sources, index: openIndex(o.IndexPath), overlays: map[string]*config.Decl{}, broken: map[string]bool{}, seen: map[string]bool{}}
	for _, d := range p.Skills {
		if d.Source == "" {
			l.overlays[d.Name] = d
		}
	}
	return l
}

// name is a folder's skill name, from the index where it may be.
func (l *loader) name(at place) string {
	if at.decl != nil {
		return at.decl.Name
	}
	file := filepath.Join(at.dir, skillMD)
	l.seen[file] = true
	return l.index.name(file, func() string {
		f := open(at)
		defer f.close()
		src, bad := f.read(skillMD, maxSkillMD)
		if bad != nil {
			return filepath.Base(at.dir)
		}
		front, _, _ := ParseSkillMD(skillMD, src)
		return nameOf(front, at.dir)
	})
}

// nameOf is the name that a skill has here: SKILL.md's where it has the right
// shape, else the folder's, else what can be made of either. Names are keys of
// files and records, so a wrong shape cannot be let through.
func nameOf(f Front, dir string) string {
	for _, n := range []string{f.Name, filepath.Base(dir), slug(f.Name), slug(filepath.Base(dir))} {
		if NameOK(n) {
			return n
		}
	}
	return ""
}

// load reads one folder. Without a skill, the diagnostics have an error.
func (l *loader) load(at place) (*Skill, diag.List) {
	f := open(at)
	defer f.close()
	src, bad := f.read(skillMD, maxSkillMD)
	if bad != nil {
		d := diag.Errorf(at.at(), bad.code, bad.summary, "%s", bad.text)
		l.broken[filepath.Base(at.dir)] = true
		return nil, diag.List{d}
	}
	l.source(at.file(skillMD), src)
	front, body, diags := ParseSkillMD(at.file(skillMD), src)
	if diags.HasErrors() {
		l.broken[nameOf(front, at.dir)] = true
		return nil, diags
	}
	s := &Skill{
		Name: nameOf(front, at.dir), Description: front.Description, Body: body, License: front.License,
		Compatibility: front.Compatibility, AllowedTools: front.AllowedTools, Metadata: front.Metadata,
		Dir: at.dir, Path: at.shown, Source: SourceGroup, Range: at.at(), Files: map[string]string{},
	}
	r := &reader{file: at.file(skillMD), src: src}
	r.folder(front, filepath.Base(at.dir))
	diags = append(diags, r.diags...)
	if s.Name == "" {
		return nil, append(diags, diag.Errorf(lineRange(r.file, src, 1), "name-shape", rules["name-shape"], "Neither the name in SKILL.md nor that of the folder has a letter or digit of a-z, 0-9. Write name: and lower case letters, digits and hyphens."))
	}
	if front.Name != "" && front.Name != s.Name {
		diags = append(diags, diag.Warnf(lineRange(r.file, src, 1), "renamed", "Skill goes by another name", "%q cannot be a skill's name here; in this project the skill is named %q.", front.Name, s.Name))
	}
	if at.decl != nil && at.decl.Name != s.Name {
		diags = append(diags, diag.Errorf(at.decl.Range, "wrong-name", "Skill has another name", "The skill in %s is named %q, not %q. Name the block after the skill.", at.shown, s.Name, at.decl.Name).WithSuggestion(`skill "`+s.Name+`" {`))
		l.broken[s.Name] = true
		return nil, diags
	}
	l.keep(s, f, skillMD, src)
	diags = append(diags, l.contract(s, f, at)...)
	diags = append(diags, l.bind(s, at)...)
	diags = append(diags, l.files(s, f, at)...)
	s.Hash = hash(s.Files)
	return s, diags
}

// contract reads skill.hcl and lays the project's block over it.
func (l *loader) contract(s *Skill, f *folder, at place) diag.List {
	s.Contract = &config.Contract{}
	var diags diag.List
	src, bad := f.read(ContractFile, maxSkillHCL)
	switch {
	case bad == nil:
		name := at.file(ContractFile)
		l.source(name, src)
		var found diag.List
		s.Contract, found = config.ParseContract(name, src, config.ContractOptions{Skill: s.Name})
		diags = append(diags, found...)
		if s.Contract == nil {
			s.Contract = &config.Contract{}
		}
		l.keep(s, f, ContractFile, src)
	case bad.code != "missing-file":
		diags = append(diags, diag.Errorf(diag.Range{File: at.file(ContractFile)}, bad.code, bad.summary, "%s", bad.text))
	}
	for _, d := range []*config.Decl{l.overlays[s.Name], at.decl} {
		if d != nil {
			s.Contract = s.Contract.Overlay(&d.Contract)
		}
	}
	return diags
}

// bind merges what the group and the `skill` block say.
func (l *loader) bind(s *Skill, at place) diag.List {
	var tags []string
	if at.group != nil {
		s.Group, s.Binding = at.group.Name, at.group.Binding
		tags = append(tags, at.group.Tags...)
	}
	tags = append(tags, s.Contract.Tags...)
	for _, d := range []*config.Decl{l.overlays[s.Name], at.decl} {
		if d == nil {
			continue
		}
		s.Range = d.Range
		lay(&s.Binding, d.Binding)
		tags = append(tags, d.Binding.Tags...)
	}
	if at.decl != nil {
		s.Source = SourceDecl
	}
	// A rule may hold a skill for its tag, so tags are only ever added: an overlay
	// that names one must not take another away.
	s.Binding.Tags = nil
	for _, t := range tags {
		if !slices.Contains(s.Binding.Tags, t) {
			s.Binding.Tags = append(s.Binding.Tags, t)
		}
	}
	switch {
	case s.Binding.Policy == nil:
		return diag.List{diag.Errorf(s.Range, "missing-policy", "Skill without a policy", "Nothing says under which policy skill %q moves. Add policy = preset.standard (or a tier_policy of your own) to this block.", s.Name).WithSuggestion("policy = preset.standard")}
	case s.Binding.Ladder == nil && s.Binding.Policy.Ladder == nil:
		return diag.List{diag.Errorf(s.Range, "missing-ladder", "Skill without a ladder", "%s names no ladder, so skill %q must: add ladder = ladder.NAME to this block.%s", s.Binding.Policy.Name, s.Name, l.ladders())}
	}
	return nil
}

func (l *loader) ladders() string {
	if len(l.project.Ladders) == 0 {
		return " There is no ladder block yet."
	}
	text := " There is"
	for i, x := range l.project.Ladders {
		if i > 0 {
			text += ","
		}
		text += " ladder." + x.Name
	}
	return text + "."
}

// lay sets what over says.
func lay(b *config.Binding, over config.Binding) {
	if over.Policy != nil {
		b.Policy = over.Policy
	}
	if over.Ladder != nil {
		b.Ladder = over.Ladder
	}
	if over.Runner != nil {
		b.Runner = over.Runner
	}
	if over.Judge != nil {
		b.Judge = over.Judge
	}
	if over.Data != nil {
		b.Data = over.Data
	}
	if over.Pin != nil {
		b.Pin = over.Pin
	}
	if over.Grant != nil {
		b.Grant = over.Grant
	}
	if over.Limits != nil {
		b.Limits = over.Limits
	}
	if over.Cache != "" {
		b.Cache = over.Cache
	}
}

func (l *loader) source(name string, src []byte) {
	if l.sources != nil {
		l.sources[name] = src
	}
}

// keep notes a file that was read.
func (l *loader) keep(s *Skill, f *folder, name string, src []byte) {
	file := filepath.Join(f.dir, filepath.FromSlash(name))
	l.seen[file] = true
	s.Files[name] = l.index.put(file, f.info[name], src)
	if name == skillMD {
		l.index.setName(file, s.Name)
	}
}
