package suite

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// edit is what -update writes in place of an expectation: a value or a text.
type edit struct {
	at    span
	value json.RawMessage
	text  *string
}

// Update writes what came of the cases into the file they were read from, where
// a case states a whole output, messages or text. What a case claims (rules,
// gates, fixes, verdicts, errors) is never rewritten: a claim that turned false
// is for a person to look at. changed counts the places.
func Update(src []byte, results []Result) (out []byte, changed int) {
	var edits []*edit
	for _, r := range results {
		for _, p := range r.Problems {
			if p.edit != nil {
				edits = append(edits, p.edit)
			}
		}
	}
	slices.SortFunc(edits, func(a, b *edit) int { return cmp.Compare(b.at.start, a.at.start) })
	out = src
	for _, e := range edits {
		text, err := e.write(indentAt(src, e.at.start))
		if err != nil {
			continue
		}
		out = slices.Concat(out[:e.at.start], []byte(text), out[e.at.end:])
		changed++
	}
	return out, changed
}

func (e *edit) write(indent string) (string, error) {
	if e.text == nil {
		return layout(e.value, indent)
	}
	if !strings.Contains(*e.text, "\n") {
		return quoted(*e.text)
	}
	raw, err := quoted(strings.Split(*e.text, "\n"))
	if err != nil {
		return "", err
	}
	return layout([]byte(raw), indent)
}

func quoted(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// layout indents JSON by two, as the lines around it are.
func layout(raw json.RawMessage, indent string) (string, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, indent, "  "); err != nil {
		return "", err
	}
	return b.String(), nil
}

// indentAt is the white space at the beginning of the line that holds an offset.
func indentAt(src []byte, offset int) string {
	start := bytes.LastIndexByte(src[:offset], '\n') + 1
	line := src[start:offset]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}
