input  = "input.schema.json"
output = "output.schema.json"

each "output.problems" {
  id = "it.line"

  gate "rule-name" {
    value  = "it.rule"
    one_of = ["past-tense", "ticket-only", "blame", "vague"]
    fix    = "normalise"
  }

  gate "line-exists" {
    rule = "it.line >= 1 && it.line <= len(input.lines)"
  }
}

gate "ok-means-none" {
  rule = "output.ok == (len(output.problems) == 0)"
}

gate "shape" {
  schema = "output.schema.json"
}

items {
  prove  = "items/prove-*.jsonl"
  source = "authored"
}
