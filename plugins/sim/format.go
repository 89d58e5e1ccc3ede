package sim

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	opening = "Certainly! Here is the result you asked for:\n\n"
	closing = "\n\nLet me know if you need anything else."
	padding = " It is worth noting that this is, in many ways, important to keep in mind."
)

// misshapen tells whether the shape goes wrong. A retry with the failure in its
// context is another turn and gets another draw, as it would with a real model.
func (c *call) misshapen(dim string) bool {
	return c.hard("format", dim, c.turn) >= c.model.format(c.truth.Skill, dim)
}

// mistake is a way to get a document's shape wrong without touching its facts.
// It changes the document, or returns the whole text when that is what is wrong.
type mistake func(c *call, v any, at string) (any, string)

// misshape makes one of the mistakes that this document invites, and a second
// one every third time.
func (c *call) misshape(v any, dim string) (any, string) {
	var possible []mistake
	for _, m := range []struct {
		invited bool
		make    mistake
	}{
		{true, fence},
		{len(c.enums(v)) > 0, enumCase},
		{len(c.texts(v)) > 0, overlong},
		{len(c.texts(v)) > 0, filler},
		{len(c.texts(v)) > 0, spaces},
		{len(c.arrays(v)) > 0, tooMany},
		{len(c.arrays(v)) > 0, duplicate},
		{len(counters(v)) > 0, misnumber},
	} {
		if m.invited {
			possible = append(possible, m.make)
		}
	}
	n := 1
	if c.draw("second", dim, c.turn) < 1.0/3 {
		n = 2
	}
	before, text := encode(v), ""
	for i := range n {
		at := strings.Join([]string{dim, c.turn, strconv.Itoa(i)}, "/")
		make := possible[c.pick(len(possible), "mistake", at)]
		var whole string
		if v, whole = make(c, v, at); whole != "" {
			text = whole
		}
	}
	if text != "" || encode(v) == before {
		_, text = fence(c, v, dim)
	}
	return v, text
}

// fence wraps the document in a code fence with talk around it.
func fence(_ *call, v any, _ string) (any, string) {
	return v, opening + "```json\n" + encode(v) + "\n```" + closing
}

// enumCase writes "New " for "new".
func enumCase(c *call, v any, at string) (any, string) {
	for i, l := range c.enums(v) {
		if i > 0 && c.draw("enum", at, strconv.Itoa(i)) < 0.5 {
			continue
		}
		s := l.value.(string)
		v = with(v, l.path, strings.ToUpper(s[:1])+s[1:]+" ")
	}
	return v, ""
}

// overlong makes a text longer than its gate allows, or than any usual cap.
func overlong(c *call, v any, at string) (any, string) {
	texts := c.texts(v)
	l := texts[c.pick(len(texts), "overlong", at)]
	limit := 400
	for _, g := range c.truth.Gates {
		if g.Kind == "max_chars" && matches(g.Path, l.pattern) {
			limit = g.Limit
		}
	}
	s := strings.TrimRight(l.value.(string), " ")
	for utf8.RuneCountInString(s) <= limit {
		s += padding
	}
	return with(v, l.path, s), ""
}

// filler opens a text with a phrase that says nothing.
func filler(c *call, v any, at string) (any, string) {
	texts := c.texts(v)
	l := texts[c.pick(len(texts), "filler", at)]
	return with(v, l.path, "It is worth noting that "+l.value.(string)), ""
}

// spaces adds white space around and inside a text.
func spaces(c *call, v any, at string) (any, string) {
	texts := c.texts(v)
	l := texts[c.pick(len(texts), "spaces", at)]
	return with(v, l.path, "  "+strings.Replace(l.value.(string), " ", "  ", 1)+" \n"), ""
}

// tooMany repeats elements until the list is longer than its gate allows.
func tooMany(c *call, v any, at string) (any, string) {
	arrays := c.arrays(v)
	path := arrays[c.pick(len(arrays), "toomany", at)]
	list := get(v, path).([]any)
	limit := len(list) + 1
	for _, g := range c.truth.Gates {
		if g.Kind == "max_items" && matches(g.Path, patternOf(path)) {
			limit = max(limit, g.Limit)
		}
	}
	longer := append([]any{}, list...)
	for i := 0; len(longer) <= limit; i++ {
		longer = append(longer, list[i%len(list)])
	}
	return with(v, path, longer), ""
}

