package main

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/harness"
)

// speed at the size of the public skills and at 10,000 documents: all three
// public sets, and copies of them under other names up to that number. The
// queries are those of all three sets, long and short. The machine is shared, so
// every query is asked b.repeats times and counts with its median: what is left
// is what the search costs, and not who else wanted the processor. The build and
// the view are medians likewise.
func speed(b bench) ([]figure.Figure, error) {
	var everything []harness.Document
	var queries []string
	var public []harness.Document
	for _, name := range sets {
		s, err := b.load(name)
		if err != nil {
			return nil, err
		}
		if name == skills {
			public = s.docs
		}
		for _, d := range s.docs {
			d.ID = name + "/" + d.ID // two sets may have an id in common
			everything = append(everything, d)
		}
		for i := range min(400, len(s.queries)) {
			queries = append(queries, s.queries[i*len(s.queries)/min(400, len(s.queries))].Query)
		}
	}
	for i, n := 0, len(everything); len(everything) < 10_000; i++ {
		d := everything[i%n]
		d.ID = fmt.Sprintf("%s copy %d", d.ID, i/n)
		everything = append(everything, d)
	}
	var out []figure.Figure
	for _, c := range []struct {
		name  string
		docs  []harness.Document
		bound bool
	}{{fmt.Sprintf("%d skills", len(public)), public, true}, {fmt.Sprintf("%d documents", len(everything)), everything, false}} {
		var build, view []time.Duration
		asked := make([][]time.Duration, len(queries))
		var x *harness.Index
		before := heap()
		for range b.repeats {
			start := time.Now()
			var err error
			if x, err = harness.Build(c.docs); err != nil {
				return nil, err
			}
			build = append(build, time.Since(start))
			start = time.Now()
			v := x.View(harness.Viewer{Allowed: harness.Everything})
			view = append(view, time.Since(start))
			runtime.GC() // an index is built off the request path, and so is its litter
			for i, q := range queries {
				start := time.Now()
				v.Find([]string{q}, harness.Options{})
				asked[i] = append(asked[i], time.Since(start))
			}
		}
		each := make([]time.Duration, len(asked))
		for i := range asked {
			each[i] = median(asked[i])
		}
		slices.Sort(each)
		p50, p99, slowest := each[len(each)/2], each[len(each)*99/100], each[len(each)-1]
		memory := float64(heap()-before) / (1 << 20)
		runtime.KeepAlive(x)
		if c.bound {
			out = append(out, within(c.name+": find, p99", 5*time.Millisecond, p99), within(c.name+": build of the index", 2*time.Second, median(build)))
		} else {
			out = append(out, figure.Show(c.name+": find, p99", p99.String()), figure.Show(c.name+": build of the index", median(build).Round(time.Millisecond).String()))
		}
		out = append(out,
			figure.Show(c.name+": find, p50 / slowest", fmt.Sprintf("%v / %v", p50, slowest)),
			figure.Show(c.name+": a view with a rule that allows all", median(view).String()),
			figure.Show(c.name+": memory of the index, beside the texts", fmt.Sprintf("%.1f MiB", memory)))
	}
	return out, nil
}

func within(what string, most, got time.Duration) figure.Figure {
	return figure.Figure{What: what, Target: "< " + most.String(), Measured: got.Round(time.Microsecond).String(), Holds: got < most}
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

// heap is what is alive, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
