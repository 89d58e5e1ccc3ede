// Package published asks core/topology about deployments that other people
// published, and compares its answers with what they found to win.
//
// It must not tune: all constants are the textbook's. Figures and claims are
// facts in our words, with their source; where a model's config.json is not
// public, the fixture says which other model stands in for it.
//
//	answers, err := published.Answers()
//	for _, a := range answers {
//		fmt.Println(a.ID, a.Right, a.Abstained, a.Says)
//	}
//	// a.Claim is what was published, a.Source where
package published

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
)

//go:embed testdata/cases.json testdata/models.json
var files embed.FS

// Case is one published comparison.
type Case struct {
	ID       int    `json:"id"`
	Name     string `json:"name"`
	Source   string `json:"source"`
	Polarity string `json:"polarity"` // positive: a split won; negative: it did not; reference, rule, mixed
	Claim    string `json:"claim"`
	Model    string `json:"model"`
	StandIn  string `json:"stand_in"`
}

// Answer is what core/topology says to a case.
type Answer struct {
	Case
	Right     bool // as published, or abstained with a reason
	Abstained bool
	Says      string
}

// Answers asks all of them, in order.
func Answers() ([]Answer, error) {
	var cases []Case
	if err := decode("testdata/cases.json", &cases); err != nil {
		return nil, err
	}
	get, err := models()
	if err != nil {
		return nil, err
	}
	var out []Answer
	for _, c := range cases {
		ask, ok := questions[c.ID]
		if !ok {
			return nil, fmt.Errorf("case %d has no question", c.ID)
		}
		a := Answer{Case: c}
		m, err := get(c.Model)
		if err == nil {
			a.Right, a.Says, err = ask(m, get)
		}
		if reason, ok := abstention(err); ok {
			a.Right, a.Abstained, a.Says = true, true, reason
		} else if err != nil {
			return nil, fmt.Errorf("case %d: %w", c.ID, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// find gives a model by the name that it has in testdata/models.json.
type find func(name string) (topology.Model, error)

func decode(name string, to any) error {
	src, err := files.ReadFile(name)
	if err != nil {
		return fmt.Errorf("reading a fixture: %w", err)
	}
	if err := json.Unmarshal(src, to); err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	return nil
}

func models() (find, error) {
	var configs map[string]map[string]any
	if err := decode("testdata/models.json", &configs); err != nil {
		return nil, err
	}
	return func(name string) (topology.Model, error) {
		c, ok := configs[name]
		if !ok {
			return topology.Model{}, fmt.Errorf("there is no model %q", name)
		}
		if pattern, ok := c["layer_pattern"].([]any); ok { // a period of layers instead of all of them
			var all []any
			for i := range int(c["num_hidden_layers"].(float64)) {
				all = append(all, pattern[i%len(pattern)])
			}
			c["layer_types"] = all
		}
		src, err := json.Marshal(c)
		if err != nil {
			return topology.Model{}, fmt.Errorf("writing %s: %w", name, err)
		}
		a, err := arch.Read(src)
		return topology.Model{Name: name, Arch: a}, err
	}, nil
}

func node(name string, count, perNode int) topology.Hardware {
	g, _ := hardware.Lookup(name)
	return topology.Hardware{Name: strings.ToLower(name), GPU: g, Count: count, PerNode: perNode}
}

func whole(name string, replicas, tensor int) topology.Topology {
	return topology.Topology{Name: name, Pool: topology.Pool{Replicas: replicas, TensorParallel: tensor, ExpertParallel: topology.NoExpertParallel}}
}

func split(name string, prefills, prefillTensor, decodes, decodeTensor int) topology.Topology {
	return topology.Topology{
		Name:    name,
		Prefill: &topology.Pool{Replicas: prefills, TensorParallel: prefillTensor, ExpertParallel: topology.NoExpertParallel},
		Decode:  &topology.Pool{Replicas: decodes, TensorParallel: decodeTensor, ExpertParallel: topology.NoExpertParallel},
	}
}
