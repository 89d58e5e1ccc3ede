# Where the models are.
backend "claude" {
  plugin = "anthropic"
  env    = ["ANTHROPIC_API_KEY"] # nothing else of the environment
  config {
    base_url = "https://api.anthropic.com"
  }
}

backend "vllm" {
  plugin = "openai"
  record = "cassettes"
  config {
    base_url = var.vllm
    retries  = 3
    jitter   = 0.5
    tags     = ["a", local.site]
    limits   = { tokens = 9007199254740993 }
  }
}

variable "vllm" {
  default     = "http://127.0.0.1:8000/v1"
  description = "where the local models listen"
}

locals {
  site = upper("hamburg")
}
