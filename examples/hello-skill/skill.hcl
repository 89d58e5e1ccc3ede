code   = "skill.wasm" # built from code/: see README.md
input  = "input.schema.json"
output = "output.schema.json"

each "output.greetings" {
  id = "it.name"

  gate "length" {
    value     = "it.text"
    max_chars = 120
    fix       = "truncate"
  }
}

# A rule cannot look up every person in the list of greetings; code can.
gate "everybody" {
  code  = "everybody"
  never = true
}

dimension "personal" {
  kind   = "reasoning"
  weight = 1
  rubric = "Each greeting refers to what is known about that person, and to nothing that was not said."
}

# By code, and by a template: take whichever is less work.
render "card" {
}

render "plain" {
  template = "plain.tmpl"
}

items {
  prove  = "items/*.json"
  source = "authored"
}
