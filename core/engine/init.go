package engine

import (
	"fmt"
	"strings"
)

// What plimsoll init writes. It runs at once, offline, on simulated models, and
// says so where people look first.
const initProject = `# A Plimsoll project. The models below are simulated: they answer from each
# item's reference, as well as their ability says. Name real ones when you have
# seen a night: plimsoll schema backend.

backend "lab" {
  plugin = "sim"
  config {
    seed = 1
    models = {
      "sim-small" = { ability = 0.99, format = 0.9 }
      "sim-large" = { ability = 0.99, format = 0.99 }
    }
  }
}

ladder "lab" { # cheapest first
  tier "small" {
    backend = backend.lab
    model   = "sim-small"
    family  = "sim"
    price   = { input = 0.25, output = 1.25 } # USD per million tokens, invented
  }
  tier "large" {
    backend = backend.lab
    model   = "sim-large"
    family  = "sim"
    price   = { input = 5, output = 25 }
  }
}

tier_policy "first" {
  ladder    = ladder.lab
  margin    = 0.10 # the loss of quality that does not matter
  max_items = 200
  budget    = 1 # USD a night
}

skills "mine" { # every folder there that has a SKILL.md
  from   = "skills/*"
  policy = tier_policy.first
}
`

const initSkill = `---
name: hello
description: Greets a guest by name in the language of the place, and says which language it is.
---
You greet guests. The input is an object with the guest's name and a place.
Answer with one JSON object: {"language": "<ISO 639-1 code>", "greeting": "<one short greeting with the name>"}.
Use the main language of the place.
`

const initContract = `output = "output.schema.json"

gate "language" {
  value  = "output.language"
  one_of = ["de", "en", "es", "fr", "it", "ja", "pt"]
  fix    = "normalise"
}

gate "greeting" {
  value     = "output.greeting"
  max_chars = 60
}

items {
  prove = "items/prove-*.jsonl"
}
`

const initSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "required": ["language", "greeting"],
  "properties": {
    "language": {"type": "string"},
    "greeting": {"type": "string"}
  }
}
`

// initItems is a small pool to begin with: forty guests, eight places. They are
// made by a rule and prove little beyond that the parts fit together, which the
// first night's claim says: this pool of 40 items.
func initItems() string {
	places := []struct{ place, language, greeting string }{
		{"Bremen", "de", "Moin, %s!"}, {"Lyon", "fr", "Bonjour, %s !"}, {"Bologna", "it", "Ciao, %s!"}, {"Sevilla", "es", "¡Hola, %s!"},
		{"Porto", "pt", "Olá, %s!"}, {"Leeds", "en", "Hello, %s!"}, {"Sapporo", "ja", "こんにちは、%sさん"}, {"Graz", "de", "Grüß Gott, %s!"},
	}
	guests := []string{"Ada", "Bo", "Chidi", "Dagny", "Emre"}
	var b strings.Builder
	for i, g := range guests {
		for j, p := range places {
			fmt.Fprintf(&b, `{"id": "guest-%02d", "input": {"name": %q, "place": %q}, "reference": {"language": %q, "greeting": %q}, "compare": "json"}`+"\n",
				i*len(places)+j+1, g, p.place, p.language, fmt.Sprintf(p.greeting, g))
		}
	}
	return b.String()
}
