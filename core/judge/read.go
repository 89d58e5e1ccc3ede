package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Ended says why an answer that ended so holds no scores, or nil.
func Ended(f message.Finish) error {
	switch f {
	case message.FinishRefusal:
		return errors.New("the judge refused")
	case message.FinishLength:
		return errors.New("the judge's answer was cut off")
	case message.FinishTools:
		return errors.New("the judge called a tool instead of answering")
	}
	return nil
}

// Read takes a judge's answer apart: scores in millionths by dimension. It has to
// be {"scores": {...}} and nothing else, with every dimension once and a number of
// 0..1 for each; a code fence around it is taken off. What is almost right is
// refused too: who guesses at a judge's answer judges himself.
func Read(answer string, dims []*config.Dimension) (map[string]int64, error) {
	v, _, err := gate.Decode([]byte(answer), true) // also refuses members that stand twice
	if err != nil {
		return nil, fmt.Errorf("the judge's answer is not JSON: %w", err)
	}
	doc, _ := v.(map[string]any)
	scores, ok := doc["scores"].(map[string]any)
	if !ok || len(doc) != 1 {
		return nil, errors.New(`the judge's answer has another shape than {"scores": {...}}`)
	}
	out := make(map[string]int64, len(dims))
	for _, d := range dims {
		s, ok := scores[d.Name]
		if !ok {
			return nil, fmt.Errorf("the judge gave no score for %s", d.Name)
		}
		if out[d.Name], err = millionths(s); err != nil {
			return nil, fmt.Errorf("the judge gave %s %w", d.Name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(scores)) {
		if _, asked := out[name]; !asked {
			return nil, fmt.Errorf("the judge scored %q, and nobody asked for that", name)
		}
	}
	return out, nil
}

func millionths(v any) (int64, error) {
	n, ok := v.(json.Number)
	if !ok {
		raw, _ := json.Marshal(v)
		return 0, fmt.Errorf("%.40s, and a score is a number of 0..1", raw)
	}
	s, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || math.IsNaN(s) || s < 0 || s > 1 {
		return 0, fmt.Errorf("a score of %.40s, and a score is a number of 0..1", n)
	}
	return int64(math.Round(s * 1_000_000)), nil
}
