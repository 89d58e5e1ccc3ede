package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/rivo/uniseg"
)

// problem is an error of our own functions, which needs no translation.
type problem struct{ text string }

func (p *problem) Error() string { return p.text }

func wrong(format string, args ...any) error { return &problem{fmt.Sprintf(format, args...)} }

// budget is what one rendering may still use.
type budget struct {
	steps, bytes, nested int
}

func (b *budget) step(n int) error {
	if b.steps -= n; b.steps < 0 {
		return wrong("the template is too much work: more than %d steps", MaxSteps)
	}
	return nil
}

// made counts a text that a function made.
func (b *budget) made(s string) (string, error) {
	if b.bytes -= len(s); b.bytes < 0 {
		return "", wrong("the template makes too much text: more than %d bytes", MaxBytes)
	}
	return s, b.step(1)
}

// names are the functions that an author may use, for "did you mean".
func names() []string {
	all := slices.Sorted(maps.Keys((&budget{}).functions()))
	return slices.DeleteFunc(append(all, "and", "or", "not", "index"), func(n string) bool { return strings.HasPrefix(n, "_") })
}

// functions are the language beside text/template's own and, or, not and
// index. Those that take the subject last can stand behind a pipe.
func (b *budget) functions() template.FuncMap {
	text := func(change func(string) string) func(any) (string, error) {
		return func(v any) (string, error) {
			s, err := text(v)
			if err != nil {
				return "", err
			}
			return b.made(change(s))
		}
	}
	return template.FuncMap{
		"_print":   b.print,
		"_step":    func() (string, error) { return "", b.step(1) },
		"_enter":   b.enter,
		"_leave":   func() string { b.nested--; return "" },
		"json":     b.json,
		"join":     b.join,
		"upper":    text(strings.ToUpper),
		"lower":    text(strings.ToLower),
		"trim":     text(strings.TrimSpace),
		"truncate": b.truncate,
		"number":   b.number,
		"plural":   b.plural,
		"default":  fallback,
		"get":      get,
		"date":     b.date,
		"len":      length,
		"eq":       equal,
		"ne":       func(a, x any) (bool, error) { ok, err := equal(a, x); return !ok, err },
		"lt":       func(a, x any) (bool, error) { o, err := order(a, x); return o < 0, err },
		"le":       func(a, x any) (bool, error) { o, err := order(a, x); return o <= 0, err },
		"gt":       func(a, x any) (bool, error) { o, err := order(a, x); return o > 0, err },
		"ge":       func(a, x any) (bool, error) { o, err := order(a, x); return o >= 0, err },
	}
}

func (b *budget) enter() (string, error) {
	if b.nested++; b.nested > MaxNested {
		return "", wrong("templates call each other more than %d deep", MaxNested)
	}
	return "", b.step(1)
}

// print is behind every value that goes into the text.
func (b *budget) print(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	return s, b.step(1)
}

// json is compact, with members sorted.
func (b *budget) json(v any) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(numbers(v)); err != nil {
		return "", wrong("json: %v", err)
	}
	return b.made(strings.TrimSuffix(out.String(), "\n"))
}

func (b *budget) join(sep string, v any) (string, error) {
	list, ok := v.([]any)
	if !ok {
		return "", wrong("join needs a list")
	}
	parts := make([]string, len(list))
	size := 0
	for i, e := range list {
		s, err := text(e)
		if err != nil {
			return "", wrong("join: element %d: %v", i+1, err)
		}
		parts[i] = s
		if size += len(s) + len(sep); size > b.bytes {
			return "", wrong("the template makes too much text: more than %d bytes", MaxBytes)
		}
	}
	if err := b.step(len(list)); err != nil {
		return "", err
	}
	return b.made(strings.Join(parts, sep))
}

// truncate keeps n characters (grapheme clusters), the last being an ellipsis
// when anything was cut.
func (b *budget) truncate(most, v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	n, ok := whole(most)
	if !ok || n < 1 {
		return "", wrong("truncate needs a length of 1 or more")
	}
	if int64(len(s)) > n && int64(uniseg.GraphemeClusterCount(s)) > n {
		end := 0
		for range n - 1 {
			c, _, _, _ := uniseg.FirstGraphemeClusterInString(s[end:], -1)
			end += len(c)
		}
		s = strings.TrimRight(s[:end], " \t\r\n") + "…"
	}
	return b.made(s)
}

// number is the place of an element as lists are numbered: 0 is "1.".
func (b *budget) number(v any) (string, error) {
	i, ok := whole(v)
	if !ok || i < 0 || i == math.MaxInt64 {
		return "", wrong("number needs the index of a range")
	}
	return b.made(strconv.FormatInt(i+1, 10) + ".")
}

// plural is the count with the right word: plural 1 "tweet" "tweets".
func (b *budget) plural(v any, one, many string) (string, error) {
	n, ok := whole(v)
	switch {
	case !ok:
		return "", wrong("plural needs a whole number")
	case n == 1:
		return b.made("1 " + one)
	}
	return b.made(strconv.FormatInt(n, 10) + " " + many)
}

func whole(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	}
	return 0, false
}

// fallback is `default`: v, or d when v is null or an empty text or list.
func fallback(d, v any) any {
	switch x := v.(type) {
	case nil:
		return d
	case string:
		if x == "" {
			return d
		}
	case []any:
		if len(x) == 0 {
			return d
		}
	}
	return v
}

// get reads a member that may be missing; null then.
func get(v any, name string) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, wrong("get needs an object")
	}
	return m[name], nil
}

// date shows a time of RFC 3339, or a day, in a layout of Go's: "2 Jan 2006".
// It keeps the zone that the text names.
func (b *budget) date(layout string, v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", wrong("date needs a string like 2026-11-21 or 2026-11-21T09:30:00Z")
	}
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return b.made(t.Format(layout))
		}
	}
	return "", wrong("%.40q is no date like 2026-11-21 or 2026-11-21T09:30:00Z", s)
}

// length counts elements, members, or the characters that a reader sees.
func length(v any) (int64, error) {
	switch v := v.(type) {
	case string:
		return int64(uniseg.GraphemeClusterCount(v)), nil
	case []any:
		return int64(len(v)), nil
	case map[string]any:
		return int64(len(v)), nil
	}
	return 0, wrong("len needs a string, a list or an object")
}
