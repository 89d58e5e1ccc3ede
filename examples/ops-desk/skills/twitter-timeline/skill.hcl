code   = "skill.wasm"
input  = "input.schema.json"
output = "output.schema.json"

# The shape of the digest is owned by code: what a cheap model gets wrong about
# it (case, lengths, a fourth decision, a tweet listed twice) is mended here and
# in op `finish` before anybody reads it.

each "output.tweets" {
  id = "it.id"

  gate "summary" {
    value     = "it.summary"
    max_chars = 280
    fix       = "truncate"
  }

  gate "said-something" {
    value     = "it.summary"
    min_chars = 12
  }

  gate "status" {
    value  = "it.status"
    one_of = ["new", "follow_up", "ignore"]
    fix    = "normalise"
  }

  gate "links" { # a link has its own member, the sentence stays readable
    value = "it.summary"
    links = 0
  }
}

gate "once" {
  value     = "output.tweets"
  unique_by = "it.id"
  fix       = "drop"
}

gate "decisions" {
  value     = "output.decisions"
  max_items = 3
  fix       = "truncate"
}

gate "shape" {
  schema = "output.schema.json"
}

# Every id is a tweet of the input dated `from` or later, and a link was in that
# tweet. An invented id sends somebody looking for a customer who is not there.
gate "known-ids" {
  code = "known_ids"
}

render "slack" {
  template = "digest.slack.tmpl"
}

items {
  prove  = "items/prove-*.jsonl"
  tune   = "items/tune-*.jsonl"
  source = "authored"
}
