package script

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/plimsoll-dev/plimsoll/sdk/typescript"
)

const (
	maxFile = 1 << 20 // bytes of one source file
	maxCode = 8 << 20 // bytes of a bundle

	mapFile    = "bundle.js" // the bundle's name in stack traces
	moduleName = "__plimsoll_module"

	ours     = "plimsoll" // esbuild's namespace of the SDK
	authored = "skill"    // ... and of the skill's folder
)

// Bundle makes one script of entry and of what it imports: files of fsys by
// relative paths, and the SDK by the name @plimsoll/skill. Types are taken out,
// not checked; an editor does that. The error is an *Error, or several of them
// joined, all that were found.
func Bundle(fsys fs.FS, entry string) (*Program, error) {
	if !fs.ValidPath(entry) {
		return nil, &Error{File: entry, Message: "this is no path inside of the skill's folder.", Help: "Write it with forward slashes, without ./ and ../, such as skill.ts."}
	}
	f := &folder{fsys: fsys, read: map[string]bool{}}
	if e := f.check(entry); e != nil {
		return nil, e
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:    []string{entry},
		Bundle:         true,
		Write:          false,
		Outfile:        mapFile,
		Format:         api.FormatIIFE,
		GlobalName:     moduleName,
		Target:         api.ES2023,
		Platform:       api.PlatformNeutral,
		Charset:        api.CharsetASCII, // columns in bytes, UTF-16 units and characters are then the same
		Sourcemap:      api.SourceMapExternal,
		SourcesContent: api.SourcesContentInclude,
		LegalComments:  api.LegalCommentsNone,
		LogLevel:       api.LogLevelSilent,
		LogLimit:       0,
		TsconfigRaw:    "{}", // a tsconfig.json is for editors; esbuild must not look for one above the folder
		Plugins:        []api.Plugin{{Name: ours, Setup: f.setup}},
	})
	if errs := f.errors(result); len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	p := &Program{Name: entry, Files: slices.Sorted(maps.Keys(f.read))}
	for _, out := range result.OutputFiles {
		if strings.HasSuffix(out.Path, ".map") {
			p.SourceMap = out.Contents
		} else {
			// The value of a script is that of its last expression.
			p.Code = append(out.Contents, moduleName+";\n"...)
		}
	}
	if len(p.Code) > maxCode {
		return nil, &Error{File: entry, Message: fmt.Sprintf("the code and what it imports has %d MiB; at most %d are taken.", len(p.Code)>>20, maxCode>>20), Help: "Take data out of the code and into the skill's input."}
	}
	var err error
	if p.sources, err = readMap(p.SourceMap); err != nil {
		return nil, fmt.Errorf("bundling %s: reading the source map that was just made: %w", entry, err)
	}
	p.Digest = digest(p.Code, p.SourceMap)
	return p, nil
}

// folder answers esbuild's questions from an fs.FS. Everything goes through it:
// whatever it does not answer is refused, so that nothing else is ever read.
type folder struct {
	fsys fs.FS
	mu   sync.Mutex // esbuild loads files at the same time
	read map[string]bool
}

func (f *folder) setup(b api.PluginBuild) {
	b.OnResolve(api.OnResolveOptions{Filter: ".*"}, f.resolve)
	b.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: authored}, f.load)
	b.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: ours}, func(api.OnLoadArgs) (api.OnLoadResult, error) {
		code := typescript.Source()
		return api.OnLoadResult{Contents: &code, Loader: api.LoaderJS}, nil
	})
}

func (f *folder) resolve(a api.OnResolveArgs) (api.OnResolveResult, error) {
	switch {
	case a.Kind == api.ResolveEntryPoint:
		return api.OnResolveResult{Path: a.Path, Namespace: authored}, nil
	case a.Path == typescript.Module:
		return api.OnResolveResult{Path: a.Path, Namespace: ours}, nil
	case !strings.HasPrefix(a.Path, "./") && !strings.HasPrefix(a.Path, "../") && a.Path != "." && a.Path != "..":
		return refuse(explainImport(a.Path)), nil
	}
	base := path.Join(path.Dir(a.Importer), a.Path)
	if !fs.ValidPath(base) {
		return refuse(fmt.Sprintf("%q leads out of the skill's folder.", a.Path), "A skill is one folder: copy the file into it and import it from there."), nil
	}
	for _, name := range candidates(base) {
		info, err := fs.Stat(f.fsys, name)
		if err != nil || info.IsDir() {
			continue
		}
		if e := f.check(name); e != nil {
			return refuse(e.Message, e.Help), nil
		}
		return api.OnResolveResult{Path: name, Namespace: authored}, nil
	}
	return refuse(fmt.Sprintf("there is no file %q in the skill's folder.", base), "Relative imports are looked for as written, then with .ts, .mts, .js, .mjs and .json, then as a folder with index.ts or index.js."), nil
}

