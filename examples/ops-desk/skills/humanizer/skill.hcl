input = "input.schema.json"

# Text out: there is no schema to lean on, so quality is judged.

dimension "meaning" {
  kind   = "reasoning"
  margin = 0.02 # a fact that is gone costs more than a stiff sentence
  rubric = "Every fact, number, name, date, condition, promise and degree of certainty of the original is there, and nothing was added. 1 when all are, 0 when the reader would act differently."
}

dimension "plainness" {
  kind   = "format"
  rubric = "Reads as if a competent person had written it: no padding, no filler phrase, no remark about the task, no heading or quotation marks that the original did not have."
}

gate "something" {
  min_chars = 10
}

gate "not-longer" {
  rule = "len(output) <= 2 * len(input.text) + 40"
}

gate "no-remark" {
  rule = "!(lower(output) contains 'as an ai') && !(lower(output) contains 'here is the rewritten')"
}

items {
  prove  = "items/prove-*.jsonl"
  tune   = "items/tune-*.jsonl"
  source = "authored"
}
