input  = "input.schema.json"
output = "output.schema.json"

each "output.go" {
  id = "it.id"

  gate "carrier" {
    value  = "it.carrier"
    one_of = ["northline", "wrenpost", "bulkhaul", "courier", "pickup"]
    fix    = "normalise"
  }
}

each "output.hold" {
  id = "it.id"

  gate "why" {
    value     = "it.why"
    max_chars = 60
  }
}

gate "all-there" {
  rule = "len(output.go) + len(output.hold) == len(input.orders)"
}

gate "no-order-twice" {
  value     = "output.go"
  unique_by = "it.id"
}

gate "first-cutoff" {
  value   = "output.first_cutoff"
  pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^$"
}

gate "note" {
  value     = "output.note"
  max_chars = 160
  fix       = "truncate"
}

gate "shape" {
  schema = "output.schema.json"
}

render "slack" {
  template = "note.slack.tmpl"
}

items {
  prove  = "items/prove-*.jsonl"
  tune   = "items/tune-*.jsonl"
  source = "authored"
}
