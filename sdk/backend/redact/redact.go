// Package redact takes what environment variables hold out of texts that are shown
// and kept: an agent's diagnostics, and errors that quote what it printed. A host
// does it to all that a runner says; a runner does it before it shortens a text,
// since half a secret is found by nobody. It is no search for things that look
// like secrets: it knows the values, and only those.
//
//	hide := redact.Variables("API_KEY")
//	hide.Replace("401: key k-1234567 is not known") // "401: key [API_KEY] is not known"
package redact

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Shortest is the length in bytes from which a value is hidden. What is shorter
// is in many words that are no secret.
const Shortest = 6

// Variables replaces what the variables of these names hold now by their names in
// brackets. Of a value of several lines it replaces each line, since logs are read
// by lines. It knows values as they are, as Go quotes them and as JSON does.
func Variables(names ...string) *strings.Replacer {
	var pairs [][2]string
	for _, name := range names {
		value := os.Getenv(name)
		for _, part := range append(strings.FieldsFunc(value, func(r rune) bool { return r == '\n' || r == '\r' }), value) {
			for _, form := range []string{part, unquoted(strconv.Quote(part)), quoted(part, true), quoted(part, false)} {
				if len(part) >= Shortest {
					pairs = append(pairs, [2]string{form, "[" + name + "]"})
				}
			}
		}
	}
	// Of two that begin at one place a Replacer takes the first: a value must not
	// be hidden up to where a shorter one ends.
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return cmp.Compare(len(b[0]), len(a[0])) })
	var flat []string
	for _, p := range pairs {
		flat = append(flat, p[:]...)
	}
	return strings.NewReplacer(flat...)
}

func unquoted(s string) string { return s[1 : len(s)-1] }

// quoted is a text as JSON writes it, with or without the escapes of HTML.
func quoted(s string, html bool) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(html)
	if e.Encode(s) != nil {
		return s
	}
	return unquoted(strings.TrimSpace(b.String()))
}
