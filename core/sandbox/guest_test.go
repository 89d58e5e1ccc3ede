package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// build makes a WASM module of a Go package, as the Makefile does.
func build(tb testing.TB, pkg string) []byte {
	tb.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		tb.Skip("there is no go tool to build the guest with")
	}
	out := filepath.Join(tb.TempDir(), "guest.wasm")
	cmd := exec.Command("go", "build", "-buildmode=c-shared", "-o", out, "./"+filepath.ToSlash(pkg))
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("building %s: %v\n%s", pkg, err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		tb.Fatal(err)
	}
	return module
}

// buildGuest is cheap after the first time: the go tool has it in its cache.
func buildGuest(tb testing.TB) []byte { return build(tb, "testdata/guest") }

var sharedCache string // compiled code of all tests of this run

func TestMain(m *testing.M) {
	if sandbox.Child() {
		return
	}
	dir, err := os.MkdirTemp("", "plimsoll-cache")
	if err != nil {
		panic(err)
	}
	sharedCache = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func newHost(tb testing.TB, c sandbox.Config) *sandbox.Host {
	tb.Helper()
	if c.CacheDir == "" {
		c.CacheDir = sharedCache
	}
	h, err := sandbox.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := h.Close(); err != nil {
			tb.Error(err)
		}
	})
	return h
}

