package items

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/secret"
)

// Rule is one kind of thing that is taken out of inputs.
type Rule struct {
	Name string `json:"name"` // as it stands in the place of what was found
	What string `json:"what"`
	find func(string) []secret.Match
}

var (
	mail  = regexp.MustCompile(`[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)*\.\p{L}{2,24}`)
	iban  = regexp.MustCompile(`\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b`)
	card  = regexp.MustCompile(`\b\d(?:[ -]?\d){12,18}\b`)
	phone = regexp.MustCompile(`(?:\+|\b00)\d{1,3}[ ./-]?(?:\(\d{1,4}\)[ ./-]?)?\d(?:[ ./-]?\d){5,12}\b`)
	ipv4  = regexp.MustCompile(`\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b`)
)

// Rules are all kinds, in the order in which they are tried. They find what has a
// form; names and addresses of people have none, and stay.
func Rules() []Rule {
	by := func(re *regexp.Regexp, accept func(string) bool) func(string) []secret.Match {
		return func(text string) []secret.Match {
			var out []secret.Match
			for _, at := range re.FindAllStringIndex(text, -1) {
				if accept == nil || accept(text[at[0]:at[1]]) {
					out = append(out, secret.Match{Start: at[0], End: at[1]})
				}
			}
			return out
		}
	}
	return []Rule{
		{"secret", "keys, tokens and passwords in a form that is known", secret.Find},
		{"email", "addresses of mail", by(mail, nil)},
		{"iban", "bank accounts (IBAN, by its check digits)", by(iban, mod97)},
		{"card", "card numbers (13 to 19 digits, by their check digit)", by(card, luhn)},
		{"phone", "telephone numbers with a country code", by(phone, nil)},
		{"ip", "IPv4 addresses", by(ipv4, nil)},
	}
}

// Redact takes out of every text of a JSON document, names of members included,
// what the rules find. The same thing has the same number throughout, so that a
// task about two people stays one about two. found counts by rule.
func Redact(raw json.RawMessage) (clean json.RawMessage, found map[string]int, err error) {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, nil, fmt.Errorf("looking for what is to be taken out: %w", err)
	}
	r := &redactor{rules: Rules(), found: map[string]int{}, number: map[string]int{}}
	v = r.walk(v)
	if len(r.found) == 0 {
		return raw, r.found, nil // as it was, to the byte
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, nil, fmt.Errorf("writing what was left: %w", err)
	}
	return json.RawMessage(strings.TrimSpace(b.String())), r.found, nil
}

type redactor struct {
	rules  []Rule
	found  map[string]int
	number map[string]int // by rule and what was found
}

func (r *redactor) walk(v any) any {
	switch v := v.(type) {
	case string:
		return r.text(v)
	case json.Number: // a card or an account may be written as a number
		if text := r.text(v.String()); text != v.String() {
			return text
		}
		return v
	case []any:
		for i := range v {
			v[i] = r.walk(v[i])
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for _, k := range sortedKeys(v) {
			name := r.text(k)
			for _, taken := out[name]; taken; _, taken = out[name] {
				name += "'"
			}
			out[name] = r.walk(v[k])
		}
		return out
	}
	return v
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (r *redactor) text(text string) string {
	type hit struct {
		secret.Match
		rule string
	}
	var all []hit
	for _, rule := range r.rules {
		for _, m := range rule.find(text) {
			all = append(all, hit{m, rule.Name})
		}
	}
	if len(all) == 0 {
		return text
	}
	slices.SortStableFunc(all, func(a, b hit) int { return cmp.Or(a.Start-b.Start, b.End-a.End) })
	var b strings.Builder
	at := 0
	for _, h := range all {
		if h.Start < at {
			if h.End > at { // it goes on behind what was taken out: so does the gap
				at = h.End
			}
			continue
		}
		key := h.rule + "\x00" + text[h.Start:h.End]
		if r.number[key] == 0 {
			r.number[key] = 1
			for k := range r.number {
				if k != key && strings.HasPrefix(k, h.rule+"\x00") {
					r.number[key]++
				}
			}
		}
		r.found[h.rule]++
		b.WriteString(text[at:h.Start])
		fmt.Fprintf(&b, "[%s %d]", h.rule, r.number[key])
		at = h.End
	}
	b.WriteString(text[at:])
	return b.String()
}

func luhn(text string) bool {
	sum, double := 0, false
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] < '0' || text[i] > '9' {
			continue
		}
		n := int(text[i] - '0')
		if double {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum, double = sum+n, !double
	}
	return sum%10 == 0 && strings.Trim(text, "0 -") != ""
}

func mod97(text string) bool {
	text = strings.ReplaceAll(text, " ", "")
	rest := 0
	for _, c := range text[4:] + text[:4] {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		default:
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}
