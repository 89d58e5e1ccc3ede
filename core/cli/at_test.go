package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// A command may run on an engine that lives in another folder than whoever gave
// it. So its files are opened by c.at, or by paths made of the project's folder.
func TestPathsAreTheCallers(t *testing.T) {
	calls := map[string]bool{
		"os.Open": true, "os.Create": true, "os.OpenFile": true, "os.ReadFile": true, "os.WriteFile": true, "os.Stat": true, "os.ReadDir": true,
		"os.MkdirAll": true, "os.Mkdir": true, "os.OpenRoot": true, "os.Getwd": true, "filepath.Abs": true, "atomicfile.Write": true, "filepath.Glob": true,
	}
	// Files of commands that never open the state, and so run where they are given;
	// and functions that are handed paths which were looked up already. The commands
	// of topologies are all of the first kind.
	here := map[string]string{
		"format.go": "fmt needs no state", "verdict.go": "verdict FILE needs no state", "gate.go": "gate needs no state", "evidence.go": "evidence needs no state",
		"skill_new.go": "needs no state", "skill_cases.go": "skill test needs no state", "skill_pack.go": "needs no state", "skill_add.go": "needs no state", "skill_build.go": "needs no state",
		"policy_test_command.go": "policy test needs no state", "access_test_command.go": "access test needs no state", "project_tests.go": "the files of these two",
		"judge_calibrate.go": "readLabels is handed c.at", "lever_tools.go": "homely asks for the home folder",
		"elsewhere.go": "finds the caller's folder", "adopt.go": "init needs no state", "nightly.go": "short and writeReports are handed whole paths", "serve.go": "an engine's own folder",
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || here[name] != "" || strings.HasPrefix(name, "topology_") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if fn := nameOf(call.Fun); calls[fn] {
				seen++
				if len(call.Args) == 0 || !isAt(call.Args[0]) {
					t.Errorf("%s: %s is not handed c.at(path): run on an engine, it would open a file of another folder", name, fn)
				}
			}
			return true
		})
	}
	if seen < 3 {
		t.Errorf("only %d calls were looked at", seen)
	}
}

func nameOf(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok {
			return x.Name + "." + sel.Sel.Name
		}
	}
	return ""
}

func isAt(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	return ok && nameOf(call.Fun) == "c.at"
}
