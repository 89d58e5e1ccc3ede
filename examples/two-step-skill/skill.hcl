code   = "skill.wasm" # built from code/: see README.md
input  = "input.schema.json"
output = "output.schema.json"

# Each step has a tier of its own. The code calls them when it wants to; the
# output that a step answers for is named for measuring.
step "draft" {
  output = "text"
}

step "review" {
  prompt = "review.md"
  output = "review"
}

gate "length" {
  value     = "output.text"
  max_chars = 400
}

gate "facts" {
  code = "facts"
}

items {
  prove = "items/*.json"
}
