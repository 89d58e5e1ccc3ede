package engine

import (
	"encoding/json"
	"strings"
	"testing"
)

// Only what was asked whole becomes an input: not what a person adds in the middle
// of a conversation, and not what the skill's schema refuses.
func TestImportInputs(t *testing.T) {
	l := reading(t)
	l.e.Project.Skills[0].InputSchema = []byte(`{"type":"object"}`)
	good := "<command-name>/pdf</command-name><command-args>{\"a\": 1}</command-args>"
	l.write("a.jsonl", typed("S1", good), spoke("S1", "m1", 1, 1000, 1), typed("S1", good), spoke("S1", "m2", 2, 1000, 1))
	l.write("b.jsonl", typed("S2", pdf), spoke("S2", "m3", 1, 1000, 1))
	got := l.load(true)
	if got.New != 3 || got.Inputs != 1 || got.NoInput != 2 {
		t.Errorf("%+v", got)
	}
	all, _ := l.runs()
	kept := 0
	for _, rec := range all {
		if rec.Input == "" {
			continue
		}
		kept++
		if raw, err := l.e.store.GetBlob(rec.Input); err != nil || !json.Valid(raw) || !strings.Contains(string(raw), `"a"`) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if kept != 1 {
		t.Errorf("%d inputs", kept)
	}
}