// duplicate repeats one element.
func duplicate(c *call, v any, at string) (any, string) {
	arrays := c.arrays(v)
	path := arrays[c.pick(len(arrays), "duplicate", at)]
	list := get(v, path).([]any)
	return with(v, path, append(append([]any{}, list...), list[c.pick(len(list), "element", at)])), ""
}

// misnumber shifts every running number by one.
func misnumber(_ *call, v any, _ string) (any, string) {
	for _, l := range counters(v) {
		v = with(v, l.path, off(l.value.(json.Number), 1))
	}
	return v, ""
}

// enums are the words that come from a fixed list, as far as that can be told:
// the ones that a gate names, else single words without digits that are no ids.
func (c *call) enums(v any) []leaf {
	var named, likely []leaf
	for _, l := range leaves(v) {
		s, ok := l.value.(string)
		if !ok || s == "" || s[0] < 'a' || s[0] > 'z' {
			continue
		}
		for _, g := range c.truth.Gates {
			if g.Kind == "one_of" && matches(g.Path, l.pattern) {
				named = append(named, l)
			}
		}
		if len(s) <= 24 && !strings.ContainsAny(s, " 0123456789@./:#") && !strings.HasSuffix(l.pattern, "id") {
			likely = append(likely, l)
		}
	}
	if len(named) > 0 {
		return named
	}
	return likely
}

// texts are the leaves of several words, or the ones that a length gate names.
func (c *call) texts(v any) []leaf {
	var named, likely []leaf
	for _, l := range leaves(v) {
		s, ok := l.value.(string)
		if !ok || s == "" {
			continue
		}
		for _, g := range c.truth.Gates {
			if g.Kind == "max_chars" && matches(g.Path, l.pattern) {
				named = append(named, l)
			}
		}
		if len(strings.Fields(s)) >= 3 {
			likely = append(likely, l)
		}
	}
	if len(named) > 0 {
		return named
	}
	return likely
}

// arrays are the lists with something in them, or the ones that a gate names.
func (c *call) arrays(v any) [][]any {
	var named [][]any
	all := lists(v)
	for _, path := range all {
		for _, g := range c.truth.Gates {
			if (g.Kind == "max_items" || g.Kind == "unique_by") && matches(g.Path, patternOf(path)) {
				named = append(named, path)
			}
		}
	}
	if len(named) > 0 {
		return named
	}
	return all
}

// counters are whole numbers under a key that numbers things.
func counters(v any) []leaf {
	var out []leaf
	for _, l := range leaves(v) {
		n, ok := l.value.(json.Number)
		if !ok || strings.ContainsAny(n.String(), ".eE") {
			continue
		}
		key := l.pattern[strings.LastIndexByte(l.pattern, '.')+1:]
		switch key {
		case "n", "no", "number", "index", "rank", "order", "position", "step":
			out = append(out, l)
		}
	}
	return out
}

// misshapeText gets the shape of a text wrong.
func (c *call) misshapeText(text, dim string) string {
	at := []string{"text", dim, c.turn}
	ways := []func(string) string{
		func(s string) string { return opening + s + closing },
		func(s string) string { return "```\n" + s + "\n```" },
		func(s string) string { return "It is worth noting that " + s + padding },
		func(s string) string { return strings.Repeat(" ", 2) + strings.ReplaceAll(s, ". ", ".  ") + " \n\n" },
		func(s string) string { return s + strings.Repeat(padding, 4) },
	}
	if strings.HasPrefix(text, "1. ") || strings.Contains(text, "\n1. ") {
		ways = append(ways, func(s string) string {
			return strings.NewReplacer("1. ", "2. ", "2. ", "3. ", "3. ", "4. ").Replace(s)
		})
	}
	return ways[c.pick(len(ways), at...)](text)
}
