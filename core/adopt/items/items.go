// Package items takes what a team already has to measure with, evaluation sets and
// logged inputs, as items of a skill: bytes in, items out.
//
// It reads no file and writes none, decides nothing about pools, and invents no
// reference: what a file does not say stays open, and what cannot be an item is
// said with its place. Personal data and secrets are found by rules that can be
// listed (Rules); whether they are taken out is asked of a person first.
//
//	got, err := items.Read(items.Detect(src), src)
//	for _, it := range got.Items { fmt.Println(it.ID, len(it.Reference) > 0) }
//	clean, found, err := items.Redact(input)
package items

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Formats that Read knows.
const (
	Promptfoo = "promptfoo" // a config or a result file of promptfoo, as JSON
	Inspect   = "inspect"   // an eval log of inspect_ai, as JSON
	LMEval    = "lm-eval"   // samples_*.jsonl of lm-evaluation-harness
)

// Formats in the order in which they are named.
func Formats() []string { return []string{Promptfoo, Inspect, LMEval} }

// Skip is something that is no item, and why.
type Skip struct {
	Where string `json:"where"`
	Why   string `json:"why"`
}

// Imported is what a file came to. Every case of it is in Items, counted in Again,
// or in Skipped.
type Imported struct {
	Items   []trial.Item
	Again   int    // cases with the input of an earlier one, as other models, epochs and filters give them
	Skipped []Skip // cases that are no items
	Notes   []Skip // items whose reference was left out
}

// Detect says which format a file is in, "" for none that is known.
func Detect(src []byte) string {
	var doc map[string]json.RawMessage
	if json.Unmarshal(src, &doc) == nil {
		switch {
		case doc["doc_id"] != nil && doc["doc"] != nil:
			return LMEval // a single sample
		case doc["samples"] != nil && doc["eval"] != nil:
			return Inspect
		case doc["tests"] != nil || doc["results"] != nil:
			return Promptfoo
		}
		return ""
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(src), []byte("\n"))
	if json.Unmarshal(line, &doc) == nil && doc["doc_id"] != nil {
		return LMEval
	}
	return ""
}

// Read takes a file apart. An error is a file that is not of this format at all.
func Read(format string, src []byte) (*Imported, error) {
	r := &reader{seen: map[string]int{}, out: &Imported{Items: []trial.Item{}}}
	var err error
	switch format {
	case Promptfoo:
		err = r.promptfoo(src)
	case Inspect:
		err = r.inspect(src)
	case LMEval:
		err = r.lmeval(src)
	default:
		return nil, fmt.Errorf("there is no format %q; there are %s", format, strings.Join(Formats(), ", "))
	}
	if err != nil {
		return nil, err
	}
	if len(r.out.Items)+len(r.out.Skipped) == 0 {
		return nil, fmt.Errorf("there is no case in this file of %s", format)
	}
	return r.out, nil
}

type reader struct {
	out  *Imported
	seen map[string]int // items by input
}

func (r *reader) skip(where, format string, args ...any) {
	r.out.Skipped = append(r.out.Skipped, Skip{where, fmt.Sprintf(format, args...)})
}

// keep adds a case, once for each input. Two cases of one input that want different
// answers are no item: nobody knows which one is right.
func (r *reader) keep(where string, it trial.Item) {
	canon, err := canonjson.Transform(it.Input)
	if err != nil {
		r.skip(where, "its input is not JSON that has one meaning: %v", err)
		return
	}
	if len(it.Reference) > 0 {
		if _, err := canonjson.Transform(it.Reference); err != nil {
			r.skip(where, "its reference is not JSON that has one meaning: %v", err)
			return
		}
		it.Compare = trial.Exact
	}
	i, known := r.seen[string(canon)]
	switch {
	case !known:
		r.seen[string(canon)] = len(r.out.Items)
		r.out.Items = append(r.out.Items, it)
	case string(r.out.Items[i].Reference) == string(it.Reference):
		r.out.Again++
	default:
		r.skip(where, "it has the input of %s and another reference", r.out.Items[i].ID)
	}
}

