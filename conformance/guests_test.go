// Package conformance_test runs the example guest of every SDK that has been
// built, so that "the same in every language" is a test and not a hope.
package conformance_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/conformance/guest"
	"github.com/plimsoll-dev/plimsoll/conformance/report"
	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/core/sandbox/script"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

func TestMain(m *testing.M) {
	if sandbox.Child() {
		return
	}
	os.Exit(m.Run())
}

// guests are where the example of each SDK is built to, and by which command.
var guests = []struct{ sdk, file, build string }{
	{"go", "../examples/hello-skill/skill.wasm", "make guests"},
	{"c", "../sdk/c/example/hello.wasm", "make sdks"},
	{"rust", "../sdk/rust/example/hello.wasm", "make sdks"},
	{"assemblyscript", "../sdk/assemblyscript/example/hello.wasm", "make sdks"},
	{"typescript", "../sdk/typescript/example/skill.ts", ""},
}

func read(t *testing.T, file, build string) []byte {
	t.Helper()
	module, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not built: %s makes it where its toolchain is installed", file, build)
	}
	if err != nil {
		t.Fatal(err)
	}
	return module
}

// example is a case of sdk/testdata/hello.
type example struct {
	Name   string          `json:"name"`
	Op     string          `json:"op"`
	Input  json.RawMessage `json:"input"`
	Answer json.RawMessage `json:"answer"`
	Error  *struct {
		Code      string `json:"code"`
		Message   string `json:"message"`
		Retryable bool   `json:"retryable"`
	} `json:"error"`

	// Hostile inputs stand in parts.
	Before   string `json:"before"`
	Repeat   string `json:"repeat"`
	Times    int    `json:"times"`
	After    string `json:"after"`
	Base64   string `json:"base64"`
	OrAnswer bool   `json:"or_answer"`
}

func examples(t *testing.T, name string) []example {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "sdk", "testdata", "hello", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []example
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("%s has only %d cases", name, len(out))
	}
	return out
}

func (e example) bytes(t *testing.T) []byte {
	t.Helper()
	if e.Input != nil {
		return e.Input
	}
	if e.Base64 != "" {
		raw, err := base64.StdEncoding.DecodeString(e.Base64)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	return []byte(e.Before + strings.Repeat(e.Repeat, e.Times) + e.After)
}

func (e example) op(t *testing.T) abi.Op {
	t.Helper()
	if e.Op == abi.OpDescribe.String() {
		return abi.OpDescribe
	}
	op, ok := abi.ParseOp(e.Op)
	if !ok {
		t.Fatalf("case %q asks for op %q", e.Name, e.Op)
	}
	return op
}

// TestSameInEveryLanguage: the same calls, the same answers, the same failures.
func TestSameInEveryLanguage(t *testing.T) {
	host, err := sandbox.New(sandbox.Config{CacheDir: t.TempDir(), Timeout: 10 * time.Second, Fuel: 100e9})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, g := range guests {
		t.Run(g.sdk, func(t *testing.T) {
			code, err := admit(t, host, g.file, g.build)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{"cases.json", "hostile.json"} {
				for _, e := range examples(t, file) {
					if problem := play(t, code, e, filepath.Ext(g.file) == ".ts"); problem != "" {
						t.Errorf("%s, %q: %s", file, e.Name, problem)
					}
				}
			}
			if err := code.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func admit(t *testing.T, host *sandbox.Host, file, build string) (*sandbox.Admitted, error) {
	t.Helper()
	module := read(t, file, build)
	if filepath.Ext(file) != ".ts" {
		return host.Admit(context.Background(), module, sandbox.AdmitOptions{})
	}
	program, err := script.Bundle(os.DirFS(filepath.Dir(file)), filepath.Base(file))
	if err != nil {
		return nil, err
	}
	return host.AdmitScript(context.Background(), program, sandbox.AdmitOptions{})
}

// play makes one call. What a script is handed is read by the interpreter, which
// is the host's: inputs that no host sends may end there with a host code.
func play(t *testing.T, code *sandbox.Admitted, e example, interpreter bool) string {
	raw, err := code.Call(context.Background(), e.op(t), e.bytes(t), sandbox.CallOptions{Unchecked: true, Seed: []byte("hello")})
	if err == nil {
		if e.Error != nil {
			if e.OrAnswer {
				return ""
			}
			return fmt.Sprintf("answered %.200s, and was to fail with %s", raw, e.Error.Code)
		}
		want, errA := canonjson.Transform(e.Answer)
		got, errB := canonjson.Transform(raw)
		if err := errors.Join(errA, errB); err != nil {
			return err.Error()
		}
		if !bytes.Equal(want, got) {
			return fmt.Sprintf("answered %.300s, not %.300s", got, want)
		}
		return ""
	}
	var failure *sandbox.Error
	switch {
	case interpreter && e.Input == nil && (errors.Is(err, &sandbox.Error{Code: string(abi.Stack)}) || errors.Is(err, &sandbox.Error{Code: string(abi.UTF8)})):
		return ""
	case !errors.As(err, &failure) || !failure.Guest:
		return fmt.Sprintf("the host had to end it: %.300s", err)
	case e.Error == nil:
		return fmt.Sprintf("failed with %.300s, and was to answer %.200s", err, e.Answer)
	case failure.Code != e.Error.Code || failure.Retryable != e.Error.Retryable:
		return fmt.Sprintf("failed with %s (retryable %v), not with %s (%v)", failure.Code, failure.Retryable, e.Error.Code, e.Error.Retryable)
	case e.Error.Message != "" && failure.Message != e.Error.Message:
		return fmt.Sprintf("failed with the message %q, not %q", failure.Message, e.Error.Message)
	}
	return ""
}

// TestGuestsConform runs the guest kit on them, with an input of hello's.
func TestGuestsConform(t *testing.T) {
	input := filepath.Join(t.TempDir(), "input.json")
	if err := os.WriteFile(input, []byte(`{"occasion":"Open day","people":[{"name":"Ada","known_for":"the press"},{"name":"Bó","known_for":"posters"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	for _, g := range guests {
		t.Run(g.sdk, func(t *testing.T) {
			read(t, g.file, g.build)
			r, err := guest.Run(context.Background(), guest.Options{Path: g.file, Input: input, CacheDir: cache, Timeout: 10 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range r.Cases {
				if c.Status == report.Fail || c.Status == report.Error {
					t.Errorf("%s: %s: %s", c.ID, c.Status, c.Saw)
				}
				if c.Status == report.Skip {
					t.Logf("%s: %s", c.ID, c.Saw)
				}
			}
			if !r.Conformant() {
				t.Errorf("%v: %s", r.Count(), r.Conclusion())
			}
		})
	}
}
