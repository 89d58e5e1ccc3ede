backend "gpu" {
  plugin   = "vllm"
  topology = topology.there
}

gpu "RTX-X" {
  memory_gib         = 96
  bandwidth_tb_per_s = 1.6
  bf16_pflops        = 0.5
  fp8_pflops         = 1
  fp4_pflops         = 2
  link_gb_per_s      = 64
}

hardware "rack" {
  gpu         = "RTX-X"
  count       = 16
  per_node    = 8
  utilisation = 0.9
  fabric {
    kind       = "pcie"
    gb_per_s   = 60
    latency_ms = 0.2
  }
  network {
    kind     = "roce"
    gb_per_s = 25
  }
}

model "m" {
  config           = "m.json"
  weights          = "fp8"
  kv               = "fp8"
  source           = "/models/m"
  context          = 32768
  accuracy_checked = true
}

workload "chat" {
  input_tokens  = 800
  output_tokens = 200
  prompts       = 500
  rate          = 4.5
  arrival       = "gamma"
  burstiness    = 0.5
  concurrency   = 64
  shared_prefix = 300
  spread        = 0.4
  longest       = 4096
  seed          = 7
}

workload "burst" {
  rate = "inf"
}

slo "chat" {
  ttft_p50       = "1s"
  ttft_p95       = "2s"
  ttft_p99       = "3s"
  tpot_p50       = "10ms"
  tpot_p95       = "20ms"
  tpot_p99       = "30ms"
  itl_p99        = "100ms"
  latency_p95    = "10s"
  output_tps     = 1000
  requests_per_s = 2.5
}

topology "split" {
  engine          = "vllm"
  version         = "0.24.1"
  model           = model.m
  hardware        = hardware.rack
  runtime         = "kubernetes"
  image           = "docker.io/vllm/vllm-openai@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  attention       = "TRITON_ATTN"
  chunked_prefill = false
  ready           = "1800s"
  host            = "0.0.0.0"
  port            = 9000
  kv_port         = 5700
  prefill {
    gpus            = [0, 1]
    replicas        = 2
    tensor_parallel = 1
  }
  decode {
    data_parallel   = 2
    tensor_parallel = 2
    expert_parallel = -1
  }
  kv_transfer {
    connector = "NixlConnector"
    gb_per_s  = 50
    lease     = "480s"
  }
  env {
    A = "b"
    N = 0.5
  }
  args {
    max-num-seqs  = 128
    enforce-eager = true
  }
  proxy {
    image = "docker.io/vllm/vllm-openai@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }
  kubernetes {
    kind      = "leaderworkerset"
    namespace = "n"
    queue     = "q"
    claim     = "c"
    mount     = "/w"
    memory    = "32Gi"
  }
}

topology "there" {
  engine  = "sglang"
  version = "0.5"
  attach  = "http://10.0.0.7:8000"
}

decision "d" {
  hardware   = hardware.rack
  models     = [model.m]
  workloads  = [workload.burst, workload.chat]
  slo        = slo.chat
  objective  = "tpot"
  require    = "slo_met && gpus <= 8"
  topologies = [topology.split]
}

decision "all" {
  models     = [model.m]
  topologies = "search"
}