func (r *reader) note(where, format string, args ...any) {
	r.out.Notes = append(r.out.Notes, Skip{where, fmt.Sprintf(format, args...)})
}

// promptfoo reads tests of a config, or the cases that results were made of.
func (r *reader) promptfoo(src []byte) error {
	type test struct {
		Vars        map[string]json.RawMessage `json:"vars"`
		Description string                     `json:"description"`
		Assert      []struct {
			Type  string          `json:"type"`
			Value json.RawMessage `json:"value"`
		} `json:"assert"`
	}
	var doc struct {
		Tests   json.RawMessage `json:"tests"`
		Results json.RawMessage `json:"results"`
	}
	if err := json.Unmarshal(src, &doc); err != nil {
		return fmt.Errorf("this is not JSON of promptfoo: %w", err)
	}
	var tests []test
	if doc.Results != nil {
		type result struct {
			Vars     map[string]json.RawMessage `json:"vars"`
			TestCase test                       `json:"testCase"`
		}
		var inner struct {
			Results []result `json:"results"`
		}
		if json.Unmarshal(doc.Results, &inner.Results) != nil { // older files hold the list itself
			if err := json.Unmarshal(doc.Results, &inner); err != nil {
				return fmt.Errorf("results of promptfoo are in another shape than this plimsoll knows: %w", err)
			}
		}
		for _, x := range inner.Results {
			if len(x.TestCase.Vars) == 0 {
				x.TestCase.Vars = x.Vars
			}
			tests = append(tests, x.TestCase)
		}
	} else if err := json.Unmarshal(doc.Tests, &tests); err != nil {
		return errors.New("tests of this promptfoo config are not a list in the file itself: write the result file (promptfoo eval -o results.json) and import that")
	}
	for i, t := range tests {
		where := fmt.Sprintf("test %d", i+1)
		if len(t.Vars) == 0 {
			r.skip(where, "it has no vars, so it has no input")
			continue
		}
		input, err := json.Marshal(t.Vars)
		if err != nil {
			r.skip(where, "its vars cannot be written: %v", err)
			continue
		}
		if bytes.Contains(input, []byte(`"file://`)) {
			r.skip(where, "its vars name a file, which is not here")
			continue
		}
		it := trial.Item{ID: fmt.Sprintf("promptfoo-%d", i+1), Input: input}
		for _, a := range t.Assert {
			switch {
			case a.Type != "equals":
				r.note(where, "assertion %q is no reference: write it as a gate, or as a dimension", a.Type)
			case bytes.Contains(a.Value, []byte("{{")) || bytes.Contains(a.Value, []byte("file://")):
				r.note(where, "its expected value is a template or a file, and no reference")
			default:
				it.Reference = a.Value
			}
		}
		r.keep(where, it)
	}
	return nil
}

// inspect reads the samples of an eval log.
func (r *reader) inspect(src []byte) error {
	if bytes.HasPrefix(src, []byte("PK")) {
		return errors.New("this is a log of inspect_ai in its packed form: write it as JSON first, with inspect log convert --to json")
	}
	var doc struct {
		Samples []struct {
			ID      json.RawMessage   `json:"id"`
			Input   json.RawMessage   `json:"input"`
			Target  json.RawMessage   `json:"target"`
			Choices []json.RawMessage `json:"choices"`
		} `json:"samples"`
	}
	if err := json.Unmarshal(src, &doc); err != nil {
		return fmt.Errorf("this is not an eval log of inspect_ai: %w", err)
	}
	for i, s := range doc.Samples {
		where := fmt.Sprintf("sample %d", i+1)
		input, why := question(s.Input)
		if why != "" {
			r.skip(where, "%s", why)
			continue
		}
		if len(s.Choices) > 0 {
			var err error
			if input, err = json.Marshal(map[string]any{"question": input, "choices": s.Choices}); err != nil {
				r.skip(where, "its choices cannot be written: %v", err)
				continue
			}
		}
		it := trial.Item{ID: "inspect-" + strings.Trim(string(s.ID), `"`), Input: input}
		if len(s.ID) == 0 {
			it.ID = fmt.Sprintf("inspect-%d", i+1)
		}
		var targets []json.RawMessage
		switch {
		case json.Unmarshal(s.Target, &targets) != nil:
			if t := string(s.Target); t != "" && t != `""` && t != "null" {
				it.Reference = s.Target
			}
		case len(targets) == 1:
			it.Reference = targets[0]
		case len(targets) > 1:
			r.note(where, "%d answers would do, and a reference is one", len(targets))
		}
		r.keep(where, it)
	}
	return nil
}

