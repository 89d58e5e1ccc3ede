skill "humanizer" {
  source = "./skills/humanizer"
  policy = tier_policy.standard
  tags   = ["writing"]
  data {
    class = "internal"
    allow = [backend.claude, backend.vllm]
  }
  step "customer-copy" {
    pin = ladder.claude.opus
  }
  gate "house-style" {
    command = ["python3", "tweet_validate.py"] # ours, on our own machine
  }
}
