package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

var input = Input{Topic: "The library", Facts: []string{"open until eight", "from 3 September"}}

// play runs the program against a fake host whose models answer in turn.
func play(t *testing.T, fake *skill.Fake, call abi.RunInput, answers ...string) (Output, []string) {
	t.Helper()
	var asked []string
	fake.Model = func(step string, m []skill.Message) (string, error) {
		n := len(asked)
		if n == len(answers) {
			t.Fatalf("call %d of step %s was not expected", n+1, step)
		}
		asked = append(asked, step+": "+m[len(m)-1].Content)
		return answers[n], nil
	}
	var err error
	if call.Input, err = json.Marshal(input); err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := Program.With(fake.Call).Call(abi.OpRun, payload)
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Output Output }
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out.Output, asked
}

func TestApprovedAtOnce(t *testing.T) {
	fake := &skill.Fake{Keys: map[string]json.RawMessage{"openings": json.RawMessage(`["a","b","c","d","From next week"]`)}}
	out, asked := play(t, fake, abi.RunInput{}, "The library is open until eight from 3 September.", "*OK*.")
	if out.Text != "The library is open until eight from 3 September." || len(asked) != 2 {
		t.Errorf("%+v after %q", out, asked)
	}
	if !strings.Contains(asked[0], "From next week") {
		t.Errorf("the draft is not told what was used before: %s", asked[0])
	}
	if got := string(fake.Keys["openings"]); got != `["b","c","d","From next week","The library is"]` {
		t.Errorf("it remembers %s", got)
	}
}

func TestRevised(t *testing.T) {
	fake := &skill.Fake{Keys: map[string]json.RawMessage{}}
	out, asked := play(t, fake, abi.RunInput{Failure: &abi.RunFailure{Message: "too long"}}, "Open.", "Say when.", "Open until eight from 3 September.")
	if out.Text != "Open until eight from 3 September." || len(asked) != 3 || asked[2] != "draft: Say when." {
		t.Errorf("%+v after %q", out, asked)
	}
	if !strings.Contains(asked[0], "too long") {
		t.Errorf("the draft is not told why the last attempt failed: %s", asked[0])
	}
}

func TestWithoutItsKeys(t *testing.T) {
	fake := &skill.Fake{Model: func(string, []skill.Message) (string, error) { return "x", nil }}
	_, err := Program.With(fake.Call).Call(abi.OpRun, []byte(`{"input":{"topic":"a","facts":["b"]}}`))
	if err == nil || !strings.HasPrefix(err.Error(), abi.CodeCapability) {
		t.Errorf("got %v", err)
	}
}

// TestItems: every item's own reference passes the gates.
func TestItems(t *testing.T) {
	files, err := filepath.Glob("../items/*.json")
	if err != nil || len(files) != 2 {
		t.Fatalf("%d items, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var item struct {
			Input     Input
			Reference Output
		}
		if err := json.Unmarshal(raw, &item); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if v, err := facts(item.Input, item.Reference); err != nil || !v.Passed || !approved(item.Reference.Review) {
			t.Errorf("%s: %+v %v", file, v, err)
		}
	}
}
