package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/author/pack"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/lockfile"
)

// TrustFile lists the keys whose signatures count in a project.
const TrustFile = "plimsoll.trust"

// Offer is a skill that may be added: it was read, checked and admitted in a
// folder of its own, and nothing of it is in the project yet.
type Offer struct {
	Source   string // as the lock file keeps it: "pack:./digest.skillpack"
	Version  string
	Signer   string // verifier key, or ""
	Standing pack.Standing
	Digest   string // of the list of files
	Files    []pack.File
	Skill    *skill.Skill
	Project  *Project   // the folder that it was read in
	Code     *CodeFacts // nil without code
	Warnings diag.List
	packed   string // the name in a pack's manifest
	staged   string
}

// Examine reads what a source offers: a skill's folder, a pack, or a bare WASM
// module. Diagnostics are what is wrong with the skill's own files; the offer is
// nil then. The caller closes it.
func Examine(ctx context.Context, project, source string) (*Offer, diag.List, error) {
	o := &Offer{Standing: pack.Unsigned}
	trust, err := ReadTrust(project)
	if err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(source)
	if err != nil {
		return nil, nil, fmt.Errorf("looking at %s: %w", source, err)
	}
	kind := "pack"
	switch {
	case info.IsDir():
		kind = "dir"
		o.Files, err = pack.Collect(source)
	case !info.Mode().IsRegular():
		// A pipe or a device may never end, or never begin.
		return nil, nil, fmt.Errorf("%s is neither a folder nor a file", source)
	case info.Size() > pack.MaxTotal:
		return nil, nil, fmt.Errorf("%s has %d MiB; at most %d are read", source, info.Size()>>20, pack.MaxTotal>>20)
	default:
		var data []byte
		if data, err = os.ReadFile(source); err != nil {
			break
		}
		if strings.HasPrefix(string(data[:min(4, len(data))]), "\x00asm") {
			kind = "module"
			o.Files, err = moduleFolder(ctx, source, data)
			break
		}
		if filepath.Ext(source) == ".wasm" {
			return nil, nil, fmt.Errorf("%s does not begin as a WASM module does: it is damaged, or something else", source)
		}
		err = o.read(source, data, trust)
	}
	if err != nil {
		return nil, nil, err
	}
	o.Source = kind + ":" + placeIn(project, source)
	diags, err := o.stage(ctx)
	if err != nil || diags.HasErrors() {
		return nil, diags, errors.Join(err, o.Close())
	}
	o.Warnings = diags
	if err := o.settle(); err != nil {
		return nil, nil, errors.Join(err, o.Close())
	}
	return o, nil, nil
}

func (o *Offer) read(source string, data []byte, trust pack.Trust) error {
	p, err := pack.Read(data)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	o.Files, o.Signer, o.Version, o.packed = p.Files, p.Manifest.Signer, p.Manifest.Version, p.Manifest.Name
	o.Standing = trust.Of(o.Signer)
	if o.Standing == pack.Impostor {
		return fmt.Errorf("%s is signed as %s, whom this project trusts, with another key than the one in %s.\nEither the key was changed, or somebody else uses the name. Ask %s by another way; put the new key into %s yourself when it is theirs:\n  %s",
			source, pack.SignerName(o.Signer), TrustFile, pack.SignerName(o.Signer), TrustFile, o.Signer)
	}
	return nil
}

// placeIn names a source as the project sees it.
func placeIn(project, source string) string {
	abs, err := filepath.Abs(source)
	if err != nil {
		return filepath.ToSlash(source)
	}
	dir, err := filepath.Abs(project)
	if err != nil {
		return filepath.ToSlash(source)
	}
	if rel, err := filepath.Rel(dir, abs); err == nil && filepath.IsLocal(rel) {
		return "./" + filepath.ToSlash(rel)
	}
	return filepath.ToSlash(filepath.Base(source))
}

// stage writes the files into a folder of its own and looks at them there.
func (o *Offer) stage(ctx context.Context) (diag.List, error) {
	scratch, err := os.MkdirTemp("", "plimsoll-add-")
	if err != nil {
		return nil, fmt.Errorf("making a folder to look at the skill: %w", err)
	}
	o.staged = scratch
	dir := filepath.Join(scratch, "skill")
	if err := pack.Extract(dir, o.Files); err != nil {
		return nil, fmt.Errorf("this skill cannot be added: %w", err)
	}
	var diags diag.List
	o.Project, o.Skill, diags = LoadFolder(dir)
	if o.Skill == nil {
		return diags, nil
	}
	diags = append(diags, o.Project.CheckSkill(o.Skill)...)
	diags = slices.DeleteFunc(diags, func(d diag.Diagnostic) bool { return d.Code == "name-mismatch" }) // of the folder that it is looked at in
	if diags.HasErrors() || o.Skill.Contract.Code == "" {
		return diags, nil
	}
	tools, err := OpenTools(ctx, o.Project, clock())
	if err != nil {
		return nil, err
	}
	defer tools.Close()
	facts, err := tools.CodeFacts(ctx, o.Skill)
	if err != nil {
		return diags, fmt.Errorf("this skill cannot be added: %w", err)
	}
	o.Code = &facts
	return diags, nil
}

// settle names what is offered; what a pack says of itself must be what its
// SKILL.md says.
func (o *Offer) settle() error {
	version := VersionOf(o.Skill)
	if o.Version != "" && (o.Version != version || o.packed != o.Skill.Name) {
		return fmt.Errorf("this skill cannot be added: the pack says %s %s, and the SKILL.md in it %s %s", o.packed, o.Version, o.Skill.Name, version)
	}
	o.Version, o.Digest = version, pack.Digest(o.Skill.Name, version, o.Files)
	return nil
}

