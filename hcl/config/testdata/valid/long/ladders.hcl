ladder "claude" { # the cheapest rung first
  tier "local" {
    backend = backend.vllm
    model   = "gemma-4-26b"
    family  = "gemma"
    price   = { gpu_hour = 2.1 } # own hardware is paid by the hour
  }
  tier "haiku" {
    backend = backend.claude
    model   = "claude-haiku-4-5"
    family  = "claude"
    price   = { input = 1, output = 5, cache_read = 0.1, cache_write = 1.25 } # per million tokens
  }
  tier "opus" {
    backend = backend.claude
    model   = "claude-opus-4-8"
    family  = "claude"
    price   = { input = 5, output = 25, cache_read = 0.5, cache_write = 6.25 }
  }
}

ladder "glm" {
  tier "big" {
    backend = backend.vllm
    model   = "glm-5.2"
    family  = "glm"
    price   = { gpu_hour = 8.4 }
  }
}

judge "house" {
  tier = ladder.glm.big
}

tier_policy "standard" {
  ladder    = ladder.claude
  margin    = 0.05 # so much may be lost
  alpha     = 0.05 # so often may we be wrong
  max_items = 400
  budget    = 5 # USD a night
  cooldown  = "168h"
  new       = ladder.claude.haiku # skills without a past

  downgrade_when = "evidence.proved && len(dims.reasoning_gaps) == 0"
  hold "customer-facing" {
    when   = "'customer-facing' in skill.tags"
    reason = "copy that reaches a customer stays up"
  }
}

tier_policy "everything" {
  ladder       = ladder.claude
  method       = "grid8"
  fleet        = true
  gate_margin  = 0.03
  judge_margin = 0.02
  shadow       = 0.1
  judge        = judge.house
  budget       = 0.000001
  cooldown     = "1h30m"
  fuse {
    consecutive_failures = 6
  }
}
