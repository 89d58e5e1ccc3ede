package skill

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// A skill's code may be TypeScript or JavaScript, whose imports are part of what
// makes an epoch as much as the file that skill.hcl names. They are found here by
// their text and not by a parser: reading a thousand skills has to stay cheap,
// and a file too many in the digest is harmless. A file too few would not be, so
// the bundler gets to see the declared files only (Skill.FS): an import that is
// written in a way that is not found here cannot be resolved there.

// scripts are the extensions of code that is bundled and interpreted.
var scripts = []string{".ts", ".mts", ".js", ".mjs"}

// IsScript tells whether code of this name is TypeScript or JavaScript, and not
// a WASM module.
func IsScript(name string) bool { return slices.Contains(scripts, path.Ext(name)) }

// maxScripts is how many files one skill's code may be spread over.
const maxScripts = 500

// relative finds what may be the specifier of a relative import: a literal that
// begins with ./ or ../ behind from, import, import( or require(.
var relative = regexp.MustCompile("(?:\\bfrom|\\bimport|\\brequire)\\s*\\(?\\s*[\"'`](\\.\\.?/[^\"'`\\n]+)[\"'`]")

// importsOf lists the relative imports in a source text, each once.
func importsOf(src []byte) []string {
	out := []string{} // not nil: the index tells "none" from "not looked at"
	for _, m := range relative.FindAllSubmatch(src, -1) {
		if spec := string(m[1]); !slices.Contains(out, spec) {
			out = append(out, spec)
		}
	}
	return out
}

// Candidates are the files that an import from a file may mean, in the order in
// which they are tried: as it is written, then with the extensions that people
// leave out, then .js for what is .ts, as TypeScript's own resolver has it.
func Candidates(from, spec string) []string {
	base := path.Join(path.Dir(from), spec)
	out := []string{base}
	switch path.Ext(base) {
	case ".js":
		out = append(out, base[:len(base)-3]+".ts")
	case ".mjs":
		out = append(out, base[:len(base)-4]+".mts")
	}
	for _, ext := range append(slices.Clone(scripts), ".json") {
		out = append(out, base+ext)
	}
	return append(out, base+"/index.ts", base+"/index.js")
}

// imports declares every file that a script brings in. What cannot be found is
// left to the bundler, which knows the line.
func (l *loader) imports(s *Skill, f *folder, entry ref) *trouble {
	queue := []string{clean(entry.name)}
	for n := 0; n < len(queue); n++ {
		if len(queue) > maxScripts {
			return &trouble{"too-many-files", "Code has too many files", fmt.Sprintf("The code of this skill is spread over more than %d files. Bundle what it needs into fewer.", maxScripts)}
		}
		name := queue[n]
		if !IsScript(name) {
			continue // JSON and text bring nothing in
		}
		file := filepath.Join(f.dir, filepath.FromSlash(name))
		specs, known := l.index.imports(file, f.info[name])
		if !known {
			data, bad := f.read(name, maxText)
			if bad != nil {
				return bad
			}
			specs = importsOf(data)
			l.index.setImports(file, specs)
		}
		for _, spec := range specs {
			for _, c := range Candidates(name, spec) {
				if _, declared := s.Files[c]; declared {
					if !slices.Contains(queue, c) {
						queue = append(queue, c)
					}
					break
				}
				if !filepath.IsLocal(filepath.FromSlash(c)) || f.stat(c, maxText) != nil {
					continue
				}
				if bad := l.file(s, f, c, ref{name: c, what: "an import of the code", at: entry.at}); bad != nil {
					return bad
				}
				queue = append(queue, c)
				break
			}
		}
	}
	return nil
}

// FS is the skill's folder as far as the skill declares it: files of Files, as
// they were when the skill was loaded, and nothing else.
func (s *Skill) FS() fs.FS { return declared{s} }

type declared struct{ skill *Skill }

// Open opens one declared file.
func (d declared) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if _, ok := d.skill.Files[name]; !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	data, err := d.skill.Read(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &opened{Reader: bytes.NewReader(data), name: path.Base(name)}, nil
}

// opened is a file that was read whole: its digest had to be checked.
type opened struct {
	*bytes.Reader
	name string
}

func (o *opened) Stat() (fs.FileInfo, error) { return o, nil }
func (o *opened) Close() error               { return nil }

// Name, Size, Mode, ModTime, IsDir and Sys are those of a fs.FileInfo.
func (o *opened) Name() string       { return o.name }
func (o *opened) Size() int64        { return o.Reader.Size() }
func (o *opened) Mode() fs.FileMode  { return 0o444 }
func (o *opened) ModTime() time.Time { return time.Time{} }
func (o *opened) IsDir() bool        { return false }
func (o *opened) Sys() any           { return nil }
