package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

var two = Input{Occasion: "Open day", People: []Person{{"Ada", "the press"}, {"Bo", "the posters"}}}

func TestFinish(t *testing.T) {
	for name, c := range map[string]struct {
		completion string
		ada, bo    string
		code       string
	}{
		"as asked":   {"1: Hello Ada.\n2: Hello Bo.\n", "Hello Ada.", "Hello Bo.", ""},
		"decorated":  {"Here you are:\n\n- **1**: Hello Ada.\r\n2) Hello Bo.", "Hello Ada.", "Hello Bo.", ""},
		"unordered":  {"2. Hello Bo.\n1. Hello Ada.", "Hello Ada.", "Hello Bo.", ""},
		"one misses": {"1: Hello Ada.", "Hello Ada.", "", ""},
		"nobody":     {"I cannot do that.", "", "", ""},
		"a third":    {"3: Hello Cy.", "", "", "no_such_number"},
		"twice":      {"1: Hello Ada.\n1: Hi Ada.", "", "", "number_twice"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := finish(two, skill.Answer{Completion: c.completion})
			if c.code != "" {
				var e *skill.Error
				ok := errors.As(err, &e)
				if !ok || e.Code != c.code || !e.Retryable {
					t.Fatalf("got %v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, g := range out.Greetings {
				got[g.Name] = g.Text
			}
			if got["Ada"] != c.ada || got["Bo"] != c.bo {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestEverybody(t *testing.T) {
	all := Output{[]Greeting{{"Ada", "Hello Ada."}, {"Bo", "Hello BO."}}}
	if v, err := everybody(two, all); err != nil || !v.Passed {
		t.Errorf("everybody was greeted: %+v %v", v, err)
	}
	all.Greetings[1].Text = "Hello friend."
	if v, err := everybody(two, all); err != nil || v.Passed || len(v.FailedIDs) != 1 || v.FailedIDs[0] != "Bo" {
		t.Errorf("Bo was not greeted by name: %+v %v", v, err)
	}
}

func TestCard(t *testing.T) {
	text, err := card(two, Output{[]Greeting{{"Ada", "Hello Ada."}, {"Bo", "Hello Bo."}}})
	if want := "Open day\n========\nAda  Hello Ada.\nBo   Hello Bo.\n"; err != nil || text != want {
		t.Errorf("got %q %v, want %q", text, err, want)
	}
}

// TestItems plays every item through the program as the engine would, with a
// model that answers as the reference says.
func TestItems(t *testing.T) {
	files, err := filepath.Glob("../items/*.json")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d items, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var item struct {
			ID        string
			Input     Input
			Reference Output
		}
		if err := json.Unmarshal(raw, &item); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		prompt, err := prepare(item.Input, skill.Turn{Step: "main"})
		if err != nil || len(prompt.Messages) != 2 || !strings.Contains(prompt.Messages[1].Content, item.Input.People[0].Name) {
			t.Errorf("%s: prompt %+v %v", item.ID, prompt, err)
		}
		v, err := everybody(item.Input, item.Reference)
		if err != nil || !v.Passed {
			t.Errorf("%s: its own reference fails: %+v %v", item.ID, v, err)
		}
		for _, g := range item.Reference.Greetings {
			if n := len([]rune(g.Text)); n > 120 {
				t.Errorf("%s: %s has %d characters", item.ID, g.Name, n)
			}
		}
	}
}

// TestInstructions keeps the prompt of prepare equal to SKILL.md's body, which
// is what people read.
func TestInstructions(t *testing.T) {
	raw, err := os.ReadFile("../SKILL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(strings.TrimPrefix(string(raw), "---\n"), "\n---\n")
	if !found || strings.TrimSpace(body) != strings.TrimSpace(instructions) {
		t.Error("code/instructions.md is not the body of SKILL.md")
	}
}
