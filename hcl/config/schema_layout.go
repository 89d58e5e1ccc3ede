package config

func poolDocs() []*AttributeDoc {
	return []*AttributeDoc{
		{Name: "gpus", Type: Integers, Default: "as many as the sizes take", Example: "[0, 1]", Doc: "Which GPUs, by their index on the machine. Without sizes they are one tensor group."},
		{Name: "replicas", Type: Integer, Range: "[1,65536]", Default: "1", Example: "2", Doc: "Servers that share nothing."},
		{Name: "data_parallel", Type: Integer, Range: "[1,65536]", Default: "1", Example: "2", Doc: "Ranks of one server that each have requests of their own."},
		{Name: "tensor_parallel", Type: Integer, Range: "[1,65536]", Default: "1, or all of gpus", Example: "2", Doc: "GPUs over which every layer is cut."},
		{Name: "expert_parallel", Type: Integer, Range: "[-1,65536]", Default: "0", Example: "8", Doc: "GPUs over which the experts of a mixture are spread. 0 cuts them like everything else; -1 lets every rank hold all of them."},
	}
}

func poolDoc(typ, doc string) *BlockDoc {
	return &BlockDoc{Type: typ, Single: true, Doc: doc, Attributes: poolDocs()}
}

func topologyDoc() *BlockDoc {
	return &BlockDoc{
		Type: "topology", Labels: []string{labelName},
		Doc: "How a model is laid on GPUs, and how it is started. Either the parallel sizes, or `prefill` and `decode` apart.",
		Attributes: append(append([]*AttributeDoc{
			{Name: "engine", Type: String, Required: true, Example: `"vllm"`, Doc: "What serves. Launch plans are made for `vllm`, and for `sglang` without a split and without manifests; others can be declared with `attach`."},
			{Name: "version", Type: String, Required: true, Example: `"0.24"`, Doc: "Its version: flags and known failures depend on it."},
		}, poolDocs()...), launchDocs()...),
		Blocks: []*BlockDoc{
			poolDoc("prefill", "Servers that read prompts only. Goes with `decode`."),
			poolDoc("decode", "Servers that write answers only. Goes with `prefill`."),
			{
				Type: "kv_transfer", Single: true,
				Doc: "How the cache of a prompt comes from `prefill` to `decode`.",
				Attributes: []*AttributeDoc{
					{Name: "connector", Type: String, Required: true, Example: `"NixlConnector"`, Doc: "The engine's name of it."},
					{Name: "gb_per_s", Type: Number, Range: "(0,100000]", Default: "the fabric's", Example: "50", Doc: "Gigabytes a second that it reaches, where that was measured."},
					{Name: "lease", Type: Duration, Default: "the connector's", Example: `"480s"`, Doc: "How long `prefill` keeps a cache that nobody fetched."},
				},
			},
			{
				Type: "env", Single: true, Free: true,
				Doc: "Environment variables of the engine's processes, on top of what the plan sets. No secrets: they would stand in the repository.",
			},
			{
				Type: "args", Single: true, Free: true,
				Doc: "Flags of the engine without their dashes, `true` for a switch. What follows from other blocks cannot be set here.",
			},
			{
				Type: "proxy", Single: true,
				Doc: "What stands before `prefill` and `decode`, or before several servers. Without it the plan takes vllm-router.",
				Attributes: []*AttributeDoc{
					{Name: "script", Type: String, Example: `"/opt/vllm/tests/v1/kv_connector/nixl_integration/toy_proxy_server.py"`, Doc: "Absolute path of the proxy script in a checkout of the engine."},
					{Name: "image", Type: String, Example: exampleRouter, Doc: "Image of vllm-router, by digest. Needed in containers."},
				},
			},
			{
				Type: "kubernetes", Single: true,
				Doc: "What only manifests need. With `runtime = \"kubernetes\"`.",
				Attributes: []*AttributeDoc{
					{Name: "kind", Type: String, Allowed: []string{"deployment", "leaderworkerset", "kserve"}, Default: "deployment, or leaderworkerset across machines", Doc: "What runs the pods."},
					{Name: "namespace", Type: String, Example: `"models"`, Doc: "Where the objects go."},
					{Name: "queue", Type: String, Example: `"gpu"`, Doc: "The local queue of Kueue that admits the pods."},
					{Name: "claim", Type: String, Example: `"models"`, Doc: "A PersistentVolumeClaim with the model."},
					{Name: "mount", Type: String, Default: `"/models"`, Doc: "Where the claim is mounted."},
					{Name: "memory", Type: String, Default: `"16Gi"`, Doc: "Size of the shared memory volume."},
				},
			},
		},
		Example: `topology "pd1x1" {
  engine  = "vllm"
  version = "0.24"
  prefill {
    gpus = [0]
  }
  decode {
    gpus = [1]
  }
  kv_transfer {
    connector = "NixlConnector"
  }
}`,
	}
}

const (
	exampleRouter = `"docker.io/vllm/vllm-router@sha256:0000000000000000000000000000000000000000000000000000000000000000"`
	exampleImage  = `"docker.io/vllm/vllm-openai@sha256:0000000000000000000000000000000000000000000000000000000000000000"`
)

func launchDocs() []*AttributeDoc {
	return []*AttributeDoc{
		{Name: "model", Type: ToModel, Default: "the only one, or that of the command", Example: "model.qwen27b", Doc: "What is served."},
		{Name: "hardware", Type: ToHardware, Default: "the only one", Example: "hardware.b200x2", Doc: "On what."},
		{Name: "runtime", Type: String, Allowed: []string{"process", "podman", "docker", "kubernetes"}, Default: `"process"`, Doc: "How it is started. `kubernetes` makes manifests, which are applied by you."},
		{Name: "image", Type: String, Example: exampleImage, Doc: "The engine's image, by digest. Containers need it."},
		{Name: "attach", Type: String, Example: `"http://127.0.0.1:8000"`, Doc: "URL of a server that runs already: nothing is started or stopped."},
		{Name: "attention", Type: String, Default: "the engine's choice", Example: `"TRITON_ATTN"`, Doc: "Attention backend."},
		{Name: "chunked_prefill", Type: Bool, Default: "true", Doc: "Long prompts are cut, so that answers go on meanwhile. `false` stops them until the prompt is done."},
		{Name: "ready", Type: Duration, Default: "600s, or what the first start needs", Example: `"1800s"`, Doc: "How long a start may take."},
		{Name: "host", Type: String, Default: `"127.0.0.1"`, Doc: "Where the endpoint listens. Anybody who reaches it can use it."},
		{Name: "port", Type: Integer, Range: "[1,65535]", Default: "8000", Doc: "Port of the endpoint."},
		{Name: "kv_port", Type: Integer, Range: "[1,65535]", Default: "5600", Doc: "The first port for transfers of caches."},
	}
}
