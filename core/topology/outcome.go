package topology

import "math"

// Basis says where a number is from.
type Basis string

// The bases. A measurement always beats a prediction.
const (
	Predicted Basis = "predicted"
	Measured  Basis = "measured"
)

// Value is a number with its basis; NaN when it is not known.
type Value struct {
	Number float64
	Basis  Basis
}

// Known says whether there is a number.
func (v Value) Known() bool { return v.Basis != "" && !math.IsNaN(v.Number) }

// Outcome is what a topology does with a workload. Times are seconds.
type Outcome struct {
	Workload                                string
	OutputTPS, PerGPU, Requests             Value
	TTFT, TTFT50, TTFT95, TTFT99            Value // TTFT and TPOT are means
	TPOT, TPOT50, TPOT95, TPOT99            Value
	ITL99                                   Value
	Latency95                               Value
	GPUs                                    int
	SLOMet                                  bool
	Missed                                  []string // what of the SLO is missed, in words with numbers
	Unknown                                 []string // what of the SLO is not known here
	Fits                                    []Fit
	PrefillSeconds, TransferSeconds, Window float64 // of one prompt; Window: how long the run took
}

// Numbers are the metrics by the names that rules use; unknown ones are left
// out, so that a rule which needs them fails instead of passing.
func (o Outcome) Numbers() map[string]float64 {
	out := map[string]float64{"gpus": float64(o.GPUs)}
	for name, v := range map[string]Value{
		"output_tps": o.OutputTPS, "output_tps_per_gpu": o.PerGPU, "requests_per_s": o.Requests,
		"ttft": o.TTFT, "ttft_p50": o.TTFT50, "ttft_p95": o.TTFT95, "ttft_p99": o.TTFT99,
		"tpot": o.TPOT, "tpot_p50": o.TPOT50, "tpot_p95": o.TPOT95, "tpot_p99": o.TPOT99,
		"itl_p99": o.ITL99, "latency_p95": o.Latency95,
	} {
		if v.Known() {
			out[name] = v.Number
		}
	}
	return out
}
