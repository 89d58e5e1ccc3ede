package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// fakeEngine builds conformance/cmd/fake-engine, a `vllm serve` that only pretends,
// once for all tests.
func fakeEngine(t *testing.T) func() string {
	return sync.OnceValue(func() string {
		path := filepath.Join(t.TempDir(), "fake-engine")
		if runtime.GOOS == "windows" {
			path += ".exe"
		}
		build(t, nil, "-o", path, "./conformance/cmd/fake-engine")
		return path
	})
}

// heard is what a process writes, which may be read meanwhile. The buffer is not
// embedded: its ReadFrom would go past the lock.
type heard struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf.String()
}

func (h *heard) find(re *regexp.Regexp) []string { return re.FindStringSubmatch(h.String()) }

var listens = regexp.MustCompile(`Uvicorn running on (http://\S+)`)

// serveFake starts a fake engine with flags, and gives its address once it listens.
func serveFake(t *testing.T, path string, flags ...string) (url string, stop func()) {
	t.Helper()
	log := &heard{}
	cmd := exec.Command(path, append([]string{"serve", "some/model", "--port", "0"}, flags...)...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	waitFor(t, "the fake engine", func() bool {
		if m := log.find(listens); m != nil {
			url = m[1]
		}
		return url != ""
	})
	return url, stop
}

// engineCommand is `engine NAME FLAGS...` in scripts: a fake engine whose address is
// the variable NAME. It ends with the script.
func engineCommand(t *testing.T) func(*testscript.TestScript, bool, []string) {
	path := fakeEngine(t)
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) < 1 {
			ts.Fatalf("usage: engine NAME FLAGS...")
		}
		url, stop := serveFake(t, path(), args[1:]...)
		ts.Defer(stop)
		ts.Setenv(args[0], url)
	}
}

// TestBenchInterrupted: a sweep that is interrupted ends at once, shows what it has,
// and goes on where it was when the same command is given again.
func TestBenchInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be interrupted here")
	}
	url, stop := serveFake(t, fakeEngine(t)(), "--fake-ttft", "50ms", "--fake-tpot", "50ms")
	defer stop()
	dir := t.TempDir()
	args := []string{"topology", "bench", "--url", url, "--input", "8", "--output", "4", "--prompts", "4", "--warmup", "1", "--rest", "1ms", "--rates", "20,0.2", "--out", filepath.Join(dir, "out")}
	cmd, out := command(t, dir, args...), &heard{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	second := regexp.MustCompile(`\[2/2\] rate 0\.2`)
	waitFor(t, "the second run", func() bool { return out.find(second) != nil })
	began := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	for _, want := range []string{"1 of 2 runs were made", "some/model at", "goes on with the runs that are missing"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
	before, err := os.ReadFile(filepath.Join(dir, "out", "rate-20.requests.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	// The second pace is slow: what matters is that the first is not made again.
	args[len(args)-3] = "20,40"
	again := command(t, dir, append(args, "-json")...)
	raw, _ := again.Output() // a busy machine may make a run invalid, which is no matter here
	var doc struct {
		Skipped int
		Loads   []struct{ Runs []struct{ Requests int } }
	}
	if err := json.Unmarshal(raw, &doc); err != nil || doc.Skipped != 1 || len(doc.Loads) != 1 || len(doc.Loads[0].Runs) != 2 {
		t.Errorf("%v: %s", err, raw)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "out", "rate-20.requests.jsonl")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the first run was made again: %v", err)
	}
}
