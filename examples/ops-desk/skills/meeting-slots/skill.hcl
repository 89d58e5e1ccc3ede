input  = "input.schema.json"
output = "output.schema.json"

gate "three-at-most" {
  value     = "output.slots"
  max_items = 3
  fix       = "truncate"
}

gate "no-slot-twice" {
  value     = "output.slots"
  unique_by = "it"
  fix       = "drop"
}

each "output.slots" {
  gate "quarter-hour" {
    value   = "it"
    pattern = "^([01][0-9]|2[0-3]):(00|15|30|45)$"
  }
}

gate "shape" {
  schema = "output.schema.json"
}

items {
  prove  = "items/prove-*.jsonl"
  source = "authored"
}
