input  = "input.schema.json"
output = "output.schema.json"

gate "shape" {
  schema = "output.schema.json"
}

items {
  prove  = "items/prove-*.jsonl"
  source = "authored"
}
