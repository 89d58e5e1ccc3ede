package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The pages for newcomers are followed by copy and paste: every block of commands
// runs, in order, in one shell, in an empty folder, and prints what the page says
// that it prints.
func TestStartPages(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the pages are written for a POSIX shell")
	}
	pages, err := filepath.Glob(filepath.Join("..", "..", "..", "docs", "start-*.md"))
	if err != nil || len(pages) < 2 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			blocks := blocksOf(string(text))
			if len(blocks) == 0 {
				t.Fatal("the page has no block of commands")
			}
			follow(t, name, blocks)
		})
	}
}

// step is a block of commands, and the lines that must be among what it prints.
type step struct{ commands, prints string }

// blocksOf takes the blocks ```sh of a page, each with the ```text after it.
func blocksOf(page string) []step {
	var out []step
	for _, part := range strings.Split(page, "\n```") {
		switch kind, body, _ := strings.Cut(part, "\n"); kind {
		case "sh":
			out = append(out, step{commands: body})
		case "text":
			if len(out) > 0 {
				out[len(out)-1].prints += body + "\n"
			}
		}
	}
	return out
}

func follow(t *testing.T, name string, blocks []step) {
	t.Helper()
	const mark = "@@ end of a block @@"
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, b := range blocks {
		script.WriteString(b.commands + "\necho '" + mark + "'\n")
	}
	home := t.TempDir()
	dir := filepath.Join(home, "work")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME="+filepath.Join(home, "cache"), "NO_COLOR=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	failed := cmd.Run()
	printed := strings.Split(out.String(), mark)
	for i, b := range blocks {
		if i+1 >= len(printed) {
			t.Fatalf("%s: this block ends the shell (%v):\n%s\n%s", name, failed, b.commands, printed[len(printed)-1])
		}
		for line := range strings.Lines(b.prints) {
			if line = strings.TrimSpace(line); line != "" && !strings.Contains(printed[i], line) {
				t.Errorf("%s: the page says that %q is printed by\n%s\nand it is not:\n%s", name, line, b.commands, printed[i])
			}
		}
	}
	if failed != nil {
		t.Error(failed)
	}
}
