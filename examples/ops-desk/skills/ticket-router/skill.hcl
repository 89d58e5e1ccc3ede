input  = "input.schema.json"
output = "output.schema.json"

gate "queue" {
  value  = "output.queue"
  one_of = ["billing", "access", "bug", "howto", "legal", "spam"]
  fix    = "normalise"
}

gate "urgency" {
  value  = "output.urgency"
  one_of = ["now", "today", "week"]
  fix    = "normalise"
}

gate "shape" {
  schema = "output.schema.json"
}

items {
  prove  = "items/prove-*.jsonl"
  source = "authored"
}
