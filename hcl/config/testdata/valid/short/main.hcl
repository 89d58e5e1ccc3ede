skills "team" {
  from   = ".claude/skills/*" # every folder at once
  policy = preset.careful
  ladder = ladder.claude
  runner = runner.agent
}

runner "agent" {
  command = ["claude", "-p", "{prompt}", "--model", "{model}", "--output-format", "json"]
}

backend "claude" {
  plugin = "anthropic"
}

ladder "claude" {
  tier "haiku" {
    backend = backend.claude
    model   = "claude-haiku-4-5"
    family  = "claude"
    price   = { input = 1, output = 5 }
  }
}
