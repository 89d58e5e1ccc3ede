package config

func hardwareDocs() []*BlockDoc {
	fabric := func(typ, doc, example string) *BlockDoc {
		return &BlockDoc{
			Type: typ, Single: true, Doc: doc,
			Attributes: []*AttributeDoc{
				{Name: "kind", Type: String, Allowed: []string{"nvlink", "pcie", "infiniband", "roce", "ethernet"}, Doc: "What it is."},
				{Name: "gb_per_s", Type: Number, Range: "(0,100000]", Default: "the usual one of such GPUs", Example: example, Doc: "Gigabytes a second, of one GPU and one direction. Data sheets often add both directions up."},
				{Name: "latency_ms", Type: Number, Range: "[0,100000]", Default: "the connector's", Example: "0.5", Doc: "Milliseconds that a transfer of a cache takes at least."},
			},
		}
	}
	return []*BlockDoc{
		{
			Type: "gpu", Labels: []string{labelName},
			Doc: "A GPU that is not in the built-in table: what its data sheet says. Rates are dense; makers like to print the sparse ones, which are twice those.",
			Attributes: []*AttributeDoc{
				{Name: "memory_gib", Type: Number, Range: "[1,90000]", Required: true, Example: "96", Doc: "Its memory in GiB."},
				{Name: "bandwidth_tb_per_s", Type: Number, Range: "[0.01,1000]", Required: true, Example: "1.6", Doc: "Bandwidth of its memory, in terabytes a second."},
				{Name: "bf16_pflops", Type: Number, Range: "[0.001,1000]", Required: true, Example: "0.5", Doc: "Dense bf16 rate, in petaFLOP/s."},
				{Name: "fp8_pflops", Type: Number, Range: "[0.001,1000]", Default: "none: it computes in bf16", Example: "1", Doc: "Dense fp8 rate, in petaFLOP/s."},
				{Name: "fp4_pflops", Type: Number, Range: "[0.001,1000]", Default: "none: it computes in fp8", Example: "2", Doc: "Dense 4-bit rate, in petaFLOP/s."},
				{Name: "link_gb_per_s", Type: Number, Range: "[0.1,100000]", Example: "64", Doc: "Gigabytes a second to the other GPUs of its machine, in one direction."},
			},
			Example: `gpu "RTX-X" {
  memory_gib         = 96
  bandwidth_tb_per_s = 1.6
  bf16_pflops        = 0.5
  fp8_pflops         = 1
  link_gb_per_s      = 64
}`,
		},
		{
			Type: "hardware", Labels: []string{labelName},
			Doc: "The GPUs that there are, all of one kind. `plimsoll topology detect` writes this block.",
			Attributes: []*AttributeDoc{
				{Name: "gpu", Type: String, Required: true, Example: `"B200"`, Doc: "Name of a GPU that is known (B200, B300, GB200, GB300, H200, H100, A100, L40S, RTX 6000, RTX PRO 6000, A30), or of a `gpu` block."},
				{Name: "count", Type: Integer, Range: "[1,65536]", Required: true, Example: "2", Doc: "How many there are."},
				{Name: "per_node", Type: Integer, Range: "[1,65536]", Default: "all in one machine", Example: "8", Doc: "How many of them one machine has."},
				{Name: "utilisation", Type: Number, Range: "(0,1]", Default: "0.9", Doc: "The share of a GPU's memory that the engine may take."},
			},
			Blocks: []*BlockDoc{
				fabric("fabric", "Joins the GPUs of one machine. Without it they have the links of their data sheet.", "900"),
				fabric("network", "Joins machines. Without it they have what is usual with such GPUs.", "50"),
			},
			Example: `hardware "b200x2" {
  gpu   = "B200"
  count = 2
}`,
		},
	}
}

