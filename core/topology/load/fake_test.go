package load_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeBinary is the fake engine, built once for all tests: it is a process of its
// own, as a real engine is.
var fakeBinary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fake-engine")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "fake-engine")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", path, "github.com/plimsoll-dev/plimsoll/conformance/cmd/fake-engine").CombinedOutput()
	if err != nil {
		os.Stderr.Write(out)
	}
	return path, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := fakeBinary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// fake is a running fake engine.
type fake struct {
	url  string
	exit func()
}

var listening = regexp.MustCompile(`Uvicorn running on (http://[0-9.:]+)`)

// start runs a fake engine with a script on a port of its own.
func start(t testing.TB, script string, args ...string) *fake {
	t.Helper()
	path, err := fakeBinary()
	if err != nil {
		t.Fatalf("building the fake engine: %v", err)
	}
	cmd := exec.Command(path, append([]string{"serve", "some/model", "--port", "0"}, args...)...)
	cmd.Env = append(os.Environ(), "FAKE_ENGINE_SCRIPT="+script)
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f := &fake{exit: sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})}
	t.Cleanup(f.exit)
	lines := bufio.NewScanner(pipe)
	var said bytes.Buffer
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			f.url = m[1]
			go func() {
				for lines.Scan() { // so that it never waits for somebody to read
				}
			}()
			return f
		}
	}
	t.Fatalf("the fake engine did not start:\n%s", said.String())
	return nil
}

// truth is what of engine.Truth the tests compare with.
type truth struct {
	ID     string  `json:"id"`
	TTFT   float64 `json:"ttft_s"`
	Last   float64 `json:"last_s"`
	Tokens int     `json:"output_tokens"`
	Input  int     `json:"input_tokens"`
	Late   float64 `json:"late_s"`
	End    string  `json:"end"`
}

// truths by X-Request-Id, when those of n requests of the run are there: the last
// one's is written as it ends, which may be after its answer was read.
func (f *fake) truths(t testing.TB, n int) map[string]truth {
	t.Helper()
	for until := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		out, counted := f.written(t), 0
		for id := range out {
			if !strings.HasPrefix(id, "bench--") { // probes and warm-ups
				counted++
			}
		}
		if counted >= n || time.Now().After(until) {
			return out
		}
	}
}

func (f *fake) written(t testing.TB) map[string]truth {
	t.Helper()
	res, err := http.Get(f.url + "/fake/truth")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out := map[string]truth{}
	d := json.NewDecoder(res.Body)
	for d.More() {
		var v truth
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		out[v.ID] = v
	}
	return out
}

func has(lines []string, part string) bool {
	return strings.Contains(strings.Join(lines, "\n"), part)
}
