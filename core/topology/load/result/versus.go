package result

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Versus is one sweep against another, run by run at the same pace.
type Versus struct {
	A      string   `json:"a"` // names of the two
	B      string   `json:"b"`
	Noise  float64  `json:"noise"`           // share below which a difference says nothing
	Apart  []string `json:"apart,omitempty"` // why the two cannot be compared at all; then nothing else is said
	Notes  []string `json:"notes,omitempty"` // what to know before trusting the comparison
	Pairs  []Pair   `json:"pairs,omitempty"`
	Says   string   `json:"says"`   // the answer in one sentence
	Better string   `json:"better"` // a, b, neither (within the noise), trade, unknown
}

// Pair is two runs at one pace.
type Pair struct {
	Pace    string `json:"pace"`
	Refused string `json:"refused,omitempty"` // why nothing is concluded of them
	Gaps    []Gap  `json:"gaps,omitempty"`
}

// Gap is a figure of two runs.
type Gap struct {
	Figure string `json:"figure"`
	Unit   string `json:"unit"`
	A      Number `json:"a"`
	B      Number `json:"b"`
	Change Number `json:"change"` // of B against A, as a share
	Better string `json:"better"` // a, b, or same
	Higher bool   `json:"higher_is_better"`
}

// Against compares two sweeps. Runs of a pace that only one has are named in the
// notes. noise is the share below which a difference counts as none: one run of
// each says nothing of how much runs vary.
func Against(a, b []Result, noise float64) Versus {
	v := Versus{Noise: noise, Better: "unknown"}
	a, b = Ordered(a), Ordered(b)
	if len(a) == 0 || len(b) == 0 {
		v.Apart = []string{"one of the two has no results"}
		v.Says = v.Apart[0]
		return v
	}
	v.A, v.B = nameOf(a), nameOf(b)
	if v.A == v.B {
		v.A, v.B = v.A+" (A)", v.B+" (B)"
	}
	v.check(a, b)
	if len(v.Apart) == 0 {
		v.pair(a, b)
	}
	v.conclude()
	return v
}

func nameOf(all []Result) string {
	if names := labelsOf(all); len(names) == 1 && names[0] != "" {
		return names[0]
	}
	return all[0].Name()
}

func labelsOf(all []Result) []string {
	var out []string
	for _, r := range all {
		if !slices.Contains(out, r.Label) {
			out = append(out, r.Label)
		}
	}
	return out
}

// check whether they are results of the same load.
func (v *Versus) check(a, b []Result) {
	apart := func(format string, args ...any) { v.Apart = append(v.Apart, fmt.Sprintf(format, args...)) }
	note := func(format string, args ...any) { v.Notes = append(v.Notes, fmt.Sprintf(format, args...)) }
	for name, of := range map[string][]Result{v.A: a, v.B: b} {
		if g := Groups(of); len(g) > 1 {
			apart("%s holds results of %d loads (%s; %s): name the folder of one", name, len(g), g[0][0].Sent(), g[1][0].Sent())
		}
		if l := labelsOf(of); len(l) > 1 {
			note("%s holds results called %s: they are taken as one", name, strings.Join(l, ", "))
		}
	}
	slices.Sort(v.Apart)
	slices.Sort(v.Notes)
	x, y := a[0].Sent(), b[0].Sent()
	imported := a[0].Imported != "" || b[0].Imported != ""
	if x.Model != y.Model {
		note("they are of two models, %q and %q: that one is faster says nothing of how good its answers are", x.Model, y.Model)
		y.Model = x.Model
	}
	if imported {
		// vLLM's files do not say of what the lengths are the mean.
		if x.Spread != y.Spread || x.SharedPrefix != y.SharedPrefix {
			note("whether lengths vary and share a prefix is not in an imported result: make sure that both sent the same")
		}
		y.Spread, y.SharedPrefix = x.Spread, x.SharedPrefix
		if a[0].TPOT.Definition != b[0].TPOT.Definition {
			note("one is imported from %s, and its figures have definitions of their own: for chat its latency has the usage chunk in it", VLLM)
		}
	}
	if !x.Close(y) {
		apart("they are of different loads: %s, and %s", x, y)
	}
	if !imported {
		if a[0].Endpoint.API != b[0].Endpoint.API {
			note("one was measured by %s and the other by %s", a[0].Endpoint.API, b[0].Endpoint.API)
		}
		if (a[0].Warmup == 0) != (b[0].Warmup == 0) {
			note("one had a warm-up and the other had none")
		}
	}
	switch {
	case a[0].GPUs > 0 && b[0].GPUs > 0 && a[0].GPUs != b[0].GPUs:
		note("%s has %d GPUs and %s has %d: throughput is compared for each GPU", v.A, a[0].GPUs, v.B, b[0].GPUs)
	case (a[0].GPUs > 0) != (b[0].GPUs > 0):
		note("how many GPUs one of them had is not known: throughput is that of the whole server")
	}
}

