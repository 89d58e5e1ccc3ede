package topology

import (
	"fmt"
	"math"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"github.com/plimsoll-dev/plimsoll/core/topology/sim"
	"github.com/plimsoll-dev/plimsoll/core/topology/step"
)

// seats is how many requests an engine runs at once at most, whatever fits:
// vLLM's max_num_seqs on data-centre GPUs.
const seats = 1024

// Predict replays the workload through the topology, request by request. It is
// the slower and fuller of the two predictions: Steady knows means only.
// Errors are *Misfit (it cannot run), *Abstention (it is not known), or say
// what of the input cannot be meant.
func Predict(h Hardware, m Model, w Workload, t Topology, c Calibration) (Outcome, error) {
	p, err := prepare(h, m, w, t, c)
	if err != nil {
		return Outcome{}, err
	}
	traces, err := sim.Run(p.plan(w), w.requests())
	if err != nil {
		return Outcome{}, fmt.Errorf("topology %q on workload %q: %w", t.Name, w.Name, err)
	}
	start := 0.0
	if w.open() {
		start = traces[0].Start
	}
	window := sim.End(traces) - start + c.Cold
	r := metric.Sum(sim.Requests(traces), metric.Limits{}, window)
	o := Outcome{Workload: w.Name, GPUs: p.gpus, Window: window}
	say := func(v float64) Value { return Value{v, Predicted} }
	o.OutputTPS, o.Requests, o.PerGPU = say(r.OutputTPS), say(r.Rate), say(r.OutputTPS/float64(p.gpus))
	f := c.ttft()
	o.TTFT, o.TTFT50, o.TTFT95, o.TTFT99 = say(r.TTFT.Mean*f), say(r.TTFT.Median*f), say(r.TTFT.P95*f), say(r.TTFT.P99*f)
	if r.TPOT.N > 0 {
		o.TPOT, o.TPOT50, o.TPOT95, o.TPOT99 = say(r.TPOT.Mean), say(r.TPOT.Median), say(r.TPOT.P95), say(r.TPOT.P99)
		o.ITL99 = say(r.ITL.P99)
	}
	o.Latency95 = say(r.Latency.P95)
	first := p.one
	o.Fits = []Fit{p.one.fit}
	if p.split {
		first = p.prefill
		o.Fits = []Fit{p.prefill.fit, p.one.fit}
		o.TransferSeconds = p.transfer(float64(w.Input))
	}
	o.PrefillSeconds = first.Prefill(float64(w.Input-w.SharedPrefix), float64(w.SharedPrefix))
	return o, nil
}

// Capacity is the highest Poisson rate, in requests a second and GPU, at which
// the share of requests given keeps every limit; 0 when none does. The
// workload's own rate is not looked at; runs are of w.Prompts requests, each
// with the same arrivals but faster.
func Capacity(h Hardware, m Model, w Workload, t Topology, c Calibration, limits metric.Limits, share float64) (float64, error) {
	p, err := prepare(h, m, w, t, c)
	if err != nil {
		return 0, err
	}
	w.Concurrency = 0
	keeps := func(rate float64) (bool, error) {
		w.Rate = rate
		traces, err := sim.Run(p.plan(w), w.requests())
		if err != nil {
			return false, fmt.Errorf("topology %q at %.3g requests a second: %w", t.Name, rate, err)
		}
		r := metric.Sum(sim.Requests(traces), limits, 1)
		return r.Goodput >= share*float64(r.Requests), nil
	}
	low, high := 0.0, 1e-3
	for range 30 { // double until it breaks
		ok, err := keeps(high)
		if err != nil {
			return 0, err
		}
		if !ok {
			break
		}
		low, high = high, high*2
	}
	for range 12 {
		mid := (low + high) / 2
		ok, err := keeps(mid)
		if err != nil {
			return 0, err
		}
		if ok {
			low = mid
		} else {
			high = mid
		}
	}
	return low / float64(p.gpus), nil
}

// scaled is a worker with the anchor's factor on the steps that decode.
type scaled struct {
	step.Worker
	by float64
}

