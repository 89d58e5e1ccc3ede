package sim

import (
	"encoding/json"
	"math"
	"strings"
	"unicode"
)

// score is the answer of a simulated judge: for a dimension of kind reasoning
// the part of the reference's facts that the output holds (recall; of the facts
// that belong to the dimension, see owner), for kind format the part of the
// output that the reference accounts for (precision: fences, filler and
// repetitions lower it). Facts are the leaves of JSON and the words of text.
func (c *call) score() string {
	if c.draw("nonsense", digest([]byte(c.judge.Output)), c.try) < c.cfg.JudgeNonsense {
		return "As a judge I find this work rather good, and I would say that it deserves a high score overall."
	}
	scores := c.scores(c.judge.Output)
	if c.judge.Second != nil {
		return c.better(scores, c.scores(*c.judge.Second))
	}
	raw, err := json.Marshal(map[string]any{"scores": scores})
	if err != nil {
		return "{}"
	}
	return string(raw)
}

// better compares two works: what lies within the noise is the same.
func (c *call) better(first, second map[string]float64) string {
	words := map[string]string{}
	for name, a := range first {
		switch b := second[name]; {
		case a > b+2*c.cfg.JudgeNoise+0.001:
			words[name] = "first"
		case b > a+2*c.cfg.JudgeNoise+0.001:
			words[name] = "second"
		default:
			words[name] = "same"
		}
	}
	raw, err := json.Marshal(map[string]any{"better": words})
	if err != nil {
		return "{}"
	}
	return string(raw)
}

// scores of one work, by dimension.
func (c *call) scores(output string) map[string]float64 {
	noiseKey := digest([]byte(output))
	reference, ok := decode(c.judge.Reference)
	scores := map[string]float64{}
	reasoning, _ := split(c.judge.Dimensions)
	for _, d := range c.judge.Dimensions {
		var s float64
		switch {
		case !ok:
			s = 0.5 // nothing to compare with
		case d.Kind == kindFormat:
			s = precision(output, reference)
		default:
			s = recall(output, reference, d.Name, reasoning)
		}
		s += c.cfg.JudgeNoise * (2*c.draw("noise", d.Name, noiseKey) - 1)
		scores[d.Name] = math.Round(min(max(s, 0), 1)*1000) / 1000
	}
	return scores
}

// unwrap takes a document out of a fence and the talk around it.
func unwrap(output string) (any, bool) {
	if v, ok := decode([]byte(output)); ok {
		return v, true
	}
	from := strings.IndexAny(output, "{[")
	to := strings.LastIndexAny(output, "}]")
	if from < 0 || to < from {
		return nil, false
	}
	return decode([]byte(output[from : to+1]))
}

// recall is the part of a dimension's facts that the output holds. Shape does
// not count: case, white space and text around a fact are forgiven.
func recall(output string, reference any, dim string, dims []string) float64 {
	if text, ok := reference.(string); ok {
		return recallText(output, text, dim, dims)
	}
	got := map[string][]string{}
	if v, ok := unwrap(output); ok {
		for _, l := range leaves(v) {
			got[l.place] = append(got[l.place], loose(l.value))
		}
	}
	all, mine := 0.0, 0.0
	heldAll, heldMine := 0.0, 0.0
	for _, l := range leaves(reference) {
		held := 0.0
		want := loose(l.value)
		for i, have := range got[l.place] {
			_, text := l.value.(string)
			if have == want || text && len(want) > 3 && strings.Contains(have, want) {
				held = 1
				got[l.place] = append(got[l.place][:i:i], got[l.place][i+1:]...)
				break
			}
		}
		all, heldAll = all+1, heldAll+held
		if owner(factOf(l), dims) == dim {
			mine, heldMine = mine+1, heldMine+held
		}
	}
	if mine > 0 {
		return heldMine / mine
	}
	return part(heldAll, all)
}

func loose(v any) string {
	if s, ok := v.(string); ok {
		return strings.Join(strings.Fields(strings.ToLower(s)), " ")
	}
	return encode(v)
}

func recallText(output, reference, dim string, dims []string) float64 {
	have := count(output)
	all, mine := 0.0, 0.0
	heldAll, heldMine := 0.0, 0.0
	for _, s := range sentencesOf(reference) {
		own := owner(strings.TrimSpace(s), dims) == dim
		for _, w := range words(s) {
			held := 0.0
			if have[w] > 0 {
				have[w]--
				held = 1
			}
			all, heldAll = all+1, heldAll+held
			if own {
				mine, heldMine = mine+1, heldMine+held
			}
		}
	}
	if mine > 0 {
		return heldMine / mine
	}
	return part(heldAll, all)
}

// precision is the part of the output that the reference accounts for.
func precision(output string, reference any) float64 {
	if text, ok := reference.(string); ok {
		return precisionText(output, text)
	}
	v, ok := decode([]byte(output))
	if !ok {
		return precisionText(output, encode(reference)) // a fence: its talk counts
	}
	want := map[string]int{}
	for _, l := range leaves(reference) {
		want[factOf(l)]++
	}
	all, held := 0.0, 0.0
	for _, l := range leaves(v) {
		all++
		if f := factOf(l); want[f] > 0 {
			want[f]--
			held++
		}
	}
	return part(held, all)
}

func precisionText(output, reference string) float64 {
	want := count(reference)
	all, held := 0.0, 0.0
	for _, w := range words(output) {
		all++
		if want[w] > 0 {
			want[w]--
			held++
		}
	}
	if strings.Contains(output, "```") || output != strings.TrimSpace(output) {
		all++ // marks that are no words
	}
	return part(held, all)
}

func part(held, all float64) float64 {
	if all == 0 {
		return 1
	}
	return held / all
}

func count(text string) map[string]int {
	n := map[string]int{}
	for _, w := range words(text) {
		n[w]++
	}
	return n
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}
