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

// digits is an integer beyond 64 bits: it is printed as it was written.
type digits string

// plain copies JSON into what a template may see: integers as int64, so that
// they count and compare, other numbers as float64.
func (b *budget) plain(v any, depth int) (any, error) {
	if err := b.step(1); err != nil {
		return nil, wrong("it has more than %d values", MaxSteps)
	}
	if depth > 200 {
		return nil, wrong("it is nested deeper than 200")
	}
	switch v := v.(type) {
	case nil, bool, string, int64:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, wrong("%v is not JSON", v)
		}
		return v, nil
	case json.Number:
		return plainNumber(v)
	case []any:
		out := make([]any, len(v))
		var err error
		for i, e := range v {
			if out[i], err = b.plain(e, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		var err error
		for k, e := range v {
			if out[k], err = b.plain(e, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, wrong("a %T is not JSON", v)
}

func plainNumber(n json.Number) (any, error) {
	s := n.String()
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, wrong("%.40q is no number that can be held", s)
	}
	if strings.ContainsAny(s, ".eE") {
		return f, nil
	}
	return digits(s), nil
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

// text is a value as a person reads it. What has no such form is an error:
// Go's "<nil>" and "map[a:1]" must never reach a reader.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case digits:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		if math.Abs(v) >= 1e21 {
			return strconv.FormatFloat(v, 'g', -1, 64), nil
		}
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case nil:
		return "", wrong("the value is null; write what to show instead: default \"none\" (...)")
	case []any:
		return "", wrong("the value is a list; use range, join or json")
	case map[string]any:
		return "", wrong("the value is an object; name a member, or use json")
	}
	return "", wrong("a %T cannot be shown", v)
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

// numbers turns digits back into JSON numbers.
func numbers(v any) any {
	switch v := v.(type) {
	case digits:
		return json.Number(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = numbers(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = numbers(e)
		}
		return out
	}
	return v
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

// equal tells whether a is any of the others. Numbers are equal by value,
// whatever their spelling; lists and objects are not compared.
func equal(a any, others ...any) (bool, error) {
	for _, o := range others {
		x, okx := scalar(a)
		y, oky := scalar(o)
		if !okx || !oky {
			return false, wrong("eq compares texts, numbers, true, false and null")
		}
		if x == y {
			return true, nil
		}
		if c, err := order(a, o); err == nil && c == 0 {
			return true, nil
		}
	}
	return false, nil
}

func scalar(v any) (any, bool) {
	switch v := v.(type) {
	case nil, bool, string, digits, int64, float64:
		return v, true
	case int:
		return int64(v), true
	}
	return nil, false
}

// order compares two numbers or two texts.
func order(a, b any) (int, error) {
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	}
	i, inta := whole(a)
	j, intb := whole(b)
	if inta && intb {
		return compare(i, j), nil
	}
	x, okx := decimal(a)
	y, oky := decimal(b)
	if !okx || !oky {
		return 0, wrong("only two numbers or two texts have an order")
	}
	return compare(x, y), nil
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func decimal(v any) (float64, bool) {
	if i, ok := whole(v); ok {
		return float64(i), true
	}
	f, ok := v.(float64)
	return f, ok
}
