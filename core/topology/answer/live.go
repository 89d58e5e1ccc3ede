package answer

import (
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/measured"
	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
)

// The words of preflight that matter here.
type finding = preflight.Finding

const (
	block  = preflight.Block
	memory = "P9" // it does not fit
)

// Crossing is whether live traffic is still on the side of the boundary where the
// decision's answer holds.
type Crossing struct {
	Declared Answer // for the workloads of the decision
	Live     Answer // for what comes
	Model    string
	Was      topology.Ranked  // first for the declared workloads, or what is named as running
	Now      topology.Ranked  // first for what comes
	Still    *topology.Ranked // Was on what comes; nil: it has no numbers there
	Side     Side
	Gain     float64 // what Now would give over Still in the objective, as a share; NaN: not known
}

// Side is where the traffic is.
type Side string

// The sides. Near is where another layout comes first, by less than the model can
// tell apart, and the one that runs is as admissible as that: no reason to move.
const (
	Holds   Side = "holds"
	Near    Side = "near"
	Crossed Side = "crossed"
)

// margin is how far two predictions of one model on one machine may be off against
// each other: the same as in core/topology, whose Next uses it.
const margin = .2

// tie is a gain that is none: below the load that fills them all layouts give what
// is asked of them, and the order is that of rounding.
const tie = .01

// Live asks d again with the traffic that comes in the place of its workloads, for
// the model that has it. running is the topology that serves it; "" is the one that
// the decision takes.
func Live(d topology.Decision, all measured.All, model, running string, w topology.Workload) (Crossing, error) {
	x := Crossing{Model: model, Gain: math.NaN()}
	one, err := about(d, model)
	if err != nil {
		return x, err
	}
	if x.Model = one.Models[0].Name; len(d.Models) > 1 {
		d = one
	}
	if x.Declared, err = Decide(d, all); err != nil {
		return x, fmt.Errorf("for the declared workloads: %w", err)
	}
	one.Workloads = []topology.Workload{w}
	// What was measured is of other traffic: it calibrates, and stands for nothing.
	cal := all.Calibrate(d)
	x.Live = Answer{Calibrated: cal}
	one.Forbid = forbid(one, x.Declared.Used)
	if x.Live.Result, err = topology.Decide(one, nil, cal.Calibration); err != nil {
		return x, fmt.Errorf("for the traffic that comes: %w", err)
	}
	was, now := x.Declared.Rankings[0].Ranked, x.Live.Rankings[0].Ranked
	x.Was, x.Now = was[0], now[0]
	if running != "" {
		if x.Was, err = named(was, running); err != nil {
			return x, err
		}
	}
	for i := range now {
		if now[i].Topology.Name == x.Was.Topology.Name {
			x.Still = &now[i]
		}
	}
	if x.Still != nil && x.Still.Score > 0 {
		x.Gain = x.Now.Score/x.Still.Score - 1
	}
	alike := x.Still != nil && x.Still.Admissible == x.Now.Admissible
	switch {
	case x.Now.Topology.Name == x.Was.Topology.Name, alike && x.Gain <= tie:
		x.Side = Holds
	case alike && x.Gain <= margin:
		x.Side = Near
	default:
		x.Side = Crossed
	}
	return x, nil
}

// about is d for one of its models.
func about(d topology.Decision, model string) (topology.Decision, error) {
	var names []string
	for _, m := range d.Models {
		if m.Name == model || model == "" && len(d.Models) == 1 {
			d.Models = []topology.Model{m}
			return d, nil
		}
		names = append(names, m.Name)
	}
	if model == "" {
		return d, fmt.Errorf("the decision is about several models, %v: say which has this traffic", names)
	}
	return d, fmt.Errorf("the decision is not about model %q; it is about %v", model, names)
}

func named(all []topology.Ranked, name string) (topology.Ranked, error) {
	for _, x := range all {
		if x.Topology.Name == name {
			return x, nil
		}
	}
	return topology.Ranked{}, fmt.Errorf("topology %q is not among those that the decision ranks", name)
}