func (s scaled) Decode(batch, context float64) float64 { return s.Worker.Decode(batch, context) * s.by }

// plan is p as the simulator takes it.
func (p plant) plan(w Workload) sim.Plan {
	out := sim.Plan{Transfer: p.transfer, Concurrency: w.Concurrency, Delay: p.cal.Request}
	add := func(q pool, role sim.Role) {
		for range q.workers {
			out.Workers = append(out.Workers, sim.Worker{
				Step: scaled{q.Worker, p.cal.tpot()}, Role: role, Budget: Budget * q.attention, Slots: min(q.fit.Requests, seats*q.attention), First: p.first && role == sim.Both,
			})
		}
	}
	if !p.split {
		add(p.one, sim.Both)
		return out
	}
	add(p.prefill, sim.Prefill)
	add(p.one, sim.Decode)
	return out
}

// open says whether requests come by their own clock.
func (w Workload) open() bool { return w.Concurrency == 0 && w.Rate > 0 && !math.IsInf(w.Rate, 1) }

func (w Workload) requests() []sim.Request {
	var out []sim.Request
	if w.open() {
		shape := 1.0
		if w.Arrival == "gamma" && w.Burstiness > 0 {
			shape = w.Burstiness
		}
		out = sim.Arrivals(w.prompts(), w.Input, w.Output, w.Rate, shape, w.Seed)
	} else {
		out = sim.Burst(max(w.prompts(), w.Concurrency), w.Input, w.Output)
	}
	if w.Spread > 0 {
		longest := w.Longest
		if longest == 0 {
			longest = 8 * (w.Input + w.Output)
		}
		sim.Vary(out, w.Spread, longest, w.Seed)
	}
	for i := range out {
		out[i].Prefix = min(w.SharedPrefix, out[i].Input)
	}
	return out
}

// judge says whether o keeps the SLO, and what of it is missed or not known.
func (s SLO) judge(o *Outcome) {
	o.Missed, o.Unknown = nil, nil
	most := func(what string, limit time.Duration, v Value) {
		switch {
		case limit <= 0:
		case !v.Known():
			o.Unknown = append(o.Unknown, fmt.Sprintf("%s is not known, and %s is asked", what, limit))
		case v.Number > limit.Seconds():
			o.Missed = append(o.Missed, fmt.Sprintf("%s is %s (%s), and %s is asked", what, seconds(v.Number), v.Basis, limit))
		}
	}
	least := func(what string, limit float64, v Value) {
		switch {
		case limit <= 0:
		case !v.Known():
			o.Unknown = append(o.Unknown, fmt.Sprintf("%s is not known, and %g is asked", what, limit))
		case v.Number < limit:
			o.Missed = append(o.Missed, fmt.Sprintf("%s is %.3g (%s), and %g is asked", what, v.Number, v.Basis, limit))
		}
	}
	most("ttft_p50", s.TTFT50, o.TTFT50)
	most("ttft_p95", s.TTFT95, o.TTFT95)
	most("ttft_p99", s.TTFT99, o.TTFT99)
	most("tpot_p50", s.TPOT50, o.TPOT50)
	most("tpot_p95", s.TPOT95, o.TPOT95)
	most("tpot_p99", s.TPOT99, o.TPOT99)
	most("itl_p99", s.ITL99, o.ITL99)
	most("latency_p95", s.Latency95, o.Latency95)
	least("output_tps", s.OutputTPS, o.OutputTPS)
	least("requests_per_s", s.RequestsPerSec, o.Requests)
	o.SLOMet = len(o.Missed) == 0 && len(o.Unknown) == 0
}

// seconds in the unit in which people say them.
func seconds(v float64) string {
	switch {
	case math.IsNaN(v):
		return "unknown"
	case v < 1e-3:
		return fmt.Sprintf("%.0f us", v*1e6)
	case v < .1:
		return fmt.Sprintf("%.1f ms", v*1e3)
	case v < 1:
		return fmt.Sprintf("%.0f ms", v*1e3)
	}
	return fmt.Sprintf("%.1f s", v)
}
