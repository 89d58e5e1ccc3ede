package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// latency of the simulated models: what a fast hosted model takes for a short
// paragraph, so that the night is bound by its backend as real nights are, and
// what the engine adds shows. With slower models its part is smaller.
const latency = 250 * time.Millisecond

// places are the calls that a backend gets at a time.
const places = 16

// night measures what the engine adds to a night of a few skills that are all
// measured to their end.
func night(program string) ([]figure, error) { return nightOf(program, 8, 80) }

// company measures a night of 960 skills, a batch of each: mostly what opening
// and closing a comparison costs. It takes some five minutes.
func company(program string) ([]figure, error) { return nightOf(program, 960, 8) }

// nightOf measures what the engine adds to a night beyond waiting for its
// backend. The floor is what the backend alone takes, with all its places taken
// all the time; the start of the process counts as the engine's.
func nightOf(program string, skills, items int) ([]figure, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "plimsoll-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := desk(dir, skills, items); err != nil {
		return nil, err
	}
	began := time.Now()
	out, err := exec.Command(program, "-C", dir, "--json", "nightly").Output()
	took := time.Since(began)
	if err != nil {
		return nil, fmt.Errorf("the night: %w\n%s", err, out)
	}
	var doc struct {
		Rows []struct {
			Bought int `json:"bought"`
		} `json:"rows"`
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		return nil, fmt.Errorf("reading the night: %w", err)
	}
	trials := 0
	for _, r := range doc.Rows {
		trials += r.Bought
	}
	if trials < skills*items {
		return nil, fmt.Errorf("the night bought %d trials only: the benchmark measures nothing", trials)
	}
	floor := time.Duration((trials+places-1)/places) * latency
	share := float64(took-floor) / float64(floor)
	return []figure{
		{fmt.Sprintf("a night of %d skills, %d trials of %v", skills, trials, latency), "", took.Round(time.Millisecond).String(), true},
		{"the backend's part of it", "", floor.Round(time.Millisecond).String(), true},
		{"the engine's part, of the backend's", "<= 5 %", fmt.Sprintf("%.1f %%", 100*share), share <= 0.05},
	}, nil
}

// desk writes a project of skills that all may move, with two equal models.
func desk(dir string, skills, items int) error {
	write := func(name, text string) error {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(text), 0o644)
	}
	config := fmt.Sprintf(`
backend "lab" {
  plugin = "sim"
  config {
    seed = 1
    models = {
      "s" = { ability = 1, format = 1, latency_ms = %d }
      "l" = { ability = 1, format = 1, latency_ms = %d }
    }
  }
}
ladder "lab" {
  tier "small" {
    backend = backend.lab
    model   = "s"
    family  = "sim"
    price   = { input = 1, output = 1 }
  }
  tier "large" {
    backend = backend.lab
    model   = "l"
    family  = "sim"
    price   = { input = 5, output = 5 }
  }
}
skills "all" {
  from   = "skills/*"
  policy = preset.standard
  ladder = ladder.lab
}
`, latency.Milliseconds(), latency.Milliseconds())
	if err := write("plimsoll.hcl", config); err != nil {
		return err
	}
	for s := range skills {
		name := fmt.Sprintf("skill-%03d", s)
		var pool strings.Builder
		for i := range items {
			fmt.Fprintf(&pool, `{"id":"i-%d","input":{"n":%d},"reference":{"n":%d,"word":"w%d"},"compare":"json"}`+"\n", i, i, i, i*7+s)
		}
		for file, text := range map[string]string{
			"SKILL.md":           fmt.Sprintf("---\nname: %s\ndescription: Counts what it is given and says the word for it.\n---\nAnswer with the number and its word.\n", name),
			"skill.hcl":          "output = \"output.schema.json\"\n\ngate \"word\" {\n  value     = \"output.word\"\n  max_chars = 20\n}\n\nitems {\n  prove = \"items.jsonl\"\n}\n",
			"output.schema.json": `{"type":"object","required":["n","word"],"properties":{"n":{"type":"integer"},"word":{"type":"string"}}}`,
			"items.jsonl":        pool.String(),
		} {
			if err := write(filepath.Join("skills", name, file), text); err != nil {
				return err
			}
		}
	}
	return nil
}
