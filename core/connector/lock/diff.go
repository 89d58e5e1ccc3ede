package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// Change is one thing that is not as it was approved, in words.
type Change struct {
	Tool string `json:"tool"`
	// Path is the place in the definition, "inputSchema.properties.repo"; "" is the
	// whole of it.
	Path string `json:"path,omitempty"`
	// Text is a sentence part: "the parameter repo is new".
	Text string `json:"text"`
	// Widens: the tool takes more, may do more, or says less about what it does. What
	// a model reads, such as a description, widens too: it can say anything.
	Widens bool `json:"widens"`
}

// Difference is what a person needs to see before approving.
type Difference struct {
	Changes []Change
	// Unified is the definitions before and after as a unified diff, each indented,
	// hidden characters shown as [U+200B]; "" when nothing differs.
	Unified string
}

// Diff compares what a server offers with what was approved, tool by tool. The book
// may be nil: then it is only said that something changed, and the new text is shown.
func Diff(r Report, book *Book) Difference {
	var d Difference
	var unified strings.Builder
	for _, t := range r.Tools {
		before, kept := book.Definition(r.Connector, t.Locked)
		add := func(widens bool, format string, args ...any) {
			d.Changes = append(d.Changes, Change{Tool: t.Name, Text: fmt.Sprintf(format, args...), Widens: widens})
		}
		switch t.Status {
		case Pinned:
			continue
		case Broken:
			add(true, "the definition cannot be used: %s", t.Problem)
		case New:
			add(true, "the tool is new")
			d.Changes = append(d.Changes, concealed(t)...)
		case Gone:
			add(false, "the tool is gone")
		case Changed:
			if kept {
				d.Changes = append(d.Changes, words(t.Name, before, t.Definition)...)
			} else {
				add(true, "the definition changed; the approved one is not kept in %s, so only its digest is known", BookName)
			}
		}
		unified.WriteString(policyfile.Diff(shown(before), shown(t.Definition), r.Connector+"/"+Visible(t.Name)))
	}
	d.Unified = unified.String()
	return d
}

// shown is a definition as a person reads it.
func shown(definition json.RawMessage) []byte {
	if definition == nil {
		return nil
	}
	var b bytes.Buffer
	if json.Indent(&b, definition, "", "  ") != nil {
		return []byte(Visible(string(definition)) + "\n")
	}
	b.WriteByte('\n')
	return []byte(Visible(b.String()))
}

// words compares two definitions of one tool.
func words(tool string, before, after json.RawMessage) []Change {
	w := &wording{tool: tool}
	var a, b map[string]any
	if decode(before, &a) != nil || decode(after, &b) != nil {
		return []Change{{Tool: tool, Text: "the definition changed", Widens: true}}
	}
	for _, key := range keys(a, b) {
		x, before := a[key]
		y, after := b[key]
		if same(x, y) && before == after {
			continue
		}
		switch key {
		case "inputSchema", "outputSchema":
			w.schema(key, "", object(x), object(y), key == "inputSchema")
			if object(x) == nil || object(y) == nil {
				w.plain(key, "the "+key, before, after)
			}
		case "annotations":
			w.hints(object(x), object(y))
		default:
			w.plain(key, key, before, after)
		}
		w.conceals(key, x, y)
	}
	if len(w.changes) == 0 { // equal definitions with two digests do not exist; but a change is never shown as none
		w.say("", true, "the definition changed")
	}
	return w.changes
}

type wording struct {
	tool    string
	changes []Change
}

func (w *wording) say(path string, widens bool, format string, args ...any) {
	w.changes = append(w.changes, Change{Tool: w.tool, Path: Visible(path), Text: Visible(fmt.Sprintf(format, args...)), Widens: widens})
}

// plain says that a member came, went or changed. It counts as widening unless it
// went: nobody knows what a member means that this program does not.
func (w *wording) plain(path, what string, before, after bool) {
	switch {
	case !before:
		w.say(path, true, "%s is new", what)
	case !after:
		w.say(path, false, "%s is gone", what)
	default:
		w.say(path, true, "%s changed", what)
	}
}

// hints compares annotations. The bad direction of a hint is the one that makes a
// call look more harmless, since rules trust it once it is pinned, or that admits to
// more harm.
func (w *wording) hints(a, b map[string]any) {
	for _, key := range keys(a, b) {
		x, before := a[key]
		y, after := b[key]
		if same(x, y) && before == after {
			continue
		}
		path := "annotations." + key
		if _, flag := y.(bool); (flag || !after) && strings.HasSuffix(key, "Hint") {
			w.say(path, true, "the annotation %s was %s and is %s", key, said(x, before), said(y, after))
			continue
		}
		w.plain(path, "the annotation "+key, before, after)
	}
}

func said(v any, there bool) string {
	if !there {
		return "not said"
	}
	raw, _ := json.Marshal(v) // of a decoded JSON value
	if len(raw) > 60 {
		return string(raw[:57]) + "..."
	}
	return string(raw)
}

// conceals says where hidden characters came into a text.
func (w *wording) conceals(path string, before, after any) {
	had, _ := json.Marshal(before)
	has, _ := json.Marshal(after)
	if n := count(string(has)); n > count(string(had)) {
		w.say(path, true, "%s has %d characters that cannot be seen", path, n)
	}
}

func concealed(t Tool) []Change {
	if n := count(string(t.Definition)); n > 0 {
		return []Change{{Tool: t.Name, Text: fmt.Sprintf("the definition has %d characters that cannot be seen", n), Widens: true}}
	}
	return nil
}

func count(s string) int {
	n := 0
	for _, r := range s {
		if hidden(r) {
			n++
		}
	}
	return n
}
