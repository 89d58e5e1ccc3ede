package vllm

import (
	"strings"
	"sync"
)

// failure is something that is known of an engine's log.
type failure struct {
	id    string
	signs []string // any of them is in the line; "…" stands for whatever is between
	means string
	do    string
	rank  int // place in the table: of several that were seen, the first is the cause
}

// Regular expressions were refused for signs: some thirty of them took 3 ms for a
// line of 4 KB (2026-11-22, one core), and an engine's lines are that long.
func (f *failure) in(line string) bool {
	for _, sign := range f.signs {
		rest, all := line, true
		for part := range strings.SplitSeq(sign, "…") {
			_, after, found := strings.Cut(rest, part)
			if rest = after; !found {
				all = false
				break
			}
		}
		if all {
			return true
		}
	}
	return false
}

// failures is the table of known failures: what a line of the log means, and what to
// do. The order is from cause to consequence. Signs are of lines in the trackers
// of vLLM, FlashInfer, PyTorch, Hugging Face and docker, unless a comment says that
// they were written from memory.
var failures = sync.OnceValue(func() []*failure {
	table := []*failure{
		{
			id: "port-in-use", signs: []string{"OSError: [Errno 98]…ddress already in use", "OSError: [Errno 48]…ddress already in use"},
			means: "its port is taken by another program",
			do:    "end that program (ss -ltnp shows it), or set port in the topology block",
		}, {
			id: "kv-port", signs: []string{"zmq.error.ZMQError: Address already in use"},
			means: "the port over which KV caches are announced is taken: each server on a machine needs its own",
			do:    "set kv_port in the topology block to a free range, or end what listens there",
		}, {
			id: "nixl-missing", signs: []string{"NIXL is not available"},
			means: "the KV connector NIXL is not installed beside the engine",
			do:    "pip install nixl in the engine's environment, or use an image that has it",
		}, {
			id: "nixl-mismatch", signs: []string{"NIXL agent engine ID mismatch", "NIXL transfer failure: handshake"},
			means: "prefill and decode could not agree over NIXL: one of them was started anew, or they reach each other under a wrong address",
			do:    "start both again; across machines set VLLM_NIXL_SIDE_CHANNEL_HOST to an address that the other side reaches",
		}, {
			id: "nixl-backend", signs: []string{"NIXL_ERR_", "nixlBackendError"}, // from memory of NIXL's status codes
			means: "NIXL could not set up its transport between the GPUs",
			do:    "look at the lines above it; without RDMA set UCX_TLS to cuda_ipc,cuda_copy,tcp in the topology's env",
		}, {
			id: "gated", signs: []string{"gated repo", "GatedRepoError", "You must have access to it and be authenticated"},
			means: "the model's publisher wants you to ask for access, and this engine showed no token that has it",
			do:    `ask on the model's page, then set HF_TOKEN = env("HF_TOKEN") in the topology's env; without a network set source to a local folder`,
		}, {
			id: "unknown-model", signs: []string{"is not a local folder and is not a valid model identifier"},
			means: "the model is neither a folder on this machine nor a name that the hub knows",
			do:    "set source in the model block to the folder with its weights, or to its name at the hub",
		}, {
			id: "offline", signs: []string{"LocalEntryNotFoundError", "couldn't connect to 'https://huggingface.co'", "Failed to resolve 'huggingface.co'"}, // from memory
			means: "the weights are not on this machine, and the hub cannot be reached",
			do:    "bring the weights here and set source in the model block to their folder",
		}, {
			id: "unknown-arch", signs: []string{"Model architectures…are not supported", "does not recognize this architecture"},
			means: "this version of the engine cannot load the model's architecture",
			do:    "use the version of vLLM that the model's card names, and declare it as version in the topology block",
		}, {
			id: "kv-dtype", signs: []string{"kv_cache_dtype not supported", "--kv-cache-dtype: invalid choice", "type fp8e4nv not supported in this architecture"},
			means: "the KV cache cannot be kept in that type on this GPU with this attention backend",
			do:    `set kv in the model block to "bf16" (or "fp8" where the GPU has it), or another attention in the topology block`,
		}, {
			id: "unknown-flag", signs: []string{"error: unrecognized arguments", "error: argument --"},
			means: "this version of the engine does not know a flag, or not that value of it",
			do:    "declare the version that is installed (vllm --version) in the topology block, or correct its args",
		}, {
			id: "attention-backend", signs: []string{"Selected backend…is not valid for this configuration"},
			means: "the attention backend cannot be used with this model on this GPU",
			do:    "take attention out of the topology block, or use TRITON_ATTN",
		}, {
			id: "no-nvcc", signs: []string{"Could not find nvcc", "nvcc: not found", "nvcc: command not found"},
			means: "kernels have to be compiled at the start, and there is no CUDA compiler",
			do:    "install the CUDA toolkit and set CUDA_HOME, or set VLLM_USE_FLASHINFER_SAMPLER = \"0\" in env and attention = \"TRITON_ATTN\"; topology plan does both where it knows that nvcc is missing",
		}, {
			id: "flashinfer", signs: []string{"Ninja build failed", "flashinfer…CalledProcessError"},
			means: "FlashInfer could not compile its kernels",
			do:    "look at the first error above it; or install flashinfer-jit-cache of the same version, which brings them compiled",
		}, {
			id: "memory-taken", signs: []string{"Free memory on device…is less than desired GPU memory utilization"},
			means: "another program holds memory of the GPU",
			do:    "end it (nvidia-smi shows it), or lower utilisation in the hardware block",
		}, {
			id: "no-kv-memory", signs: []string{"No available memory for the cache blocks"},
			means: "the weights leave no memory of the GPU for KV caches",
			do:    "use more GPUs for each server (tensor_parallel), smaller weights, or raise utilisation in the hardware block",
		}, {
			id: "kv-too-small", signs: []string{"larger than the available KV cache memory"},
			means: "not even one request of the full context fits beside the weights",
			do:    "set context in the model block to what the line says is possible, keep the cache as kv = \"fp8\", or use more GPUs for each server",
		}, {
			id: "oom", signs: []string{"OutOfMemoryError", "CUDA out of memory"},
			means: "the GPU has run out of memory",
			do:    "lower utilisation in the hardware block, set a shorter context in the model block, or use more GPUs for each server",
		}, {
			id: "disk-full", signs: []string{"No space left on device"},
			means: "the disk is full",
			do:    "make room where HOME or HF_HOME lies (weights, compiled kernels), or in /dev/shm",
		}, {
			id: "nccl", signs: []string{"NCCL error", "ncclUnhandled", "ncclSystemError"},
			means: "the GPUs could not talk to each other",
			do:    "set NCCL_DEBUG = \"INFO\" in the topology's env and look at the first warning; in containers the shared memory is usually too small",
		}, {
			id: "moe-dp", signs: []string{"cuda_communicator.py\", line…in all_gather"},
			means: "a model with experts does not start with data parallel on this version of vLLM",
			do:    "use tensor_parallel instead, or split prefill and decode",
		}, {
			id: "gpu-missing", signs: []string{"Failed to infer device type", "No CUDA GPUs are available", "could not select device driver"},
			means: "the engine sees no GPU",
			do:    "look at nvidia-smi; in containers install the NVIDIA container toolkit (docker), or generate the CDI description (podman)",
		}, {
			id: "driver", signs: []string{"CUDA driver version is insufficient", "The NVIDIA driver on your system is too old"},
			means: "the GPU's driver is older than what the engine was built with",
			do:    "update the driver, or use an engine built for an older CUDA",
		}, {
			id: "container-name", signs: []string{"name…is already in use"},
			means: "a container of this name is still there",
			do:    "remove it, or wait until it has ended",
		}, {
			id: "image-missing", signs: []string{"manifest unknown", "pull access denied", "Unable to find image", "unable to copy from source"}, // from memory of docker and podman
			means: "the image is not on this machine and could not be fetched",
			do:    "load it (podman load, docker load), and declare its digest",
		}, {
			id: "script-missing", signs: []string{"python3: can't open file", "python: can't open file"},
			means: "the proxy's script is not where the topology says",
			do:    "set script in the proxy block to toy_proxy_server.py of a checkout of the engine's version, or take it out to use vllm-router",
		}, {
			id: "ready-timeout", signs: []string{"Timed out waiting for engine core processes to start"},
			means: "the engine gave up waiting for its own processes: the first start of a model compiles and reads for long",
			do:    "set ready = \"30m\" in the topology block, which raises every wait together",
		}, {
			id: "attention-env", signs: []string{"Unknown vLLM environment variable detected: VLLM_ATTENTION_BACKEND"},
			means: "this version ignores VLLM_ATTENTION_BACKEND and chooses an attention backend of its own",
			do:    "take the variable out of env and set attention in the topology block",
		}, {
			id: "engine-died", signs: []string{"EngineDeadError", "EngineCore encountered a fatal error"},
			means: "the engine died while it served",
			do:    "look at the lines above it in its log; start it again with plimsoll topology up",
		},
	}
	for i, f := range table {
		f.rank = i
	}
	return table
})

// recognise finds the known failure of a line. Warnings of a healthy engine, such
// as a variable that it does not know, are found too: they explain only what fails.
func recognise(line string) *failure {
	for _, f := range failures() {
		if f.in(line) {
			return f
		}
	}
	return nil
}
