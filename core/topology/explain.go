package topology

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Variable is one of the four things that decide, in words to act on.
type Variable struct {
	Name  string  // prefill_decode_ratio, slo_tightness, gpu_count, transfer_cost
	Value float64 // NaN when it does not apply
	Unit  string
	Words string
}

// Next is the one measurement that could change the answer.
type Next struct {
	Topology, Workload string
	Command, Why       string
}

// margin is how far a prediction may be off: the root mean square log error of
// TPOT over public deployments without calibration is about 0.35 (see
// BENCHMARKS.md); between two layouts of one model on one machine about half
// of that is common to both and cancels.
const margin = .2

// explain gives each candidate its sentence.
func (r *Ranking) explain(d Decision) {
	for i := range r.Ranked {
		x := &r.Ranked[i]
		var parts []string
		for _, o := range x.Outcomes {
			v := o.value(r.Objective)
			line := fmt.Sprintf("%s: %s (%s)", o.Workload, r.Objective.say(v.Number), v.Basis)
			if len(o.Missed) > 0 {
				line += ", misses the SLO: " + strings.Join(o.Missed, "; ")
			}
			if len(o.Unknown) > 0 {
				line += ", SLO not decided: " + strings.Join(o.Unknown, "; ")
			}
			parts = append(parts, line)
		}
		x.Why = strings.Join(parts, ". ")
		if d.Require != nil && !x.Admissible && x.slo() {
			x.Why += ". It does not satisfy `require`"
		}
	}
}

func (x Ranked) slo() bool {
	for _, o := range x.Outcomes {
		if !o.SLOMet {
			return false
		}
	}
	return true
}

func (k Objective) say(v float64) string {
	switch k {
	case LowTPOT:
		return seconds(v) + " a token"
	case LowTTFT:
		return seconds(v) + " to the first token"
	case OutputTPS:
		return fmt.Sprintf("%.0f tokens/s", v)
	}
	return fmt.Sprintf("%.0f tokens/s and GPU", v)
}

// variables computes the four for the first workload from the best aggregated
// and the best split candidate.
func variables(h Hardware, m Model, d Decision, r Ranking, c Calibration) []Variable {
	w := d.Workloads[0]
	var whole, apart *Ranked
	for i := range r.Ranked {
		x := &r.Ranked[i]
		if x.Topology.Split() && apart == nil {
			apart = x
		}
		if !x.Topology.Split() && whole == nil {
			whole = x
		}
	}
	return []Variable{ratio(h, m, w, r, c), tightness(d.SLO, whole, apart), count(h, m, w), cost(w, whole, apart)}
}

func ratio(h Hardware, m Model, w Workload, r Ranking, c Calibration) Variable {
	v := Variable{Name: "prefill_decode_ratio", Value: math.NaN(), Unit: "seconds of prefill per second of decode", Words: "It is not known how prefill compares with decode: the first candidate cannot be predicted."}
	t := r.Ranked[0].Topology
	p, err := prepare(h, m, w, t, c)
	if err != nil {
		return v
	}
	first := p.one
	if p.split {
		first = p.prefill
	}
	pre := first.Prefill(float64(w.Input-w.SharedPrefix), float64(w.SharedPrefix)) * float64(first.GPUs())
	batch := float64(max(min(max(w.prompts(), w.Concurrency)/max(p.one.workers, 1), p.one.fit.Requests), 1))
	dec := p.one.Decode(batch, float64(w.Input)+float64(w.Output)/2) * float64(w.Output) / batch * float64(p.one.GPUs())
	v.Value = pre / dec
	switch {
	case v.Value > 2:
		v.Words = fmt.Sprintf("Prefill takes %.1f times the GPU time of decode: prompts disturb answers, and a split needs most GPUs for prefill.", v.Value)
	case v.Value < .5:
		v.Words = fmt.Sprintf("Prefill takes only %.2f of the GPU time of decode: a GPU that prefills alone would stand idle most of the time.", v.Value)
	default:
		v.Words = fmt.Sprintf("Prefill takes %.2f of the GPU time of decode: a split into halves would be used evenly.", v.Value)
	}
	return v
}

func tightness(s SLO, whole, apart *Ranked) Variable {
	v := Variable{Name: "slo_tightness", Value: math.NaN(), Unit: "asked TPOT / predicted TPOT without a split", Words: "No time per output token is asked: the layout with the most tokens a second wins."}
	asked, pick := s.TPOT95, func(o Outcome) Value { return o.TPOT95 }
	if asked == 0 {
		asked, pick = s.TPOT99, func(o Outcome) Value { return o.TPOT99 }
	}
	if asked == 0 {
		asked, pick = s.TPOT50, func(o Outcome) Value { return o.TPOT50 }
	}
	if asked == 0 || whole == nil || !pick(whole.Outcomes[0]).Known() {
		return v
	}
	got := pick(whole.Outcomes[0])
	v.Value = asked.Seconds() / got.Number
	switch {
	case v.Value >= 1:
		v.Words = fmt.Sprintf("%s a token is asked, and %s without a split gives %s (%s): there is no need to split.", asked, whole.Topology.Name, seconds(got.Number), got.Basis)
	case apart != nil && pick(apart.Outcomes[0]).Known() && pick(apart.Outcomes[0]).Number <= asked.Seconds():
		v.Words = fmt.Sprintf("%s a token is asked. %s without a split gives %s, the split %s gives %s: only the split keeps it. Fewer requests at once, or %s, would do without.", asked, whole.Topology.Name, seconds(got.Number), apart.Topology.Name, seconds(pick(apart.Outcomes[0]).Number), roundUp(got.Number))
	default:
		v.Words = fmt.Sprintf("%s a token is asked, and neither the best layout without a split (%s) nor with one keeps it: fewer requests at once, narrower weights, or more GPUs.", asked, seconds(got.Number))
	}
	return v
}

