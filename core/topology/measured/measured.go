// Package measured reads what was measured in a project, the folder `topology`,
// and makes of it what core/topology can take: measurements that stand in the
// place of predictions, and rows that its constants are calibrated on.
//
// It must not use a run that is invalid, nor one of another pace, length or number
// of GPUs than the decision asks about: what it left out comes back with the reason.
//
//	all, err := measured.Read(os.DirFS("topology"))  // MODEL/TOPOLOGY/WORKLOAD/*.json
//	take, left := all.For(decision)                   // []topology.Measurement
//	c := all.Calibrate(decision)                      // c.Calibration, c.Words
//	r, err := topology.Decide(decision, take, c.Calibration)
//	for _, l := range left { fmt.Println(l.File, l.Why) }
package measured

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/load/result"
)

// Found is one result and the names that its folders gave it.
type Found struct {
	File                      string
	Model, Topology, Workload string
	Result                    result.Result
}

// Left is a file that was not used, and why.
type Left struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// All is what a folder has, the oldest first.
type All struct {
	Found []Found
	Left  []Left // no results
}

// Bounds: a result without its raw data has some 10 KB.
const (
	mostFiles = 20_000
	mostBytes = 16 << 20
)

// Read goes through a folder. One that is not there has nothing in it. A file that
// is no result is left, and stops nothing.
func Read(dir fs.FS) (All, error) {
	var all All
	files := 0
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == ".":
			return fs.SkipAll
		case err != nil:
			return fmt.Errorf("reading the measurements: %w", err)
		case d.IsDir() || path.Ext(name) != ".json":
			return nil
		}
		if files++; files > mostFiles {
			return fmt.Errorf("the folder of measurements has more than %d files", mostFiles)
		}
		parts := strings.Split(name, "/")
		if len(parts) != 4 {
			all.leave(name, "it does not lie at MODEL/TOPOLOGY/WORKLOAD/FILE.json, so that it is not known what was measured")
			return nil
		}
		src, err := read(dir, name)
		if err != nil {
			all.leave(name, err.Error())
			return nil
		}
		rs, err := result.Parse(src, path.Base(name))
		if err != nil {
			all.leave(name, "it is no result: "+err.Error())
			return nil
		}
		for _, r := range rs {
			all.Found = append(all.Found, Found{File: name, Model: parts[0], Topology: parts[1], Workload: parts[2], Result: r})
		}
		return nil
	})
	slices.SortStableFunc(all.Found, func(a, b Found) int {
		return cmp.Or(a.Result.Started.Compare(b.Result.Started), cmp.Compare(a.File, b.File))
	})
	return all, err
}

// Unsaid are results that For or Calibrate take although nobody wrote down which
// layout they are of: a name was believed, and the block may have been changed.
func (a All) Unsaid(d topology.Decision) []Left {
	var out []Left
	d.Topologies = candidates(d)
	for _, f := range a.Found {
		m, _, t, known := f.in(d)
		if known && t != nil && f.Result.Layout == nil && f.unfit(m, t) == "" {
			out = append(out, Left{f.File, fmt.Sprintf("it does not say which layout it measured: it is taken for one of topology %q by its folder's name", t.Name)})
		}
	}
	return out
}

func (a *All) leave(file, why string) { a.Left = append(a.Left, Left{file, why}) }

func read(dir fs.FS, name string) (src []byte, err error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	src, err = io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err == nil && len(src) > mostBytes {
		err = fmt.Errorf("it is larger than %d bytes", mostBytes)
	}
	return src, err
}

// For is what d can use, for Decide: of several results of one cell the latest is
// last, which is the one that counts.
func (a All) For(d topology.Decision) ([]topology.Measurement, []Left) {
	var out []topology.Measurement
	left := slices.Clone(a.Left)
	d.Topologies = candidates(d)
	for _, f := range a.Found {
		m, w, t, known := f.in(d)
		if !known {
			continue // of another decision: nothing is wrong with it
		}
		if why := f.unfit(m, t); why != "" {
			left = append(left, Left{f.File, why})
			continue
		}
		if why := f.other(w); why != "" {
			left = append(left, Left{f.File, why + ": it calibrates, and measures no cell of this decision"})
			continue
		}
		out = append(out, topology.Measurement{Topology: f.Topology, Model: f.Model, Workload: f.Workload, Outcome: f.outcome(t, m), Valid: true})
	}
	return out, left
}

// candidates are those of d, or what a search makes of the whole hardware. Where
// several models share it a search is made of their parts, so that results of such
// a layout are found by its name alone.
func candidates(d topology.Decision) []topology.Topology {
	if len(d.Topologies) > 0 || len(d.Models) != 1 || len(d.Workloads) == 0 {
		return d.Topologies
	}
	fit, _ := topology.Search(d.Hardware, d.Models[0], d.Workloads[0], "", "")
	return fit
}

