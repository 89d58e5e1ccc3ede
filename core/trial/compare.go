package trial

import (
	"bytes"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// exact is all or nothing: the same text up to white space at the ends, or the
// same JSON whatever the order of its members.
func exact(output, reference json.RawMessage) int64 {
	var a, b string
	if json.Unmarshal(output, &a) == nil && json.Unmarshal(reference, &b) == nil {
		return whole(strings.TrimSpace(a) == strings.TrimSpace(b))
	}
	x, errX := canonjson.Transform(output)
	y, errY := canonjson.Transform(reference)
	return whole(errX == nil && errY == nil && bytes.Equal(x, y))
}

// number compares two numbers to one part in a million; text is searched for
// nothing: the output has to be the number.
func number(output, reference json.RawMessage) int64 {
	a, okA := ratOf(output)
	b, okB := ratOf(reference)
	if !okA || !okB {
		return 0
	}
	diff := new(big.Rat).Sub(a, b)
	diff.Abs(diff)
	bound := new(big.Rat).Abs(b)
	bound.Mul(bound, big.NewRat(1, million))
	return whole(diff.Cmp(bound) <= 0)
}

// maxExponent keeps 1e999999999 from becoming a number of a billion digits.
const maxExponent = 400

func ratOf(raw json.RawMessage) (*big.Rat, bool) {
	s := strings.TrimSpace(string(raw))
	var text string
	if json.Unmarshal(raw, &text) == nil {
		s = strings.TrimSpace(text)
	}
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		e, err := strconv.Atoi(s[i+1:])
		if err != nil || e > maxExponent || e < -maxExponent {
			return nil, false
		}
	}
	if len(s) > maxExponent || strings.Contains(s, "/") {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func whole(ok bool) int64 {
	if ok {
		return million
	}
	return 0
}

// leaves is the share of the reference's leaves that the output has right.
// Lists of objects with an "id" are matched by it, other lists by place;
// surplus elements count against the output like missing ones. Members that
// the reference does not name are not compared: the author asked nothing of
// them.
func leaves(output, reference json.RawMessage) int64 {
	var got, want any
	if decodeNumbers(output, &got) != nil || decodeNumbers(reference, &want) != nil {
		return 0
	}
	right, total := match(got, want)
	if total == 0 {
		return million
	}
	return (int64(right)*million + int64(total)/2) / int64(total)
}

func decodeNumbers(raw json.RawMessage, into *any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

func match(got, want any) (right, total int) {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for _, k := range sortedKeys(w) {
			r, t := match(g[k], w[k])
			right, total = right+r, total+t
		}
		if len(w) == 0 {
			return one(g != nil && len(g) == 0)
		}
		return right, total
	case []any:
		g, ok := got.([]any)
		if len(w) == 0 {
			if ok && len(g) == 0 {
				return 1, 1
			}
			return 0, 1 + countAll(g)
		}
		return matchLists(g, w)
	case json.Number:
		g, ok := got.(json.Number)
		return one(ok && number(json.RawMessage(g), json.RawMessage(w)) == million)
	case string:
		g, ok := got.(string)
		return one(ok && fold(g) == fold(w))
	case bool:
		g, ok := got.(bool)
		return one(ok && g == w)
	}
	return one(got == nil)
}

func matchLists(got, want []any) (right, total int) {
	used := make([]bool, len(got))
	for i, w := range want {
		at := -1
		if id := idOf(w); id != "" {
			for j, g := range got {
				if !used[j] && idOf(g) == id {
					at = j
					break
				}
			}
		} else if i < len(got) && !used[i] {
			at = i
		}
		if at < 0 {
			total += count(w)
			continue
		}
		used[at] = true
		r, t := match(got[at], w)
		right, total = right+r, total+t
	}
	for i, g := range got {
		if !used[i] {
			total += count(g)
		}
	}
	return right, total
}

func idOf(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	switch id := m["id"].(type) {
	case string:
		return "s" + id
	case json.Number:
		return "n" + id.String()
	}
	return ""
}

// count is the number of leaves below a value.
func count(v any) int {
	switch x := v.(type) {
	case map[string]any:
		n := 0
		for _, e := range x {
			n += count(e)
		}
		return max(n, 1)
	case []any:
		return max(countAll(x), 1)
	}
	return 1
}

func countAll(vs []any) int {
	n := 0
	for _, v := range vs {
		n += count(v)
	}
	return n
}

func one(ok bool) (int, int) {
	if ok {
		return 1, 1
	}
	return 0, 1
}

// fold forgives white space: how a line is broken is not what a reference asks.
func fold(s string) string { return strings.Join(strings.Fields(s), " ") }

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
