package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// maxSchemaDepth is how deep two schemas are compared part by part; below it a part
// has changed or has not.
const maxSchemaDepth = 32

// schema compares two JSON schemas. what names the part: "" is the whole, else "the
// parameter repo". Of an input schema everything that lets more through widens; of an
// output schema, everything that promises less or may carry more does.
func (w *wording) schema(path, what string, a, b map[string]any, input bool) {
	if strings.Count(path, ".") > maxSchemaDepth {
		w.say(path, true, "%s changed", path)
		return
	}
	of := func(word string) string {
		if what == "" {
			return "the " + word + " of " + path
		}
		return "the " + word + " of " + what
	}
	for _, key := range keys(a, b) {
		x, before := a[key]
		y, after := b[key]
		if same(x, y) && before == after {
			continue
		}
		at := path + "." + key
		if !readable(key, x, before) || !readable(key, y, after) {
			w.plain(at, of(key), before, after)
			continue
		}
		switch key {
		case "properties":
			w.properties(at, object(x), object(y), input)
		case "required":
			w.required(at, strs(x), strs(y))
		case "enum":
			w.enum(at, what, list(x), list(y), before, after)
		case "additionalProperties", "unevaluatedProperties", "additionalItems", "unevaluatedItems":
			w.additional(at, what, key, x, y, before, after)
		case "type":
			w.types(at, of("type"), x, y, before, after)
		case "items", "not", "if", "then", "else", "contains", "propertyNames":
			if m, n := object(x), object(y); m != nil && n != nil {
				w.schema(at, "the "+key+" of "+orPath(what, path), m, n, input)
				continue
			}
			w.plain(at, of(key), before, after)
		case "$defs", "definitions", "patternProperties", "dependentSchemas":
			w.parts(at, object(x), object(y), input)
		case "maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties":
			w.bound(at, of(key), x, y, before, after, 1)
		case "minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties", "multipleOf":
			w.bound(at, of(key), x, y, before, after, -1)
		case "pattern", "format", "const", "uniqueItems", "anyOf", "oneOf", "allOf", "$ref":
			if before && !after {
				w.say(at, true, "%s is gone: any value is taken", of(key))
				continue
			}
			w.plain(at, of(key), before, after)
		default:
			w.plain(at, of(key), before, after)
		}
	}
}

// readable tells whether a keyword has the kind of value that it is compared by.
func readable(key string, v any, there bool) bool {
	if !there {
		return true
	}
	switch key {
	case "properties", "$defs", "definitions", "patternProperties", "dependentSchemas":
		return object(v) != nil
	case "required":
		return list(v) != nil && len(strs(v)) == len(list(v))
	case "enum":
		return list(v) != nil
	}
	return true
}

func orPath(what, path string) string {
	if what == "" {
		return path
	}
	return what
}

func (w *wording) properties(path string, a, b map[string]any, input bool) {
	word := "the parameter"
	if !input {
		word = "the result's member"
	}
	for _, name := range keys(a, b) {
		x, before := a[name]
		y, after := b[name]
		at := path + "." + name
		what := word + " " + strconv.Quote(name)
		switch {
		case !before:
			w.say(at, true, "%s is new", what)
		case !after:
			w.say(at, !input, "%s is gone", what)
		case same(x, y):
		case object(x) == nil || object(y) == nil:
			w.plain(at, what, before, after)
		default:
			w.schema(at, what, object(x), object(y), input)
		}
	}
}

// parts compares schemas by name.
func (w *wording) parts(path string, a, b map[string]any, input bool) {
	for _, name := range keys(a, b) {
		x, before := a[name]
		y, after := b[name]
		at := path + "." + name
		switch {
		case before && after && same(x, y):
		case object(x) != nil && object(y) != nil:
			w.schema(at, strconv.Quote(name), object(x), object(y), input)
		default:
			w.plain(at, strconv.Quote(name), before, after)
		}
	}
}

func (w *wording) required(path string, a, b []string) {
	said := len(w.changes)
	for _, name := range a {
		if !slices.Contains(b, name) {
			w.say(path, true, "%q is no longer required", name)
		}
	}
	for _, name := range b {
		if !slices.Contains(a, name) {
			w.say(path, false, "%q is required now", name)
		}
	}
	if len(w.changes) == said {
		w.say(path, false, "the required members are written in another order")
	}
}

func (w *wording) enum(path, what string, a, b []any, before, after bool) {
	what = orPath(what, path)
	switch {
	case !after:
		w.say(path, true, "%s may be anything: its list of values is gone", what)
		return
	case !before:
		w.say(path, false, "%s has a list of values now", what)
		return
	}
	grown, shrunk := without(b, a), without(a, b)
	for _, v := range grown {
		w.say(path, true, "%s may also be %s", what, said(v, true))
	}
	for _, v := range shrunk {
		w.say(path, false, "%s may no longer be %s", what, said(v, true))
	}
	if len(grown)+len(shrunk) == 0 {
		w.say(path, false, "the values of %s are written in another order", what)
	}
}

func without(a, b []any) []any {
	return slices.DeleteFunc(slices.Clone(a), func(v any) bool {
		return slices.ContainsFunc(b, func(o any) bool { return same(v, o) })
	})
}

// additional: absent is open, as JSON Schema has it.
func (w *wording) additional(path, what, key string, x, y any, before, after bool) {
	shut := func(v any, there bool) bool { return there && v == false }
	what = orPath(what, strings.TrimSuffix(path, "."+key))
	switch {
	case shut(x, before) && !shut(y, after):
		w.say(path, true, "%s takes members that it does not name (%s was false)", what, key)
	case !shut(x, before) && shut(y, after):
		w.say(path, false, "%s takes only members that it names (%s is false)", what, key)
	default:
		w.plain(path, key+" of "+what, before, after)
	}
}

func (w *wording) types(path, what string, x, y any, before, after bool) {
	if !before || !after {
		w.say(path, !after, "%s was %s and is %s", what, said(x, before), said(y, after))
		return
	}
	names := func(v any) []string {
		if s, ok := v.(string); ok {
			return []string{s}
		}
		return strs(v)
	}
	grown := slices.ContainsFunc(names(y), func(t string) bool { return !slices.Contains(names(x), t) })
	w.say(path, grown, "%s was %s and is %s", what, said(x, true), said(y, true))
}

// bound compares limits: wider is +1 where a larger one lets more through.
func (w *wording) bound(path, what string, x, y any, before, after bool, wider int) {
	m, okm := number(x)
	n, okn := number(y)
	widens := !after || okm && okn && (n-m)*float64(wider) > 0 || before && (!okm || !okn)
	w.say(path, widens, "%s was %s and is %s", what, said(x, before), said(y, after))
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

func decode(raw json.RawMessage, into *map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("reading a definition: %w", err)
	}
	return nil
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func strs(v any) []string {
	var out []string
	for _, e := range list(v) {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func keys(a, b map[string]any) []string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]any{}
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func same(a, b any) bool { return reflect.DeepEqual(a, b) }
