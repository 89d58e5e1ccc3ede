input = "input.schema.json"

# These two see the shape of a text and nothing of its voice. As long as no
# reference and no dimension says what a good answer is, this skill stays where
# it is: that is on purpose.

gate "something" {
  min_chars = 5
}

gate "calm" {
  rule = "!(output contains '!')"
}

items {
  prove  = "items/prove-*.jsonl"
  source = "authored"
}
