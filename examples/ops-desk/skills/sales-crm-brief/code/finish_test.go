package main

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

func answers(brief, note string) skill.Answer {
	return skill.Answer{Completion: note, Completions: map[string]string{stepMain: brief, stepCopy: note}}
}

// Every reference is what finish would make of it: an item that its own skill
// alters could never be won by anybody.
func TestFinishKeepsReferences(t *testing.T) {
	for _, it := range items(t) {
		brief, err := json.Marshal(it.Reference.Brief)
		if err != nil {
			t.Fatal(err)
		}
		got, err := finish(it.Input, answers(string(brief), it.Reference.Copy))
		if err != nil || !reflect.DeepEqual(got, it.Reference) {
			t.Errorf("%s: %v\n%+v\n%+v", it.ID, err, got, it.Reference)
		}
	}
}

func TestFinishMendsTheShape(t *testing.T) {
	want := Output{
		Brief: Brief{Headline: "Nut & Bolt are close.", Accounts: []Account{{Name: "Nut & Bolt", Change: "grew", NextStep: "Call.", Owner: "Ada", Amount: amount(31200)}}},
		Copy:  "Thank you.\n\nWe will call.",
	}
	const account = `{"name":"Nut & Bolt","change":"grew","next_step":"Call.","owner":"Ada","amount":31200}`
	for name, said := range map[string]skill.Answer{
		"as asked":       answers(`{"headline":"Nut & Bolt are close.","accounts":[`+account+`]}`, "Thank you.\n\nWe will call."),
		"fence and talk": answers("Certainly!\n```json\n"+`{"headline":"Nut & Bolt are close.","accounts":[`+account+`]}`+"\n```\nMore?", "```text\nThank you.\n\nWe will call.\n```"),
		"twice": answers(`{"headline":"Nut & Bolt are close.","accounts":[`+account+`,{"name":"nut and bolt","change":"won","next_step":"","owner":"Bo","amount":null}]}`,
			" Thank you.\n\nWe will call.\n"),
		"filler": answers(`{"headline":"Overall, Nut &  Bolt are close.","accounts":[{"name":" Nut & Bolt","change":"grew","next_step":"Call. Please note that it matters.","owner":"Ada ","amount":31200}]}`,
			"Thank you.\n\nWe will call."),
	} {
		got, err := finish(week, said)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n%+v\n%+v", name, err, got, want)
		}
	}
}

func TestFinishAsksAgain(t *testing.T) {
	for _, brief := range []string{"", "No events this week!", `{"accounts":"none"}`} {
		_, err := finish(week, answers(brief, "x"))
		var e *skill.Error
		ok := errors.As(err, &e)
		if !ok || !e.Retryable {
			t.Errorf("%q: %v; a model can do better when asked again", brief, err)
		}
	}
}
