code   = "skill.wasm"
input  = "input.schema.json"
output = "output.schema.json"

step "main" {
  output = "brief"
}

step "customer-copy" {
  prompt = "customer-copy.md"
  output = "copy"
}

each "output.brief.accounts" {
  id = "it.name"

  gate "change" {
    value  = "it.change"
    one_of = ["new", "won", "lost", "grew", "shrank", "stalled", "unchanged"]
    fix    = "normalise"
  }

  gate "next-step" {
    value     = "it.next_step"
    max_chars = 160
    fix       = "truncate"
  }

  gate "amount" {
    rule = "it.amount == nil || it.amount >= 0"
  }
}

gate "headline" {
  value     = "output.brief.headline"
  max_chars = 120
  fix       = "truncate"
}

gate "one-entry-each" {
  value     = "output.brief.accounts"
  unique_by = "it.name"
  fix       = "drop"
}

gate "shape" {
  schema = "output.schema.json"
}

# An account or an owner that no event names is an invention.
gate "known-accounts" {
  code = "known_accounts"
}

gate "copy-length" {
  value     = "output.copy"
  max_chars = 700
}

gate "copy-says-something" {
  value     = "output.copy"
  min_chars = 80
}

# Numbering, links to the CRM and the thread are made by code.
render "slack" {}

render "plain" {
  template = "brief.plain.tmpl"
}

items {
  prove  = "items/prove-*.jsonl"
  tune   = "items/tune-*.jsonl"
  source = "authored"
}
