package harness

import (
	"strings"
	"testing"
)

func TestEvaluate(t *testing.T) {
	v := everyone(t, desk...)
	cases, err := ParseCases([]byte(`[
		{"query": "merge these PDF files", "should_trigger": true},
		{"query": "sing a song", "should_trigger": true},
		{"query": "split the pdf", "should_trigger": false},
		{"query": "weather in the city", "should_trigger": false}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := Evaluate(v, []Triggers{{ID: "pdf", Cases: cases}, {ID: "weather"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	e := got[0]
	if e.Wanted != 2 || e.Found != 1 || e.Others != 2 || e.False != 1 || e.Recall() != .5 || e.Precision() != .5 || len(e.Wrong) != 2 {
		t.Errorf("%+v", e)
	}
	if e.Wrong[0].Outcome != NoMatch || e.Wrong[0].Rank != 0 || e.Wrong[1].Rank != 1 {
		t.Errorf("%+v", e.Wrong)
	}
	if got[1].Recall() != 1 || got[1].Precision() != 1 {
		t.Errorf("no cases: %+v", got[1])
	}
	if _, err := Evaluate(v, []Triggers{{ID: "none"}}, Options{}); err == nil || !strings.Contains(err.Error(), `"none"`) {
		t.Errorf("an unknown document: %v", err)
	}
}

func TestParseCasesRefuses(t *testing.T) {
	for want, text := range map[string]string{
		"reading trigger cases": `{}`, `needs both`: `[{"query": "a"}]`, "unknown field": `[{"query": "a", "should_triger": true}]`,
		"is empty": `[{"query": " ", "should_trigger": true}]`, "after the list": `[] []`,
		"at most": "[" + strings.Repeat(`{"query":"a","should_trigger":true},`, maxCases) + `{"query":"a","should_trigger":true}]`,
	} {
		if _, err := ParseCases([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
}
