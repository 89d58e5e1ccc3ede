package engine

import "slices"

// Failure is a way in which vLLM is known to fail at its start, with the lines
// that it writes. They are short forms of what the issues of vLLM and FlashInfer
// show; launchers look for the line that says why.
type Failure struct {
	ID   string
	Log  []string // to stderr; {model}, {port} are filled in
	Exit int      // its exit code
	Hang bool     // it does not exit but never listens
}

// engineDied is what the API server writes whatever its engine died of.
var engineDied = []string{
	"(APIServer pid=101) RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
}

// Known lists them. An id is what Start.Fail and --fake-fail take.
func Known() []Failure {
	core := func(lines ...string) []string {
		out := []string{"(EngineCore_DP0 pid=202) ERROR [core.py:1330] EngineCore failed to start.", "(EngineCore_DP0 pid=202) ERROR [core.py:1330] Traceback (most recent call last):"}
		for _, l := range lines {
			out = append(out, "(EngineCore_DP0 pid=202) ERROR [core.py:1330] "+l)
		}
		return append(out, engineDied...)
	}
	return []Failure{
		{ID: "no-start", Exit: 1, Log: core("RuntimeError: the engine was told not to start")},
		{ID: "port-in-use", Exit: 1, Log: []string{"(APIServer pid=101) OSError: [Errno 98] Address already in use"}},
		{ID: "oom", Exit: 1, Log: core("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 178.35 GiB of which 1.21 GiB is free.")},
		{ID: "memory-taken", Exit: 1, Log: core("ValueError: Free memory on device (31.44/47.38 GiB) on startup is less than desired GPU memory utilization (0.9, 42.64 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.")},
		{ID: "no-kv-memory", Exit: 1, Log: core("ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.")},
		{ID: "kv-too-small", Exit: 1, Log: core("ValueError: To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is needed, which is larger than the available KV cache memory (3.18 GiB). Based on the available memory, the estimated maximum model length is 34736. Try increasing `gpu_memory_utilization` or decreasing `max_model_len` when initializing the engine.")},
		{ID: "no-nvcc", Exit: 1, Log: core("  File \"flashinfer/jit/cpp_ext.py\", line 200, in run_ninja", "RuntimeError: Could not find nvcc and default cuda_home='/usr/local/cuda' doesn't exist")},
		{ID: "flashinfer", Exit: 1, Log: core("/bin/sh: 1: /usr/local/cuda/bin/nvcc: not found", "RuntimeError: Ninja build failed. subprocess.CalledProcessError: Command '['ninja', '-v', '-C', 'flashinfer/cached_ops/sampling']' returned non-zero exit status 1.")},
		{ID: "ready-timeout", Exit: 1, Log: []string{"(APIServer pid=101) TimeoutError: Timed out waiting for engine core processes to start. This is often caused by slow weight loading for large models. Waited 600s (configured by VLLM_ENGINE_READY_TIMEOUT_S). To increase the timeout, set the environment variable: VLLM_ENGINE_READY_TIMEOUT_S=<seconds>"}},
		{ID: "attention-env", Exit: 1, Log: []string{"WARNING [envs.py:1510] Unknown vLLM environment variable detected: VLLM_ATTENTION_BACKEND"}},
		{ID: "moe-dp", Exit: 1, Log: core("  File \"vllm/distributed/device_communicators/cuda_communicator.py\", line 294, in all_gather", "AssertionError")},
		{ID: "unknown-model", Exit: 1, Log: []string{"(APIServer pid=101) OSError: {model} is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'"}},
		{ID: "unknown-arch", Exit: 1, Log: []string{"(APIServer pid=101) pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig", "(APIServer pid=101)   Value error, Model architectures ['PlimsollForCausalLM'] are not supported for now. Supported architectures: dict_keys(['LlamaForCausalLM'])"}},
		{ID: "unknown-flag", Exit: 2, Log: []string{"usage: vllm serve [model_tag] [options]", "vllm: error: unrecognized arguments: --no-such-flag"}},
		{ID: "nccl", Exit: 1, Log: core("torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:3690, unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.27.5")},
		{ID: "nixl-port", Exit: 1, Log: core("zmq.error.ZMQError: Address already in use (addr='tcp://127.0.0.1:5600')")},
		{ID: "nixl-missing", Exit: 1, Log: core("RuntimeError: NIXL is not available")},
		{ID: "gpu-missing", Exit: 1, Log: []string{"(APIServer pid=101) RuntimeError: Failed to infer device type, please set the environment variable `VLLM_LOGGING_LEVEL=DEBUG` to turn on verbose logging to help debug the issue."}},
		{ID: "disk-full", Exit: 1, Log: core("OSError: [Errno 28] No space left on device")},
		{ID: "silent", Exit: 137},
		{ID: "hang", Hang: true, Log: []string{"(APIServer pid=101) INFO [utils.py:741] Waiting for 1 local, 0 remote core engine proc(s) to start."}},
	}
}

// died is written when a running engine dies.
var died = []string{
	"(EngineCore_DP0 pid=202) ERROR [core.py:1339] EngineCore encountered a fatal error.",
	"(APIServer pid=101) ERROR [async_llm.py:480] vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace (above) for the root cause.",
}

func known(id string) *Failure {
	all := Known()
	if i := slices.IndexFunc(all, func(f Failure) bool { return f.ID == id }); i >= 0 {
		return &all[i]
	}
	return nil
}

func ids() []string {
	var out []string
	for _, f := range Known() {
		out = append(out, f.ID)
	}
	return out
}
