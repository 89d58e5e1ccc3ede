package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/author/scaffold"
	"github.com/plimsoll-dev/plimsoll/core/cli"
)

// page collects what a command prints while it runs.
type page struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.String()
}

// await waits until the page has a text.
func (p *page) await(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if strings.Contains(p.String(), text) {
			return
		}
	}
	t.Fatalf("%q never came:\n%s", text, p)
}

// A watch tests again when a file was saved, lives through a save that breaks
// the skill, and ends when it is told to.
func TestWatch(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := filepath.Join(t.TempDir(), "digest")
	if _, err := scaffold.New(dir, scaffold.Options{Name: "digest"}); err != nil {
		t.Fatal(err)
	}
	contract := filepath.Join(dir, "skill.hcl")
	src, err := os.ReadFile(contract)
	if err != nil {
		t.Fatal(err)
	}
	save := func(text string) {
		t.Helper()
		if err := os.WriteFile(contract, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var out, errs page
	done := make(chan int, 1)
	go func() {
		done <- cli.Main(ctx, cli.App{Args: []string{"skill", "test", dir, "--watch"}, In: strings.NewReader(""), Out: &out, Err: &errs})
	}()
	out.await(t, "4 of 4 cases passed")
	out.await(t, "Watching")
	save(strings.Replace(string(src), "max_items = 3", "max_items = 4", 1))
	out.await(t, "3 of 4 cases passed")
	save(strings.Replace(string(src), "max_items = 3", "max_itmes = 3", 1))
	errs.await(t, "max_itmes")
	save(string(src) + "\n# mended\n")
	for end := time.Now().Add(60 * time.Second); strings.Count(out.String(), "4 of 4 cases passed") < 2; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not go on:\n%s%s", &out, &errs)
		}
	}
	stop()
	if code := <-done; code != 0 {
		t.Errorf("exit code %d", code)
	}
}
