// Package scaffold writes the first files of a skill: a folder that validates,
// gates and tests at once, and code for it in the language of the author's
// choice. It writes new files only: a file that is there is never touched, and
// what was not written is told as well as what was.
//
// It must not run a toolchain nor fetch anything: the SDK's sources are in the
// binary and are written beside the code.
//
//	done, err := scaffold.New("skills/digest", scaffold.Options{Name: "digest"})
//	done, err = scaffold.AddCode("skills/digest", scaffold.Options{Name: "digest", Lang: "ts"})
//	for _, name := range done.Written {
//		fmt.Println("wrote", name)
//	}
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk"
	"github.com/plimsoll-dev/plimsoll/sdk/typescript"
)

// Files end in .txt here, so that no tool takes them for files of this module.
//
//go:embed all:files
var files embed.FS

// Options of a new skill.
type Options struct {
	Name        string // lower case letters, digits, single hyphens
	Description string // for SKILL.md; "" writes one that fits the example
	Lang        string // "" is a skill without code, else a Language's Name
}

// Language is one in which a skill's code can be written.
type Language struct {
	Name  string
	Title string // as people write it
	Code  string // what skill.hcl names
	Main  string // the file to begin with
	kit   string // language of the SDK's sources; "" needs none
	at    string // where they go in the skill's folder
	sub   string // the part of their path that is cut off

	editor func() map[string]string // files that only editors read
}

// Languages lists what --lang takes.
func Languages() []Language {
	return []Language{
		{Name: "ts", Title: "TypeScript", Code: "skill.ts", Main: "skill.ts", editor: typescript.Editor},
		{Name: "go", Title: "Go", Code: "skill.wasm", Main: "code/main.go", kit: "go", at: "code/plimsoll/sdk"},
		{Name: "c", Title: "C", Code: "skill.wasm", Main: "code/skill.c", kit: "c", at: "code", sub: "c/"},
		{Name: "rust", Title: "Rust", Code: "skill.wasm", Main: "code/src/lib.rs", kit: "rust", at: "code/plimsoll", sub: "rust/"},
		{Name: "assemblyscript", Title: "AssemblyScript", Code: "skill.wasm", Main: "code/skill.ts", kit: "assemblyscript", at: "code/plimsoll", sub: "assemblyscript/"},
	}
}

// Find gives a language by name; the error says which there are.
func Find(name string) (Language, error) {
	var names []string
	for _, l := range Languages() {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	return Language{}, fmt.Errorf("there is no language %q.%s A skill's code can be written in: %s", name, diag.DidYouMean(name, names), strings.Join(names, ", "))
}

// Done tells what happened, in paths of the skill's folder.
type Done struct {
	Written []string
	Kept    []string // were there already and were left alone
}

const defaultDescription = "Says what matters in a note, as a title and one to three points. Use it when somebody hands you a note, a call or a message to pass on."

// New writes a whole skill into dir, which must not be there or be empty.
func New(dir string, o Options) (Done, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return Done{}, fmt.Errorf("%s is there already and has files in it; name another skill, or add code to this one with --lang", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Done{}, fmt.Errorf("looking at %s: %w", dir, err)
	}
	out, err := collect(o, "base", "plain")
	if o.Lang != "" {
		out, err = collect(o, "base", "lines", o.Lang)
	}
	if err != nil {
		return Done{}, err
	}
	return write(dir, out)
}

// AddCode writes code into a skill's folder that has none. Nothing that is there
// is changed, skill.hcl included: say to the author which line to add.
func AddCode(dir string, o Options) (Done, error) {
	out, err := collect(o, o.Lang)
	if err != nil {
		return Done{}, err
	}
	return write(dir, out)
}

// collect gathers the files of parts by their path in the skill's folder.
func collect(o Options, parts ...string) (map[string][]byte, error) {
	description := o.Description
	if description == "" {
		description = defaultDescription
	}
	var lang Language
	if o.Lang != "" {
		var err error
		if lang, err = Find(o.Lang); err != nil {
			return nil, err
		}
	}
	fill := strings.NewReplacer("__NAME__", o.Name, "__DESCRIPTION__", yamlText(description), "__CODE__", lang.Code)
	out := map[string][]byte{}
	for _, part := range parts {
		root := path.Join("files", part)
		err := fs.WalkDir(files, root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := files.ReadFile(name)
			if err != nil {
				return err
			}
			to := strings.TrimSuffix(strings.TrimPrefix(name, root+"/"), ".txt")
			out[to] = []byte(fill.Replace(string(data)))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("reading the scaffold %s: %w", part, err)
		}
	}
	return out, vendor(lang, out)
}

// vendor adds the SDK's sources. A module proxy was the alternative: it needs a
// network, and a version that was published.
func vendor(lang Language, out map[string][]byte) error {
	if lang.editor != nil {
		for name, text := range lang.editor() {
			out[name] = []byte(text)
		}
	}
	if lang.kit == "" {
		return nil
	}
	kit, err := sdk.Kit(lang.kit)
	if err != nil {
		return err
	}
	for _, f := range kit {
		name := strings.TrimPrefix(f.Name, lang.sub)
		if name == "LICENSE" && lang.at == "code" {
			name = "plimsoll.LICENSE" // it is the header's, not that of the author's code
		}
		if name == "Cargo.toml" {
			// Cargo takes profiles from the author's own file only, and warns of others.
			f.Data, _, _ = bytes.Cut(f.Data, []byte("\n[profile."))
		}
		out[path.Join(lang.at, name)] = f.Data
	}
	return nil
}

// yamlText makes a description a YAML scalar: quoted where it would be read as
// something else.
func yamlText(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if strings.ContainsAny(s, `:#"'{}[]&*!|>%@\`+"`") || strings.HasPrefix(s, "-") || strings.HasPrefix(s, "?") {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return s
}

func write(dir string, out map[string][]byte) (Done, error) {
	var done Done
	names := make([]string, 0, len(out))
	for name := range out {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if _, err := os.Lstat(file); err == nil {
			done.Kept = append(done.Kept, name)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return done, fmt.Errorf("making a folder: %w", err)
		}
		if err := atomicfile.Write(file, out[name], 0o644); err != nil {
			return done, fmt.Errorf("writing %s: %w", name, err)
		}
		done.Written = append(done.Written, name)
	}
	return done, nil
}