// in finds what the names of f mean in d; the topology is nil where only its name
// is known.
func (f Found) in(d topology.Decision) (topology.Model, topology.Workload, *topology.Topology, bool) {
	mi := slices.IndexFunc(d.Models, func(m topology.Model) bool { return m.Name == f.Model })
	wi := slices.IndexFunc(d.Workloads, func(w topology.Workload) bool { return w.Name == f.Workload })
	if mi < 0 || wi < 0 {
		return topology.Model{}, topology.Workload{}, nil, false
	}
	for i := range d.Topologies {
		if d.Topologies[i].Name == f.Topology {
			return d.Models[mi], d.Workloads[wi], &d.Topologies[i], true
		}
	}
	return d.Models[mi], d.Workloads[wi], nil, len(d.Topologies) == 0
}

// unfit says why a result proves nothing about m on t; "" when it does.
func (f Found) unfit(m topology.Model, t *topology.Topology) string {
	r := f.Result
	switch {
	case !r.Valid && len(r.Invalid) > 0:
		return "the run is invalid: " + strings.Join(r.Invalid, "; ")
	case !r.Valid:
		return "the run is invalid"
	case r.Succeeded < 1:
		return "no request of it succeeded"
	case r.Succeeded < r.Requests*9/10:
		return fmt.Sprintf("only %d of %d requests succeeded", r.Succeeded, r.Requests)
	}
	if t != nil && r.Layout != nil {
		if had, has := r.Layout.Differs(result.LayoutOf(*t, m)); had != "" {
			return fmt.Sprintf("it was measured with %s, and topology %q now has %s", had, t.Name, has)
		}
	}
	switch {
	case t != nil && r.GPUs > 0 && r.GPUs != t.GPUs(m):
		return fmt.Sprintf("it was measured on %d GPUs, and topology %q takes %d", r.GPUs, t.Name, t.GPUs(m))
	}
	return ""
}

// other says in what the traffic of f differs from w; "" when it is the same.
func (f Found) other(w topology.Workload) string {
	r := f.Result
	near := func(got, want int) bool {
		return want > 0 && math.Abs(float64(got-want)) <= max(1, .05*float64(want))
	}
	rate := func(v float64) float64 {
		if v == 0 {
			return math.Inf(1)
		}
		return v
	}
	got, want := rate(float64(r.Pace.Rate)), rate(w.Rate)
	prompts := w.Prompts
	if prompts == 0 {
		prompts = 128
	}
	burst := math.IsInf(got, 1) && r.Pace.Concurrency == 0
	switch {
	case !near(r.Workload.Input, w.Input) || !near(r.Workload.Output, w.Output):
		return fmt.Sprintf("it has %d input and %d output tokens, and workload %q has %d and %d", r.Workload.Input, r.Workload.Output, w.Name, w.Input, w.Output)
	case r.Imported == "" && r.Workload.SharedPrefix != w.SharedPrefix:
		return fmt.Sprintf("its prompts share %d tokens, and those of workload %q %d", r.Workload.SharedPrefix, w.Name, w.SharedPrefix)
	case r.Pace.Concurrency != w.Concurrency || w.Concurrency == 0 && math.Abs(got-want) > .02*want || math.IsInf(got, 1) != math.IsInf(want, 1) && w.Concurrency == 0:
		return fmt.Sprintf("its pace is %s, and that of workload %q %s", r.Pace, w.Name, pace(w))
	case burst && !near(r.Requests, prompts):
		return fmt.Sprintf("it is a burst of %d requests, and workload %q one of %d", r.Requests, w.Name, prompts)
	}
	return ""
}

func pace(w topology.Workload) string {
	switch {
	case w.Concurrency > 0:
		return fmt.Sprintf("%d at once", w.Concurrency)
	case w.Rate > 0 && !math.IsInf(w.Rate, 1):
		return fmt.Sprintf("rate %g", w.Rate)
	}
	return "burst"
}

// outcome of a result: what it does not have stays unknown.
func (f Found) outcome(t *topology.Topology, m topology.Model) topology.Outcome {
	r := f.Result
	say := func(n result.Number) topology.Value {
		if v := float64(n); n.Known() && v > 0 && !math.IsInf(v, 0) {
			return topology.Value{Number: v, Basis: topology.Measured}
		}
		return topology.Value{}
	}
	o := topology.Outcome{
		Workload: f.Workload, OutputTPS: say(r.OutputTPS.Value), Requests: say(r.Rate.Value),
		TTFT: say(r.TTFT.Mean), TTFT50: say(r.TTFT.Median), TTFT95: say(r.TTFT.P95), TTFT99: say(r.TTFT.P99),
		TPOT: say(r.TPOT.Mean), TPOT50: say(r.TPOT.Median), TPOT95: say(r.TPOT.P95), TPOT99: say(r.TPOT.P99),
		ITL99: say(r.ITL.P99), Latency95: say(r.Latency.P95), GPUs: r.GPUs,
	}
	if t != nil {
		o.GPUs = t.GPUs(m)
	}
	if o.GPUs > 0 && o.OutputTPS.Known() {
		o.PerGPU = topology.Value{Number: o.OutputTPS.Number / float64(o.GPUs), Basis: topology.Measured}
	}
	return o
}