// pair runs of the same pace.
func (v *Versus) pair(a, b []Result) {
	var alone []string
	for _, x := range a {
		at := slices.IndexFunc(b, func(y Result) bool { return FileName(y.Workload, y.Pace) == FileName(x.Workload, x.Pace) })
		if at < 0 {
			alone = append(alone, v.A+": "+x.Pacing())
			continue
		}
		v.Pairs = append(v.Pairs, v.meet(x, b[at]))
	}
	for _, y := range b {
		if !slices.ContainsFunc(a, func(x Result) bool { return FileName(x.Workload, x.Pace) == FileName(y.Workload, y.Pace) }) {
			alone = append(alone, v.B+": "+y.Pacing())
		}
	}
	switch {
	case len(v.Pairs) == 0:
		v.Apart = append(v.Apart, "no pace was measured in both ("+strings.Join(alone, "; ")+"): measure one of them at the other's")
	case len(alone) > 0:
		v.Notes = append(v.Notes, "measured in one of the two only: "+strings.Join(alone, "; "))
	}
}

// meet is one pair of runs.
func (v *Versus) meet(a, b Result) Pair {
	p := Pair{Pace: a.Pacing()}
	burst := a.Pace.Concurrency == 0 && p.Pace == "burst" && a.Workload.TraceName == ""
	switch {
	case !a.Valid:
		p.Refused = v.A + " is invalid there: " + strings.Join(a.Invalid, "; ")
	case !b.Valid:
		p.Refused = v.B + " is invalid there: " + strings.Join(b.Invalid, "; ")
	case burst && math.Abs(float64(a.Requests-b.Requests)) > near*float64(max(a.Requests, b.Requests)):
		p.Refused = fmt.Sprintf("a burst of %d requests is another load than one of %d", a.Requests, b.Requests)
	}
	add := func(name, unit string, higher bool, x, y float64) {
		if math.IsNaN(x) || math.IsNaN(y) || x <= 0 && y <= 0 {
			return
		}
		g := Gap{Figure: name, Unit: unit, A: Number(x), B: Number(y), Change: Number(math.NaN()), Better: "same", Higher: higher}
		if x > 0 {
			g.Change = Number(y/x - 1)
		}
		if math.Abs(y-x) > v.Noise*math.Max(x, y) {
			g.Better = "a"
			if (y > x) == higher {
				g.Better = "b"
			}
		}
		p.Gaps = append(p.Gaps, g)
	}
	if a.GPUs > 0 && b.GPUs > 0 && a.GPUs != b.GPUs {
		add("output throughput a GPU", "tokens/s", true, a.PerGPU(), b.PerGPU())
	} else {
		add("output throughput", "tokens/s", true, float64(a.OutputTPS.Value), float64(b.OutputTPS.Value))
	}
	if a.SLO != nil && b.SLO != nil && *a.SLO == *b.SLO {
		add("goodput", "requests/s", true, float64(a.Goodput.Value), float64(b.Goodput.Value))
	}
	for _, f := range []string{"TTFT", "TPOT", "ITL", "latency"} {
		if axis, ok := AxisOf(f, "", []Result{a, b}); ok {
			add(axis.Name, "ms", false, axis.Of(a), axis.Of(b))
		}
	}
	return p
}

