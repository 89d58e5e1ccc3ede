package script

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// helloCase is one of sdk/testdata/hello; its README says how they are read.
type helloCase struct {
	Name, Op string
	Input    json.RawMessage
	Answer   json.RawMessage
	Error    *abi.Failure

	Before, Repeat, After, Base64 string
	Times                         int
	OrAnswer                      bool `json:"or_answer"`
}

func (c helloCase) payload(t *testing.T) string {
	switch {
	case c.Base64 != "":
		raw, err := base64.StdEncoding.DecodeString(c.Base64)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	case c.Input != nil:
		return string(c.Input)
	}
	return c.Before + strings.Repeat(c.Repeat, c.Times) + c.After
}

func TestHello(t *testing.T) {
	p, err := Bundle(os.DirFS("../../../sdk/typescript/example"), "skill.ts")
	if err != nil {
		t.Fatal(err)
	}
	l, err := load(t, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"cases.json", "hostile.json"} {
		raw, err := os.ReadFile("../../../sdk/testdata/hello/" + file)
		if err != nil {
			t.Fatal(err)
		}
		var cases []helloCase
		if err := json.Unmarshal(raw, &cases); err != nil || len(cases) == 0 {
			t.Fatalf("%s: %d cases, %v", file, len(cases), err)
		}
		for _, c := range cases {
			op, ok := abi.ParseOp(c.Op)
			if !ok && c.Op != "describe" {
				t.Fatalf("%s: op %q", c.Name, c.Op)
			}
			got, failed, err := l.call(t, op, c.payload(t))
			if err != nil {
				t.Errorf("%s: %v", c.Name, err)
				continue
			}
			if c.Error != nil && !(c.OrAnswer && !failed && json.Valid([]byte(got))) {
				var f abi.Failure
				if err := json.Unmarshal([]byte(got), &f); err != nil || !failed || f.Code != c.Error.Code || f.Retryable != c.Error.Retryable || c.Error.Message != "" && f.Message != c.Error.Message {
					t.Errorf("%s:\n got %.300s (failed: %v)\nwant %+v", c.Name, got, failed, *c.Error)
				}
			} else if c.Error == nil && (failed || !same(t, got, string(c.Answer))) {
				t.Errorf("%s:\n got %.300s (failed: %v)\nwant %.300s", c.Name, got, failed, c.Answer)
			}
		}
	}
}

func same(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := canonjson.Transform([]byte(a))
	if err != nil {
		t.Errorf("%.200s: %v", a, err)
		return false
	}
	y, err := canonjson.Transform([]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}
