package sim

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// config is the config block. A nil number is not given.
type config struct {
	Seed          int64            `json:"seed"`
	Correlation   *float64         `json:"correlation"` // default 0.5
	JudgeNoise    float64          `json:"judge_noise"`
	JudgeNonsense float64          `json:"judge_nonsense"`
	Models        map[string]model `json:"models"`
}

// model is one simulated model. Chances and abilities are 0..1.
type model struct {
	Ability         *float64           `json:"ability"`   // that a dimension's content is right; default 1
	Abilities       map[string]float64 `json:"abilities"` // by SKILL/DIMENSION, SKILL, DIMENSION or KIND
	Format          *float64           `json:"format"`    // that the shape is right; default 1
	Formats         map[string]float64 `json:"formats"`   // by SKILL
	LatencyMS       float64            `json:"latency_ms"`
	TokensPerSecond float64            `json:"tokens_per_second"` // 0: at once
	Refuse          float64            `json:"refuse"`
	Timeout         float64            `json:"timeout"`
	Truncate        float64            `json:"truncate"`
	Error429        float64            `json:"error_429"`
	Error500        float64            `json:"error_500"`
	Verbosity       *float64           `json:"verbosity"` // factor on counted output tokens; default 1
	Reports         string             `json:"reports"`   // the model id that answers claim; default the asked one
	Drift           []change           `json:"drift"`
}

func schema() []backend.ConfigField {
	number := func(name, doc string) backend.ConfigField {
		return backend.ConfigField{Name: name, Type: backend.TypeNumber, Doc: doc}
	}
	chances := &backend.ConfigField{Type: backend.TypeNumber}
	declared := []backend.ConfigField{
		number("ability", "0..1, chance that a dimension's content is right; default 1"),
		{Name: "abilities", Type: backend.TypeMap, Elem: chances, Doc: "the same by SKILL/DIMENSION, SKILL, DIMENSION or KIND"},
		number("format", "0..1, chance that the shape is right; default 1"),
		{Name: "formats", Type: backend.TypeMap, Elem: chances, Doc: "the same by SKILL"},
		number("latency_ms", "milliseconds before the first token"),
		number("tokens_per_second", "0 streams at once"),
		number("refuse", "0..1, chance of a refusal"),
		number("timeout", "0..1, chance of no answer at all"),
		number("truncate", "0..1, chance that the answer is cut off"),
		number("error_429", "0..1, chance of a rate limit error"),
		number("error_500", "0..1, chance of a server error"),
		number("verbosity", "factor on the counted output tokens; default 1"),
		{Name: "reports", Type: backend.TypeString, Doc: "the model id that answers claim, to simulate a silent change"},
	}
	from := backend.ConfigField{Name: "from", Type: backend.TypeString, Required: true, Doc: "the day of the change, by the time that decisions are made at"}
	drift := backend.ConfigField{
		Name: "drift", Type: backend.TypeList, Doc: "changes that the model goes through without saying so",
		Elem: &backend.ConfigField{Type: backend.TypeObject, Fields: append([]backend.ConfigField{from}, declared...)},
	}
	return []backend.ConfigField{
		number("seed", "another seed, other mistakes"),
		number("correlation", "0..1, the chance that models share the difficulty of an item; default 0.5"),
		number("judge_noise", "0..1, how far a judge's score strays from the measured one"),
		number("judge_nonsense", "0..1, chance that a judge's answer is no JSON"),
		{Name: "models", Type: backend.TypeMap, Required: true, Doc: "the simulated models by id", Elem: &backend.ConfigField{
			Type: backend.TypeObject, Fields: append(slices.Clone(declared), drift),
		}},
	}
}

func readConfig(values map[string]any) (config, error) {
	var cfg config
	if err := backend.DecodeConfig(values, &cfg); err != nil {
		return cfg, err
	}
	var wrong []string
	part := func(name string, v float64) {
		if !(v >= 0 && v <= 1) {
			wrong = append(wrong, fmt.Sprintf("%s is %v and has to be 0..1", name, v))
		}
	}
	atLeast0 := func(name string, v float64) {
		if !(v >= 0) || math.IsInf(v, 0) {
			wrong = append(wrong, fmt.Sprintf("%s is %v and cannot be negative", name, v))
		}
	}
	part("correlation", or(cfg.Correlation, 0.5))
	part("judge_noise", cfg.JudgeNoise)
	part("judge_nonsense", cfg.JudgeNonsense)
	if len(cfg.Models) == 0 {
		wrong = append(wrong, "models declares no model")
	}
	for _, name := range cfg.names() {
		m := cfg.Models[name]
		at := "models." + name + "."
		m.check(at, part, atLeast0)
		wrong = append(wrong, m.settle(at)...)
		for i, c := range m.Drift {
			c.over(m).check(fmt.Sprintf("%sdrift[%d].", at, i), part, atLeast0)
		}
		cfg.Models[name] = m
	}
	if len(wrong) > 0 {
		return cfg, backend.Errorf(backend.InvalidRequest, "config: %s", strings.Join(wrong, "; "))
	}
	return cfg, nil
}

// check holds every number of a model to its range.
func (m model) check(at string, part, atLeast0 func(name string, v float64)) {
	part(at+"ability", or(m.Ability, 1))
	part(at+"format", or(m.Format, 1))
	for _, k := range slices.Sorted(maps.Keys(m.Abilities)) {
		part(at+"abilities."+k, m.Abilities[k])
	}
	for _, k := range slices.Sorted(maps.Keys(m.Formats)) {
		part(at+"formats."+k, m.Formats[k])
	}
	part(at+"refuse", m.Refuse)
	part(at+"timeout", m.Timeout)
	part(at+"truncate", m.Truncate)
	part(at+"error_429", m.Error429)
	part(at+"error_500", m.Error500)
	atLeast0(at+"latency_ms", m.LatencyMS)
	atLeast0(at+"tokens_per_second", m.TokensPerSecond)
	atLeast0(at+"verbosity", or(m.Verbosity, 1))
}

func (c config) names() []string { return slices.SortedFunc(maps.Keys(c.Models), cmp.Compare[string]) }

// ability is the chance that the content of a dimension is right.
func (m model) ability(skill, dimension, kind string) float64 {
	return first(m.Abilities, or(m.Ability, 1), skill+"/"+dimension, skill, dimension, kind)
}

// format is the chance that the shape is right, for a dimension of kind format
// or, with an empty dimension, for the answer as such. A skill's own entry in
// formats comes before the general abilities; abilities[SKILL] is about content
// and does not count here.
func (m model) format(skill, dimension string) float64 {
	if v, ok := m.Abilities[skill+"/"+dimension]; ok && dimension != "" {
		return v
	}
	if v, ok := m.Formats[skill]; ok {
		return v
	}
	return first(m.Abilities, or(m.Format, 1), dimension, kindFormat)
}

// first is the value of the first key that is present.
func first(values map[string]float64, otherwise float64, keys ...string) float64 {
	for _, k := range keys {
		if v, ok := values[k]; ok && k != "" {
			return v
		}
	}
	return otherwise
}

func or(v *float64, otherwise float64) float64 {
	if v == nil {
		return otherwise
	}
	return *v
}