// VersionOf is metadata.version of SKILL.md, "0" without one.
func VersionOf(s *skill.Skill) string { return cmp.Or(strings.TrimSpace(s.Metadata["version"]), "0") }

// Close takes the folder away in which the skill was looked at.
func (o *Offer) Close() error {
	if o.staged == "" {
		return nil
	}
	return os.RemoveAll(o.staged) // made by stage
}

// Add writes the offered skill into dir, a new folder, and its digest into the
// lock file of the project.
func (o *Offer) Add(p *Project, dir string) error {
	file, err := p.ReadLock() // first: a lock file that cannot be read must stop this before anything is written
	if err != nil {
		return err
	}
	if err := pack.Extract(dir, o.Files); err != nil {
		return err
	}
	file.Skills = slices.DeleteFunc(file.Skills, func(l lockfile.Skill) bool { return l.Name == o.Skill.Name })
	file.Skills = append(file.Skills, lockfile.Skill{Name: o.Skill.Name, Source: o.Source, Digest: o.Digest})
	if err := atomicfile.Write(filepath.Join(p.Dir, LockFile), lockfile.Format(file), 0o644); err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", LockFile, err), os.RemoveAll(dir)) // made by Extract above
	}
	return nil
}

// ReadTrust reads the keys that a project trusts; without the file there are
// none.
func ReadTrust(project string) (pack.Trust, error) {
	src, err := os.ReadFile(filepath.Join(project, TrustFile))
	if errors.Is(err, fs.ErrNotExist) {
		return pack.Trust{}, nil
	}
	if err != nil {
		return pack.Trust{}, fmt.Errorf("reading %s: %w", TrustFile, err)
	}
	return pack.ParseTrust(TrustFile, src)
}

// TrustKey adds a key to the project's trust file; every other line stays.
func TrustKey(project, key string) error {
	path := filepath.Join(project, TrustFile)
	src, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		src, err = []byte("# Keys whose signatures on skill packs count here: one on a line.\n"), nil
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", TrustFile, err)
	}
	if len(src) > 0 && src[len(src)-1] != '\n' {
		src = append(src, '\n')
	}
	if err := atomicfile.Write(path, append(src, key+"\n"...), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", TrustFile, err)
	}
	return nil
}

// Provenance says where a skill was added from; ok is false for one that was
// not. Changed tells that its files are no longer those that were added.
func (p *Project) Provenance(s *skill.Skill) (from lockfile.Skill, changed, ok bool, err error) {
	file, err := p.ReadLock()
	if err != nil {
		return from, false, false, err
	}
	if from, ok = file.Skill(s.Name); !ok {
		return from, false, false, nil
	}
	files, err := pack.Collect(s.Dir)
	if err != nil {
		return from, false, true, err
	}
	return from, pack.Digest(s.Name, VersionOf(s), files) != from.Digest, true, nil
}

// moduleFolder makes a skill's folder of a bare module: what the module says of
// itself becomes a contract.
func moduleFolder(ctx context.Context, source string, module []byte) ([]pack.File, error) {
	name := strings.ToLower(strings.TrimSuffix(filepath.Base(source), filepath.Ext(source)))
	files := func(name, contract, about string) []pack.File {
		md := fmt.Sprintf("---\nname: %s\ndescription: %s\n---\nThis skill came as a bare module. Write here what the model is to do; code that prepares its own prompt does not need it.\n", name, about)
		return []pack.File{{Name: "SKILL.md", Data: []byte(md)}, {Name: "skill.hcl", Data: []byte(contract)}, {Name: "skill.wasm", Data: module}}
	}
	if !skill.NameOK(name) {
		name = "module"
	}
	probe := &Offer{Files: files(name, "code = \"skill.wasm\"\n", "A module that is being looked at.")}
	diags, err := probe.stage(ctx)
	if err = errors.Join(err, probe.Close(), diags.Err()); err != nil {
		return nil, err
	}
	if skill.NameOK(probe.Code.Name) {
		name = probe.Code.Name
	}
	out := files(name, moduleContract(*probe.Code), "Code without instructions, added as a bare module. Say here what it does and when to use it.")
	for _, s := range []struct {
		file   string
		schema json.RawMessage
	}{{"input.schema.json", probe.Code.Input}, {"output.schema.json", probe.Code.Output}} {
		if len(s.schema) > 0 {
			out = append(out, pack.File{Name: s.file, Data: append(slices.Clone(s.schema), '\n')})
		}
	}
	return out, nil
}

var plainName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// moduleContract is the skill.hcl of a bare module. Names that cannot stand in it
// are left to the person who writes the rest.
func moduleContract(f CodeFacts) string {
	var b strings.Builder
	b.WriteString("code = \"skill.wasm\"\n")
	if len(f.Input) > 0 {
		b.WriteString("input = \"input.schema.json\"\n")
	}
	if len(f.Output) > 0 {
		b.WriteString("output = \"output.schema.json\"\n")
	}
	for _, g := range f.Gates {
		if plainName.MatchString(g) {
			fmt.Fprintf(&b, "\ngate %q {\n  code = %q\n}\n", g, g)
		}
	}
	for _, r := range f.Formats {
		if plainName.MatchString(r) {
			fmt.Fprintf(&b, "\nrender %q {\n}\n", r)
		}
	}
	return b.String()
}
