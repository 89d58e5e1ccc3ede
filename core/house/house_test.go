package house_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/plimsoll-dev/plimsoll/"

// source is one parsed Go file of the module.
type source struct {
	path string // from the top of the tree, with forward slashes
	dir  string
	test bool
	file *ast.File
}

func tree(t *testing.T) []source {
	t.Helper()
	top := filepath.Join("..", "..")
	var out []source
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "dist") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && rel != "." {
				return fs.SkipDir // a module of its own: an example of somebody else's
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		out = append(out, source{path: rel, dir: filepath.ToSlash(filepath.Dir(rel)), test: strings.HasSuffix(rel, "_test.go"), file: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("found only %d files: the walk is broken", len(out))
	}
	return out
}

func (s source) imports() []string {
	var out []string
	for _, i := range s.file.Imports {
		path, _ := strconv.Unquote(i.Path.Value)
		out = append(out, path)
	}
	return out
}

func under(path string, dirs ...string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return path == d || strings.HasPrefix(path, d+"/") })
}

// TestWhoImportsWhom keeps data flowing one way.
func TestWhoImportsWhom(t *testing.T) {
	may := map[string][]string{
		"sdk":         {"sdk"},
		"hcl":         {"hcl", "sdk"},
		"core":        {"core", "hcl", "sdk"},
		"plugins":     {"plugins", "sdk"},
		"conformance": {"conformance", "core/sandbox", "core/plugin", "hcl", "sdk"},
		"examples":    {"examples", "sdk"},
	}
	for _, s := range tree(t) {
		folder, _, _ := strings.Cut(s.dir, "/")
		allowed, known := may[folder]
		if !known {
			t.Errorf("%s stands in a folder that the house does not have", s.path)
			continue
		}
		if s.dir == "core/cmd/plimsoll" {
			allowed = append(slices.Clone(allowed), "plugins")
		}
		for _, i := range s.imports() {
			in, ours := strings.CutPrefix(i, module)
			if !ours || under(in, allowed...) || s.test && under(in, "core/cmd") {
				continue
			}
			t.Errorf("%s imports %s: %s may import %v only", s.path, in, folder, allowed)
		}
		if s.dir != "core/cli" && s.dir != "core/engine" && !s.test && slices.Contains(s.imports(), module+"core/engine") {
			t.Errorf("%s imports core/engine: parts are wired there, they do not know it", s.path)
		}
	}
}

// TestWhoOwnsWhichLibrary keeps every heavy library behind one door.
func TestWhoOwnsWhichLibrary(t *testing.T) {
	owners := map[string][]string{
		"github.com/hashicorp/hcl":       {"hcl"},
		"github.com/zclconf/go-cty":      {"hcl"},
		"github.com/expr-lang/expr":      {"core/rule"},
		"github.com/hashicorp/go-plugin": {"core/plugin", "sdk/backend"},
		"google.golang.org/grpc":         {"core/plugin", "core/backend", "sdk/backend", "conformance/backend"},
		"github.com/tetratelabs/wazero":  {"core/sandbox"},
		"github.com/openai":              {"plugins/openai"},
		"github.com/anthropics":          {"plugins/anthropic"},
		"github.com/evanw/esbuild":       {"core/sandbox/script"},
		"github.com/dgraph-io/badger":    {"core/store/badgerstore"},
		"github.com/spf13/cobra":         {"core/cli"},
		"github.com/santhosh-tekuri":     {"core/gate", "core/rule", "core/skill", "core/topology/plan"},
		"github.com/goccy/go-yaml":       {"core/skill", "core/topology/plan"},
		"golang.org/x/mod":               {"core/audit", "core/author/pack"},
		"github.com/robfig/cron":         {"hcl/cron"},
		"github.com/prometheus":          {"core/telemetry"},
		"go.opentelemetry.io":            {"core/telemetry"},
		"github.com/go-jose":             {"core/auth"},
	}
	for _, s := range tree(t) {
		for _, i := range s.imports() {
			for library, doors := range owners {
				if strings.HasPrefix(i, library) && !under(s.dir, doors...) {
					t.Errorf("%s imports %s, which belongs to %v", s.path, i, doors)
				}
			}
		}
	}
}

