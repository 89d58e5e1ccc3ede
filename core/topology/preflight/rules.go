package preflight

import (
	"fmt"
	"math"
	"strings"
)

// Rules is the table. Each rule has a fixture that fires it and one that does not.
func Rules() []Rule {
	return []Rule{
		{"P1", Environment, "no CUDA compiler and no prebuilt kernels", "the reference: FlashInfer compiles its sampler at the first request and fails without nvcc", func(f Facts) (Finding, bool) {
			if f.Engine != "vllm" || !not(f.NVCC) || !not(f.PrebuiltKernels) || f.Env["VLLM_USE_FLASHINFER_SAMPLER"] == "0" && strings.EqualFold(f.Args["attention-backend"], "TRITON_ATTN") {
				return Finding{}, false
			}
			return Finding{
				Says: "There is no nvcc, and the image has no prebuilt FlashInfer kernels: they would be compiled at the first request and fail. The FlashInfer sampler is switched off and Triton attention is used.",
				Env:  map[string]string{"VLLM_USE_FLASHINFER_SAMPLER": "0"}, Args: map[string]string{"attention-backend": "TRITON_ATTN"},
			}, true
		}},
		{"P2", Block, "an attention backend that would be ignored", "the reference, on 0.24; the variable was taken out after 0.14.0 (vllm-project/vllm#32812), and 0.13 and 0.14 read it with a warning (#26315)", func(f Facts) (Finding, bool) {
			v, ok := f.Env["VLLM_ATTENTION_BACKEND"]
			if !ok || f.Engine != "vllm" || !from(f.Version, 0, 15) {
				return Finding{}, false
			}
			return Finding{Says: fmt.Sprintf("VLLM_ATTENTION_BACKEND=%s is ignored by vLLM %s: use --attention-backend %s, and take the variable out.", v, f.Version, v)}, true
		}},
		{"P3", Environment, "the first start compiles", "the reference: two ranks with an empty cache took longer than the default of 600 s, and were killed while they compiled; VLLM_ENGINE_READY_TIMEOUT_S is of vllm-project/vllm#27444", func(f Facts) (Finding, bool) {
			if !is(f.FirstStart) || !is(f.ColdCache) || f.DataParallel < 2 || f.ReadyTimeout >= ready {
				return Finding{}, false
			}
			return Finding{
				Says:  "This is the first start with an empty compile cache on several data parallel ranks. The engine's ready timeout, the bench's ready check and the startup probe are all raised to 1800 s: raising one alone lets another kill it.",
				Env:   map[string]string{"VLLM_ENGINE_READY_TIMEOUT_S": "1800"},
				Ready: ready,
			}, true
		}},
		{"P4", Environment, "recurrent state over NIXL", "the reference; vllm-project/vllm#37635: the connector asserts the layout and names the variable (#37416); the compatibility matrix has unequal tensor parallel sizes as unfinished", func(f Facts) (Finding, bool) {
			if !f.Hybrid || f.Prefill == nil || f.Decode == nil || f.Connector != "NixlConnector" {
				return Finding{}, false
			}
			if f.Env["VLLM_SSM_CONV_STATE_LAYOUT"] == "DS" && f.Prefill.TensorParallel == f.Decode.TensorParallel && is(f.AccuracyChecked) {
				return Finding{}, false
			}
			says := "The model keeps recurrent state, which NIXL moves in the DS layout only: it is set. Compare answers with an aggregated server before they are trusted."
			if f.Prefill.TensorParallel != f.Decode.TensorParallel {
				says += fmt.Sprintf(" Both sides need the same tensor parallel size, and they have %d and %d.", f.Prefill.TensorParallel, f.Decode.TensorParallel)
			}
			return Finding{Says: says, Env: map[string]string{"VLLM_SSM_CONV_STATE_LAYOUT": "DS"}}, true
		}},
		{"P5", Block, "gemma-4 mixture with data parallel ranks", "the reference: gemma-4-26B-A4B with data parallel 2 does not start on vLLM 0.24; on 0.19 it fails at the first request (vllm-project/vllm#38999, open)", func(f Facts) (Finding, bool) {
			if !strings.HasPrefix(f.Family, "gemma4") || !f.Experts || f.DataParallel < 2 || f.Engine != "vllm" {
				return Finding{}, false
			}
			return Finding{Says: fmt.Sprintf("gemma-4 with experts does not run with data parallel %d on vLLM %s, and no version is known that mended it: use tensor parallel, or separate servers.", f.DataParallel, f.Version)}, true
		}},
		{"P6", Block, "prefill and decode disagree", "vLLM's disaggregated prefill documentation: both sides must be configured alike", func(f Facts) (Finding, bool) {
			if f.Prefill == nil || f.Decode == nil {
				return Finding{}, false
			}
			d := differences(*f.Prefill, *f.Decode)
			return Finding{Says: "Prefill and decode must agree: " + strings.Join(d, "; ") + "."}, len(d) > 0
		}},
		{"P7", Block, "two processes on one NIXL port", "docs/features/nixl_connector_usage.md of vllm-project/vllm: each worker needs its own VLLM_NIXL_SIDE_CHANNEL_PORT on its host, 5600 by default, and a data parallel rank listens on base + rank", func(f Facts) (Finding, bool) {
			seen := map[string]string{}
			for _, p := range f.Ports {
				at := fmt.Sprintf("%s:%d", p.Host, p.Number)
				if other, ok := seen[at]; ok {
					return Finding{Says: fmt.Sprintf("%s and %s both listen for KV transfers on %s: give each its own VLLM_NIXL_SIDE_CHANNEL_PORT.", other, p.Process, at)}, true
				}
				seen[at] = p.Process
			}
			return Finding{}, false
		}},
		{"P8", Environment, "a cache that is given up before it is fetched", "docs/features/nixl_connector_usage.md of vllm-project/vllm: kv_lease_duration, 30 s, renewed by heartbeats (#41383); up to 0.20 VLLM_NIXL_ABORT_REQUEST_TIMEOUT, 480 s (#25897)", func(f Facts) (Finding, bool) {
			if f.Lease <= 0 || f.DecodeQueue <= 0 || f.Lease >= f.DecodeQueue {
				return Finding{}, false
			}
			to := 2 * f.DecodeQueue
			seconds := fmt.Sprintf("%.0f", math.Ceil(to.Seconds()))
			x := Finding{Says: fmt.Sprintf("Prefill keeps a cache for %s, and requests wait up to %s before decode: the lease is raised to %s.", f.Lease, f.DecodeQueue, to)}
			// Between 0.20 and 0.24 it is not known which of the two a version reads, and
			// each ignores the other's.
			if !from(f.Version, 0, 24) {
				x.Env = map[string]string{"VLLM_NIXL_ABORT_REQUEST_TIMEOUT": seconds}
			}
			if from(f.Version, 0, 21) || !from(f.Version, 0, 0) {
				x.Args = map[string]string{"kv-transfer-config.kv_connector_extra_config.kv_lease_duration": seconds}
			}
			if from(f.Version, 0, 24) {
				x.Says += " Heartbeats renew it once the decoder knows of the request: what is left is the wait before that."
			}
			return x, true
		}},
		{"P9", Block, "it does not fit into memory", "arithmetic", func(f Facts) (Finding, bool) {
			m := f.Memory
			if m == nil {
				return Finding{}, false
			}
			need := m.Weights + float64(m.Requests)*(m.State+m.KV)
			have := m.HBM * m.Utilisation
			return Finding{Says: fmt.Sprintf("Weights %s + %d requests x (state %s + cache %s) = %s, and %s x %.2f = %s: fewer requests, a narrower format, or more GPUs.",
				gib(m.Weights), m.Requests, gib(m.State), gib(m.KV), gib(need), gib(m.HBM), m.Utilisation, gib(have))}, need > have
		}},
		{"P10", Warning, "a benchmark without warm-up", "the reference: decode-heavy runs leave 8 to 12 s that no request saw, which is the cold start", func(f Facts) (Finding, bool) {
			if f.Bench == nil || f.Bench.Warmup > 0 {
				return Finding{}, false
			}
			return Finding{Says: "The benchmark has no warm-up: its first requests pay for compilation and graphs, and the throughput of the whole run with them. Send some requests that do not count first."}, true
		}},
	}
}

// from says whether a version is at least major.minor. What cannot be read is
// not: a rule about versions does not fire on what nobody knows.
func from(version string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d", &a, &b); n < 2 {
		return false
	}
	return a > major || a == major && b >= minor
}
