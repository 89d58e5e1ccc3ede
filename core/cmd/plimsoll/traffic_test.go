package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Evidence that is sampled from traffic: nothing is measured before there are
// enough runs, whatever inputs they had; looking draws nothing and the night's draw
// is fixed; of each item only the candidate's side is bought, the other is what was
// logged; and what is proved is claimed of future runs.
func TestTrafficIsEvidence(t *testing.T) {
	const n = 30
	dir := tempProject(t, usual, "greet")
	edit(t, filepath.Join(dir, "skills", "greet", "skill.hcl"),
		"prove = \"items/prove.jsonl\"\n  tune  = \"items/tune.jsonl\"", fmt.Sprintf("traffic = %d\n  tune    = \"items/prove.jsonl\"", n),
		`output = "output.schema.json"`, "output  = \"output.schema.json\"\nquality = \"gates\"")
	edit(t, filepath.Join(dir, "plimsoll.hcl"), `ability = 0.99, format = 0.8`, `ability = 0.99, format = 0.99`, "margin   = 0.10", "margin   = 0.30")
	start := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	at := func(i int) string { return start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339) }
	var inputs []string
	src, err := os.ReadFile(filepath.Join(dir, "skills", "greet", "items", "prove.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(src)) {
		var it struct {
			Input json.RawMessage `json:"input"`
		}
		if err := json.Unmarshal([]byte(line), &it); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, string(it.Input))
	}
	in := filepath.Join(t.TempDir(), "in.json")
	ask := func(i int, input string) {
		if err := os.WriteFile(in, []byte(input), 0o644); err != nil {
			t.Fatal(err)
		}
		// A run whose gates fail is an input like another.
		if out, err := command(t, dir, "--as-of", at(i), "run", "greet", "-i", in).CombinedOutput(); err != nil && !strings.Contains(string(out), "ended as failed") {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	draws := func() int {
		t.Helper()
		made := 0
		for _, e := range auditEntries(t, dir) {
			if e.Kind == "items.sampled" {
				made++
			}
		}
		return made
	}
	for i := range n - 3 {
		ask(i, inputs[i])
	}
	// The same again, and the same written otherwise, is a run as every other.
	ask(n, inputs[0])
	ask(n+1, strings.ReplaceAll(inputs[1], ":", " : "))
	if out := night(t, dir, "--as-of", at(n+2), "nightly"); !strings.Contains(out, "samples 30 of its runs, and there are 29") {
		t.Fatalf("29 runs, and the night says:\n%s", out)
	}
	ask(n+3, inputs[0])
	for _, look := range [][]string{{"plan"}, {"candidates"}, {"policy", "show"}, {"explain", "greet"}} {
		night(t, dir, append([]string{"--as-of", at(n + 3)}, look...)...)
	}
	if made := draws(); made != 0 {
		t.Errorf("looking made %d draws", made)
	}
	out := night(t, dir, "--as-of", at(n+4), "nightly", "-json")
	if !strings.Contains(out, "future runs") {
		t.Errorf("the claim is not about future runs:\n%s", out)
	}
	evidence, err := os.ReadFile(filepath.Join(dir, "evidence", "greet.jsonl"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if made := draws(); made != 1 {
		t.Errorf("%d draws", made)
	}
	pairs, logged := 0, 0
	for line := range strings.Lines(string(evidence)) {
		var l struct {
			Kind    string `json:"kind"`
			Source  string `json:"source"`
			Current struct {
				Logged bool `json:"logged"`
			} `json:"current"`
			Candidate struct {
				Logged bool `json:"logged"`
			} `json:"candidate"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		if l.Kind == "epoch" && l.Source != "traffic" {
			t.Errorf("the epoch's items are %s", l.Source)
		}
		if l.Kind == "pair" {
			pairs++
			if l.Current.Logged {
				logged++
			}
			if l.Candidate.Logged {
				t.Error("a candidate's side is from the log")
			}
		}
	}
	if pairs < 5 || logged != pairs {
		t.Errorf("%d pairs, of which %d have their current side from the log", pairs, logged)
	}
	trials := 0
	for _, e := range auditEntries(t, dir) {
		if e.Kind == "trial" {
			trials++
		}
	}
	if trials != pairs {
		t.Errorf("%d trials were bought for %d pairs, and one side was there already", trials, pairs)
	}
	for _, content := range []string{"Guest", "Bremen"} {
		if strings.Contains(string(evidence), content) {
			t.Errorf("the evidence has content: %q", content)
		}
	}
	night(t, dir, "evidence", "verify")
	night(t, dir, "audit", "verify")
}
