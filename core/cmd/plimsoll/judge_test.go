package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A simulated judge on a backend of its own, whose score strays by NOISE.
const judgeConfig = `
backend "bench" {
  plugin = "sim"
  config {
    seed        = 7
    judge_noise = NOISE
    models = {
      "sim-judge"  = { ability = 1 }
      "sim-second" = { ability = 1 }
      "sim-third"  = { ability = 1 }
    }
  }
}

ladder "court" {
  tier "judge" {
    backend = backend.bench
    model   = "sim-judge"
    family  = "bench"
    price   = { input = 1, output = 1 }
  }
  tier "second" {
    backend = backend.bench
    model   = "sim-second"
    family  = "bench"
    price   = { input = 1, output = 1 }
  }
  tier "third" {
    backend = backend.bench
    model   = "sim-third"
    family  = "bench"
    price   = { input = 1, output = 1 }
  }
}

judge "house" {
  tier = ladder.court.judge
MORE}
`

// judgedProject has a skill that a simulated judge scores, with 150 items.
func judgedProject(t *testing.T, noise, more string) string {
	t.Helper()
	dir := t.TempDir()
	if err := writeProject(dir, 1, "greet"); err != nil {
		t.Fatal(err)
	}
	edit := func(name string, change func(string) string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(change(string(src))), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	edit("plimsoll.hcl", func(s string) string {
		return s + strings.NewReplacer("NOISE", noise, "MORE", more).Replace(judgeConfig)
	})
	edit("skills/greet/skill.hcl", func(s string) string {
		return s + "\ndimension \"warmth\" {\n  kind   = \"reasoning\"\n  rubric = \"It is warm.\"\n}\n"
	})
	edit("skills/greet/items/prove.jsonl", func(string) string {
		return strings.ReplaceAll(greetItems("greet", 150), `, "compare": "json"`, "")
	})
	return dir
}

// writeLabels makes simulated labels: n inputs with the output of two tiers each.
// What people say of them is the truth; the judge is asked.
func writeLabels(t *testing.T, dir string, n int, pairs bool) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		reference := fmt.Sprintf(`{"language": "en", "greeting": "Welcome, guest %d"}`, i)
		for k, arm := range []string{"large", "medium"} {
			output, gold := reference, 1
			if (i+k)%17 == 0 {
				output, gold = `{"language": "de", "greeting": "Nothing of the kind"}`, 0
			}
			item := fmt.Sprintf("label-%d", i)
			if !pairs {
				item += arm
			}
			fmt.Fprintf(&b, `{"item": %q, "arm": %q, "gold": %d, "input": {"name": "guest %d"}, "output": %s, "reference": %s}`+"\n", item, arm, gold, i, output, reference)
		}
	}
	path := filepath.Join(dir, "labels.jsonl")
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// A judged skill holds without labels, and proves with them; the verdict
// recomputes from the evidence alone.
func TestAJudgedSkillProvesAfterCalibration(t *testing.T) {
	for name, more := range map[string]string{
		"alone": "",
		"panel": "  panel = [ladder.court.second, ladder.court.third]\n",
		"pairs": "  mode = \"pairwise\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir := judgedProject(t, "0.02", more)
			out := night(t, dir, "judge", "report")
			if !strings.Contains(out, "No labels. It may hold skills, and prove nothing.") {
				t.Errorf("without labels:\n%s", out)
			}
			out = night(t, dir, "judge", "calibrate", "--labels", writeLabels(t, dir, 300, true), "--skill", "greet", "--random")
			if !strings.Contains(out, "600 labels added to judges/house.jsonl") || !strings.Contains(out, "greet, large -> medium: may prove") || !strings.Contains(out, "simulated") {
				t.Fatalf("calibrating:\n%s", out)
			}
			night(t, dir, "judge", "calibrate", "--labels", filepath.Join(dir, "labels.jsonl"), "--skill", "greet", "--random")
			file, err := os.ReadFile(filepath.Join(dir, "judges", "house.jsonl"))
			if err != nil || strings.Count(string(file), "\n") != 600 || strings.Contains(string(file), "guest") {
				t.Fatalf("the file has %d lines, %v, or content", strings.Count(string(file), "\n"), err)
			}
			got := decisions(t, night(t, dir, "--json", "nightly"))["greet/main"]
			if got.Decision != "downgrade" || !strings.Contains(got.Reason, "the judged part within") {
				t.Fatalf("%s: %s", got.Decision, got.Reason)
			}
			line := strings.Split(night(t, dir, "evidence", "recompute"), "\n")
			moved := false
			for _, l := range line {
				var r struct{ Decision, Candidate string }
				if json.Unmarshal([]byte(l), &r) == nil && r.Decision == "downgrade" && strings.HasSuffix(r.Candidate, ".medium") {
					moved = true
				}
			}
			if !moved {
				t.Errorf("recomputed:\n%s", strings.Join(line, "\n"))
			}
			night(t, dir, "evidence", "verify")
		})
	}
}
