package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// projectConfig is a small project of simulated models. SLOW and QUICK are in
// milliseconds. The model in use is the slow one: a cheap model that seems twice as
// slow is held, and a busy machine's pauses must not decide a test.
const projectConfig = `backend "lab" {
  plugin = "sim"
  config {
    seed = 1
    models = {
      "sim-small"  = { ability = 0.6, format = 0.6, latency_ms = QUICK }
      "sim-medium" = { ability = 0.99, format = 0.8, latency_ms = QUICK }
      "sim-large"  = { ability = 0.99, format = 0.99, latency_ms = SLOW }
    }
  }
}

ladder "lab" {
  tier "small" {
    backend = backend.lab
    model   = "sim-small"
    family  = "sim"
    price   = { input = 0.25, output = 1.25 }
  }
  tier "medium" {
    backend = backend.lab
    model   = "sim-medium"
    family  = "sim"
    price   = { input = 1, output = 5 }
  }
  tier "large" {
    backend = backend.lab
    model   = "sim-large"
    family  = "sim"
    price   = { input = 5, output = 25 }
  }
}

tier_policy "team" {
  ladder   = ladder.lab
  margin   = 0.10
  budget   = 5
  cooldown = "72h"
}

skills "team" {
  from   = "skills/*"
  policy = tier_policy.team
}
`

const greetSkill = `---
name: NAME
description: Greets a guest by name in the language of the place.
---
You greet guests. Answer with one JSON object: {"language": "...", "greeting": "..."}.
`

const greetContract = `output = "output.schema.json"

gate "language" {
  value  = "output.language"
  one_of = ["de", "en", "fr", "it"]
  fix    = "normalise"
}

gate "greeting" {
  value     = "output.greeting"
  max_chars = 60
}

render "plain" {
  template = "plain.tmpl"
}

items {
  prove = "items/prove.jsonl"
  tune  = "items/tune.jsonl"
}
`

const greetSchema = `{
  "type": "object",
  "required": ["language", "greeting"],
  "properties": {"language": {"type": "string"}, "greeting": {"type": "string"}}
}
`

const noteSkill = `---
name: note
description: Turns a thought into a note. Nothing measures what it writes.
---
You write one short note.
`

// writeProject makes a project with one measurable skill for each name, every
// one at the top of the ladder, and one skill that nothing measures.
func writeProject(dir string, latency int, names ...string) error {
	files := map[string]string{
		"plimsoll.hcl":         strings.NewReplacer("SLOW", fmt.Sprint(latency), "QUICK", fmt.Sprint(latency/8)).Replace(projectConfig),
		"skills/note/SKILL.md": noteSkill,
	}
	for _, name := range names {
		at := "skills/" + name + "/"
		files[at+"SKILL.md"] = strings.ReplaceAll(greetSkill, "NAME", name)
		files[at+"skill.hcl"] = greetContract
		files[at+"output.schema.json"] = greetSchema
		files[at+"plain.tmpl"] = "{{ .output.greeting }} ({{ .output.language }})\n"
		files[at+"items/prove.jsonl"] = greetItems(name, 60)
		files[at+"items/tune.jsonl"] = greetItems(name+"-tune", 2)
	}
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// greetItems is a pool of n guests.
func greetItems(prefix string, n int) string {
	places := []struct{ place, language, greeting string }{
		{"Bremen", "de", "Moin, %s!"}, {"Lyon", "fr", "Bonjour, %s !"}, {"Bologna", "it", "Ciao, %s!"}, {"Leeds", "en", "Hello, %s!"},
	}
	var b strings.Builder
	for i := range n {
		guest := fmt.Sprintf("Guest %d of %s", i+1, prefix)
		p := places[i%len(places)]
		fmt.Fprintf(&b, `{"id": "%s-%03d", "input": {"name": %q, "place": %q}, "reference": {"language": %q, "greeting": %q}, "compare": "json"}`+"\n",
			prefix, i+1, guest, p.place, p.language, fmt.Sprintf(p.greeting, guest))
	}
	return b.String()
}

// usual is the latency of the model in use, in milliseconds.
const usual = 120

// projectCommand is `project [-latency MS] [SKILL ...]`, in the current folder.
func projectCommand(ts *testscript.TestScript, neg bool, args []string) {
	latency := usual
	if len(args) > 1 && args[0] == "-latency" {
		if _, err := fmt.Sscan(args[1], &latency); err != nil {
			ts.Fatalf("-latency %s: %v", args[1], err)
		}
		args = args[2:]
	}
	if len(args) == 0 {
		args = []string{"greet"}
	}
	ts.Check(writeProject(ts.MkAbs("."), latency, args...))
}

// tempProject is the same for tests in Go.
func tempProject(t *testing.T, latency int, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeProject(dir, latency, names...); err != nil {
		t.Fatal(err)
	}
	return dir
}
