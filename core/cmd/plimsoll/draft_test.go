package main

import (
	"path/filepath"
	"strings"
	"testing"

	openai "github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
	"github.com/rogpeppe/go-internal/testscript"
)

// scriptTB lets a fake API end with its script.
type scriptTB struct{ ts *testscript.TestScript }

func (scriptTB) Helper()            {}
func (s scriptTB) Cleanup(f func()) { s.ts.Defer(f) }

// answersCommand starts a fake API at $NAME that answers with the files in turn,
// the last one for ever. No model is behind it.
func answersCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: answers NAME FILES...")
	}
	var replies []openai.Reply
	for _, file := range args[1:] {
		replies = append(replies, openai.Chat(openai.Answer{Text: []string{ts.ReadFile(file)}, Usage: openai.Usage{Prompt: 1000, Output: 100}}))
	}
	ts.Setenv(args[0], openai.New(scriptTB{ts}, replies...).URL)
}

// What a model that makes inputs up is shown: tune items, never a prove item, and
// never what is right for either.
func TestDraftShowsNoProveItem(t *testing.T) {
	api := openai.New(t, openai.Chat(openai.Answer{Text: []string{`{"inputs": [{"name": "Ada", "place": "Leeds"}]}`}, Usage: openai.Usage{Prompt: 1000, Output: 100}}))
	dir := hostedProject(t, "openai", `base_url = "`+api.URL+`"`)
	out, err := command(t, dir, "items", "draft", "greet", "--n", "1", "--tier", "lab.large", "--yes").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	asked := api.Requests()
	if len(asked) != 1 {
		t.Fatalf("asked %d times: %s", len(asked), out)
	}
	for _, want := range []string{"You greet guests", "Guest 1 of greet-tune", "Make up 1 inputs"} {
		if !strings.Contains(asked[0].Raw, want) {
			t.Errorf("the model was not told %q: %s", want, asked[0].Raw)
		}
	}
	for _, never := range []string{"of greet\\\"", "Moin", "plimsoll."} {
		if strings.Contains(asked[0].Raw, never) {
			t.Errorf("the model was shown %q: %s", never, asked[0].Raw)
		}
	}
	if list, err := filepath.Glob(filepath.Join(dir, "skills", "greet", "items", "*")); err != nil || len(list) != 2 {
		t.Errorf("items are in %v, %v", list, err)
	}
}
