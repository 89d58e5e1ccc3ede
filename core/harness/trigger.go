package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// TriggersFile is where a skill's folder has its trigger cases, from the
// folder's top. It is not part of what makes an epoch: how a skill is found
// does not change what it does.
const TriggersFile = "evals/triggers.json"

// Case is one line of a skill's trigger evals: a query, and whether the skill
// should be found by it.
type Case struct {
	Query         string `json:"query"`
	ShouldTrigger bool   `json:"should_trigger"`
}

// maxCases is the most that one file may have.
const maxCases = 1000

// ParseCases reads a triggers file: a JSON list of {"query", "should_trigger"}.
// Both keys are needed and others are refused, since a misspelt key would turn
// a case into its opposite.
func ParseCases(data []byte) ([]Case, error) {
	var raw []struct {
		Query         *string `json:"query"`
		ShouldTrigger *bool   `json:"should_trigger"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf(`reading trigger cases: %w; a case is {"query": "...", "should_trigger": true}`, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("reading trigger cases: there is something after the list")
	}
	if len(raw) > maxCases {
		return nil, fmt.Errorf("reading trigger cases: %d cases; at most %d are read", len(raw), maxCases)
	}
	out := make([]Case, len(raw))
	for i, r := range raw {
		if r.Query == nil || r.ShouldTrigger == nil {
			return nil, fmt.Errorf(`reading trigger cases: case %d needs both "query" and "should_trigger"`, i+1)
		}
		if strings.TrimSpace(*r.Query) == "" {
			return nil, fmt.Errorf("reading trigger cases: the query of case %d is empty", i+1)
		}
		out[i] = Case{*r.Query, *r.ShouldTrigger}
	}
	return out, nil
}

// Triggers are the cases of one document.
type Triggers struct {
	ID    string // Document.ID
	Cases []Case
}

// Evaluation is how a document fared with its cases.
type Evaluation struct {
	ID     string
	Wanted int // cases that should find it
	Found  int // those of them that did
	Others int // cases that should not
	False  int // those of them that did
	Wrong  []Wrong
}

// Wrong is a case that went the other way.
type Wrong struct {
	Case
	Outcome Outcome
	Rank    int      // of the document, from 1; 0 when it was not found
	Instead []string // names of what was found before it, at most three
}

// Recall is the share of wanted cases that found the document; 1 without any.
func (e Evaluation) Recall() float64 {
	if e.Wanted == 0 {
		return 1
	}
	return float64(e.Found) / float64(e.Wanted)
}

// Precision is the share of right ones among the cases that found it; 1 when
// none did.
func (e Evaluation) Precision() float64 {
	if e.Found+e.False == 0 {
		return 1
	}
	return float64(e.Found) / float64(e.Found+e.False)
}

// Evaluate runs trigger cases against a view: a case triggers when the document
// is among the hits of its query alone, with the options that agents search
// with. The result has one Evaluation for each set, in their order. A document
// that the view does not have is an error: its cases would all "not trigger".
func Evaluate(v *View, sets []Triggers, o Options) ([]Evaluation, error) {
	out := make([]Evaluation, 0, len(sets))
	for _, set := range sets {
		if _, ok := v.Document(set.ID); !ok {
			return nil, fmt.Errorf("evaluating triggers: there is no document %q in the index", set.ID)
		}
		e := Evaluation{ID: set.ID}
		for _, c := range set.Cases {
			found := v.Find([]string{c.Query}, o)
			at := slices.IndexFunc(found.Hits, func(h Hit) bool { return h.Document.ID == set.ID })
			hit := at >= 0
			switch {
			case c.ShouldTrigger:
				e.Wanted++
				if hit {
					e.Found++
				}
			default:
				e.Others++
				if hit {
					e.False++
				}
			}
			if hit != c.ShouldTrigger {
				w := Wrong{Case: c, Outcome: found.Outcome, Rank: at + 1}
				before := found.Hits
				if hit {
					before = before[:at]
				}
				for _, h := range before[:min(3, len(before))] {
					w.Instead = append(w.Instead, h.Document.Name)
				}
				e.Wrong = append(e.Wrong, w)
			}
		}
		out = append(out, e)
	}
	return out, nil
}
