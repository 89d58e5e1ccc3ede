package result

import (
	"cmp"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
)

// Pacing is when a result's requests were sent, in words: burst, rate 4, rate 4, 16
// at once; of a trace: as recorded, 2 times as fast.
func (r Result) Pacing() string { return pacing(r.Pace, r.Workload.TraceName != "") }

func pacing(p load.Pace, traced bool) string {
	out := p.String()
	if traced {
		out = "as recorded"
		if p.Speed > 0 && p.Speed != 1 {
			out = strconv.FormatFloat(p.Speed, 'g', 4, 64) + " times as fast"
		}
		if p.Concurrency > 0 {
			out += fmt.Sprintf(", %d at once", p.Concurrency)
		}
	}
	if p.Burstiness > 0 && p.Burstiness != 1 && !traced {
		out += ", burstiness " + strconv.FormatFloat(p.Burstiness, 'g', 4, 64)
	}
	return out
}

// FileName of a run of a workload at a pace, without an ending: rate-4, burst,
// rate-0.5-at-16, rate-4-gamma-0.25, trace-speed-2.
func FileName(w load.Workload, p load.Pace) string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	var parts []string
	rate := float64(p.Rate)
	switch {
	case w.TraceName != "":
		parts = append(parts, "trace")
	case rate > 0 && !math.IsInf(rate, 1):
		parts = append(parts, "rate-"+number(rate))
	case p.Concurrency == 0:
		parts = append(parts, "burst")
	}
	if p.Concurrency > 0 {
		parts = append(parts, "at-"+strconv.Itoa(p.Concurrency))
	}
	if p.Burstiness > 0 && p.Burstiness != 1 && w.TraceName == "" {
		parts = append(parts, "gamma-"+number(p.Burstiness))
	}
	if p.Speed > 0 && p.Speed != 1 {
		parts = append(parts, "speed-"+number(p.Speed))
	}
	return strings.Join(parts, "-")
}

// Collect reads files, and of folders every .json below them, in the order of
// their names. A result whose raw requests are gone or were changed is kept and
// warned of. What cannot be read is in faults, and the others are given all the
// same.
func Collect(paths []string) (all []Result, faults []error) {
	add := func(path string) {
		some, err := Read(path)
		if err != nil {
			faults = append(faults, err)
			return
		}
		for _, r := range some {
			if r.Raw != "" {
				if err := r.checkRaw(filepath.Dir(path)); err != nil {
					r.Warnings = append(slices.Clone(r.Warnings), err.Error())
				}
			}
			all = append(all, r)
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("reading a result: %w", err))
			continue
		}
		if !info.IsDir() {
			add(path)
			continue
		}
		n := len(all) + len(faults)
		err = filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(name) == ".json" {
				add(name)
			}
			return err
		})
		if err != nil {
			faults = append(faults, fmt.Errorf("reading results: %w", err))
		} else if n == len(all)+len(faults) {
			faults = append(faults, fmt.Errorf("%s has no results: no .json file lies in it", path))
		}
	}
	return all, faults
}

// Load is what was sent, as far as results must agree in it to be shown on one
// page: everything but the pace and the number of prompts.
type Load struct {
	Model        string  `json:"model"`
	Input        int     `json:"input_tokens"`
	Output       int     `json:"output_tokens"`
	Spread       float64 `json:"spread,omitempty"`
	SharedPrefix int     `json:"shared_prefix,omitempty"`
	Trace        string  `json:"trace,omitempty"`
	Arrivals     int     `json:"arrivals,omitempty"` // of a trace, whose name alone says little
}

// Sent is a result's load.
func (r Result) Sent() Load {
	w := r.Workload
	l := Load{Model: r.Endpoint.Model, Input: w.Input, Output: w.Output, Spread: w.Spread, SharedPrefix: w.SharedPrefix, Trace: w.TraceName}
	if l.Trace != "" {
		l.Input, l.Output, l.Arrivals = 0, 0, r.Requests
	}
	return l
}

// String is a load in words: 512 tokens in, 128 out.
func (l Load) String() string {
	if l.Trace != "" {
		return "trace " + l.Trace
	}
	out := fmt.Sprintf("%d tokens in, %d out", l.Input, l.Output)
	if l.Spread > 0 {
		out += fmt.Sprintf(", each by up to %g %% more or less", 100*l.Spread)
	}
	if l.SharedPrefix > 0 {
		out += fmt.Sprintf(", the first %d the same in all", l.SharedPrefix)
	}
	return out
}

// near is by how much lengths may differ and still be the same load: tools that
// give the mean of what was sent round it.
const near = 0.02

// Close tells whether results of two loads may stand on one page.
func (l Load) Close(o Load) bool {
	within := func(a, b int) bool { return math.Abs(float64(a-b)) <= near*float64(max(a, b)) }
	return l.Model == o.Model && l.Trace == o.Trace && l.Arrivals == o.Arrivals && l.Spread == o.Spread && l.SharedPrefix == o.SharedPrefix && within(l.Input, o.Input) && within(l.Output, o.Output)
}

// Ordered by label as they come, and within one by rate and cap of concurrency, so
// that neighbours are neighbours in load. It does not change what it is given.
func Ordered(all []Result) []Result {
	labels := labelsOf(all)
	rate := func(r Result) float64 {
		if r.Pace.Rate == 0 {
			return math.Inf(1)
		}
		return float64(r.Pace.Rate)
	}
	capped := func(r Result) int {
		if r.Pace.Concurrency == 0 {
			return math.MaxInt
		}
		return r.Pace.Concurrency
	}
	out := slices.Clone(all)
	slices.SortStableFunc(out, func(a, b Result) int {
		return cmp.Or(cmp.Compare(slices.Index(labels, a.Label), slices.Index(labels, b.Label)), cmp.Compare(rate(a), rate(b)), cmp.Compare(capped(a), capped(b)))
	})
	return out
}

// Groups are results of one load each, in the order in which loads come first, each
// group ordered.
func Groups(all []Result) [][]Result {
	var out [][]Result
	for _, r := range Ordered(all) {
		at := slices.IndexFunc(out, func(g []Result) bool { return g[0].Sent().Close(r.Sent()) })
		if at < 0 {
			at = len(out)
			out = append(out, nil)
		}
		out[at] = append(out[at], r)
	}
	return out
}
