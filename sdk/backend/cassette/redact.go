package cassette

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// shortSecret is the length up to which a variable's value is not treated as a
// secret: "1" or "true" stand in every request.
const shortSecret = 5

// escapes is how many layers of JSON strings inside JSON strings are looked
// through: a tool's argument that quotes a document that quotes another.
const escapes = 3

// credentials match what looks like one whoever declared it: the value of an
// Authorization or key header, and tokens in the forms that large services give
// out. The first group stays, the second goes.
var credentials = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(\bauthorization\b[\\"']*\s*[:=]\s*[\\"']*(?:bearer|basic|token)\s+)([A-Za-z0-9._~+/=-]{8,})`),
	regexp.MustCompile(`(?i)(\bbearer\s+)([A-Za-z0-9._~+/=-]{20,})`),
	regexp.MustCompile(`(?i)(\b(?:x-)?api[-_]?key\b[\\"']*\s*[:=]\s*[\\"']*)([A-Za-z0-9._~+/=-]{16,})`),
	regexp.MustCompile(`(\b)(sk-[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{35})`),
}

// scrub takes credentials out by their form alone. It works on plain text and on
// JSON, since what it takes out and puts in needs no quoting.
func scrub(text string) string {
	for _, form := range credentials {
		text = form.ReplaceAllStringFunc(text, func(found string) string {
			parts := form.FindStringSubmatch(found)
			if !strings.ContainsFunc(parts[2], unicode.IsDigit) {
				return found // words: "the bearer of-misunderstandings"
			}
			return parts[1] + "[credential]"
		})
	}
	return text
}

// redactor takes the values of variables out of what is recorded.
type redactor struct{ secrets []declared }

// declared is a variable of the backend.
type declared struct {
	name, value string
	forms       []string // the value as it may stand in a text, the longest first
}

func newRedactor(values map[string]string) redactor {
	var r redactor
	for name, value := range values {
		if len(value) > shortSecret {
			r.secrets = append(r.secrets, declared{name, value, formsOf(value)})
		}
	}
	// A value may be part of another one: the longer goes first, so that nothing
	// of it is left and the order of a map decides nothing.
	slices.SortFunc(r.secrets, func(a, b declared) int {
		return cmp.Or(cmp.Compare(len(b.value), len(a.value)), cmp.Compare(a.name, b.name))
	})
	return r
}

// formsOf lists a value as it is, escaped in JSON once and twice, and encoded
// for a URL or a header.
func formsOf(value string) []string {
	once := quoted(value, false)
	forms := []string{
		value, once, quoted(value, true), quoted(once, false), strings.ReplaceAll(once, "/", `\/`),
		url.QueryEscape(value), url.PathEscape(value),
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		forms = append(forms, e.EncodeToString([]byte(value)))
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return slices.Compact(forms)
}

// text is a text without secrets: names of variables stand for their values. One
// that holds a value escaped in a way of its own goes as a whole.
func (r redactor) text(s string) string {
	for _, x := range r.secrets {
		for _, form := range x.forms {
			s = strings.ReplaceAll(s, form, "["+x.name+"]")
		}
	}
	if name := r.hidden(s); name != "" {
		return "[text with " + name + "]"
	}
	return scrub(s)
}

// hidden names the variable whose value stands in a text, however deep in JSON
// strings; "" for none.
func (r redactor) hidden(s string) string {
	for range escapes + 1 {
		for _, x := range r.secrets {
			if slices.ContainsFunc(x.forms, func(form string) bool { return strings.Contains(s, form) }) {
				return x.name
			}
		}
		plain := unescape(s)
		if plain == s {
			return ""
		}
		s = plain
	}
	return ""
}

// unescape takes one layer of JSON escapes off, wherever they stand.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	short := map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		if c, ok := short[s[i+1]]; ok {
			b.WriteByte(c)
			i++
			continue
		}
		if s[i+1] == 'u' && i+6 <= len(s) {
			if n, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil {
				b.WriteRune(rune(n))
				i += 5
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// take is a take without secrets. What is recorded differs from what was
// answered only where there was one.
func (r redactor) take(t Take) (Take, error) {
	if r.split(t.Events) {
		t.Events = joinText(t.Events)
	}
	for i, e := range t.Events {
		switch {
		case e.Text != nil:
			text := r.text(*e.Text)
			t.Events[i].Text = &text
		case e.ToolCall != nil:
			t.Events[i].ToolCall = &ToolCall{ID: r.text(e.ToolCall.ID), Name: r.text(e.ToolCall.Name), Arguments: r.arguments(e.ToolCall.Arguments)}
		case e.Done != nil:
			e.Done.Model, e.Done.Finish = r.text(e.Done.Model), message.Finish(r.text(string(e.Done.Finish)))
		case e.Error != nil:
			e.Error.Message = r.text(e.Error.Message)
		}
	}
	// A member that the above does not know would be missed: look at all of them.
	raw, err := json.Marshal(t.Events)
	if err != nil {
		return t, err
	}
	var all any
	if err := json.Unmarshal(raw, &all); err != nil {
		return t, err
	}
	found := ""
	walk(all, false, func(s string) string { found = cmp.Or(found, r.hidden(s)); return s })
	if found != "" {
		return t, fmt.Errorf("the value of %s could not be taken out", found)
	}
	return t, nil
}

// arguments are JSON: they are written anew when a value in them changes, and
// stay to the byte when none does.
func (r redactor) arguments(raw string) string {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return raw // Encode refuses it
	}
	changed := false
	v = walk(v, true, func(s string) string {
		out := r.text(s)
		changed = changed || out != s
		return out
	})
	if !changed {
		return raw
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return raw
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// walk changes every string and number of a JSON value, and its names if wanted.
func walk(v any, names bool, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case json.Number:
		if out := change(v.String()); out != v.String() {
			return out
		}
	case []any:
		for i := range v {
			v[i] = walk(v[i], names, change)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			if names {
				k = change(k)
			}
			out[k] = walk(x, names, change)
		}
		return out
	}
	return v
}

// split tells whether a secret spans several deltas. Then, and only then, the
// recording gives up the chunks.
func (r redactor) split(events []Event) bool {
	var whole, parts strings.Builder
	for _, e := range events {
		if e.Text != nil {
			whole.WriteString(*e.Text)
			parts.WriteString(r.text(*e.Text))
		}
	}
	return r.text(whole.String()) != parts.String()
}

// joinText puts all text into its first event.
func joinText(events []Event) []Event {
	var out []Event
	first := -1
	for _, e := range events {
		switch {
		case e.Text == nil:
			out = append(out, e)
		case first < 0:
			first = len(out)
			out = append(out, e)
		default:
			whole := *out[first].Text + *e.Text
			out[first].Text = &whole
		}
	}
	return out
}

// quoted is how a value looks inside a JSON string.
func quoted(value string, html bool) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if err := e.Encode(value); err != nil {
		return value
	}
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(b.String()), `"`), `"`)
}
