package trial

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

const million = 1_000_000

// RuleFunc evaluates an item's own rule to a score of 0..1.
type RuleFunc func(rule string, input, output, reference json.RawMessage) (float64, error)

// Measure is how a skill's outputs are scored: by dimensions, by a reference,
// or, where the author said so, by gates alone.
type Measure struct {
	JSON       bool
	Dimensions []*config.Dimension
	GatesOnly  bool
	Rule       RuleFunc
}

// Content names what measures content for a pool: "reference", "dimension",
// "gates", or "" where nothing does.
func (m Measure) Content(items []Item) string {
	if len(m.Dimensions) > 0 && !allCompared(items) {
		return "dimension"
	}
	if len(items) > 0 && allCompared(items) || m.allReferenced(items) {
		return "reference"
	}
	if m.GatesOnly {
		return "gates"
	}
	return ""
}

// NeedsJudge tells whether this item's score needs a judge.
func (m Measure) NeedsJudge(it Item) bool { return len(m.Dimensions) > 0 && it.Compare == "" }

// allCompared tells whether every item says how it is compared.
func allCompared(items []Item) bool {
	for _, it := range items {
		if it.Compare == "" {
			return false
		}
	}
	return true
}

func (m Measure) allReferenced(items []Item) bool {
	if len(items) == 0 || len(m.Dimensions) > 0 {
		return false
	}
	for _, it := range items {
		if it.Compare == "" && len(it.Reference) == 0 {
			return false
		}
	}
	return true
}

// Score turns a run into one arm's result. dims are a judge's scores by
// dimension, in millionths; nil when no judge answered.
func (m Measure) Score(it Item, rec *run.Record, dims map[string]int64) (evidence.Result, error) {
	res := evidence.Result{
		MS: rec.MS, Cost: rec.Micro, Unsure: rec.Unsure, GPU: rec.GPU, Priced: rec.Priced, Status: string(rec.Status), Sim: rec.Simulated,
		Timeout: rec.Status == run.Timeout, Failed: rec.Checked.Failed, Model: reported(rec),
	}
	if rec.Unreadable() {
		res.Status, res.Failed = evidence.Unreadable, nil
	}
	switch rec.Status {
	case run.Missing:
		return res, nil
	case run.Failed, run.Refused, run.Timeout:
		res.Score = ptr(0)
		if m.NeedsJudge(it) {
			res.Dims = map[string]int64{}
			for _, d := range m.Dimensions {
				res.Dims[d.Name] = 0
			}
		}
		return res, nil
	}
	if m.NeedsJudge(it) {
		res.Dims = dims
		res.Score = Weigh(m.Dimensions, dims)
		return res, nil
	}
	s, err := m.compare(it, rec.Output)
	if err != nil {
		return res, err
	}
	res.Score = ptr(s)
	return res, nil
}

func (m Measure) compare(it Item, output json.RawMessage) (int64, error) {
	how := it.Compare
	if how == "" {
		switch {
		case len(it.Reference) == 0 && m.GatesOnly:
			return million, nil
		case len(it.Reference) == 0:
			return 0, fmt.Errorf("item %s has nothing to compare with", it.ID)
		case m.JSON:
			how = JSON
		default:
			how = Exact
		}
	}
	switch how {
	case Exact:
		return exact(output, it.Reference), nil
	case JSON:
		return leaves(output, it.Reference), nil
	case Number:
		return number(output, it.Reference), nil
	}
	v, err := m.Rule(it.Rule, it.Input, output, it.Reference)
	if err != nil {
		return 0, fmt.Errorf("item %s: %w", it.ID, err)
	}
	if math.IsNaN(v) || v < 0 || v > 1 {
		return 0, fmt.Errorf("item %s: its rule gave %v, and a score is a number of 0..1", it.ID, v)
	}
	return int64(math.Round(v * million)), nil
}

// Weigh is the weighted mean of dimensions, nil when one has no score.
func Weigh(dims []*config.Dimension, scores map[string]int64) *int64 {
	var sum, weights float64
	for _, d := range dims {
		s, ok := scores[d.Name]
		if !ok {
			return nil
		}
		// Each product is rounded on its own: a fused multiply-add would differ
		// between processors.
		sum += float64(d.Weight * float64(s))
		weights += d.Weight
	}
	if weights <= 0 {
		return nil
	}
	return ptr(int64(math.Round(sum / weights)))
}

// Mean averages the repeats of one item: the unit of evidence is the item. One
// missing repeat makes the item missing, its dimensions included.
func Mean(rs []evidence.Result) evidence.Result {
	out := rs[0]
	if len(rs) == 1 {
		return out
	}
	var score, square int64
	dims := map[string]int64{}
	out.Cost, out.MS, out.Judge, out.Unsure, out.GPU = 0, 0, 0, 0, 0
	for _, r := range rs {
		out.Cost, out.MS = out.Cost+r.Cost, out.MS+r.MS
		out.Unsure, out.GPU = out.Unsure+r.Unsure, out.GPU+r.GPU
		out.Priced, out.Timeout = out.Priced && r.Priced, out.Timeout || r.Timeout
		if r.Status != string(run.OK) {
			out.Status = r.Status
		}
		if len(r.Failed) > 0 {
			out.Failed = r.Failed
		}
		out.Judge, out.Sim = out.Judge+r.Judge, out.Sim || r.Sim
		out.JudgeModel = cmp.Or(out.JudgeModel, r.JudgeModel)
		if r.Score == nil {
			out.Score = nil
		} else {
			score += *r.Score
			square += *r.Score * *r.Score
		}
		for k, v := range r.Dims {
			dims[k] += v
		}
	}
	n := int64(len(rs))
	out.MS /= n
	if out.Score != nil {
		out.Score = ptr((score + n/2) / n)
		out.Noise = ptr((n*square - score*score) / (n * (n - 1)) / 1_000_000)
	}
	for k := range dims {
		dims[k] = (dims[k] + n/2) / n
	}
	out.Dims = nil
	if out.Score != nil && len(dims) > 0 {
		out.Dims = dims
	}
	return out
}

// reported is the model id of the last call that was answered.
func reported(rec *run.Record) string {
	id := ""
	for _, a := range rec.Attempts {
		for _, c := range a.Calls {
			if c.Reported != "" {
				id = c.Reported
			}
		}
	}
	return id
}

func ptr(v int64) *int64 { return &v }