func servedDocs() []*BlockDoc {
	return []*BlockDoc{
		{
			Type: "model", Labels: []string{labelName},
			Doc: "A model to serve on GPUs of your own. Its name is the one that requests use.",
			Attributes: []*AttributeDoc{
				{Name: "config", Type: String, Required: true, Example: `"qwen3.6-27b.config.json"`, Doc: "The model's own `config.json`, relative to the project. All that is known of its architecture is read from there."},
				{Name: "weights", Type: String, Allowed: weightFormats(), Default: "as its config.json says", Doc: "Format in which the weights are served."},
				{Name: "kv", Type: String, Allowed: cacheFormats(), Default: `"bf16"`, Doc: "Format of the KV cache."},
				{Name: "source", Type: String, Default: "the block's name", Example: `"/models/qwen3.6-27b"`, Doc: "What the engine loads: the name of a model on a hub, an absolute path, or one relative to the project that starts with `./`."},
				{Name: "context", Type: Integer, Range: "[1,16777216]", Default: "as its config.json says", Example: "32768", Doc: "The longest request in tokens, answer included."},
				{Name: "accuracy_checked", Type: Bool, Default: "not said", Example: "true", Doc: "Answers of prefill and decode apart were compared with those of one server. Models with recurrent state ask for that."},
			},
			Example: `model "qwen27b" {
  config  = "qwen3.6-27b.config.json"
  weights = "nvfp4"
  kv      = "fp8"
}`,
		},
		{
			Type: "workload", Labels: []string{labelName},
			Doc: "Requests as they come, to predict and to measure with. Without `rate`, `concurrency` and `trace` all come at once.",
			Attributes: []*AttributeDoc{
				{Name: "input_tokens", Type: Integer, Range: "[1,16777216]", Default: "2048", Example: "7500", Doc: "Tokens of a prompt."},
				{Name: "output_tokens", Type: Integer, Range: "[1,16777216]", Default: "256", Example: "200", Doc: "Tokens of an answer."},
				{Name: "prompts", Type: Integer, Range: "[1,1048576]", Default: "128, or all of the trace", Example: "512", Doc: "How many requests a run has."},
				{Name: "rate", Type: NumberOrInf, Range: "(0,1000000]", Default: `"inf"`, Example: "4", Doc: "Requests a second; `\"inf\"` sends all at once."},
				{Name: "arrival", Type: String, Allowed: []string{"poisson", "gamma"}, Default: `"poisson"`, Doc: "How requests of a rate come."},
				{Name: "burstiness", Type: Number, Range: "(0,1000000]", Default: "1", Doc: "Shape of gamma arrivals: 1 is Poisson, below 1 is burstier. With `arrival = \"gamma\"`."},
				{Name: "concurrency", Type: Integer, Range: "[1,1048576]", Default: "no cap", Example: "32", Doc: "At most so many requests are in flight; each that ends is followed by the next."},
				{Name: "shared_prefix", Type: Integer, Range: "[0,16777216]", Default: "0", Example: "1500", Doc: "Tokens at the start of every prompt that are the same."},
				{Name: "spread", Type: Number, Range: "[0,3]", Default: "0", Example: "0.4", Doc: "How far lengths differ: the standard deviation of their logarithm. The means stay as given. A measurement draws from an even range of the same width, which ends at 0.53."},
				{Name: "longest", Type: Integer, Range: "[1,16777216]", Default: "8 times the mean", Example: "32768", Doc: "Prompt and answer together at most, with `spread`."},
				{Name: "seed", Type: Integer, Range: "[0,)", Default: "0", Example: "7", Doc: "Of arrivals and lengths. The same seed makes the same run."},
				{Name: "trace", Type: String, Example: `"traffic.csv"`, Doc: "Recorded arrivals in the place of lengths and rate: CSV with `timestamp_s,input_tokens,output_tokens`, or the public traces of Azure and Mooncake, packed by gzip or not. Predictions take its mean lengths, its rate and how uneven both are; `prompts` takes the first so many."},
			},
			Example: `workload "prefill-heavy" {
  input_tokens  = 7500
  output_tokens = 200
  prompts       = 128
  rate          = "inf"
}`,
		},
		{
			Type: "slo", Labels: []string{labelName},
			Doc: "What a topology must keep. TTFT is the time to the first token, TPOT the time per token after it, ITL the gap between two; p95 is the time that 95 % keep.",
			Attributes: append(sloTimes(),
				&AttributeDoc{Name: "output_tps", Type: Number, Range: "(0,)", Example: "2000", Doc: "Output tokens a second, over the whole topology, at least."},
				&AttributeDoc{Name: "requests_per_s", Type: Number, Range: "(0,)", Example: "8", Doc: "Requests a second, over the whole topology, at least."},
			),
			Example: `slo "chat" {
  ttft_p95 = "2s"
  tpot_p95 = "20ms"
}`,
		},
	}
}

