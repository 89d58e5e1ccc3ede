package sim

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// spoiled is the part of a dimension's facts that go wrong together when it
// goes wrong: enough for a judge to see, little enough to look like an answer.
const spoiled = 0.25

// degrade makes the answer: the reference, with each dimension spoiled when the
// item was too hard for the model.
func (c *call) degrade() (string, error) {
	reference, ok := decode(c.truth.Reference)
	if !ok {
		return "", backend.Errorf(backend.InvalidRequest, "the reference in metadata %s is not JSON", TruthKey)
	}
	reasoning, format := split(c.truth.Dimensions)
	if text, ok := reference.(string); ok {
		return c.degradeText(text, reasoning, format), nil
	}
	out := reference
	for _, d := range reasoning {
		if c.wrong(d) {
			out = c.spoil(out, d, reasoning)
		}
	}
	text := ""
	for _, f := range format {
		if c.misshapen(f) {
			out, text = c.misshape(out, f)
		}
	}
	if text != "" {
		return text, nil
	}
	return encode(out), nil
}

// split parts the dimensions by kind. One implicit dimension stands for each
// kind that has none.
func split(dims []dimension) (reasoning, format []string) {
	for _, d := range dims {
		if d.Kind == kindFormat {
			format = append(format, d.Name)
		} else {
			reasoning = append(reasoning, d.Name)
		}
	}
	if len(reasoning) == 0 {
		reasoning = []string{"content"}
	}
	if len(format) == 0 {
		format = []string{""}
	}
	return reasoning, format
}

func (c *call) wrong(dim string) bool {
	return c.hard("reasoning", dim) >= c.model.ability(c.truth.Skill, dim, kindReasoning)
}

// owner shares facts out among dimensions, so that a judge that is shown the
// output alone can tell which dimension went wrong. Highest hash wins: it does
// not depend on the order in which dimensions are named.
func owner(fact string, dims []string) string {
	best, name := uint64(0), ""
	for _, d := range dims {
		if h := hash("owner", d, fact); name == "" || h > best {
			best, name = h, d
		}
	}
	return name
}

func factOf(l leaf) string { return l.place + "=" + encode(l.value) }

// spoil makes facts of a dimension wrong: at least one, and the document always
// differs from what it was.
func (c *call) spoil(v any, dim string, dims []string) any {
	before := encode(v)
	all := leaves(v)
	var mine []leaf
	for _, l := range all {
		if owner(factOf(l), dims) == dim && l.value != nil {
			mine = append(mine, l)
		}
	}
	if len(mine) == 0 {
		mine = all
	}
	n := max(1, int(math.Round(float64(len(mine))*spoiled)))
	for i := range n {
		at := c.pick(len(mine), "spoil", dim, strconv.Itoa(i))
		l := mine[at]
		mine = append(mine[:at:at], mine[at+1:]...)
		v = with(v, l.path, c.lie(l, all, dim))
		if i == n-1 && c.draw("leave-out", dim) < 0.3 {
			v = leaveOut(v, l.path)
		}
	}
	if encode(v) == before {
		return c.add(v)
	}
	return v
}

// leaveOut drops the list element that a fact stands in, if another one is left.
func leaveOut(v any, path []any) any {
	for end := len(path); end > 0; end-- {
		at, ok := path[end-1].(int)
		if !ok {
			continue
		}
		list := get(v, path[:end-1]).([]any)
		if len(list) < 2 {
			return v
		}
		return with(v, path[:end-1], append(append([]any{}, list[:at]...), list[at+1:]...))
	}
	return v
}

// add is the last resort for a document without a fact to change.
func (c *call) add(v any) any {
	switch v := v.(type) {
	case map[string]any:
		v["unclear"] = true
		return v
	case []any:
		return append(v, "unclear")
	}
	return "unclear"
}

// lie is a wrong value for a fact.
func (c *call) lie(l leaf, all []leaf, dim string) any {
	at := []string{"lie", dim, patternOf(l.path), fmt.Sprint(l.path...)}
	switch v := l.value.(type) {
	case bool:
		return !v
	case json.Number:
		return off(v, 1+c.pick(4, at...))
	case string:
		return c.lieText(v, c.others(l, all), at)
	case map[string]any:
		return map[string]any{"unclear": true}
	case []any:
		return []any{"unclear"}
	}
	return "unclear"
}

