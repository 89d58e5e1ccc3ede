package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

type item struct {
	ID        string          `json:"id"`
	Input     Timeline        `json:"input"`
	Reference json.RawMessage `json:"reference"`
}

func items(t *testing.T) []item {
	t.Helper()
	files, err := filepath.Glob("../items/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var out []item
	for _, f := range files {
		src, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		lines := bufio.NewScanner(src)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var it item
			if err := json.Unmarshal(lines.Bytes(), &it); err != nil {
				t.Fatalf("%s: %v", f, err)
			}
			out = append(out, it)
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if len(out) < 110 {
		t.Fatalf("%d items; a proof on this pool needs 110", len(out))
	}
	return out
}

// Every reference is what finish would make of it, and passes the check: an item
// that its own skill refuses could never be won by anybody.
func TestReferencesAreReachable(t *testing.T) {
	for _, it := range items(t) {
		got, err := finish(it.Input, skill.Answer{Completion: string(it.Reference)})
		if err != nil {
			t.Errorf("%s: %v", it.ID, err)
			continue
		}
		var want Digest
		if err := json.Unmarshal(it.Reference, &want); err != nil {
			t.Fatalf("%s: %v", it.ID, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: finish changes the reference:\n%+v\n%+v", it.ID, got, want)
		}
		if v, err := knownIDs(it.Input, got); err != nil || !v.Passed {
			t.Errorf("%s: %v %v", it.ID, v, err)
		}
		if len(got.Tweets) != len(it.Input.counted()) {
			t.Errorf("%s: %d entries for %d tweets", it.ID, len(got.Tweets), len(it.Input.counted()))
		}
	}
}

var timeline = Timeline{Handle: "@inn", From: "2026-06-30", Tweets: []Tweet{
	{ID: "9", Author: "old", Date: "2026-06-29", Text: "too early"},
	{ID: "10", Author: "ada", Date: "2026-06-30", Text: "no soap\nin room 4, see https://example.org/soap."},
	{ID: "11", Author: "bo", Date: "2026-07-01", Text: "soap is here"},
	{ID: "10", Author: "ada", Date: "2026-06-30", Text: "no soap\nin room 4, see https://example.org/soap."},
}}

func TestFinishMendsTheShape(t *testing.T) {
	want := Digest{
		Tweets: []Entry{
			{ID: "10", Summary: "Room 4 has no soap.", Status: "new", Link: "https://example.org/soap"},
			{ID: "11", Summary: "The soap has come.", Status: "follow_up"},
		},
		Decisions: []string{"Who refills room 4?"},
	}
	for name, said := range map[string]string{
		"as asked":         `{"tweets":[{"id":"10","summary":"Room 4 has no soap.","status":"new"},{"id":"11","summary":"The soap has come.","status":"follow_up"}],"decisions":["Who refills room 4?"]}`,
		"fence and talk":   "Certainly! Here it is:\n```json\n" + `{"tweets":[{"id":"10","summary":"Room 4 has no soap.","status":"new"},{"id":"11","summary":"The soap has come.","status":"follow_up"}],"decisions":["Who refills room 4?"]}` + "\n```\nAnything else?",
		"numbers as ids":   `{"tweets":[{"id":10,"summary":"Room 4 has no soap.","status":"new"},{"id":11,"summary":"The soap has come.","status":"follow_up"}],"decisions":["Who refills room 4?"]}`,
		"order and twice":  `{"tweets":[{"id":"11","summary":"The soap has come.","status":"follow_up"},{"id":"10","summary":"Room 4 has no soap.","status":"new"},{"id":"11","summary":"The soap has come.","status":"follow_up"}],"decisions":["Who refills room 4?","Who refills room 4?"," "]}`,
		"filler and space": `{"tweets":[{"id":"10","summary":"It is worth noting that Room 4  has no soap.","status":"new"},{"id":"11","summary":" The soap has come. Please note that this may matter. It is worth noting that it may not.\n","status":"follow_up"}],"decisions":["Overall, Who refills room 4?"]}`,
		"a retyped link":   `{"tweets":[{"id":"10","summary":"Room 4 has no soap.","status":"new","link":"https://example.org/soup"},{"id":"11","summary":"The soap has come.","status":"follow_up","link":"https://example.org/x"}],"decisions":["Who refills room 4?"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := finish(timeline, skill.Answer{Completion: said})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestFinishAsksAgain(t *testing.T) {
	for _, said := range []string{"", "I cannot read this timeline.", "{", "[1,2]", `{"tweets":"none"}`} {
		_, err := finish(timeline, skill.Answer{Completion: said})
		var e *skill.Error
		ok := errors.As(err, &e)
		if !ok || !e.Retryable {
			t.Errorf("%q: %v; a model can do better when asked again", said, err)
		}
	}
}

func TestKnownIDs(t *testing.T) {
	for name, c := range map[string]struct {
		entry  Entry
		failed string
	}{
		"known":          {Entry{ID: "11"}, ""},
		"with its link":  {Entry{ID: "10", Link: "https://example.org/soap"}, ""},
		"invented":       {Entry{ID: "12"}, "12"},
		"before from":    {Entry{ID: "9"}, "9"},
		"another's link": {Entry{ID: "11", Link: "https://example.org/soap"}, "11"},
	} {
		v, err := knownIDs(timeline, Digest{Tweets: []Entry{c.entry}})
		if err != nil {
			t.Fatal(err)
		}
		if v.Passed != (c.failed == "") || strings.Join(v.FailedIDs, ",") != c.failed {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// An invented id goes through finish, so that the gate sees it.
func TestFinishHidesNoInvention(t *testing.T) {
	got, err := finish(timeline, skill.Answer{Completion: `{"tweets":[{"id":"77","summary":"x","status":"new"},{"id":"10","summary":"y","status":"new"}],"decisions":[]}`})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Tweets) != 2 || got.Tweets[1].ID != "77" {
		t.Errorf("%+v", got)
	}
}

func TestPromptIsShort(t *testing.T) {
	p, err := prepare(timeline, skill.Turn{Step: "main"})
	if err != nil {
		t.Fatal(err)
	}
	want := "Timeline of @inn\n10 | ada | no soap in room 4, see https://example.org/soap.\n11 | bo | soap is here\n"
	if got := p.Messages[1].Content; got != want {
		t.Errorf("got %q", got)
	}
	lines, documents := 0, 0
	for _, it := range items(t) {
		p, err := prepare(it.Input, skill.Turn{})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(it.Input)
		if err != nil {
			t.Fatal(err)
		}
		lines, documents = lines+len(p.Messages[1].Content), documents+len(raw)
	}
	if lines*4 > documents*3 {
		t.Errorf("the lines have %d bytes, the same as JSON %d: not worth a prepare", lines, documents)
	}
}

// The ops as the host calls them.
func TestProgram(t *testing.T) {
	in, err := json.Marshal(timeline)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := Program.Call(abi.OpCheck, []byte(`{"gate":"known_ids","input":`+string(in)+`,"output":{"tweets":[{"id":"404","summary":"","status":""}],"decisions":[]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), `"passed":false`) || !strings.Contains(string(raw), "404") {
		t.Errorf("%s", raw)
	}
}
