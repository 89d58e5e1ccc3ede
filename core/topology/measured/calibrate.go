package measured

import (
	"fmt"
	"math"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/topology"
)

// Calibrated are constants, and how they came about.
type Calibrated struct {
	topology.Calibration
	Rows  int     // measurements that they rest on
	Error float64 // mean error that is left, as a share; NaN: not known
	Words string  // a sentence
}

// mostRows bounds the time that calibration takes: each row is replayed some
// hundred times.
const mostRows = 6

// usualCold is what a first burst loses before its first step, in seconds, where
// runs without a warm-up say that they lost something: the reference measurement
// leaves 8 to 12 s unexplained.
const usualCold = 8

// Calibrate makes constants from what was measured of d's models on d's hardware:
// none are the textbook's, one row is an anchor, which helps more than constants
// that one row cannot tell apart, and two or more move the three constants. The
// latest rows count, of as many layouts as there are.
func (a All) Calibrate(d topology.Decision) Calibrated {
	d.Topologies = candidates(d)
	rows := a.rows(d)
	c := topology.Textbook()
	switch len(rows) {
	case 0:
		return Calibrated{Calibration: c, Error: math.NaN(), Words: "Nothing is measured that could calibrate the model: predictions rest on data sheets."}
	case 1:
		one, err := topology.Anchored(c, rows[0])
		if err != nil {
			return Calibrated{Calibration: c, Error: math.NaN(), Words: "The one measurement is of a layout that cannot be predicted: predictions rest on data sheets."}
		}
		return Calibrated{Calibration: one, Rows: 1, Error: math.NaN(), Words: fmt.Sprintf("Predictions are anchored on the measurement of %s: one row, so that it is not known how far off others are.", rows[0].Topology.Name)}
	}
	which := topology.Three()
	if slices.ContainsFunc(rows, func(r topology.Row) bool { return r.Cold }) {
		c.Cold = usualCold
		which = append(which, topology.Cold)
	}
	got, left := topology.Calibrate(c, rows, which)
	if math.IsNaN(left) {
		return Calibrated{Calibration: topology.Textbook(), Error: left, Words: "What is measured are layouts that cannot be predicted: predictions rest on data sheets."}
	}
	cold := got.Cold
	got.Cold = 0 // of a first run alone: what is decided about is a server that is warm
	got.Anchor = fmt.Sprintf("%d measurements", len(rows))
	words := fmt.Sprintf("Predictions are calibrated on %d measurements, and are off by %.0f %% of them on average.", len(rows), 100*(math.Exp(left)-1))
	if cold > 0 && len(which) > len(topology.Three()) {
		words += fmt.Sprintf(" Runs without a warm-up lost %.0f s before their first step.", cold)
	}
	return Calibrated{Calibration: got, Rows: len(rows), Error: math.Exp(left) - 1, Words: words}
}

// rows are the latest result of each cell: model, topology, workload and pace.
func (a All) rows(d topology.Decision) []topology.Row {
	var out []topology.Row
	taken := map[string]bool{}
	each := map[string]int{} // a layout's share, so that one long sweep is not all
	for _, most := range []int{2, mostRows} {
		for _, f := range slices.Backward(a.Found) {
			m, _, t, known := f.in(d)
			if !known || t == nil || f.unfit(m, t) != "" || len(out) >= mostRows {
				continue
			}
			id := f.Model + "/" + f.Topology
			cell := fmt.Sprintf("%s/%s/%s", id, f.Workload, f.Result.Pace)
			if taken[cell] || each[id] >= most {
				continue
			}
			if r, ok := f.row(d, m, *t); ok {
				taken[cell] = true
				each[id]++
				out = append(out, r)
			}
		}
	}
	return out
}

// row is a result with the traffic that it had.
func (f Found) row(d topology.Decision, m topology.Model, t topology.Topology) (topology.Row, bool) {
	r := f.Result
	w := topology.Workload{Name: f.Workload, Input: r.Workload.Input, Output: r.Workload.Output, Prompts: r.Requests, Rate: float64(r.Pace.Rate), Concurrency: r.Pace.Concurrency, SharedPrefix: r.Workload.SharedPrefix, Seed: r.Workload.Seed}
	if w.Check() != nil {
		return topology.Row{}, false
	}
	h := d.Hardware
	h.Count = max(t.GPUs(m), 1)
	h.PerNode = min(h.PerNode, h.Count)
	o := f.outcome(&t, m)
	known := func(v topology.Value) float64 {
		if v.Known() {
			return v.Number
		}
		return 0
	}
	row := topology.Row{Hardware: h, Model: m, Workload: w, Topology: t, TTFT: known(o.TTFT), TPOT: known(o.TPOT), OutputTPS: known(o.OutputTPS)}
	row.Cold = r.Warmup == 0 && r.Consistency != nil && !r.Consistency.Holds
	return row, row.TPOT > 0 || row.OutputTPS > 0
}
