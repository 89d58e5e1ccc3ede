package topology

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Measurement is what a benchmark found: it replaces predictions.
type Measurement struct {
	Topology, Model, Workload string
	Outcome                   Outcome // values that are not known are left predicted
	Valid                     bool    // an invalid run (the generator was too slow) is not used
}

// Ranked is one candidate with what it does.
type Ranked struct {
	Topology   Topology
	Outcomes   []Outcome // one a workload, in the decision's order
	Score      float64   // 0..1: mean over workloads of its objective relative to the best of all
	Admissible bool      // keeps the SLO, or the requirement, on every workload
	Measured   bool      // every objective value is measured
	Why        string    // one sentence
}

// Excluded is a candidate that has no numbers, and why.
type Excluded struct {
	Topology Topology
	Err      error // *Misfit, *Abstention, or a fault of the input
}

// Ranking is the answer for one model.
type Ranking struct {
	Model     string
	GPUs      int
	Objective Objective
	Ranked    []Ranked // best first; inadmissible ones after all others
	Excluded  []Excluded
	Variables []Variable // the four that decide, for the first workload
	Next      *Next      // the measurement that could change the answer; nil: none could
	Met       bool       // the first is admissible
}

// Result answers a decision: where each model goes, and the layout of each.
type Result struct {
	Decision  string
	Placement Placement
	Rankings  []Ranking
}

// Decide ranks the candidates. For a model that no topology may serve it searches
// everything that fits. An error means that the question cannot be meant; that nothing can be
// predicted is an *Abstention.
func Decide(d Decision, measured []Measurement, c Calibration) (Result, error) {
	if err := d.check(); err != nil {
		return Result{}, fmt.Errorf("decision %q: %w", d.Name, err)
	}
	place, err := Place(d.Hardware, d.Models, d.Workloads)
	if err != nil {
		return Result{}, fmt.Errorf("decision %q: %w", d.Name, err)
	}
	out := Result{Decision: d.Name, Placement: place}
	for i, m := range d.Models {
		r, err := d.rank(place.share(d.Hardware, i), m, measured, c)
		if err != nil {
			return Result{}, fmt.Errorf("decision %q: %w", d.Name, err)
		}
		out.Rankings = append(out.Rankings, r)
	}
	return out, nil
}

func (d Decision) check() error {
	errs := []error{d.Hardware.Check()}
	if len(d.Models) == 0 {
		errs = append(errs, fmt.Errorf("it names no model"))
	}
	if len(d.Workloads) == 0 {
		errs = append(errs, fmt.Errorf("it names no workload"))
	}
	for _, w := range d.Workloads {
		errs = append(errs, w.Check())
	}
	for _, t := range d.Topologies {
		errs = append(errs, t.Check())
	}
	switch d.Objective {
	case "", PerGPU, OutputTPS, LowTPOT, LowTTFT:
	default:
		errs = append(errs, fmt.Errorf("the objective %q is not known: use %s, %s, %s or %s", d.Objective, PerGPU, OutputTPS, LowTPOT, LowTTFT))
	}
	return errors.Join(errs...)
}

// rank decides for one model on its share of the hardware.
func (d Decision) rank(h Hardware, m Model, measured []Measurement, c Calibration) (Ranking, error) {
	r := Ranking{Model: m.Name, GPUs: h.Count, Objective: cmp.Or(d.Objective, PerGPU)}
	candidates := d.Candidates(m)
	if len(candidates) == 0 {
		var left []Skipped
		candidates, left = Search(h, m, longest(d.Workloads), "", "")
		for _, s := range left {
			r.Excluded = append(r.Excluded, Excluded(s))
		}
	}
	for _, t := range candidates {
		if d.Forbid != nil {
			if err := d.Forbid(m, t); err != nil {
				r.Excluded = append(r.Excluded, Excluded{t, err})
				continue
			}
		}
		one, err := d.candidate(h, m, t, measured, c)
		if err != nil {
			if !outsider(err) {
				return r, err
			}
			r.Excluded = append(r.Excluded, Excluded{t, err})
			continue
		}
		r.Ranked = append(r.Ranked, one)
	}
	if len(r.Ranked) == 0 {
		return r, &Abstention{Fact: "candidates", Why: fmt.Sprintf("none of %d layouts of %q on %d %s can run and be predicted%s", len(r.Excluded), m.Name, h.Count, h.GPU.Name, because(r.Excluded)), Do: "Take a narrower format of weights or cache, more GPUs, or measure."}
	}
	r.score()
	slices.SortStableFunc(r.Ranked, better)
	r.explain(d)
	r.Variables = variables(h, m, d, r, c)
	r.Next = next(r, d)
	r.Met = r.Ranked[0].Admissible
	return r, nil
}

