# Written by `plimsoll topology detect`. Yours to edit: nothing writes it again.
# This machine: driver 570.124.06, nvcc 12.8, vLLM 0.24.0, docker 28.3.2, podman 5.4.0.

hardware "b200x2" {
  gpu      = "B200"
  count    = 2
  per_node = 2
  fabric {
    kind     = "nvlink"
    gb_per_s = 900
  }
}

# MixtralForCausalLM: 20.6 B parameters, 6.0 B of them for each token; 38.4 GiB of weights, published in bf16
model "some-mixture-8x2-5b" {
  config = "testdata/models/Some Mixture 8x2.5B/config.json"
  source = "/work/testdata/models/Some Mixture 8x2.5B"
}

# LlamaForCausalLM: 1.2 B parameters; 1.4 GiB of weights, published in fp8
model "tiny-lm" {
  config = "testdata/models/hub/models--acme--Tiny-LM/snapshots/bbb/config.json"
  source = "acme/Tiny-LM"
  kv     = "fp8"
}

# gap model testdata/models/odd/config.json: config.json of clip_vision_model: architecture: the model type "clip_vision_model" is not known; known are bloom, deepseek_v2, deepseek_v3, gemma4_text, glm4_moe, gpt_oss, kimi_k2, llama, mistral, mixtral, opt, phi3, qwen2, qwen2_moe, qwen3, qwen3_5_moe_text, qwen3_5_text, qwen3_moe, qwen3_next. Leave it out, or measure instead of predicting.
