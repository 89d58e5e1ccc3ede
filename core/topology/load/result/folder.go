package result

import (
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

// FileName of a run at a pace, without an ending: rate-4, rate-0.5-at-16, burst,
// rate-4-gamma-0.25.
func FileName(p load.Pace) string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
	name := strings.ReplaceAll(p.String(), " at once", "")
	if rate, limit, both := strings.Cut(name, ", "); both {
		name = rate + "-at-" + limit
	} else if p.Concurrency > 0 {
		name = "at-" + name
	}
	name = strings.ReplaceAll(name, " ", "-")
	if p.Burstiness > 0 && p.Burstiness != 1 {
		name += "-gamma-" + number(p.Burstiness)
	}
	if p.Speed > 0 && p.Speed != 1 {
		name += "-speed-" + number(p.Speed)
	}
	return name
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

// Groups are results of one load each, in the order in which loads come first.
func Groups(all []Result) [][]Result {
	var out [][]Result
	for _, r := range all {
		at := slices.IndexFunc(out, func(g []Result) bool { return g[0].Sent().Close(r.Sent()) })
		if at < 0 {
			at = len(out)
			out = append(out, nil)
		}
		out[at] = append(out[at], r)
	}
	return out
}
