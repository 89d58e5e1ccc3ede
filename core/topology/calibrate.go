package topology

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/plimsoll-dev/plimsoll/core/topology/sim"
)

// Row is one measurement to calibrate on: means, in seconds and tokens a
// second. What is zero was not measured.
type Row struct {
	Hardware   Hardware
	Model      Model
	Workload   Workload
	Topology   Topology
	TTFT, TPOT float64
	OutputTPS  float64 // of bursts and arrivals; a closed loop's follows from its times
	Cold       bool    // the first run after the start: it pays for Calibration.Cold
}

// predict is Steady for closed loops and the replay for everything else.
func (r Row) predict(c Calibration) (ttft, tpot, tps float64, err error) {
	if r.Workload.Concurrency > 0 {
		p, err := Steady(r.Hardware, r.Model, r.Workload, r.Topology, c)
		return p.TTFT, p.TPOT, p.OutputTPS, err
	}
	if !r.Cold {
		c.Cold = 0
	}
	return means(r.Hardware, r.Model, r.Workload, r.Topology, c)
}

// means is what Predict says of means, without the percentiles, whose sorting takes
// two thirds of its time.
func means(h Hardware, m Model, w Workload, t Topology, c Calibration) (ttft, tpot, tps float64, err error) {
	p, err := prepare(h, m, w, t, c)
	if err != nil {
		return 0, 0, 0, err
	}
	traces, err := sim.Run(p.plan(w), w.requests())
	if err != nil {
		return 0, 0, 0, fmt.Errorf("topology %q on workload %q: %w", t.Name, w.Name, err)
	}
	start := 0.0
	if w.open() {
		start = traces[0].Start
	}
	var tokens, several float64
	for _, x := range traces {
		n := len(x.Tokens)
		first, last := x.Tokens[0], x.Tokens[n-1]
		ttft += (first - x.Start) / float64(len(traces))
		tokens += float64(n)
		if n > 1 {
			tpot += (last - first) / float64(n-1)
			several++
		}
	}
	if several > 0 {
		tpot /= several
	}
	return ttft * c.ttft(), tpot, tokens / (sim.End(traces) - start + c.Cold), nil
}

// Constant names one of the constants that calibration may move.
type Constant string

// The constants, by what they stand for in step.Constants.
const (
	Bandwidth Constant = "bandwidth"
	Prefill   Constant = "prefill"
	Layer     Constant = "layer"
	Reduce    Constant = "reduce"
	Mixture   Constant = "mixture"
	Fixed     Constant = "fixed"
	Request   Constant = "request"
	Wave      Constant = "wave"
	Cold      Constant = "cold" // not in step.Constants: of the first burst alone
)

// Three are what a few rows can tell apart.
func Three() []Constant { return []Constant{Bandwidth, Prefill, Layer} }

// Many need rows of several sizes of tensor groups, loads and models.
func Many() []Constant {
	return []Constant{Bandwidth, Prefill, Layer, Reduce, Mixture, Fixed, Request, Wave}
}

// prior is how far a constant may plausibly be from where it begins: one
// standard deviation in log space. Memory bandwidth is known well on every GPU,
// overheads depend on the engine and its settings. Without it two rows could
// not tell slow memory from a slow host, which tensor parallelism does.
func (k Constant) prior() float64 {
	switch k {
	case Bandwidth:
		return .1
	case Prefill:
		return .3
	}
	return 1
}

// noise is the scale of log errors that remain when everything is right:
// measurements of one deployment on two days differ by about a tenth.
const noise = .1

// at is the place of a constant and the range in which it can be meant.
func (c *Calibration) at(k Constant) (v *float64, low, high float64) {
	switch k {
	case Bandwidth:
		return &c.Bandwidth, .2, .95
	case Prefill:
		return &c.Constants.Prefill, .1, .9
	case Layer:
		return &c.Layer, 1e-6, 200e-6
	case Reduce:
		return &c.Reduce, 2e-6, 100e-6
	case Mixture:
		return &c.Mixture, 1e-6, 200e-6
	case Fixed:
		return &c.Fixed, .1e-3, 20e-3
	case Request:
		return &c.Request, 1e-3, .5
	case Wave:
		return &c.Wave, .005, 1
	case Cold:
		return &c.Cold, .01, 600
	}
	return nil, 0, 0
}