func admit(tb testing.TB, h *sandbox.Host, module []byte) *sandbox.Admitted {
	tb.Helper()
	a, err := h.Admit(context.Background(), module, sandbox.AdmitOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// finish calls op finish with what the guest should do.
func finish(a *sandbox.Admitted, do string, n int, completion string, o sandbox.CallOptions) (text string, calls int, err error) {
	in, err := json.Marshal(map[string]any{"input": map[string]any{"do": do, "n": n}, "completion": completion, "state": 7})
	if err != nil {
		return "", 0, err
	}
	raw, err := a.Call(context.Background(), abi.OpFinish, in, o)
	if err != nil {
		return "", 0, err
	}
	var out struct {
		Output struct {
			Text  string `json:"text"`
			Calls int    `json:"calls"`
		} `json:"output"`
	}
	err = json.Unmarshal(raw, &out)
	return out.Output.Text, out.Output.Calls, err
}

func TestGoGuest(t *testing.T) {
	module := buildGuest(t)
	a := admit(t, newHost(t, sandbox.Config{Timeout: 30 * time.Second}), module)

	m, ok := a.Manifest()
	if !ok || m.Name != "guest" || strings.Join(m.Ops, " ") != "prepare finish check render" || !a.Has(abi.OpCheck) || a.Has(abi.OpRun) {
		t.Errorf("the guest described itself as %+v (%v)", m, ok)
	}
	if !strings.HasPrefix(a.Digest(), "sha256:") || len(a.Digest()) != 71 {
		t.Errorf("digest %q", a.Digest())
	}
	at := time.Date(2026, 6, 30, 12, 0, 0, 500, time.UTC)
	for _, c := range []struct {
		do, completion, text string
		n, calls             int
	}{
		{do: "echo", completion: "héllo \" \\ \u2028", text: "héllo \" \\ \u2028", calls: 1},
		{do: "clock", text: "2026-06-30T12:00:00.0000005Z", calls: 1},
		{do: "sleep", text: "1h0m0s", calls: 1},
		{do: "world", text: "args 0 env 0 file true folder true", calls: 1},
		{do: "state", calls: 7},
		{do: "hog", n: 20, calls: 20},
		{do: "big", n: 100_000, text: strings.Repeat("y", 100_000), calls: 1},
	} {
		// Twice: what the first call left in memory must not show in the second.
		for range 2 {
			text, calls, err := finish(a, c.do, c.n, c.completion, sandbox.CallOptions{Time: at})
			if err != nil || text != c.text || calls != c.calls {
				t.Errorf("%s: got %.60q %d %v, want %.60q %d", c.do, text, calls, err, c.text, c.calls)
			}
		}
	}
	for _, c := range []struct {
		op       abi.Op
		in, want string
	}{
		{abi.OpPrepare, `{"input":{"text":"hi"},"step":"main"}`, `{"messages":[{"role":"system","content":"step main"},{"role":"user","content":"hi"}],"state":2}`},
		{abi.OpCheck, `{"gate":"short","input":{},"output":{"text":"abc"}}`, `{"passed":true}`},
		{abi.OpCheck, `{"gate":"short","input":{},"output":{"text":"abcdef"}}`, `{"passed":false,"reason":"more than 5 bytes","failed_ids":["text"]}`},
		{abi.OpRender, `{"format":"plain","input":{},"output":{"text":"<b>"}}`, `{"text":"<b>"}`},
	} {
		raw, err := a.Call(context.Background(), c.op, []byte(c.in), sandbox.CallOptions{})
		if err != nil || string(raw) != c.want {
			t.Errorf("%s: got %s %v, want %s", c.op, raw, err, c.want)
		}
	}
}

func TestGoGuestErrors(t *testing.T) {
	a := admit(t, newHost(t, sandbox.Config{Timeout: 30 * time.Second, MaxOutput: 10_000}), buildGuest(t))
	for _, c := range []struct {
		do    string
		n     int
		code  string
		guest bool
		say   string
	}{
		{"nonsense", 0, "failed", true, `what is "nonsense"?`},
		{"fail", 0, "no_date", true, "there is no date"},
		{"panic", 0, "panic", true, "nil map"},
		{"exit", 42, "exit", false, "exit code 42"},
		{"exit", 0, "exit", false, "exit code 0"},
		{"exit", 0x6fffffff, "exit", false, "exit code"},
		{"hog", 100, "memory", false, "more than 64 MiB"},
		{"big", 10_000, "output_limit", false, "the limit is 10000"},
	} {
		_, _, err := finish(a, c.do, c.n, "x", sandbox.CallOptions{})
		var e *sandbox.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Guest != c.guest || !strings.Contains(e.Message, c.say) {
			t.Errorf("%s %d: got %v, want %s with %q", c.do, c.n, err, c.code, c.say)
			continue
		}
		if e.Retryable != (c.do == "fail") {
			t.Errorf("%s: retryable is %v", c.do, e.Retryable)
		}
		if text, _, err := finish(a, "echo", 0, "still there", sandbox.CallOptions{}); err != nil || text != "still there" {
			t.Errorf("after %s the next call gives %q %v", c.do, text, err)
		}
	}
	_, err := a.Call(context.Background(), abi.OpCheck, []byte(`{"gate":"shot","input":{},"output":{}}`), sandbox.CallOptions{})
	if !errors.Is(err, &sandbox.Error{Code: abi.CodeUnsupported, Guest: true}) {
		t.Errorf("an unknown gate gives %v", err)
	}
	_, err = a.Call(context.Background(), abi.OpRun, []byte(`{}`), sandbox.CallOptions{})
	if !errors.Is(err, &sandbox.Error{Code: string(abi.Capability)}) {
		t.Errorf("op run gives %v", err)
	}
}

func TestGoGuestDeadline(t *testing.T) {
	h := newHost(t, sandbox.Config{Timeout: time.Second, Fuel: 1e12})
	a := admit(t, h, buildGuest(t))
	start := time.Now()
	_, _, err := finish(a, "spin", 0, "", sandbox.CallOptions{})
	if !errors.Is(err, &sandbox.Error{Code: string(abi.Deadline)}) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a spinning guest gives %v", err)
	}
	// 10 s leave room for a busy machine; without a deadline it would be for ever.
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("a guest with 1 s ran for %s", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(200*time.Millisecond, cancel)
	_, err = a.Call(ctx, abi.OpFinish, []byte(`{"input":{"do":"spin"},"completion":""}`), sandbox.CallOptions{})
	if !errors.Is(err, &sandbox.Error{Code: string(abi.Cancelled)}) || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call gives %v", err)
	}
}

func TestGoGuestIsDeterministic(t *testing.T) {
	module := buildGuest(t)
	a, b := admit(t, newHost(t, sandbox.Config{Timeout: 30 * time.Second}), module), admit(t, newHost(t, sandbox.Config{Timeout: 30 * time.Second}), module)
	one, _, err1 := finish(a, "random", 0, "", sandbox.CallOptions{Seed: []byte("s")})
	two, _, err2 := finish(b, "random", 0, "", sandbox.CallOptions{Seed: []byte("s")})
	other, _, err3 := finish(a, "random", 0, "", sandbox.CallOptions{Seed: []byte("t")})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if one != two || one == other || len(one) != 37 {
		t.Errorf("seed s: %q and %q, seed t: %q", one, two, other)
	}
}

func TestGoGuestLog(t *testing.T) {
	a := admit(t, newHost(t, sandbox.Config{Timeout: 30 * time.Second}), buildGuest(t))
	var lines []sandbox.Line
	o := sandbox.CallOptions{Log: func(l sandbox.Line) { lines = append(lines, l) }}
	if _, _, err := finish(a, "log", 0, "", o); err != nil {
		t.Fatal(err)
	}
	want := []sandbox.Line{{Level: sandbox.LevelInfo, Text: "one two"}, {Level: sandbox.LevelInfo, Text: "to stdout"}, {Level: sandbox.LevelWarn, Text: "to \uFFFD[31mstderr"}}
	if len(lines) != len(want) || lines[0] != want[0] || lines[1] != want[1] || lines[2] != want[2] {
		t.Errorf("logged %v, want %v", lines, want)
	}
	lines = nil
	if _, _, err := finish(a, "flood", 1000, "", o); err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, l := range lines {
		size += len(l.Text)
	}
	if size > 65<<10 || !strings.Contains(lines[len(lines)-1].Text, "cut here") {
		t.Errorf("a flood of 1 MB left %d bytes and ends with %q", size, lines[len(lines)-1].Text)
	}
}

func TestManyGoroutines(t *testing.T) {
	h := newHost(t, sandbox.Config{Timeout: time.Minute})
	module := buildGuest(t)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			a, err := h.Admit(context.Background(), module, sandbox.AdmitOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 5 {
				want := strings.Repeat(string(rune('a'+g)), i+1)
				if text, calls, err := finish(a, "echo", 0, want, sandbox.CallOptions{}); err != nil || text != want || calls != 1 {
					t.Errorf("got %q %d %v, want %q 1", text, calls, err, want)
				}
			}
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestCacheFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no mode bits here")
	}
	dir := filepath.Join(t.TempDir(), "code")
	module := buildGuest(t)
	for range 2 {
		a := admit(t, newHost(t, sandbox.Config{CacheDir: dir, Timeout: 30 * time.Second}), module)
		if _, _, err := finish(a, "echo", 0, "x", sandbox.CallOptions{}); err != nil {
			t.Error(err)
		}
	}
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the folder of machine code has mode %o", info.Mode().Perm())
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) == 0 {
		t.Errorf("nothing was kept: %v %v", entries, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.New(sandbox.Config{CacheDir: dir}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a folder that everybody may write gives %v", err)
	}
}

func TestCloseEndsCalls(t *testing.T) {
	h, err := sandbox.New(sandbox.Config{Timeout: time.Minute, Fuel: 1e12, CacheDir: sharedCache})
	if err != nil {
		t.Fatal(err)
	}
	a := admit(t, h, buildGuest(t))
	done := make(chan error)
	go func() {
		_, _, err := finish(a, "spin", 0, "", sandbox.CallOptions{})
		done <- err
	}()
	time.Sleep(100 * time.Millisecond)
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, &sandbox.Error{Code: string(abi.Cancelled)}) {
		t.Errorf("the call that was under way gives %v", err)
	}
	if _, err := h.Admit(context.Background(), buildGuest(t), sandbox.AdmitOptions{}); !errors.Is(err, &sandbox.Error{Code: string(abi.Cancelled)}) {
		t.Errorf("admitting after Close gives %v", err)
	}
}
