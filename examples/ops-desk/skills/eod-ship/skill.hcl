input  = "input.schema.json"
output = "output.schema.json"

each "output.carried_over" {
  id = "it.id"

  gate "why" {
    value     = "it.why"
    max_chars = 60
  }

  gate "not-shipped-too" {
    rule = "!(it.id in output.shipped)"
  }
}

gate "planned-accounted-for" {
  rule = "len(output.shipped) + len(output.carried_over) >= len(input.planned)"
}

gate "shipped-once" {
  value     = "output.shipped"
  unique_by = "it"
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