// Calibrate moves the constants named so that predictions come nearest to the
// rows: least mean absolute log ratio of TPOT and throughput, and a quarter of
// that of TTFT, which is mostly the load generator's way of starting. Coordinate descent in
// log space from c, so that the same rows give the same constants. Rows that
// cannot be predicted are left out; without any other, c comes back. The mean
// error says how far off it remains.
func Calibrate(c Calibration, rows []Row, which []Constant) (out Calibration, left float64) {
	from := c
	loss := func(c Calibration) float64 {
		var sum, n float64
		for i, p := range predictions(rows, c) {
			r := rows[i]
			if p.err != nil {
				continue
			}
			if r.TPOT > 0 {
				sum += math.Abs(math.Log(p.tpot / r.TPOT))
				n++
			}
			if r.OutputTPS > 0 {
				sum += math.Abs(math.Log(p.tps / r.OutputTPS))
				n++
			}
			if r.TTFT > 0 {
				sum += math.Abs(math.Log(p.ttft/r.TTFT)) / 4
			}
		}
		if n == 0 {
			return math.NaN()
		}
		return (sum + noise/2*strain(from, c, which)) / n
	}
	return descend(c, which, loss)
}

type prediction struct {
	ttft, tpot, tps float64
	err             error
}

// predictions of all rows, on every processor there is: a replay takes some
// milliseconds, and calibration asks for hundreds. Their order is that of the
// rows, so that sums are the same to the last bit however many processors.
func predictions(rows []Row, c Calibration) []prediction {
	out := make([]prediction, len(rows))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(rows)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(rows); i = int(next.Add(1)) - 1 {
				p := &out[i]
				p.ttft, p.tpot, p.tps, p.err = rows[i].predict(c)
			}
		})
	}
	all.Wait()
	return out
}

// strain is the sum of squares of how far the constants went from where they
// began, in standard deviations: the log of a Gaussian prior.
func strain(from, to Calibration, which []Constant) float64 {
	var sum float64
	for _, k := range which {
		a, _, _ := from.at(k)
		b, _, _ := to.at(k)
		if a == nil || *a <= 0 {
			continue
		}
		z := math.Log(*b / *a) / k.prior()
		sum += z * z
	}
	return sum
}

// descend is coordinate descent with a shrinking factor.
func descend(c Calibration, which []Constant, loss func(Calibration) float64) (Calibration, float64) {
	best := loss(c)
	if math.IsNaN(best) {
		return c, best
	}
	which = slices.Clone(which)
	for factor := 1.6; factor > 1.02; factor = math.Pow(factor, .6) {
		for _, k := range which {
			for _, f := range []float64{factor, 1 / factor} {
				for {
					next := c
					v, low, high := next.at(k)
					if v == nil {
						break
					}
					*v = min(max(*v*f, low), high)
					l := loss(next)
					if !(l < best-1e-5) {
						break
					}
					c, best = next, l
				}
			}
		}
	}
	return c, best
}

// Anchored is c with the one factor on TPOT and one on TTFT that make it say
// what was measured: one anchor helps more than more constants.
func Anchored(c Calibration, r Row) (Calibration, error) {
	ttft, tpot, _, err := r.predict(c)
	if err != nil {
		return c, err
	}
	if r.TPOT > 0 && tpot > 0 {
		c.TPOT = c.tpot() * r.TPOT / tpot
	}
	if r.TTFT > 0 && ttft > 0 {
		c.TTFT = c.ttft() * r.TTFT / ttft
	}
	c.Anchor = r.Topology.Name
	return c, nil
}
