code   = "skill.ts"
input  = "input.schema.json"
output = "output.schema.json"

each "output.tweets" {
  id = "it.id"
  gate "summary" {
    value     = "it.summary"
    max_chars = 280 # as people count
  }
  gate "status" {
    value  = "it.status"
    one_of = ["new", "follow_up", "ignore"]
    fix    = "normalise"
  }
  gate "links" {
    value = "it.text"
    links = 1
  }
}

gate "decisions" {
  value     = "output.decisions"
  max_items = 3
  fix       = "truncate"
}

gate "dated" {
  rule  = "all(output.tweets, .date >= input.from)"
  never = true # not once
}

gate "thread" {
  code = "check_thread" # asks the skill's own code
}

dimension "coverage" {
  kind   = "reasoning"
  weight = 2
  rubric = "Every tweet that asks for something is in the digest."
}

render "slack" {
  template = "digest.slack.tmpl"
}

items {
  prove = "items/*.json"
}