// others are the values that stand in the same place elsewhere, or are allowed
// there: what an enum is mistaken for.
func (c *call) others(l leaf, all []leaf) []string {
	own, _ := l.value.(string)
	var out []string
	seen := map[string]bool{own: true}
	take := func(s string) {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	for _, g := range c.truth.Gates {
		if matches(g.Path, l.pattern) {
			for _, s := range g.OneOf {
				take(s)
			}
		}
	}
	if len(out) > 0 || len(strings.Fields(own)) > 3 {
		return out
	}
	for _, o := range all {
		if s, ok := o.value.(string); ok && o.pattern == l.pattern {
			take(s)
		}
	}
	return out
}

var digits = regexp.MustCompile(`[0-9]`)

func (c *call) lieText(text string, others []string, at []string) string {
	sentences := sentencesOf(text)
	words := strings.Fields(text)
	switch {
	case len(others) > 0:
		return others[c.pick(len(others), at...)]
	case len(sentences) > 1:
		drop := c.pick(len(sentences), at...)
		return strings.TrimSpace(strings.Join(append(sentences[:drop:drop], sentences[drop+1:]...), ""))
	case digits.MatchString(text):
		// The last digit: a date stays a date and a price a price.
		all := digits.FindAllStringIndex(text, -1)
		i := all[len(all)-1][0]
		return text[:i] + string('0'+(text[i]-'0'+byte(1+c.pick(8, at...)))%10) + text[i+1:]
	case len(words) >= 4:
		n := max(1, len(words)/3)
		from := c.pick(len(words)-n+1, at...)
		return strings.Join(append(words[:from:from], words[from+n:]...), " ")
	case text == "unclear":
		return "unknown"
	}
	return "unclear"
}

// off moves a number away from what it was, keeping its sign and whether it is
// whole.
func off(n json.Number, by int) json.Number {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		if i > math.MaxInt64-8 || i < 0 {
			by = -by
		}
		return json.Number(strconv.FormatInt(i+int64(by), 10))
	}
	f, err := n.Float64()
	if err != nil {
		return "0"
	}
	moved := math.Round(f*(1+0.1*float64(by))*1e6) / 1e6
	if moved == f || math.IsInf(moved, 0) {
		moved = f/2 + 1
	}
	return json.Number(strconv.FormatFloat(moved, 'g', -1, 64))
}

var sentenceEnd = regexp.MustCompile(`[.!?]["')\]]?\s+|\n+`)

// sentencesOf cuts a text behind each sentence or line; joined they are the text.
func sentencesOf(text string) []string {
	var out []string
	from := 0
	for _, m := range sentenceEnd.FindAllStringIndex(text, -1) {
		if strings.TrimSpace(text[from:m[1]]) == "" {
			continue
		}
		out = append(out, text[from:m[1]])
		from = m[1]
	}
	if from < len(text) {
		out = append(out, text[from:])
	}
	return out
}

// degradeText does for a text what spoil does for JSON, with sentences as facts.
func (c *call) degradeText(text string, reasoning, format []string) string {
	out := sentencesOf(text)
	for _, d := range reasoning {
		if c.wrong(d) {
			out = c.spoilSentences(out, d, reasoning)
		}
	}
	answer := strings.TrimRight(strings.Join(out, ""), " \n")
	if strings.TrimSpace(text) == "" && answer == strings.TrimRight(text, " \n") && c.anyWrong(reasoning) {
		answer = "unclear"
	}
	for _, f := range format {
		if c.misshapen(f) {
			answer = c.misshapeText(answer, f)
		}
	}
	return answer
}

func (c *call) anyWrong(dims []string) bool {
	for _, d := range dims {
		if c.wrong(d) {
			return true
		}
	}
	return false
}

func (c *call) spoilSentences(sentences []string, dim string, dims []string) []string {
	var mine []int
	for i, s := range sentences {
		if owner(strings.TrimSpace(s), dims) == dim {
			mine = append(mine, i)
		}
	}
	if len(mine) == 0 {
		for i := range sentences {
			mine = append(mine, i)
		}
	}
	n := max(1, int(math.Round(float64(len(mine))*spoiled)))
	gone := map[int]bool{}
	for i := range min(n, len(mine)) {
		at := c.pick(len(mine), "sentence", dim, strconv.Itoa(i))
		which := mine[at]
		mine = append(mine[:at:at], mine[at+1:]...)
		body := strings.TrimRight(sentences[which], " \n")
		if len(sentences)-len(gone) > 1 && c.draw("drop", dim, strconv.Itoa(i)) < 0.5 {
			gone[which] = true
			continue
		}
		sentences[which] = c.lieText(body, nil, []string{"lie", dim, strconv.Itoa(which)}) + sentences[which][len(body):]
	}
	var out []string
	for i, s := range sentences {
		if !gone[i] {
			out = append(out, s)
		}
	}
	return out
}
