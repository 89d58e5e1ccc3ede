input  = "input.schema.json"
output = "output.schema.json"

gate "shape" {
  schema = "output.schema.json"
}

gate "no-more-than-merged" {
  rule = "len(output.breaking) + len(output.new) + len(output.fixed) <= len(input.changes)"
}

gate "short" {
  rule = "all(output.breaking, len(#) <= 200) && all(output.new, len(#) <= 200) && all(output.fixed, len(#) <= 200)"
}

render "markdown" {
  template = "notes.md.tmpl"
}

items {
  prove  = "items/prove-*.jsonl"
  source = "authored"
}
