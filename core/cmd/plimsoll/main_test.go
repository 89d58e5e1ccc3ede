package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite golden parts of the scripts")

// asOf is the time of every decision in these tests.
const asOf = "2026-07-02T02:00:00Z"

// TestMain makes the test binary be plimsoll when it is called by that name: in
// scripts, in the tests that kill it, and where it starts itself as a backend.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"plimsoll": main, "mcp-notes": notes})
}

func TestScript(t *testing.T) {
	cache := t.TempDir()
	// Scripts that build Go guests use the cache of whoever runs the tests: with
	// one of their own each would compile the standard library anew.
	built, _ := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	goCache, goMods, _ := strings.Cut(strings.TrimSpace(string(built)), "\n")
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("..", "..", "cli", "testdata", "script"),
		UpdateScripts:      *update,
		RequireUniqueNames: true,
		Cmds:               commands(t),
		Condition:          condition,
		Setup: func(e *testscript.Env) error {
			// One cache of compiled guests for all scripts; nothing of the machine's.
			e.Setenv("HOME", filepath.Join(e.WorkDir, ".home"))
			e.Setenv("XDG_CACHE_HOME", cache)
			e.Setenv("LocalAppData", cache)
			if goCache != "" {
				e.Setenv("GOCACHE", goCache)
				e.Setenv("GOMODCACHE", goMods)
			}
			e.Setenv("NO_COLOR", "1")
			e.Setenv("AS_OF", asOf)
			root, err := filepath.Abs(filepath.Join("..", "..", ".."))
			e.Setenv("ROOT", root)
			return err
		},
	})
}

func condition(name string) (bool, error) {
	switch name {
	case "go":
		_, err := exec.LookPath("go")
		return err == nil, nil
	case "root":
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

// plimsoll is the path of the test binary under its other name.
func plimsoll(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("plimsoll")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// build runs the go command in the repository's root, where there is one.
func build(t testing.TB, env []string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to build with")
	}
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-buildvcs=false"}, args...)...)
	cmd.Dir = filepath.Join("..", "..", "..")
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %v: %v\n%s", args, err, out)
	}
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s did not happen", what)
}