// forbidden calls, and the only folders where they may stand. core/author/build
// starts the toolchains of an author's own code, when the author asks for it.
var forbidden = map[string][]string{
	"exec.Command":        {"core/author/build", "core/plugin", "core/connector", "core/sandbox", "core/run", "core/topology", "core/bench", "plugins/command", "plugins/vllm"},
	"exec.CommandContext": {"core/author/build", "core/plugin", "core/connector", "core/sandbox", "core/run", "core/topology", "core/bench", "plugins/command", "plugins/vllm", "conformance/host", "conformance/backend"},
	"os.Rename":           {"core/store/atomicfile"},
	"os.Exit":             {"core/cmd", "core/audit/verifier", "core/verdict/truth", "core/topology/load/proof", "core/harness/recall", "core/topology/measure", "core/bench", "core/plugin", "core/sandbox", "sdk/backend", "conformance", "examples"},
}

// pure packages read no clock, draw no chance and touch no file.
var pure = []string{"core/verdict", "core/gate", "core/rule", "core/tier", "core/render", "core/price", "core/access", "core/connector/lock", "core/lint", "core/topology/arch", "core/topology/hardware", "core/topology/step", "core/topology/metric", "core/topology/preflight", "core/topology/plan"}

// benches are programs that live beside the pure package they measure.
var benches = []string{"core/verdict/truth", "core/lint/corpus"}

func TestForbiddenCalls(t *testing.T) {
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		isPure := under(s.dir, pure...) && !under(s.dir, benches...)
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if !ok || pkg.Obj != nil {
				return true
			}
			call := pkg.Name + "." + sel.Sel.Name
			if doors, ok := forbidden[call]; ok && !under(s.dir, doors...) {
				t.Errorf("%s uses %s, which may stand in %v only", s.path, call, doors)
			}
			if isPure && (call == "time.Now" || call == "time.Since" || pkg.Name == "rand" || pkg.Name == "os") {
				t.Errorf("%s uses %s, and its package is pure", s.path, call)
			}
			return true
		})
	}
}

// TestTheClockHasOneReader: every other package is handed its time. Reading it
// to measure how long something takes is left to tests and to the packages that
// wait for the outside world.
func TestTheClockHasOneReader(t *testing.T) {
	doors := []string{"core/engine", "core/plugin", "core/backend", "core/sandbox", "core/store/badgerstore", "core/audit/verifier", "core/verdict/truth", "core/topology/load", "core/harness/recall", "core/bench", "plugins", "sdk/backend", "conformance", "examples"}
	for _, s := range tree(t) {
		if s.test || under(s.dir, doors...) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && sel.Sel.Name == "Now" {
					t.Errorf("%s reads the clock: take the time as an argument, core/engine has it", s.path)
				}
			}
			return true
		})
	}
}

// TestPackageComments: every package says what it is for, in more than a line.
func TestPackageComments(t *testing.T) {
	said := map[string]bool{}
	dirs := map[string]bool{}
	for _, s := range tree(t) {
		if s.test {
			continue
		}
		dirs[s.dir] = true
		if s.file.Doc != nil && len(strings.Fields(s.file.Doc.Text())) >= 8 {
			said[s.dir] = true
		}
	}
	for d := range dirs {
		if !said[d] && !strings.Contains(d, "/proto/") {
			t.Errorf("%s has no package comment that says what it is for", d)
		}
	}
}

// TestTopOfTheTree: a newcomer sees a dozen names, not fifty.
func TestTopOfTheTree(t *testing.T) {
	allowed := []string{"core", "plugins", "sdk", "hcl", "examples", "conformance", "docs", "go.mod", "go.sum", "Makefile", "LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "bin", "dist"}
	entries, err := os.ReadDir(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s stands at the top of the tree", e.Name())
		}
	}
}

// TestNoUnfinishedWork finds the words that mark it.
func TestNoUnfinishedWork(t *testing.T) {
	words := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X:", "not " + "implemented"}
	for _, s := range tree(t) {
		for _, group := range s.file.Comments {
			for _, w := range words {
				if strings.Contains(group.Text(), w) {
					t.Errorf("%s has a comment with %q", s.path, w)
				}
			}
		}
	}
}
