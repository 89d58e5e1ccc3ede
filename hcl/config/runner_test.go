package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func loadRunner(t *testing.T, body string) (*Runner, diag.List) {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "fixtures", "shop"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.hcl"), []byte("runner \"agent\" {\n"+body+"\n}\n"))
	p, diags := Load(dir, Options{})
	if p == nil || len(p.Runners) != 1 {
		t.Fatalf("no runner: %v", diags)
	}
	return p.Runners[0], diags
}

func TestRunner(t *testing.T) {
	r, diags := loadRunner(t, `
  command  = ["./agent.py", "{model}", "{prompt_file}"]
  env      = ["API_KEY"]
  timeout  = "90s"
  fixture  = "fixtures/shop/"
  files    = ["src/**", "*.md"]
  output   = "json:answer.text"
  max_cost = 0.25
  usage {
    input  = "usage.in"
    output = "usage.out"
  }`)
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if r.Timeout != 90*time.Second || r.Fixture != "fixtures/shop" || r.MaxCost != 250_000 || r.Usage["output"] != "usage.out" || r.Env[0] != "API_KEY" {
		t.Errorf("%+v", r)
	}
	for file, want := range map[string]bool{"src/a.go": true, "src/deep/b.go": true, "srcs/a": false, "README.md": true, "docs/a.md": false, "src": false} {
		if r.Takes(file) != want {
			t.Errorf("%s is taken: %t", file, !want)
		}
	}
	short, diags := loadRunner(t, `  command = ["claude", "-p", "{prompt}", "--model", "{model}", "--output-format", "json"]`)
	if len(diags) > 0 || short.Timeout != 10*time.Minute || short.MaxCost != -1 || short.Takes("a") {
		t.Errorf("%+v, %v", short, diags)
	}
}

// Every mistake is found where it stands, by a word that stays.
func TestRunnersThatAreRefused(t *testing.T) {
	const command = "  command = [\"a\", \"{model}\"]\n  max_cost = 1\n"
	for body, want := range map[string]string{
		`  timeout = "1m"`: "missing-attribute",
		"  command = [\"a\", \"{modell}\"]\n  max_cost = 1":                                      "bad-runner",
		"  command = [\"a\"]\n  max_cost = 1":                                                    "same-model",
		`  command = ["a", "{model}"]`:                                                           "unknown-cost",
		command + `  fixture = "../elsewhere"`:                                                   "bad-runner",
		command + `  fixture = "fixtures/shpo"`:                                                  "missing-folder",
		command + `  files = ["a/**/b"]`:                                                         "bad-pattern",
		command + `  files = ["/etc/*"]`:                                                         "bad-pattern",
		command + `  files = ["[a"]`:                                                             "bad-pattern",
		command + `  output = "jsn"`:                                                             "not-allowed",
		command + `  output = "json:"`:                                                           "bad-runner",
		command + "  usage {\n    output = \"x\"\n  }":                                           "bad-runner",
		command + "  config {\n    x = 1\n  }":                                                   "bad-runner",
		command + `  timeout = "0s"`:                                                             "out-of-range",
		command + `  env = ["sk-123=4"]`:                                                         "bad-name",
		command + "  output = \"json:a\"\n  usage {\n    tokens = \"x\"\n  }":                    "unknown-attribute",
		command + "  output = \"json:a\"\n  usage {\n    input = \"x\"\n    prompt = \"y\"\n  }": "bad-runner",
	} {
		_, diags := loadRunner(t, body)
		var codes []string
		for _, d := range diags {
			codes = append(codes, d.Code)
		}
		if !strings.Contains(strings.Join(codes, " "), want) {
			t.Errorf("%s\ngave %v, not %s", body, codes, want)
		}
	}
}
