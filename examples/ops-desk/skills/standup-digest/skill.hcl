input  = "input.schema.json"
output = "output.schema.json"

gate "shape" {
  schema = "output.schema.json"
}

gate "blocked-once" {
  value     = "output.blocked"
  unique_by = "it.who"
  fix       = "drop"
}

render "slack" {
  template = "digest.slack.tmpl"
}

items {
  prove  = "items/prove-*.jsonl"
  source = "authored"
}