func roundUp(v float64) string {
	return "an SLO of " + (time.Duration(math.Ceil(v*1e3)) * time.Millisecond).String()
}

func count(h Hardware, m Model, w Workload) Variable {
	v := Variable{Name: "gpu_count", Value: float64(h.Count), Unit: "GPUs", Words: fmt.Sprintf("There are %d GPUs, and the model fits on none of the ways to use fewer.", h.Count)}
	for n := 1; n <= h.Count; n *= 2 {
		fits, err := Memory(h, m, w, Topology{Pool: Pool{TensorParallel: n}})
		if err != nil || !fits[0].Fits {
			continue
		}
		v.Words = fmt.Sprintf("One copy needs %d of %d GPUs, so %d copies fit: %s.", n, h.Count, h.Count/n, fits[0])
		if h.Count/n < 2 {
			v.Words = fmt.Sprintf("One copy needs %d of %d GPUs: there is no room for a split into prefill and decode. %s.", n, h.Count, fits[0])
		}
		break
	}
	return v
}

// cost compares what a split pays, a transfer a request, with what it saves:
// the longer tokens while others prefill.
func cost(w Workload, whole, apart *Ranked) Variable {
	v := Variable{Name: "transfer_cost", Value: math.NaN(), Unit: "seconds of KV transfer per second saved", Words: "No split could be compared: either none fits, or none was asked for."}
	if whole == nil || apart == nil || !whole.Outcomes[0].TPOT.Known() || !apart.Outcomes[0].TPOT.Known() {
		return v
	}
	move := apart.Outcomes[0].TransferSeconds
	saved := (whole.Outcomes[0].TPOT.Number - apart.Outcomes[0].TPOT.Number) * float64(w.Output-1)
	if saved <= 0 {
		v.Value = math.Inf(1)
		v.Words = fmt.Sprintf("Moving one prompt's cache takes %s, and the split saves no time per token: it cannot pay.", seconds(move))
		return v
	}
	v.Value = move / saved
	v.Words = fmt.Sprintf("Moving one prompt's cache takes %s and saves %s of an answer of %d tokens.", seconds(move), seconds(saved), w.Output)
	if v.Value > 1 {
		v.Words += " It costs more than it saves: faster links, or a narrower cache, first."
	}
	return v
}

// next is the candidate whose measurement could change who is first: the one
// that is not measured and comes nearest to the first within the model's error,
// or the first itself when it is only predicted.
func next(r Ranking, d Decision) *Next {
	first := r.Ranked[0]
	w := d.Workloads[0].Name
	measure := func(t, why string) *Next {
		return &Next{Topology: t, Workload: w, Command: fmt.Sprintf("plimsoll topology bench --topology %s --model %s --workload %s", t, r.Model, w), Why: why}
	}
	for _, x := range r.Ranked[1:] {
		if x.Measured && first.Measured {
			continue
		}
		near := x.Score >= first.Score*(1-margin) && (x.Admissible || x.keeps(d.SLO, 1+margin)) || !first.Admissible && x.keeps(d.SLO, 1+margin)
		if !near {
			continue
		}
		if !first.Measured {
			return measure(first.Topology.Name, fmt.Sprintf("%s is first by prediction alone, and %s is within the model's error of %.0f %%. Measuring the first says whether it holds and anchors the others.", first.Topology.Name, x.Topology.Name, 100*margin))
		}
		return measure(x.Topology.Name, fmt.Sprintf("%s is only predicted, and within the model's error of %.0f %% of %s, which was measured: it could be first.", x.Topology.Name, 100*margin, first.Topology.Name))
	}
	if !first.Measured && first.Admissible != first.keeps(d.SLO, 1-margin) {
		return measure(first.Topology.Name, fmt.Sprintf("Whether %s keeps the SLO is within the model's error of %.0f %%.", first.Topology.Name, 100*margin))
	}
	return nil
}

// keeps says whether x would keep the SLO if all its limits were so many times
// as wide.
func (x Ranked) keeps(s SLO, by float64) bool {
	for _, d := range []*time.Duration{&s.TTFT50, &s.TTFT95, &s.TTFT99, &s.TPOT50, &s.TPOT95, &s.TPOT99, &s.ITL99, &s.Latency95} {
		*d = time.Duration(float64(*d) * by)
	}
	s.OutputTPS, s.RequestsPerSec = s.OutputTPS/by, s.RequestsPerSec/by
	for _, o := range x.Outcomes {
		if s.judge(&o); !o.SLOMet {
			return false
		}
	}
	return true
}
