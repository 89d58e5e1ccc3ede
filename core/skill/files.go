package skill

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// ContractFile is the file of a skill folder that says what can be checked.
const ContractFile = "skill.hcl"

// The largest files that are read, in bytes. Code is bounded by the sandbox.
const (
	maxSkillHCL = 256 << 10
	maxText     = 1 << 20
	maxCode     = 64 << 20
)

// folder reads files of a skill, and none outside of its folder.
type folder struct {
	dir, shown string
	root       *os.Root
	err        error
	info       map[string]fs.FileInfo
}

// trouble is why a file could not be read.
type trouble struct{ code, summary, text string }

func open(at place) *folder {
	root, err := os.OpenRoot(at.dir)
	return &folder{dir: at.dir, shown: at.shown, root: root, err: err, info: map[string]fs.FileInfo{}}
}

func (f *folder) close() {
	if f.root != nil {
		_ = f.root.Close() // opened for reading
	}
}

// stat looks at a file and refuses what is none, or is not the skill's.
func (f *folder) stat(name string, limit int64) *trouble {
	shown := f.shown + "/" + name
	if f.err != nil {
		return &trouble{"unreadable", "Folder cannot be read", fmt.Sprintf("The folder %s cannot be read: %v.", f.shown, plain(f.err))}
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, `\`) {
		return &trouble{"path-escape", "Path leaves the skill's folder", fmt.Sprintf("%q is not a file inside of the skill's folder. A skill may name its own files only; copy the file into %s.", name, f.shown)}
	}
	info, err := f.root.Lstat(filepath.FromSlash(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &trouble{"missing-file", "File is missing", fmt.Sprintf("There is no file %s.", shown)}
	case err != nil:
		return &trouble{"unreadable", "File cannot be read", fmt.Sprintf("%s cannot be read: %v.", shown, plain(err))}
	case info.Mode()&fs.ModeSymlink != 0:
		return &trouble{"symlink", "File is a symbolic link", fmt.Sprintf("%s is a symbolic link; what it points to may change without the skill's hash. Put the file itself there.", shown)}
	case !info.Mode().IsRegular():
		return &trouble{"unreadable", "File cannot be read", fmt.Sprintf("%s is not a file.", shown)}
	case info.Size() > limit:
		return &trouble{"too-large", rules["too-large"], fmt.Sprintf("%s has %d bytes; at most %d are read.", shown, info.Size(), limit)}
	}
	f.info[name] = info
	return nil
}

func (f *folder) read(name string, limit int64) ([]byte, *trouble) {
	if t := f.stat(name, limit); t != nil {
		return nil, t
	}
	data, err := f.root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return nil, &trouble{"unreadable", "File cannot be read", fmt.Sprintf("%s/%s cannot be read: %v.", f.shown, name, plain(err))}
	}
	return data, nil
}

// plain is an error without the path, which the message has already.
func plain(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// ref is a file that the contract names.
type ref struct {
	name   string
	what   string // for messages
	at     diag.Range
	schema bool
	code   bool
	into   *[]byte
}

func (s *Skill) refs() []ref {
	c := s.Contract
	at := func(attribute string) diag.Range {
		if r, ok := c.Ranges[attribute]; ok {
			return r
		}
		return s.Range
	}
	var out []ref
	if c.Code != "" {
		out = append(out, ref{name: c.Code, what: "code", at: at("code"), code: true})
	}
	if c.Input != "" {
		out = append(out, ref{name: c.Input, what: "input", at: at("input"), schema: true, into: &s.InputSchema})
	}
	if c.Output != "" {
		out = append(out, ref{name: c.Output, what: "output", at: at("output"), schema: true, into: &s.OutputSchema})
	}
	for _, step := range c.Steps {
		if step.Prompt != "" {
			out = append(out, ref{name: step.Prompt, what: fmt.Sprintf("the prompt of step %q", step.Name), at: step.Range})
		}
	}
	gates := slices.Clone(c.Gates)
	for _, e := range c.Eaches {
		gates = append(gates, e.Gates...)
	}
	for _, g := range gates {
		if g.Schema != "" {
			out = append(out, ref{name: g.Schema, what: fmt.Sprintf("the schema of gate %q", g.Name), at: g.KindRange, schema: true})
		}
	}
	for _, r := range c.Renders {
		if r.Template != "" {
			out = append(out, ref{name: r.Template, what: fmt.Sprintf("the template of format %q", r.Name), at: r.Range})
		}
	}
	return out
}

// files checks and digests every file that the contract names.
func (l *loader) files(s *Skill, f *folder, at place) diag.List {
	var diags diag.List
	for _, r := range s.refs() {
		name := r.name
		if filepath.IsLocal(filepath.FromSlash(name)) {
			name = clean(name)
		}
		if r.code && path.Ext(name) != ".wasm" && !IsScript(name) {
			diags = append(diags, diag.Errorf(r.at, "code-kind", "Code of an unknown kind", "code = %q: a skill's code is a WASM module (a file that ends in .wasm), or TypeScript or JavaScript (.ts, .mts, .js, .mjs).", r.name))
			continue
		}
		bad := l.file(s, f, name, r)
		if bad == nil && r.code && IsScript(name) {
			bad = l.imports(s, f, r)
		}
		if bad != nil {
			d := diag.Errorf(r.at, bad.code, bad.summary, "%s = %q: %s", r.what, r.name, bad.text)
			if r.code && bad.code == "missing-file" && !IsScript(name) {
				d = missingCode(r, name, at)
			}
			diags = append(diags, d)
		}
	}
	return diags
}

func (l *loader) file(s *Skill, f *folder, name string, r ref) *trouble {
	if !r.schema {
		limit := int64(maxText)
		if r.code && !IsScript(name) {
			limit = maxCode
		}
		if bad := f.stat(name, limit); bad != nil {
			return bad
		}
		file := filepath.Join(f.dir, filepath.FromSlash(name))
		l.seen[file] = true
		if d, ok := l.index.digest(file, f.info[name]); ok {
			s.Files[name] = d
			return nil
		}
	}
	data, bad := f.read(name, maxCode)
	if bad != nil {
		return bad
	}
	if r.schema && len(data) > maxText {
		return &trouble{"too-large", rules["too-large"], fmt.Sprintf("%s/%s has %d bytes; at most %d are read.", f.shown, name, len(data), maxText)}
	}
	l.keep(s, f, name, data)
	if r.into != nil {
		*r.into = data
	}
	if r.schema && !l.index.schemas[s.Files[name]] {
		if err := checkSchema(data); err != nil {
			return &trouble{"not-a-schema", "Not a JSON schema", fmt.Sprintf("%s/%s is not a JSON schema: %v", f.shown, name, err)}
		}
		l.index.addSchema(s.Files[name])
	}
	return nil
}

// missingCode tells how to build what is not there.
func missingCode(r ref, name string, at place) diag.Diagnostic {
	source := "code"
	for _, dir := range []string{"code", "."} {
		if found, err := filepath.Glob(filepath.Join(absolutePattern(at.dir, dir), "*.go")); err == nil && len(found) > 0 {
			source = dir
			break
		}
	}
	build := fmt.Sprintf("GOOS=wasip1 GOARCH=wasm go build -trimpath -buildvcs=false -ldflags=\"-s -w\" -buildmode=c-shared -o %s ./%s", at.file(name), path.Join(at.shown, source))
	return diag.Errorf(r.at, "missing-code", "Code is not built", "code = %q: there is no file %s. If it is written in Go, build it with: %s", r.name, at.file(name), build).WithSuggestion(build)
}

// checkSchema compiles a schema that stands for itself: references to other
// documents are refused, because they would be fetched.
func checkSchema(data []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("it is not JSON (%w)", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(schemaURL, doc); err != nil {
		return err
	}
	_, err = c.Compile(schemaURL)
	var invalid *jsonschema.SchemaValidationError
	if errors.As(err, &invalid) {
		err = invalid.Err
	}
	if err != nil {
		return errors.New(strings.ReplaceAll(strings.ReplaceAll(err.Error(), schemaURL, ""), "\n", " "))
	}
	return nil
}

const schemaURL = "skill:///schema.json"

type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s; a schema must stand for itself, so put what it refers to under $defs", url)
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// hash is one digest over the names and digests of files.
func hash(files map[string]string) string {
	var b bytes.Buffer
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%d:%s %s\n", len(name), name, files[name])
	}
	return digest(b.Bytes())
}