func sloTimes() []*AttributeDoc {
	var out []*AttributeDoc
	for _, x := range [][3]string{
		{"ttft_p50", `"500ms"`, "Median TTFT at most."}, {"ttft_p95", `"2s"`, "TTFT p95 at most."}, {"ttft_p99", `"5s"`, "TTFT p99 at most."},
		{"tpot_p50", `"15ms"`, "Median TPOT at most."}, {"tpot_p95", `"20ms"`, "TPOT p95 at most."}, {"tpot_p99", `"40ms"`, "TPOT p99 at most."},
		{"itl_p99", `"100ms"`, "ITL p99 at most."}, {"latency_p95", `"10s"`, "Time of a whole answer, p95, at most."},
	} {
		out = append(out, &AttributeDoc{Name: x[0], Type: Duration, Example: x[1], Doc: x[2]})
	}
	return out
}

// Formats as core/topology/arch knows them; a test there holds them together.
func weightFormats() []string {
	return []string{"bf16", "fp16", "fp8", "int4", "int8", "mxfp4", "nvfp4"}
}

func cacheFormats() []string { return []string{"bf16", "fp16", "fp8"} }

func decisionDoc() *BlockDoc {
	return &BlockDoc{
		Type: "decision", Labels: []string{labelName},
		Doc: "A question for `plimsoll topology decide`: which topology should win. Measured where it was measured, predicted where not.",
		Attributes: []*AttributeDoc{
			{Name: "hardware", Type: ToHardware, Default: "the only one", Example: "hardware.b200x2", Doc: "The GPUs."},
			{Name: "models", Type: ToModels, Required: true, Example: "[model.qwen27b]", Doc: "What is served on them. Several share the GPUs: beside each other where they fit, else in turn."},
			{Name: "workloads", Type: ToWorkloads, Default: "all, or a built-in one", Example: "[workload.prefill-heavy]", Doc: "What they must serve."},
			{Name: "slo", Type: ToSLO, Default: "the only one, or a built-in one", Example: "slo.chat", Doc: "What must be kept."},
			{Name: "objective", Type: String, Allowed: []string{"output_tps_per_gpu", "output_tps", "tpot", "ttft"}, Default: `"output_tps_per_gpu"`, Doc: "What those that are admissible are ranked by."},
			{Name: "require", Type: Rule, Default: `"slo_met"`, Example: `"slo_met && tpot_p95 < 0.02"`, Doc: "What makes one admissible: a rule over `slo_met`, `gpus`, `output_tps`, `output_tps_per_gpu`, `requests_per_s`, `ttft`, `ttft_p50`, `ttft_p95`, `ttft_p99`, `tpot` and its percentiles, `itl_p99` and `latency_p95`, with times in seconds. A number that is not known never passes."},
			{Name: "topologies", Type: ToTopologies, Default: "all, or a search where there is none", Example: "[topology.dp2, topology.pd1x1]", Doc: "The candidates, or `\"search\"` for every layout that fits."},
		},
		Example: `decision "serving" {
  hardware  = hardware.b200x2
  models    = [model.qwen27b]
  workloads = [workload.prefill-heavy]
  slo       = slo.chat
  objective = "output_tps_per_gpu"
  require   = "slo_met"
}`,
	}
}
