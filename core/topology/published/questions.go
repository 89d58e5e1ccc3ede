package published

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
)

// question asks about a model and says whether the answer is the claim's.
type question func(m topology.Model, models find) (right bool, says string, err error)

func abstention(err error) (string, bool) {
	var a *topology.Abstention
	var m *arch.Missing
	if errors.As(err, &a) || errors.As(err, &m) {
		return err.Error(), true
	}
	return "", false
}

var questions = map[int]question{
	1: func(m topology.Model, _ find) (bool, string, error) {
		dp, tp, pd, err := two(m, topology.Workload{Input: 512, Output: 2048, Prompts: 128})
		return dp.OutputTPS.Number > tp.OutputTPS.Number && tp.OutputTPS.Number > pd.OutputTPS.Number, rates(dp, tp, pd), err
	},
	2: func(m topology.Model, _ find) (bool, string, error) {
		dp, tp, pd, err := two(m, topology.Workload{Input: 7500, Output: 200, Prompts: 128})
		fast := dp.OutputTPS.Number > tp.OutputTPS.Number && tp.OutputTPS.Number > pd.OutputTPS.Number
		return fast && pd.TPOT.Number <= .02 && dp.TPOT.Number > .02 && tp.TPOT.Number > .02,
			fmt.Sprintf("%s; TPOT %.1f, %.1f, %.1f ms", rates(dp, tp, pd), dp.TPOT.Number*1e3, tp.TPOT.Number*1e3, pd.TPOT.Number*1e3), err
	},
	3: func(m topology.Model, _ find) (bool, string, error) {
		m.Weights = "fp8"
		_, tp, pd, err := two(m, topology.Workload{Input: 512, Output: 2048, Prompts: 128})
		if err != nil {
			return false, "", err
		}
		_, tp2, pd2, err := two(m, topology.Workload{Input: 7500, Output: 200, Prompts: 128})
		found := preflight.Check(preflight.Facts{Engine: "vllm", Version: "0.24", Family: m.Arch.Type, Experts: m.Arch.Mixture(), DataParallel: 2})
		return tp.OutputTPS.Number > pd.OutputTPS.Number && tp2.OutputTPS.Number > pd2.OutputTPS.Number && preflight.Blocked(found),
			fmt.Sprintf("tensor parallel %.0f and %.0f, split %.0f and %.0f tokens/s; two ranks are blocked: %v", tp.OutputTPS.Number, tp2.OutputTPS.Number, pd.OutputTPS.Number, pd2.OutputTPS.Number, preflight.Blocked(found)), err
	},
	4: distserve(node("A100", 4, 4), 755, 200, 1.1, metric.Limits{TTFT: .25, TPOT: .1}, whole("tp1", 4, 1), split("tp2+tp1", 1, 2, 1, 1)),
	5: distserve(node("A100", 8, 8), 755, 200, 1.1, metric.Limits{TTFT: .4, TPOT: .1}, whole("tp4", 2, 4), split("tp4+tp2", 1, 4, 1, 2), split("tp4+tp4", 1, 4, 1, 4)),
	6: distserve(node("A100", 32, 8), 755, 200, 1.1, metric.Limits{TTFT: 4, TPOT: .2}, whole("tp8", 4, 8), split("3tp8+tp8", 3, 8, 1, 8), split("2tp8+2tp8", 2, 8, 2, 8)),
	7: distserve(node("A100", 8, 8), 171, 98, .4, metric.Limits{TTFT: .125, TPOT: .2}, whole("tp4", 2, 4), split("tp4+tp2", 1, 4, 1, 2), split("tp4+tp4", 1, 4, 1, 4)),
	8: distserve(node("A100", 8, 8), 1738, 91, .5, metric.Limits{TTFT: 15, TPOT: .15}, whole("tp4", 2, 4), split("tp4+tp2", 1, 4, 1, 2), split("tp4+tp4", 1, 4, 1, 4)),
	9: func(topology.Model, find) (bool, string, error) {
		return false, "", &topology.Abstention{Fact: "mixed hardware", Why: "the pools have different GPUs, and a hardware block has one kind", Do: "Decide for each pool alone, or measure."}
	},
	10: func(topology.Model, find) (bool, string, error) { return false, "it should have abstained", nil },
	11: func(m topology.Model, _ find) (bool, string, error) {
		h := node("H100", 104, 8)
		t := topology.Topology{
			Name:    "ep32+ep72",
			Prefill: &topology.Pool{DataParallel: 32, TensorParallel: 1, ExpertParallel: 32},
			Decode:  &topology.Pool{DataParallel: 72, TensorParallel: 1, ExpertParallel: 72},
		}
		_, err := topology.Steady(h, m, topology.Workload{Input: 2000, Output: 100, Concurrency: 4096}, t, topology.Textbook())
		return false, "it should have abstained", err
	},
	12: buzz,
	13: nosplit(node("H200", 8, 8), topology.Workload{Input: 1024, Output: 1024, Prompts: 256, Concurrency: 64}, whole("tp8", 1, 8), split("tp4+tp4", 1, 4, 1, 4)),
	14: nosplit(node("GB200", 4, 4), topology.Workload{Input: 64000, Output: 400, SharedPrefix: 57600, Prompts: 64, Concurrency: 16}, whole("tp4", 1, 4), split("tp2+tp2", 1, 2, 1, 2)),
	15: nosplit(node("H200", 16, 8), topology.Workload{Input: 32000, Output: 512, Prompts: 64, Concurrency: 16}, whole("2 x tp8", 2, 8), split("tp8+tp8", 1, 8, 1, 8)),
	16: nosplit(topology.Hardware{Name: "gb10", Count: 8, PerNode: 8, GPU: hardware.GPU{
		// GB10: 273 GB/s, 128 GB, 1 PFLOPS of sparse fp4, so half of it dense; 200 Gb/s between machines
		Name: "GB10", Bandwidth: .273e12, BF16: .125e15, FP8: .25e15, FP4: .5e15, Memory: 128e9, Link: 25e9, Domain: 8, Network: 25e9, Source: "NVIDIA DGX Spark data sheet",
	}}, topology.Workload{Input: 100000, Output: 1000, Prompts: 16, Concurrency: 4}, whole("tp8", 1, 8), split("tp4+tp4", 1, 4, 1, 4)),
	17: nosplit(topology.Hardware{Name: "h20", Count: 8, PerNode: 8, GPU: hardware.GPU{
		Name: "H20", Bandwidth: 4e12, BF16: .148e15, FP8: .296e15, Memory: 96e9, Link: 450e9, Domain: 8, Network: 50e9, Source: "NVIDIA H20 data sheet: 4.0 TB/s, 96 GB, 148 TFLOPS",
	}}, topology.Workload{Input: 100, Output: 500, Prompts: 256, Concurrency: 64}, whole("8 replicas", 8, 1), split("1+6", 1, 1, 6, 1)),
	18: func(m topology.Model, _ find) (bool, string, error) {
		h, w := node("H100", 8, 8), topology.Workload{Input: 8000, Output: 256, Prompts: 96, Concurrency: 16}
		one, err := topology.Predict(h, m, w, whole("3 x tp2", 3, 2), topology.Textbook())
		if err != nil {
			return false, "", err
		}
		two, err := topology.Predict(h, m, w, split("tp2 + 2 x tp2", 1, 2, 2, 2), topology.Textbook())
		return two.ITL99.Number < one.ITL99.Number/2 && one.TTFT.Number < two.TTFT.Number,
			fmt.Sprintf("ITL p99 %.0f ms without a split and %.0f with; TTFT %.1f s and %.1f", one.ITL99.Number*1e3, two.ITL99.Number*1e3, one.TTFT.Number, two.TTFT.Number), err
	},
}

