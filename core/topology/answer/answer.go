// Package answer puts a decision together: what was measured stands where it can,
// constants are calibrated on it, what the engine is known to fail at is left out,
// and core/topology ranks the rest.
//
// It must not read files or start anything: blocks and measurements are given. What
// it left out comes back with the reason.
//
//	d, err := set.Decision("")                       // core/topology/declared
//	all, err := measured.Read(os.DirFS("topology"))
//	a, err := answer.Decide(d, all)
//	fmt.Println(a.Rankings[0].Ranked[0].Topology.Name, a.Found(), a.Calibrated.Words)
//	x, err := answer.Live(d, all, traffic)            // does it still hold for what comes?
package answer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/measured"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
)

// Answer is a result and what it rests on.
type Answer struct {
	topology.Result
	Calibrated measured.Calibrated
	Used       []topology.Measurement // results that stand in the place of predictions
	Left       []measured.Left        // files that were not used, and why
	Unsaid     []measured.Left        // files that were used, and do not say of which layout they are
}

// Found says whether every model has a layout that is admissible.
func (a Answer) Found() bool {
	return len(a.Rankings) > 0 && !slices.ContainsFunc(a.Rankings, func(r topology.Ranking) bool { return !r.Met })
}

// Decide answers d. Errors are those of topology.Decide: an *topology.Abstention
// says that nothing could be ranked.
func Decide(d topology.Decision, all measured.All) (Answer, error) {
	a := Answer{Calibrated: all.Calibrate(d)}
	a.Used, a.Left = all.For(d)
	a.Unsaid = all.Unsaid(d)
	d.Forbid = forbid(d, a.Used)
	var err error
	a.Result, err = topology.Decide(d, a.Used, a.Calibrated.Calibration)
	return a, err
}

// forbid leaves out what the engine cannot run. What was measured did run.
func forbid(d topology.Decision, used []topology.Measurement) func(topology.Model, topology.Topology) error {
	some := map[string]bool{} // models that the engine can run in one layout at least
	ran := func(m topology.Model, t topology.Topology) bool {
		return slices.ContainsFunc(used, func(x topology.Measurement) bool { return x.Model == m.Name && x.Topology == t.Name })
	}
	for _, m := range d.Models {
		all := d.Candidates(m)
		if len(all) == 0 {
			all, _ = topology.Search(d.Hardware, m, longest(d.Workloads), "", "")
		}
		some[m.Name] = slices.ContainsFunc(all, func(t topology.Topology) bool { return runs(d.Hardware, m, t) == nil })
	}
	return func(m topology.Model, t topology.Topology) error {
		if ran(m, t) {
			return nil
		}
		err := runs(d.Hardware, m, t)
		var blocked *plan.Blocked
		switch {
		case errors.As(err, &blocked):
			return err
		case err != nil && some[m.Name]:
			return fmt.Errorf("no plan can be made of %s: %w", t.Name, err)
		}
		return nil // refused in every layout: it is the model's format or the version, which ranks nothing
	}
}

func longest(ws []topology.Workload) topology.Workload {
	var out topology.Workload
	for _, w := range ws {
		if w.Input+w.Output > out.Input+out.Output {
			out = w
		}
	}
	return out
}

// newest is the version that plans were checked up to: what a search takes, since
// nobody named one.
const newest = "0.24"

// anyImage stands for one, where only the layout is asked about.
const anyImage = "any@sha256:0000000000000000000000000000000000000000000000000000000000000000"

// runs says why the engine cannot run t; nil when nothing speaks against it. Only
// findings of preflight and refusals count: what does not fit is the ranking's to
// say. How the block says to start it does not matter here.
func runs(h topology.Hardware, m topology.Model, t topology.Topology) error {
	if t.Attach != "" {
		return nil
	}
	if t.Version == "" {
		t.Engine, t.Version = "vllm", newest
	}
	t.Runtime = "process"
	s := plan.Spec{Name: "any", Topology: t, Hardware: h, Model: m, Source: "any/any"}
	if h.PerNode > 0 && t.GPUs(m) > h.PerNode {
		s.Topology.Runtime, s.Topology.Image, s.Proxy.Image = "kubernetes", anyImage, anyImage
	}
	_, err := plan.Make(s)
	var blocked *plan.Blocked
	var refused *plan.Refused
	if errors.As(err, &blocked) {
		if slices.ContainsFunc(blocked.Findings, func(f finding) bool { return f.Effect == block && f.ID != memory }) {
			return err
		}
		return nil
	}
	if errors.As(err, &refused) {
		return err
	}
	return nil
}