// tally of one figure over all pairs that are judged.
type tally struct {
	figure   string
	a, b, of int
	lo, hi   float64 // change of B against A where it counts
}

func (v *Versus) tallies() []tally {
	var out []tally
	for _, p := range v.Pairs {
		if p.Refused != "" {
			continue
		}
		for _, g := range p.Gaps {
			at := slices.IndexFunc(out, func(t tally) bool { return t.figure == g.Figure })
			if at < 0 {
				at = len(out)
				out = append(out, tally{figure: g.Figure, lo: math.Inf(1), hi: math.Inf(-1)})
			}
			t := &out[at]
			t.of++
			switch g.Better {
			case "a":
				t.a++
			case "b":
				t.b++
			default:
				continue
			}
			if g.Change.Known() {
				t.lo, t.hi = min(t.lo, float64(g.Change)), max(t.hi, float64(g.Change))
			}
		}
	}
	return out
}

// conclude says which is better. What is better in one figure and worse in another
// is a trade, and who asks has to say what counts.
func (v *Versus) conclude() {
	if len(v.Apart) > 0 {
		v.Says = "These cannot be compared: " + strings.Join(v.Apart, "; ") + "."
		return
	}
	tallies := v.tallies()
	if len(tallies) == 0 {
		v.Says = "Nothing can be concluded: no pace has a valid run of both."
		return
	}
	var forA, forB, mixed []string
	for _, t := range tallies {
		text := t.figure + t.span()
		switch {
		case t.a > 0 && t.b > 0:
			mixed = append(mixed, text)
		case t.a > 0:
			forA = append(forA, text)
		case t.b > 0:
			forB = append(forB, text)
		}
	}
	noise := fmt.Sprintf("%.3g %%", 100*v.Noise)
	switch {
	case len(forA)+len(forB)+len(mixed) == 0:
		v.Better, v.Says = "neither", "Neither is better: no figure differs by more than "+noise+"."
	case len(forB)+len(mixed) == 0:
		v.Better, v.Says = "a", fmt.Sprintf("%s is better in %s, and worse in nothing by more than %s. (Changes are of %s against %s.)", v.A, strings.Join(forA, ", "), noise, v.B, v.A)
	case len(forA)+len(mixed) == 0:
		v.Better, v.Says = "b", fmt.Sprintf("%s is better in %s, and worse in nothing by more than %s. (Changes are of %s against %s.)", v.B, strings.Join(forB, ", "), noise, v.B, v.A)
	default:
		var parts []string
		for _, side := range []struct {
			name string
			of   []string
		}{{v.A + " is better in ", forA}, {v.B + " is better in ", forB}, {"it depends on the pace in ", mixed}} {
			if len(side.of) > 0 {
				parts = append(parts, side.name+strings.Join(side.of, ", "))
			}
		}
		v.Better, v.Says = "trade", "A trade: "+strings.Join(parts, "; ")+fmt.Sprintf(". (Changes are of %s against %s.)", v.B, v.A)
	}
}

// span of the changes in brackets, with at how many paces when there are several.
func (t tally) span() string {
	if math.IsInf(t.lo, 1) {
		return ""
	}
	out := fmt.Sprintf(" (%+.1f %%", 100*t.lo)
	if t.hi-t.lo > 0.0005 {
		out = fmt.Sprintf(" (%+.1f %% to %+.1f %%", 100*t.lo, 100*t.hi)
	}
	if t.of > 1 {
		out += fmt.Sprintf(", at %d of %d paces", t.a+t.b, t.of)
	}
	return out + ")"
}