// two is the reference's three layouts on two B200.
func two(m topology.Model, w topology.Workload) (dp, tp, pd topology.Outcome, err error) {
	h := node("B200", 2, 2)
	if m.Arch.Hybrid() {
		m.KV = "fp8"
	}
	var errs [3]error
	ask := func(t topology.Topology) (o topology.Outcome, err error) {
		t.Attention = "TRITON_ATTN"
		return topology.Predict(h, m, w, t, topology.Textbook())
	}
	dp, errs[0] = ask(whole("dp2", 2, 1))
	tp, errs[1] = ask(whole("tp2", 1, 2))
	pd, errs[2] = ask(split("1p1d", 1, 1, 1, 1))
	return dp, tp, pd, errors.Join(errs[:]...)
}

func rates(dp, tp, pd topology.Outcome) string {
	return fmt.Sprintf("replicas %.0f, tensor parallel %.0f, split %.0f tokens/s", dp.OutputTPS.Number, tp.OutputTPS.Number, pd.OutputTPS.Number)
}

// distserve compares requests a second and GPU of which 90 % keep both limits.
// The engine without a split is the one of the paper, which stops decoding for
// prompts.
func distserve(h topology.Hardware, in, out int, spread float64, l metric.Limits, one topology.Topology, splits ...topology.Topology) question {
	return func(m topology.Model, _ find) (bool, string, error) {
		w := topology.Workload{Input: in, Output: out, Prompts: 300, Spread: spread, Longest: 2048} // OPT's context
		one.Unchunked, one.Engine, one.Version = true, "vllm", "0.2"                                // the paper's baseline, of autumn 2023
		alone, err := topology.Capacity(h, m, w, one, topology.Textbook(), l, .9)
		if err != nil {
			return false, "", err
		}
		best, name := 0.0, ""
		for _, t := range splits {
			r, err := topology.Capacity(h, m, w, t, topology.Textbook(), l, .9)
			if err != nil {
				return false, "", err
			}
			if r > best {
				best, name = r, t.Name
			}
		}
		return best > alone, fmt.Sprintf("%.3f requests/s and GPU as %s, %.3f split %s", alone, one.Name, best, name), nil
	}
}

