package sandbox_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// noCompiler is a command that no child can be started with.
var noCompiler = []string{filepath.Join("testdata", "no such command")}

// TestCacheNeedsNoChild: what is in the cache folder is admitted without a
// process; what is damaged there is compiled anew, never trusted.
func TestCacheNeedsNoChild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	module := counter(7).bytes()
	try := func(compiler []string) error {
		h, err := sandbox.New(sandbox.Config{CacheDir: dir, Compiler: compiler})
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		a, err := h.Admit(context.Background(), module, sandbox.AdmitOptions{})
		if err != nil {
			return err
		}
		_, err = a.Call(context.Background(), abi.OpFinish, []byte(`{}`), sandbox.CallOptions{})
		return err
	}
	if err := try(noCompiler); err == nil {
		t.Fatal("a module was admitted that nobody has compiled")
	}
	if err := try(nil); err != nil {
		t.Fatal(err)
	}
	if err := try(noCompiler); err != nil {
		t.Fatalf("a cached module needs a compiler: %v", err)
	}
	files := regular(t, dir)
	if len(files) != 2 {
		t.Fatalf("the folder has %v, not a record and its machine code", files)
	}
	for _, file := range files {
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for what, bad := range map[string][]byte{
			"one bit":  flip(good, len(good)/2),
			"first":    flip(good, 0),
			"last":     flip(good, len(good)-1),
			"cut":      good[:len(good)/2],
			"empty":    {},
			"appended": append(slices.Clone(good), 0),
		} {
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := try(noCompiler); err == nil {
				t.Errorf("%s, damaged (%s), was trusted", filepath.Base(file), what)
			}
		}
		if err := try(nil); err != nil {
			t.Errorf("%s, damaged, was not compiled anew: %v", filepath.Base(file), err)
		}
		if err := try(noCompiler); err != nil {
			t.Errorf("%s was not mended: %v", filepath.Base(file), err)
		}
	}
	// The record of another module under this one's name.
	other := filepath.Join(t.TempDir(), "cache")
	h := newHost(t, sandbox.Config{CacheDir: other})
	admit(t, h, counter(8).bytes())
	records := func(dir string) string {
		found, err := filepath.Glob(filepath.Join(dir, "records", "*"))
		if err != nil || len(found) != 1 {
			t.Fatalf("records %v %v", found, err)
		}
		return found[0]
	}
	foreign, err := os.ReadFile(records(other))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(records(dir), foreign, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := try(noCompiler); err == nil {
		t.Error("the record of another module was trusted")
	}
}

func regular(t *testing.T, dir string) (files []string) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return files
}

func flip(b []byte, at int) []byte {
	out := slices.Clone(b)
	out[at] ^= 0x10
	return out
}

// TestChildrenThatFail: whatever a child does, the caller is told, in time, and
// nothing is left behind.
func TestChildrenThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		command   []string
		code, say string // code "" is no fault of the module's
	}{
		"hangs":        {[]string{"sleep", "60"}, "protocol", "too expensive to compile: compiling it took longer than 3s"},
		"says nothing": {[]string{"true"}, "", "ended without an answer"},
		"fails":        {[]string{"false"}, "", "exit status 1"},
		"nonsense":     {[]string{"echo", "hello, this is not an answer at all"}, "", "bytes are announced"},
		"is not there": {noCompiler, "", "starting a process"},
		"kills itself": {[]string{"sh", "-c", "kill -9 $$"}, "protocol", "was killed"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			h := newHost(t, sandbox.Config{CacheDir: dir, Compiler: c.command, CompileTimeout: time.Second})
			start := time.Now()
			_, err := h.Admit(context.Background(), counter(9).bytes(), sandbox.AdmitOptions{})
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("took %s", took)
			}
			var e *sandbox.Error
			if err == nil || !strings.Contains(err.Error(), c.say) || errors.As(err, &e) != (c.code != "") || e != nil && e.Code != c.code {
				t.Errorf("got %v, want code %q with %q", err, c.code, c.say)
			}
			if left := regular(t, dir); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// TestCloseEndsCompilation: a host that is closed does not wait for a child.
func TestCloseEndsCompilation(t *testing.T) {
	h, err := sandbox.New(sandbox.Config{Compiler: []string{"sleep", "60"}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := h.Admit(context.Background(), counter(10).bytes(), sandbox.AdmitOptions{})
		done <- err
	}()
	time.Sleep(100 * time.Millisecond)
	start := time.Now()
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	expect(t, <-done, "cancelled", "closed")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("closing took %s", took)
	}
}

// TestSelfTests: an author's word is held, twice.
func TestSelfTests(t *testing.T) {
	h := newHost(t, sandbox.Config{})
	for name, c := range map[string]struct {
		guest     asm
		tests     []abi.SelfTest
		code, say string
	}{
		"holds":           {asm{answer: okAnswer}, []abi.SelfTest{{Op: "finish", Input: []byte(`{}`), Output: []byte(` { "output" : 1.0 } `)}}, "", ""},
		"another answer":  {asm{answer: okAnswer}, []abi.SelfTest{{Op: "finish", Input: []byte(`{}`), Output: []byte(`{"output":2}`)}}, "schema", `self-test 1 of the manifest (finish) fails: from byte 10 on it should be`},
		"traps":           {asm{call: []byte{opUnreachable}}, []abi.SelfTest{{Op: "finish", Input: []byte(`{}`), Output: []byte(`{}`)}}, "trap", "self-test 1 of the manifest (finish): the module trapped"},
		"op of no module": {asm{answer: okAnswer}, []abi.SelfTest{{Op: "run", Input: []byte(`{}`), Output: []byte(`{}`)}}, "schema", "does not list"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := abi.WithManifest(c.guest.bytes(), abi.Manifest{ABI: 1, Ops: []string{"finish"}, SelfTests: c.tests})
			if err != nil {
				t.Fatal(err)
			}
			a, err := h.Admit(context.Background(), m, sandbox.AdmitOptions{})
			if c.code != "" {
				expect(t, err, c.code, c.say)
				return
			}
			if err != nil || a.Facts().SelfTests != 1 {
				t.Errorf("got %v", err)
			}
		})
	}
}