// candidates are the files that a relative import may mean, in the order in
// which core/skill looks for them too.
func candidates(base string) []string {
	out := []string{base}
	switch path.Ext(base) {
	case ".js":
		out = append(out, strings.TrimSuffix(base, ".js")+".ts")
	case ".mjs":
		out = append(out, strings.TrimSuffix(base, ".mjs")+".mts")
	}
	for _, ext := range []string{".ts", ".mts", ".js", ".mjs", ".json"} {
		out = append(out, base+ext)
	}
	return append(out, path.Join(base, "index.ts"), path.Join(base, "index.js"))
}

// check refuses what is no plain file of the folder.
func (f *folder) check(name string) *Error {
	at := ""
	for _, part := range strings.Split(name, "/") {
		at = path.Join(at, part)
		info, err := fs.Lstat(f.fsys, at)
		if err != nil && at != name {
			continue // a file system of files only, without folders
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &Error{File: name, Message: "this file is not there.", Help: "skill.hcl names it: code = \"" + name + "\"."}
		case err != nil:
			return &Error{File: name, Message: "this file cannot be read: " + err.Error()}
		case info.Mode()&fs.ModeSymlink != 0:
			return &Error{File: name, Message: fmt.Sprintf("%q is a symbolic link.", at), Help: "A skill must stay what it is when its folder is copied: put the file itself there."}
		case at == name && !info.Mode().IsRegular():
			return &Error{File: name, Message: fmt.Sprintf("%q is not a file.", at)}
		case at == name && info.Size() > maxFile:
			return &Error{File: name, Message: fmt.Sprintf("%q has %d KiB; at most %d are taken.", at, info.Size()>>10, maxFile>>10), Help: "Take data out of the code and into the skill's input."}
		}
	}
	return nil
}

func (f *folder) load(a api.OnLoadArgs) (api.OnLoadResult, error) {
	loader, message, help := loaderOf(a.Path, a.With["type"])
	if message != "" {
		return api.OnLoadResult{Errors: []api.Message{{Text: message, Detail: help}}}, nil
	}
	raw, err := fs.ReadFile(f.fsys, a.Path)
	if err != nil {
		return api.OnLoadResult{Errors: []api.Message{{Text: fmt.Sprintf("%q cannot be read: %v", a.Path, err)}}}, nil
	}
	f.mu.Lock()
	f.read[a.Path] = true
	f.mu.Unlock()
	text := string(raw)
	return api.OnLoadResult{Contents: &text, Loader: loader}, nil
}

func loaderOf(name, with string) (l api.Loader, message, help string) {
	switch with {
	case "text":
		return api.LoaderText, "", ""
	case "json":
		return api.LoaderJSON, "", ""
	case "":
	default:
		return 0, fmt.Sprintf("%q is imported with {type: %q}, which is not known.", name, with), `The types are "json" and "text".`
	}
	switch path.Ext(name) {
	case ".ts", ".mts":
		return api.LoaderTS, "", ""
	case ".js", ".mjs":
		return api.LoaderJS, "", ""
	case ".json":
		return api.LoaderJSON, "", ""
	case ".md", ".txt":
		return api.LoaderText, "", ""
	case ".tsx", ".jsx":
		return 0, fmt.Sprintf("%q has JSX, which skills do not have.", name), "Write text with template strings, in a file that ends in .ts."
	case ".cts", ".cjs":
		return 0, fmt.Sprintf("%q is a CommonJS module.", name), "Write import and export instead of require and module.exports, in a file that ends in .ts or .js."
	case ".wasm":
		return 0, fmt.Sprintf("%q is a WASM module; a script cannot load one.", name), "A skill's code is either a script or a module: name the module in skill.hcl."
	}
	return 0, fmt.Sprintf("%q is neither TypeScript, JavaScript, JSON, .md nor .txt.", name), `For its text, write: import text from "./` + path.Base(name) + `" with {type: "text"}`
}

func refuse(message, help string) api.OnResolveResult {
	return api.OnResolveResult{Errors: []api.Message{{Text: message, Detail: help}}}
}

// errors are esbuild's, each with its place and line. Warnings are errors here
// where they say that the bundle will not do what is written.
func (f *folder) errors(r api.BuildResult) []error {
	var out []error
	for _, m := range r.Errors {
		e := &Error{Message: sentence(m.Text)}
		e.Help, _ = m.Detail.(string)
		if l := m.Location; l != nil {
			e.File, e.Line, e.Col, e.Snippet = strings.TrimPrefix(l.File, authored+":"), l.Line, l.Column+1, l.LineText
		}
		if e.Help == "" {
			e.Help = helpFor(m)
		}
		out = append(out, e)
	}
	return out
}

func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

func helpFor(m api.Message) string {
	if strings.Contains(m.Text, "Top-level await") {
		return "The top level of a skill's code runs once, before there is an input. Await inside of a handler, such as async run(input) { ... }."
	}
	var notes []string
	for _, n := range m.Notes {
		notes = append(notes, sentence(n.Text))
	}
	return strings.Join(notes, " ")
}
