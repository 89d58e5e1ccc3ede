package declared

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/load"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/trace"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// work is a workload as it is predicted, and as it is sent.
type work struct {
	topology.Workload
	trace  []load.Arrival
	source string // of the trace
}

// work by its name; the built-in one where none is declared.
func (s *Set) work(name string) (work, error) {
	if s.workloads.builtin(name) {
		return work{Workload: Workload()}, nil
	}
	return s.workloads.get("workload", name)
}

func (r *reader) addWorkload(w *config.Workload) {
	basis := Workload()
	out := work{source: w.Trace, Workload: topology.Workload{
		Name: w.Name, Input: cmp.Or(w.Input, basis.Input), Output: cmp.Or(w.Output, basis.Output), Prompts: cmp.Or(w.Prompts, basis.Prompts),
		Rate: w.Rate, Arrival: w.Arrival, Burstiness: w.Burstiness, Concurrency: w.Concurrency,
		SharedPrefix: w.SharedPrefix, Spread: w.Spread, Longest: w.Longest, Seed: uint64(max(w.Seed, 0)),
	}}
	good := true
	if w.Trace != "" {
		good = r.replay(w, &out)
	}
	if good {
		if err := out.Check(); err != nil {
			r.add(diag.Errorf(w.Range, "bad-workload", "Workload cannot be meant", "%v.", err))
			good = false
		}
	}
	r.workloads.add(w.Name, out, good)
}

// replay reads a trace, and gives predictions its means and spreads.
func (r *reader) replay(w *config.Workload, out *work) bool {
	at := w.Ranges.At("trace", w.Range)
	src, err := r.read(w.Trace)
	if err != nil {
		what := fmt.Sprintf("%s: %v.", w.Trace, withoutPath(err))
		if errors.Is(err, fs.ErrNotExist) {
			what = fmt.Sprintf("There is no file %s. Paths are relative to the project.", w.Trace)
		}
		r.add(diag.Errorf(at, "bad-trace", "Trace cannot be replayed", "%s", what))
		return false
	}
	out.trace, err = trace.Read(bytes.NewReader(src), trace.Limits{Arrivals: w.Prompts})
	if err == nil && len(out.trace) == 0 {
		err = errors.New("it has no arrivals")
	}
	if err != nil {
		r.add(diag.Errorf(at, "bad-trace", "Trace cannot be replayed", "%s: %v.", w.Trace, err))
		return false
	}
	out.Workload = describe(out.trace, out.Workload)
	return true
}

// describe is w with the lengths and arrivals of a trace: mean lengths, the
// deviation of their logarithm, the rate, and the shape of the gaps' gamma
// distribution (mean squared over variance).
func describe(all []load.Arrival, w topology.Workload) topology.Workload {
	n := float64(len(all))
	var in, out, logs, squares float64
	longest := 0
	for _, a := range all {
		in, out = in+float64(a.Input), out+float64(a.Output)
		l := math.Log(float64(a.Input + a.Output))
		logs, squares = logs+l, squares+l*l
		longest = max(longest, a.Input+a.Output)
	}
	w.Input, w.Output = max(1, int(math.Round(in/n))), max(1, int(math.Round(out/n)))
	w.Prompts, w.Longest = len(all), longest
	w.Spread = min(3, math.Sqrt(max(0, squares/n-logs*logs/n/n)))
	w.Rate, w.Arrival, w.Burstiness = 0, "", 0
	w.SharedPrefix = min(w.SharedPrefix, w.Input)
	gaps := n - 1
	if span := all[len(all)-1].At - all[0].At; gaps > 0 && span > 0 {
		mean := span.Seconds() / gaps
		variance := 0.
		for i := 1; i < len(all); i++ {
			d := (all[i].At - all[i-1].At).Seconds() - mean
			variance += d * d / gaps
		}
		w.Rate, w.Arrival, w.Burstiness = 1/mean, "gamma", 1e6
		if variance > 0 {
			w.Burstiness = min(1e6, mean*mean/variance)
		}
	}
	return w
}

// widest is the spread from which on an even range of the same deviation would
// begin below nothing.
var widest = math.Sqrt(math.Log(4. / 3))

// sent is the workload as the load generator takes it, and its pace.
func (w work) sent() (load.Workload, load.Pace, error) {
	out := load.Workload{
		Name: w.Name, Input: w.Input, Output: w.Output, Prompts: w.Prompts,
		SharedPrefix: w.SharedPrefix, Seed: w.Seed, Trace: w.trace, TraceName: w.source,
	}
	pace := load.Pace{Concurrency: w.Concurrency}
	if w.trace != nil {
		return out, pace, nil
	}
	pace.Rate, pace.Burstiness = load.Rate(w.Rate), w.Burstiness
	if w.Spread >= widest {
		return out, pace, fmt.Errorf("workload %q has a spread of %g: it can be predicted, and not sent, because lengths of a measurement come from an even range, which ends at %.2f. Record a trace, or take a smaller spread", w.Name, w.Spread, widest)
	}
	// Relative deviation of a log-normal, and of an even range of half-width S: S/sqrt(3).
	out.Spread = math.Sqrt(3 * (math.Exp(w.Spread*w.Spread) - 1))
	return out, pace, nil
}
