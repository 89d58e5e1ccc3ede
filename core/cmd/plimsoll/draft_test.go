package main

import (
	"encoding/json"
	"fmt"
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

// A budget is kept by not asking: nothing is sent that could cost more than what is
// left of it, and what came until then is kept.
func TestDraftKeepsItsBudget(t *testing.T) {
	var replies []openai.Reply
	for i := range 5 {
		text := fmt.Sprintf(`{"inputs": [{"name": "Guest %d", "place": "Leeds"}]}`, i)
		replies = append(replies, openai.Chat(openai.Answer{Text: []string{text}, Usage: openai.Usage{Prompt: 1000, Output: 4000}}))
	}
	api := openai.New(t, replies...)
	dir := hostedProject(t, "openai", `base_url = "`+api.URL+`"`)
	raw, err := command(t, dir, "items", "draft", "greet", "--n", "40", "--tier", "lab.large", "--budget", "0.5", "--yes", "--json").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	var doc struct {
		Items   struct{ Added []string }
		Calls   int
		Spent   int64
		Stopped string
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	asked := len(api.Requests())
	if asked < 2 || asked > 4 || doc.Calls != asked || len(doc.Items.Added) != asked || doc.Spent != int64(asked)*105_000 || doc.Spent > 500_000 || !strings.Contains(doc.Stopped, "$0.50") {
		t.Errorf("asked %d times: %s", asked, raw)
	}
}

// A refusal is said as one, and is in the log.
func TestDraftRefused(t *testing.T) {
	api := openai.New(t, openai.Chat(openai.Answer{Refusal: []string{"I won't."}, Usage: openai.Usage{Prompt: 1000, Output: 10}}))
	dir := hostedProject(t, "openai", `base_url = "`+api.URL+`"`)
	out, err := command(t, dir, "items", "draft", "greet", "--n", "2", "--tier", "lab.large", "--yes").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the model refused. Nothing was written") {
		t.Errorf("%v: %s", err, out)
	}
	if log, err := command(t, dir, "audit", "show").CombinedOutput(); err != nil || !strings.Contains(string(log), "items.draft") {
		t.Errorf("%v: %s", err, log)
	}
}