func because(all []Excluded) string {
	if len(all) == 0 {
		return ""
	}
	return ": " + all[len(all)-1].Err.Error()
}

func outsider(err error) bool {
	var m *Misfit
	var a *Abstention
	return errors.As(err, &m) || errors.As(err, &a)
}

func longest(ws []Workload) Workload {
	return slices.MaxFunc(ws, func(a, b Workload) int { return cmp.Compare(a.Input+a.Output, b.Input+b.Output) })
}

// candidate is t on every workload: measured where measured, else predicted.
// What was measured on every workload needs no prediction to be ranked.
func (d Decision) candidate(h Hardware, m Model, t Topology, measured []Measurement, c Calibration) (Ranked, error) {
	out := Ranked{Topology: t, Admissible: true, Measured: true}
	for _, w := range d.Workloads {
		found, seen := lookup(measured, t, m, w)
		o, err := Predict(h, m, w, t, c)
		if err != nil && (!seen || !outsider(err)) {
			return out, err
		}
		o.Workload, o.GPUs = w.Name, t.GPUs(m)
		if seen {
			o.take(found)
		}
		d.SLO.judge(&o)
		ok := o.SLOMet
		if d.Require != nil {
			if ok, err = d.Require(o); err != nil {
				return out, fmt.Errorf("topology %q on workload %q: require: %w", t.Name, w.Name, err)
			}
		}
		out.Admissible = out.Admissible && ok
		out.Measured = out.Measured && o.value(cmp.Or(d.Objective, PerGPU)).Basis == Measured
		out.Outcomes = append(out.Outcomes, o)
	}
	return out, nil
}

func lookup(all []Measurement, t Topology, m Model, w Workload) (Outcome, bool) {
	for _, x := range slices.Backward(all) { // the latest counts
		if x.Valid && x.Topology == t.Name && x.Model == m.Name && x.Workload == w.Name {
			return x.Outcome, true
		}
	}
	return Outcome{}, false
}

// take overwrites o with what was measured.
func (o *Outcome) take(m Outcome) {
	for to, from := range map[*Value]Value{
		&o.OutputTPS: m.OutputTPS, &o.PerGPU: m.PerGPU, &o.Requests: m.Requests,
		&o.TTFT: m.TTFT, &o.TTFT50: m.TTFT50, &o.TTFT95: m.TTFT95, &o.TTFT99: m.TTFT99,
		&o.TPOT: m.TPOT, &o.TPOT50: m.TPOT50, &o.TPOT95: m.TPOT95, &o.TPOT99: m.TPOT99,
		&o.ITL99: m.ITL99, &o.Latency95: m.Latency95,
	} {
		if from.Basis == Measured && from.Known() {
			*to = from
		}
	}
	if o.PerGPU.Basis != Measured && o.OutputTPS.Basis == Measured && o.GPUs > 0 {
		o.PerGPU = Value{o.OutputTPS.Number / float64(o.GPUs), Measured}
	}
}

// value of an objective; for times less is better.
func (o Outcome) value(k Objective) Value {
	switch k {
	case OutputTPS:
		return o.OutputTPS
	case LowTPOT:
		return o.TPOT
	case LowTTFT:
		return o.TTFT
	}
	return o.PerGPU
}

func (k Objective) lower() bool { return k == LowTPOT || k == LowTTFT }

// score compares each objective with the best of all candidates, admissible or
// not, so that the score also says what the SLO costs.
func (r *Ranking) score() {
	for w := range r.Ranked[0].Outcomes {
		best := math.NaN()
		for _, x := range r.Ranked {
			v := x.Outcomes[w].value(r.Objective)
			if v.Known() && (math.IsNaN(best) || r.Objective.lower() && v.Number < best || !r.Objective.lower() && v.Number > best) {
				best = v.Number
			}
		}
		for i := range r.Ranked {
			v := r.Ranked[i].Outcomes[w].value(r.Objective)
			share := v.Number / best
			if r.Objective.lower() {
				share = best / v.Number
			}
			if v.Known() && !math.IsNaN(share) {
				r.Ranked[i].Score += share / float64(len(r.Ranked[0].Outcomes))
			}
		}
	}
}

// better puts admissible ones first, then the higher score, then fewer GPUs,
// then the simpler layout, then the name: the same answer every time.
func better(a, b Ranked) int {
	if a.Admissible != b.Admissible {
		if a.Admissible {
			return -1
		}
		return 1
	}
	split := func(r Ranked) int {
		if r.Topology.Split() {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Outcomes[0].GPUs, b.Outcomes[0].GPUs), cmp.Compare(split(a), split(b)), cmp.Compare(a.Topology.Name, b.Topology.Name))
}