// nosplit compares output tokens a second and GPU.
func nosplit(h topology.Hardware, w topology.Workload, one, apart topology.Topology) question {
	return func(m topology.Model, _ find) (bool, string, error) {
		a, err := topology.Predict(h, m, w, one, topology.Textbook())
		if err != nil {
			return false, "", err
		}
		b, err := topology.Predict(h, m, w, apart, topology.Textbook())
		return a.PerGPU.Number > b.PerGPU.Number, fmt.Sprintf("%.1f tokens/s and GPU as %s, %.1f split %s", a.PerGPU.Number, one.Name, b.PerGPU.Number, apart.Name), err
	}
}

// buzz asks the four corners of the rule: a large model with long prompts and a
// tight SLO should be split, the other three not.
func buzz(large topology.Model, models find) (bool, string, error) {
	small, err := models("llama-3.1-8b")
	if err != nil {
		return false, "", err
	}
	h := node("H100", 16, 8)
	right := true
	var says []string
	for _, c := range []struct {
		name      string
		m         topology.Model
		in, out   int
		tpot      float64
		wantSplit bool
	}{
		{"large, prefill-heavy, tight", large, 8000, 500, .02, true},
		{"large, decode-heavy, loose", large, 500, 2000, .1, false},
		{"small, decode-heavy, tight", small, 500, 2000, .02, false},
		{"large, prefill-heavy, loose", large, 8000, 500, .2, false},
	} {
		fit, _ := topology.Search(h, c.m, topology.Workload{Input: c.in, Output: c.out}, "", "")
		var best [2]float64
		for _, t := range fit {
			for n := 1; n <= 1024; n *= 2 {
				p, err := topology.Steady(h, c.m, topology.Workload{Input: c.in, Output: c.out, Concurrency: n}, t, topology.Textbook())
				if err != nil {
					return false, "", err
				}
				k := 0
				if t.Split() {
					k = 1
				}
				if p.TPOT <= c.tpot && p.TTFT <= 10 {
					best[k] = max(best[k], p.PerGPU)
				}
			}
		}
		if (best[1] > best[0]) != c.wantSplit {
			right = false
		}
		says = append(says, fmt.Sprintf("%s: %.0f without, %.0f split", c.name, best[0], best[1]))
	}
	return right, strings.Join(says, "; "), nil
}
