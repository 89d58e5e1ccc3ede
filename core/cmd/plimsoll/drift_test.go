package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// weakens makes the medium model another one from a day on, without saying so.
func weakens(t *testing.T, dir, from, change string) {
	t.Helper()
	edit(t, filepath.Join(dir, "plimsoll.hcl"),
		`"sim-medium" = { ability = 0.99, format = 0.8`, fmt.Sprintf(`"sim-medium" = { drift = [{ from = %q, %s }], ability = 0.99, format = 0.99`, from, change),
		`budget   = 5`, "budget   = 5\n  shadow   = 1")
}

// day runs a skill some times, a run an hour, and then its night.
func day(t *testing.T, dir string, date time.Time, runs int) string {
	t.Helper()
	for i := range runs {
		in := filepath.Join(t.TempDir(), "in.json")
		if err := os.WriteFile(in, []byte(fmt.Sprintf(`{"name": "Guest %d of greet", "place": %q}`, 4*i+1, "Bremen")), 0o644); err != nil {
			t.Fatal(err)
		}
		night(t, dir, "--as-of", date.Add(time.Duration(i)*time.Hour).Format(time.RFC3339), "run", "greet", "-i", in)
	}
	return night(t, dir, "--as-of", date.Add(20*time.Hour).Format(time.RFC3339), "nightly")
}

type shadowLine struct {
	Kind   string `json:"kind"`
	Event  string `json:"event"`
	Run    string `json:"run"`
	Night  string `json:"night"`
	Canary bool   `json:"canary"`
	D      *int64 `json:"d"`
}

func shadowLines(t *testing.T, dir string) (pairs []shadowLine, escalated int) {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(dir, "evidence", "greet.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(src)) {
		var l shadowLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		switch {
		case l.Kind == "shadow":
			pairs = append(pairs, l)
		case l.Event == "escalated":
			escalated++
		}
	}
	return pairs, escalated
}

// A model that gets worse without saying so is found by the shadow pairs of the
// nights, the step goes back up at once, the policy file says so, and nothing
// moves down again for the cooldown. Killing a night in the middle changes
// nothing of that, and buys nothing twice.
func TestDriftIsCaught(t *testing.T) {
	dir := tempProject(t, usual, "greet")
	weakens(t, dir, "2026-07-06", "ability = 0.1")
	if out := night(t, dir, "nightly"); !strings.Contains(out, "large → medium") {
		t.Fatalf("nothing moved:\n%s", out)
	}
	start := time.Date(2026, 7, 4, 1, 0, 0, 0, time.UTC)
	runs := 0
	for d := range 2 {
		runs += 3
		if out := day(t, dir, start.AddDate(0, 0, d), 3); strings.Contains(out, "Back up") || !strings.Contains(out, "3 shadow pairs") {
			t.Fatalf("all is well, and the night says:\n%s", out)
		}
	}
	caught := ""
	for d := 2; d < 9 && caught == ""; d++ {
		runs += 6
		if d == 2 && runtime.GOOS != "windows" {
			killInTheMiddle(t, dir, start.AddDate(0, 0, d))
		}
		if out := day(t, dir, start.AddDate(0, 0, d), 6); strings.Contains(out, "Back up: greet medium → large: drift") {
			caught = out
		} else if strings.Contains(out, "medium → small  downgrade") {
			t.Fatalf("it followed a falling model down:\n%s", out)
		}
	}
	if caught == "" {
		t.Fatal("seven nights of a far weaker model raised no alarm")
	}
	if !strings.Contains(caught, "cooldown until") {
		t.Errorf("no cooldown:\n%s", caught)
	}
	policy, err := os.ReadFile(filepath.Join(dir, "policy.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(policy), "ladder.lab.large") || !strings.Contains(string(policy), `"drift: worse than large by more than 10 points`) {
		t.Errorf("the policy file says:\n%s", policy)
	}
	pairs, escalated := shadowLines(t, dir)
	seen := map[string]int{}
	for _, p := range pairs {
		seen[p.Run]++
		if !p.Canary || p.D == nil {
			t.Errorf("only references measure this skill, and a pair is %+v", p)
		}
	}
	for run, n := range seen {
		if n != 1 {
			t.Errorf("run %s was counted %d times", run, n)
		}
	}
	if escalated != 1 || len(seen) < 10 {
		t.Errorf("%d escalations, %d pairs", escalated, len(seen))
	}
	trials := map[string]int{}
	for _, e := range auditEntries(t, dir) {
		if e.Kind == "trial" {
			if trials[e.Run]++; trials[e.Run] > 1 {
				t.Errorf("trial %s was bought twice", e.Run)
			}
		}
	}
	night(t, dir, "audit", "verify")
	night(t, dir, "evidence", "verify")
}

// killInTheMiddle runs the skill and kills its night a few times, at moments that
// fall between opening the state and writing the last pair.
func killInTheMiddle(t *testing.T, dir string, date time.Time) {
	t.Helper()
	for _, after := range []time.Duration{300, 450, 600, 800} {
		cmd := command(t, dir, "--as-of", date.Add(20*time.Hour).Format(time.RFC3339), "nightly")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after * time.Millisecond)
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	}
}

// Nothing changed, and nothing is said for many nights.
func TestNothingChanged(t *testing.T) {
	if testing.Short() {
		t.Skip("many nights")
	}
	dir := tempProject(t, usual, "greet")
	weakens(t, dir, "2027-01-01", "ability = 0.1")
	edit(t, filepath.Join(dir, "plimsoll.hcl"), `cooldown = "72h"`, `cooldown = "7200h"`)
	if out := night(t, dir, "nightly"); !strings.Contains(out, "large → medium") {
		t.Fatalf("nothing moved:\n%s", out)
	}
	start := time.Date(2026, 7, 4, 1, 0, 0, 0, time.UTC)
	for d := range 15 {
		if out := day(t, dir, start.AddDate(0, 0, d), 2); strings.Contains(out, "Back up") {
			t.Fatalf("on day %d:\n%s", d, out)
		}
	}
	if pairs, escalated := shadowLines(t, dir); len(pairs) != 30 || escalated != 0 {
		t.Errorf("%d pairs, %d escalations", len(pairs), escalated)
	}
}
