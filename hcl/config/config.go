// Package config is the language: a directory of .hcl files becomes one typed,
// checked Project, and a skill's skill.hcl becomes its Contract.
//
// All errors of a directory come back at once, each with its file, line, reason
// and what to write instead. Names are resolved here; rules are only read as
// text, with their place: core/rule compiles them. The package never writes a
// file, starts nothing, and looks at nothing outside the project but the
// environment that Options hands over. policy.hcl and the lock file have
// readers of their own.
//
//	project, diags := config.Load(dir, config.Options{Environ: os.LookupEnv})
//	diag.WriteText(os.Stderr, diags, project.Sources, diag.TextOptions{})
//	if diags.HasErrors() {
//		return errors.New(diag.Summary(diags))
//	}
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Files of a project directory that have readers of their own.
const (
	PolicyFile = "policy.hcl"
	LockFile   = "plimsoll.lock.hcl"
)

// Options say what comes from outside of the files.
type Options struct {
	Vars    map[string]string           // -var NAME=VALUE
	Environ func(string) (string, bool) // os.LookupEnv; nil is an empty environment
}

// Load reads every *.hcl file of a directory but PolicyFile, LockFile and those
// whose name starts with a dot; folders below it are not read. The project
// holds what could be understood even when there are errors, and must not be
// run then. A directory without such files is an empty project.
func Load(dir string, o Options) (*Project, diag.List) {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	p := &Project{Dir: dir, Sources: map[string][]byte{}}
	names, diags := list(dir)
	files := make([]file, 0, len(names))
	for _, name := range names {
		src, problem := read(filepath.Join(dir, name), name)
		if problem != nil {
			diags = append(diags, *problem)
			files = append(files, file{name: name, body: &hclsyntax.Body{}, broken: true})
			continue
		}
		p.Sources[name] = src
		body, broken, more := parse(name, src)
		diags = append(diags, more...)
		files = append(files, file{name: name, body: body, broken: broken, errorLine: firstError(more)})
	}
	l := &loader{
		decoder: &decoder{
			sources: p.Sources,
			table:   newTable(),
			eval:    &hcl.EvalContext{Functions: functions(dir, o.Environ), Variables: map[string]cty.Value{}},
		},
		project: p, options: o, files: files,
	}
	l.run()
	p.scope = scope{l.table, l.eval}
	diags = append(diags, trusted(l.diags, files)...)
	return p, diags.Sorted()
}

// file is one parsed file. broken: its body is not all that it says.
type file struct {
	name      string
	body      *hclsyntax.Body
	broken    bool
	errorLine int // of the first syntax error
}

func firstError(diags diag.List) int {
	line := 0
	for _, d := range diags {
		if line == 0 || d.Range.Start.Line < line {
			line = d.Range.Start.Line
		}
	}
	return line
}

// trusted drops findings that a syntax error may have caused: those on its line
// and behind it in the same file, and whatever is missing in that file.
func trusted(diags diag.List, files []file) diag.List {
	broken := map[string]int{}
	for _, f := range files {
		if f.broken {
			broken[f.name] = f.errorLine
		}
	}
	return slices.DeleteFunc(diags, func(d diag.Diagnostic) bool {
		line, ok := broken[d.Range.File]
		return ok && (d.Range.Start.Line >= line || strings.HasPrefix(d.Code, "missing-") || d.Code == gateKind.code)
	})
}

// list names the config files of a directory, sorted.
func list(dir string) ([]string, diag.List) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		detail := err.Error()
		if errors.Is(err, fs.ErrNotExist) {
			detail = fmt.Sprintf("There is no directory %s.", dir)
		}
		return nil, diag.List{unreadable.at(diag.Range{File: dir}, "%s", detail)}
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || !strings.HasSuffix(name, ".hcl") || strings.HasPrefix(name, ".") || name == PolicyFile || name == LockFile {
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// read reads a regular file of bounded size: a pipe would block for ever.
func read(path, name string) ([]byte, *diag.Diagnostic) {
	fail := func(err error) ([]byte, *diag.Diagnostic) {
		d := unreadable.at(diag.Range{File: name}, "%s: %v.", name, withoutPath(err))
		return nil, &d
	}
	info, err := os.Stat(path)
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() {
		return fail(errors.New("it is not a regular file"))
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, MaxFile+4)) // room for a byte order mark and one byte too many
	if err != nil {
		return fail(err)
	}
	return withoutBOM(src), nil
}
