package judge

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// LabelVersion is the version of a line of judges/NAME.jsonl.
const LabelVersion = 1

// Label is what somebody said of one dimension of one output, and what the judge
// said of it. It holds no content: outputs and inputs are known by digest.
// Scores are millionths of 0..1.
type Label struct {
	V         int              `json:"v"`
	Kind      string           `json:"kind"` // "label"
	Judge     string           `json:"judge"`
	Pin       string           `json:"pin"` // what the judge was: tiers, models, prompt
	Reported  string           `json:"reported,omitempty"`
	Family    string           `json:"family"` // of skills; a skill's name where it stands alone
	Dimension string           `json:"dimension"`
	Arm       string           `json:"arm"`  // the model that wrote the output
	Item      string           `json:"item"` // digest of the input, or of its name
	Gold      int64            `json:"gold"`
	Score     int64            `json:"score"`
	Again     *int64           `json:"again,omitempty"`   // the same output, judged a second time
	Members   map[string]int64 `json:"members,omitempty"` // of a panel, by tier
	Chars     int              `json:"chars,omitempty"`   // length of the output
	Random    bool             `json:"random,omitempty"`  // the input was drawn at random, not picked
	Simulated bool             `json:"simulated,omitempty"`
	At        time.Time        `json:"at"`
}

// maxLabel bounds a line of the file.
const maxLabel = 16 << 10

// Labels are the lines of a judge's file, in the order in which they count: by
// time, then as their bytes sort, so that files merge by union.
type Labels []Label

// ParseLabels reads judges/NAME.jsonl. Lines that are not understood are errors;
// the same line twice, as a merge makes it, counts once.
func ParseLabels(name string, src []byte) (Labels, diag.List) {
	var out Labels
	var diags diag.List
	seen := map[string]bool{}
	offset := 0
	for n, raw := range bytes.Split(src, []byte("\n")) {
		at := diag.Range{File: name, Start: diag.Pos{Line: n + 1, Column: 1, Byte: offset}, End: diag.Pos{Line: n + 1, Column: 2, Byte: offset + 1}}
		offset += len(raw) + 1
		raw = bytes.TrimSpace(raw)
		if len(raw) == 0 {
			continue
		}
		l, why := parseLabel(raw)
		if why != "" {
			diags = append(diags, diag.Errorf(at, "judge-label", "Not a label", "Line %d: %s. The file is written by plimsoll judge calibrate and never by hand; restore it from version control.", n+1, why))
			continue
		}
		if !seen[string(raw)] {
			seen[string(raw)] = true
			out = append(out, l)
		}
	}
	out.sort()
	return out, diags
}

func parseLabel(raw []byte) (Label, string) {
	var l Label
	if len(raw) > maxLabel {
		return l, fmt.Sprintf("it has %d bytes, and a label never has more than %d", len(raw), maxLabel)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, err.Error()
	}
	switch {
	case d.More():
		return l, "there is more than one value on it"
	case l.V != LabelVersion || l.Kind != "label":
		return l, fmt.Sprintf("it is %q of version %d; this plimsoll reads labels of version %d", l.Kind, l.V, LabelVersion)
	case l.Judge == "" || l.Pin == "" || l.Family == "" || l.Dimension == "" || l.Arm == "":
		return l, "a label names its judge, what it was, family, dimension and arm"
	case !strings.HasPrefix(l.Item, "sha256:"):
		return l, "the item is not a sha256 digest"
	case outside(l.Gold) || outside(l.Score) || l.Again != nil && outside(*l.Again):
		return l, "a score is outside 0..1000000 millionths"
	case l.Chars < 0:
		return l, "a length is negative"
	}
	return l, ""
}

func outside(score int64) bool { return score < 0 || score > verdict.Million }

func (ls Labels) sort() {
	slices.SortStableFunc(ls, func(a, b Label) int {
		return cmp.Or(a.At.Compare(b.At), bytes.Compare(a.line(), b.line()))
	})
}

// line is the label as it stands in the file, without the newline. A label holds
// strings and integers alone, which always encode.
func (l Label) line() []byte {
	raw, err := canonjson.Marshal(l)
	if err != nil {
		return []byte(err.Error())
	}
	return raw
}

// Lines are labels as they are appended to the file.
func (ls Labels) Lines() ([]byte, error) {
	var out []byte
	for _, l := range ls {
		raw, err := canonjson.Marshal(l)
		if err != nil {
			return nil, fmt.Errorf("writing a label: %w", err)
		}
		out = append(append(out, raw...), '\n')
	}
	return out, nil
}

// Digest is over labels in the order in which they count.
func (ls Labels) Digest() (string, error) {
	lines := make([]string, len(ls))
	for i, l := range ls {
		lines[i] = string(l.line())
	}
	d, err := canonjson.Digest(lines)
	if err != nil {
		return "", fmt.Errorf("hashing labels: %w", err)
	}
	return d, nil
}

// SameThing tells whether two labels are of the same output and dimension, by
// the same judge: the second adds nothing, whatever it says.
func (l Label) SameThing(o Label) bool {
	return l.Judge == o.Judge && l.Pin == o.Pin && l.Family == o.Family && l.Dimension == o.Dimension && l.Arm == o.Arm && l.Item == o.Item
}

// Where keeps the labels that a test accepts, in order.
func (ls Labels) Where(keep func(Label) bool) Labels {
	var out Labels
	for _, l := range ls {
		if keep(l) {
			out = append(out, l)
		}
	}
	return out
}

// Weight is a dimension and what it weighs.
type Weight struct {
	Dimension string
	Weight    int64 // millionths
}

// marks joins an arm's labels to one mark an output: the weighted means over the
// dimensions, of outputs that have a label on every one. Of several labels of
// one thing the first counts. random tells whether all of them were drawn so.
func (ls Labels) marks(arm string, weights []Weight) (out []verdict.Mark, random bool) {
	type key struct{ item, dim string }
	first := map[key]Label{}
	var items []string
	known := map[string]bool{}
	random = true
	for _, l := range ls {
		if l.Arm != arm {
			continue
		}
		k := key{l.Item, l.Dimension}
		if _, ok := first[k]; !ok {
			first[k] = l
		}
		if !known[l.Item] {
			known[l.Item] = true
			items = append(items, l.Item)
		}
	}
	for _, item := range items {
		var gold, score, sum int64
		whole := true
		for _, w := range weights {
			l, ok := first[key{item, w.Dimension}]
			whole = whole && ok
			random = random && (!ok || l.Random)
			gold, score, sum = gold+w.Weight*l.Gold, score+w.Weight*l.Score, sum+w.Weight
		}
		if whole && sum > 0 {
			out = append(out, verdict.Mark{Item: item, Gold: (gold + sum/2) / sum, Score: (score + sum/2) / sum})
		}
	}
	return out, random
}
