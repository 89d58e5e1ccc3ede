package declared

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// layout is a topology with the block that it is from.
type layout struct {
	topology.Topology
	block *config.Topology
}

func (r *reader) addTopology(t *config.Topology) {
	out := layout{convert(t), t}
	good := true
	if err := out.Check(); err != nil {
		r.add(impossible(t.Range, "%v.", err))
		good = false
	}
	r.topologies.add(t.Name, out, good)
	h, known := r.hardwareOf(out)
	if good && known {
		good = r.checkSize(out, h)
	}
	if good && known {
		r.checkPlan(t.Name)
	}
	if !good {
		delete(r.topologies.by, t.Name)
	}
}

func impossible(at diag.Range, format string, args ...any) diag.Diagnostic {
	return diag.Errorf(at, "bad-topology", "Topology cannot be laid out like this", format, args...)
}

func convert(t *config.Topology) topology.Topology {
	out := topology.Topology{
		Name: t.Name, Engine: t.Engine, Version: t.Version,
		Pool: pool(t.Pool), Runtime: t.Runtime, Image: t.Image, Attach: t.Attach,
		Attention: t.Attention, Unchunked: t.Unchunked,
	}
	if t.Model != nil {
		out.Serves = t.Model.Name
	}
	if t.Prefill != nil {
		p := pool(*t.Prefill)
		out.Prefill = &p
	}
	if t.Decode != nil {
		p := pool(*t.Decode)
		out.Decode = &p
	}
	if t.Transfer != nil {
		out.Transfer = &topology.Transfer{Connector: t.Transfer.Connector, GBPerS: t.Transfer.GBPS, Lease: t.Transfer.Lease}
	}
	return out
}

func pool(p config.Pool) topology.Pool {
	return topology.Pool{GPUs: p.GPUs, Replicas: p.Replicas, DataParallel: p.DataParallel, TensorParallel: p.TensorParallel, ExpertParallel: p.ExpertParallel}
}

// hardwareOf a topology: the one that it names, else the only one. A server
// that somebody else runs needs none.
func (r *reader) hardwareOf(t layout) (topology.Hardware, bool) {
	name := ""
	if t.block.Hardware != nil {
		name = t.block.Hardware.Name
	}
	h, err := r.Hardware(name)
	if err == nil {
		return h, true
	}
	switch n := len(r.hardware.order); {
	case t.Attach != "" || name != "" || n == 1: // one with an error of its own
	case n == 0:
		r.add(diag.Errorf(t.block.Range, "missing-hardware", "No hardware is declared", "topology %q is laid on nothing: no hardware block says which GPUs there are. `plimsoll topology detect` writes one.", t.Name).WithSuggestion("hardware \"NAME\" {\n  gpu   = \"B200\"\n  count = 2\n}"))
	default:
		r.add(diag.Errorf(t.block.Range, "missing-hardware", "Which hardware is not said", "There are several hardware blocks, and topology %q names none of them.", t.Name).WithSuggestion("hardware = hardware." + r.hardware.order[0]))
	}
	return topology.Hardware{}, false
}

// checkSize holds a topology against the GPUs that there are.
func (r *reader) checkSize(t layout, h topology.Hardware) bool {
	good := true
	if need := t.GPUs(topology.Model{}); need > h.Count {
		r.add(impossible(t.block.Range, "topology %q takes %d GPUs, and hardware %q has %d.", t.Name, need, h.Name, h.Count))
		good = false
	}
	pools := []*config.Pool{&t.block.Pool, t.block.Prefill, t.block.Decode}
	for _, p := range pools {
		if p == nil {
			continue
		}
		if out := indexesOutside(p.GPUs, machine(h)); len(out) > 0 {
			r.add(impossible(p.Ranges.At("gpus", p.Range), "There is no GPU %d: a machine of hardware %q has %d, and they are counted from 0.", out[0], h.Name, machine(h)))
			good = false
		}
		if p.TensorParallel > machine(h) {
			r.add(diag.Warnf(p.Ranges.At("tensor_parallel", p.Range), "wide-tensor", "Tensor group across machines", "tensor_parallel is %d, and a machine of hardware %q has %d GPUs: every layer would wait for the network.", p.TensorParallel, h.Name, machine(h)))
		}
	}
	return good
}

// checkPlan tries to plan a topology whose model is clear, so that what a launch
// would refuse is known before anybody waits for it.
func (r *reader) checkPlan(name string) {
	t := r.topologies.by[name]
	if t.block.Model == nil && len(r.models.order) != 1 {
		return
	}
	spec, err := r.Plan(name, "")
	if err != nil {
		return // the model has an error of its own
	}
	if _, err = plan.Make(spec); err == nil {
		return
	}
	for _, e := range parts(err) {
		r.add(refusal(t, spec.Model.Name, e))
	}
}

// refusal is why there is no plan. What is known to fail and what does not fit
// are warnings: such a topology may stand beside others for comparison, and
// `topology plan` and `up` refuse it.
func refusal(t layout, model string, err error) diag.Diagnostic {
	var blocked *plan.Blocked
	var misfit *topology.Misfit
	var refused *plan.Refused
	at := t.block.Range
	switch {
	case errors.As(err, &blocked):
		var says []string
		for _, f := range blocked.Findings {
			says = append(says, f.ID+": "+f.Says)
		}
		return diag.Warnf(at, "will-not-start", "Topology does not start", "%s on topology %q is known to fail. %s", model, t.Name, strings.Join(says, " "))
	case errors.As(err, &misfit):
		return diag.Warnf(at, "does-not-fit", "Model does not fit", "%s on topology %q: %s.", model, t.Name, strings.TrimSuffix(misfit.Why, "."))
	case errors.As(err, &refused):
		return diag.Warnf(at, "no-plan", "No launch plan can be made", "%s has no plan on topology %q. %s. %s", model, t.Name, strings.TrimSuffix(refused.Why, "."), refused.Do)
	}
	says := strings.TrimSuffix(strings.TrimPrefix(err.Error(), fmt.Sprintf("topology %q: ", t.Name)), ".")
	if strings.HasPrefix(says, "--") || strings.HasPrefix(says, "the value of --") {
		at = t.block.Ranges.At("args", at)
	}
	return impossible(at, "%s.", says)
}

// parts takes joined errors apart.
func parts(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, parts(e)...)
	}
	return out
}