// question is the input of a sample: a text, or a conversation of one message.
func question(raw json.RawMessage) (json.RawMessage, string) {
	var messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if len(raw) == 0 || string(raw) == "null" {
		return nil, "it has no input"
	}
	if json.Unmarshal(raw, &messages) != nil {
		return raw, ""
	}
	var users []json.RawMessage
	for _, m := range messages {
		switch m.Role {
		case "user":
			users = append(users, m.Content)
		case "system":
		default:
			return nil, "its input is a conversation under way, and an item is one input"
		}
	}
	if len(users) != 1 {
		return nil, fmt.Sprintf("its input has %d messages of a user, and an item is one input", len(users))
	}
	var text string
	if json.Unmarshal(users[0], &text) != nil {
		return nil, "its input holds more than text"
	}
	return users[0], ""
}

// lmeval reads logged samples, one a line.
func (r *reader) lmeval(src []byte) error {
	found := false
	for i, line := range bytes.Split(src, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		where := fmt.Sprintf("line %d", i+1)
		var s struct {
			DocID     json.RawMessage `json:"doc_id"`
			Target    json.RawMessage `json:"target"`
			Arguments json.RawMessage `json:"arguments"`
		}
		if err := json.Unmarshal(line, &s); err != nil {
			r.skip(where, "it is not JSON: %v", err)
			continue
		}
		if s.DocID == nil {
			r.skip(where, "it has no doc_id: it is no sample of lm-evaluation-harness")
			continue
		}
		found = true
		prompt, n := promptOf(s.Arguments)
		switch {
		case n > 1:
			r.skip(where, "it compares how likely %d given answers are, which no skill is asked", n)
			continue
		case n == 0:
			r.skip(where, "it has no arguments, so the prompt is not known")
			continue
		}
		it := trial.Item{ID: "lm-eval-" + strings.Trim(string(s.DocID), `"`), Input: prompt}
		var text string
		switch {
		case len(s.Target) == 0 || string(s.Target) == "null":
		case json.Unmarshal(s.Target, &text) == nil && text == "":
		case s.Target[0] == '[':
			r.note(where, "several answers would do, and a reference is one")
		default:
			it.Reference = s.Target
		}
		r.keep(where, it)
	}
	if !found {
		return errors.New("no line of this file has a doc_id: it holds no samples of lm-evaluation-harness (--log_samples writes them)")
	}
	return nil
}

// promptOf is the first argument of the only request, in either way of writing it;
// n is how many requests there are.
func promptOf(raw json.RawMessage) (prompt json.RawMessage, n int) {
	var lists [][]json.RawMessage
	if json.Unmarshal(raw, &lists) == nil {
		if len(lists) == 1 && len(lists[0]) > 0 {
			return lists[0][0], 1
		}
		return nil, len(lists)
	}
	var named map[string]struct {
		Prompt json.RawMessage `json:"arg_0"`
	}
	if json.Unmarshal(raw, &named) != nil {
		return nil, 0
	}
	for _, a := range named {
		prompt = a.Prompt
	}
	if prompt == nil {
		return nil, 0
	}
	return prompt, len(named)
}
