package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// The examples of all SDKs share their cases; this one says what is true. A copy
// of this folder elsewhere leaves this file out.
const cases = "../../../sdk/testdata/hello"

type expected struct {
	Name, Op      string
	Input         json.RawMessage // cases.json
	Before, After string          // hostile.json
	Repeat        string
	Times         int
	Base64        []byte
	Answer        json.RawMessage
	Error         *abi.Failure
	OrAnswer      bool `json:"or_answer"`
}

func (e expected) payload() []byte {
	if e.Input != nil {
		return e.Input
	}
	if e.Base64 != nil {
		return e.Base64
	}
	return []byte(e.Before + strings.Repeat(e.Repeat, e.Times) + e.After)
}

func readCases(t *testing.T, file string) []expected {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(cases, file))
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var list []expected
	if err := dec.Decode(&list); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	seen := map[string]bool{}
	for _, c := range list {
		if (c.Answer == nil) == (c.Error == nil) || seen[c.Name] {
			t.Errorf("%s: %q has both or neither of answer and error, or is there twice", file, c.Name)
		}
		seen[c.Name] = true
	}
	return list
}

func TestCases(t *testing.T) {
	for _, file := range []string{"cases.json", "hostile.json"} {
		for _, c := range readCases(t, file) {
			t.Run(c.Name, func(t *testing.T) {
				op, ok := abi.ParseOp(c.Op)
				if !ok && c.Op != abi.OpDescribe.String() {
					t.Fatalf("there is no op %q", c.Op)
				}
				got, err := Program.Call(op, c.payload())
				if err == nil && c.OrAnswer {
					if !utf8.Valid(got) || !json.Valid(got) {
						t.Errorf("got %q, which is no JSON in UTF-8", got)
					}
					return
				}
				c.compare(t, got, err)
			})
		}
	}
}

func (e expected) compare(t *testing.T, got []byte, err error) {
	t.Helper()
	if e.Error != nil {
		var f *skill.Error
		if !errors.As(err, &f) {
			t.Fatalf("got %.200s, want the failure %s", got, e.Error.Code)
		}
		if f.Code != e.Error.Code || f.Retryable != e.Error.Retryable || e.Error.Message != "" && f.Message != e.Error.Message {
			t.Errorf("got %+v, want %+v", *f, *e.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	a, errA := canonjson.Transform(got)
	b, errB := canonjson.Transform(e.Answer)
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("got  %s\nwant %s", a, b)
	}
}

// BenchmarkFinish is the floor against which guests are measured: the same work
// in Go, without a sandbox.
func BenchmarkFinish(b *testing.B) {
	for _, size := range []string{"small", "large"} {
		b.Run(size, func(b *testing.B) {
			input, err := os.ReadFile(filepath.Join(cases, size+".json"))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(input)))
			for b.Loop() {
				if _, err := Program.Call(abi.OpFinish, input); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
