package build

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		files    []string
		language string
		command  string
	}{
		"go module":      {[]string{"code/go.mod", "code/main.go"}, "Go", "GOOS=wasip1 GOARCH=wasm go build -trimpath -buildvcs=false '-ldflags=-s -w' -buildmode=c-shared -o ../skill.wasm ."},
		"go, no module":  {[]string{"code/main.go"}, "Go", "-o ../skill.wasm ."},
		"go at the top":  {[]string{"main.go"}, "Go", "-o skill.wasm ."},
		"rust":           {[]string{"code/Cargo.toml", "code/src/lib.rs"}, "Rust", "cargo build --quiet --offline --release"},
		"rust with c":    {[]string{"code/Cargo.toml", "code/x.c"}, "Rust", ""},
		"assemblyscript": {[]string{"code/package.json", "code/skill.ts"}, "AssemblyScript", "npx --no-install asc skill.ts"},
		"c":              {[]string{"code/b.c", "code/a.c"}, "C", "-o ../skill.wasm a.c b.c"},
	} {
		dir := filepath.Join(t.TempDir(), "a [b]")
		for _, f := range c.files {
			put(t, dir, f, "")
		}
		r, err := Find(dir, "skill.wasm")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if r.Language != c.language || !strings.Contains(r.String(), c.command) || r.Out != filepath.Join(dir, "skill.wasm") {
			t.Errorf("%s: %s: %s -> %s", name, r.Language, r, r.Out)
		}
	}
}

func TestFindNothing(t *testing.T) {
	dir := t.TempDir()
	var none *NoSource
	if _, err := Find(dir, "skill.wasm"); !errors.As(err, &none) || !strings.Contains(err.Error(), "skill new --lang") {
		t.Errorf("an empty folder: %v", err)
	}
	put(t, dir, "code/main.zig", "")
	if _, err := Find(dir, "skill.wasm"); !errors.As(err, &none) || !strings.Contains(err.Error(), "main.zig") {
		t.Errorf("zig: %v", err)
	}
	if _, err := Find(dir, "../skill.wasm"); err == nil {
		t.Error("a module outside of the folder")
	}
}

// A toolchain of the test's own: a recipe is what it runs, not what Go does.
func script(t *testing.T, text string) *Recipe {
	t.Helper()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no sh")
	}
	dir := t.TempDir()
	return &Recipe{Language: "Test", Dir: dir, Args: []string{"sh", "-c", text, "sh", outName}, Out: filepath.Join(dir, "skill.wasm"), Install: "get it"}
}

func TestRun(t *testing.T) {
	ctx := context.Background()
	r := script(t, `echo careful; printf module > "$1"`)
	var said bytes.Buffer
	if err := r.Run(ctx, &said); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(r.Out); err != nil || string(got) != "module" || said.String() != "careful\n" {
		t.Errorf("%q %v, said %q", got, err, said.String())
	}

	// A build that fails leaves the module that is there.
	bad := *r
	bad.Args = []string{"sh", "-c", `printf half > "$1"; echo "a.c:1: wasm-ld not found" >&2; exit 1`, "sh", outName}
	var failed *Failed
	if err := bad.Run(ctx, &said); !errors.As(err, &failed) || !strings.Contains(err.Error(), "a.c:1") || !strings.Contains(failed.Hint, "lld") {
		t.Errorf("a failing build: %v", err)
	}
	if got, err := os.ReadFile(r.Out); err != nil || string(got) != "module" {
		t.Errorf("after a failing build: %q %v", got, err)
	}

	silent := *r
	silent.Args = []string{"sh", "-c", "exit 0"}
	if err := silent.Run(ctx, &said); err == nil || !strings.Contains(err.Error(), "there is no module") {
		t.Errorf("a build that makes nothing: %v", err)
	}

	gone := *r
	gone.Args = []string{"plimsoll-no-such-toolchain"}
	var missing *Missing
	if err := gone.Run(ctx, &said); !errors.As(err, &missing) || !strings.Contains(err.Error(), "get it") {
		t.Errorf("a missing toolchain: %v", err)
	}

	part := *r
	part.Needs = []Need{{"node_modules/x", "run npm ci"}}
	if err := part.Run(ctx, &said); !errors.As(err, &missing) || !strings.Contains(err.Error(), "npm ci") {
		t.Errorf("a missing part: %v", err)
	}
}

func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := script(t, "sleep 60").Run(ctx, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
