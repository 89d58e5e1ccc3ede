package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// opsDesk copies the example and builds the code of its skills.
func opsDesk(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("slow: builds two guests and measures a whole desk")
	}
	source := filepath.Join("..", "..", "..", "examples", "ops-desk")
	dir := filepath.Join(t.TempDir(), "desk")
	if err := os.CopyFS(dir, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{".plimsoll", "evidence"} {
		if err := os.RemoveAll(filepath.Join(dir, old)); err != nil {
			t.Fatal(err)
		}
	}
	for _, skill := range []string{"sales-crm-brief", "twitter-timeline"} {
		build(t, []string{"GOOS=wasip1", "GOARCH=wasm"}, "-ldflags", "-s -w", "-buildmode=c-shared",
			"-o", filepath.Join(dir, "skills", skill, "skill.wasm"), "./examples/ops-desk/skills/"+skill+"/code")
	}
	// A cheap model that seems twice as slow is held: the pauses of a busy machine
	// must not decide this test, so the model in use is the slow one.
	edit(t, filepath.Join(dir, "main.hcl"), "format     = 0.96\n        latency_ms = 1\n", "format     = 0.96\n        latency_ms = 150\n")
	return dir
}

// The decisions are those that the example's README promises, and a second night
// changes no file.
func TestOpsDesk(t *testing.T) {
	dir := opsDesk(t)
	got := decisions(t, night(t, dir, "nightly", "-json"))
	want := map[string]string{
		"twitter-timeline/main":         "downgrade large medium",
		"sales-crm-brief/main":          "downgrade large medium",
		"sales-crm-brief/customer-copy": "hold large ",
		"humanizer/main":                "hold medium small",
		"sod-ship/main":                 "hold large ",
		"eod-ship/main":                 "hold large ",
		"release-notes/main":            "hold large ",
		"standup-digest/main":           "hold small ",
		"ticket-router/main":            "hold small ",
		"changelog-lint/main":           "hold small ",
		"meeting-slots/main":            "hold small ",
		"brand-voice/main":              "hold medium ",
	}
	compareDecisions(t, got, want)
	for step, reason := range map[string]string{
		"sales-crm-brief/customer-copy": "pin",
		"humanizer/main":                "worse by more than 5 points",
		"sod-ship/main":                 "cooldown until 2026-07-08",
		"eod-ship/main":                 "cooldown until 2026-07-08",
		"release-notes/main":            "pin",
		"standup-digest/main":           "cheapest tier",
		"brand-voice/main":              "nothing here measures content",
	} {
		if !strings.Contains(got[step].Reason, reason) {
			t.Errorf("%s holds with %q, which does not say %q", step, got[step].Reason, reason)
		}
	}
	if !strings.Contains(got["humanizer/main"].Advice, "plainness") {
		t.Errorf("the advice on humanizer is %q, which does not name plainness", got["humanizer/main"].Advice)
	}

	before, log := snapshot(t, dir), night(t, dir, "audit", "show")
	night(t, dir, "nightly")
	if after := snapshot(t, dir); !maps.Equal(before, after) {
		for _, name := range slices.Sorted(maps.Keys(after)) {
			if before[name] != after[name] {
				t.Errorf("the second night changed %s: %s", name, firstDifference(before[name], after[name]))
			}
		}
	}
	if night(t, dir, "audit", "show") != log {
		t.Error("the second night wrote to the audit log")
	}
	night(t, dir, "audit", "verify")
	night(t, dir, "evidence", "verify")
}

func compareDecisions(t *testing.T, got map[string]row, want map[string]string) {
	t.Helper()
	for step, w := range want {
		r := got[step]
		if s := r.Decision + " " + r.Current + " " + r.Cheap; s != w {
			t.Errorf("%s: %q, want %q (%s)", step, s, w, r.Reason)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d steps, want %d: %v", len(got), len(want), slices.Sorted(maps.Keys(got)))
	}
}

// The decisions come from what the models can do, not from their names: with
// other abilities the same desk decides otherwise.
func TestOpsDeskOtherModels(t *testing.T) {
	t.Run("medium and small change places", func(t *testing.T) {
		dir := opsDesk(t)
		edit(t, filepath.Join(dir, "main.hcl"), `"sim-small" = {`, `"sim-swap" = {`, `"sim-medium" = {`, `"sim-small" = {`, `"sim-swap" = {`, `"sim-medium" = {`)
		got := decisions(t, night(t, dir, "nightly", "-json"))
		for step, want := range map[string]string{
			"twitter-timeline/main": "hold",
			"sales-crm-brief/main":  "hold",
			"humanizer/main":        "hold", // its judge is not calibrated: it can never be more
		} {
			if got[step].Decision != want {
				t.Errorf("%s: %s, want %s (%s)", step, got[step].Decision, want, got[step].Reason)
			}
		}
		if r := got["humanizer/main"].Reason; strings.Contains(r, "worse by more than 5 points") {
			t.Errorf("the small model is the better one now, and humanizer holds with %q", r)
		}
	})
	t.Run("medium is bad at one skill", func(t *testing.T) {
		dir := opsDesk(t)
		edit(t, filepath.Join(dir, "main.hcl"), `"twitter-timeline"    = 0.985`, `"twitter-timeline"    = 0.55`)
		got := decisions(t, night(t, dir, "nightly", "-json"))
		if r := got["twitter-timeline/main"]; r.Decision != "hold" || !strings.Contains(r.Reason, "worse") {
			t.Errorf("twitter-timeline: %s: %s", r.Decision, r.Reason)
		}
		if r := got["sales-crm-brief/main"]; r.Decision != "downgrade" {
			t.Errorf("sales-crm-brief, where nothing changed: %s: %s", r.Decision, r.Reason)
		}
		if policy := snapshot(t, dir)["policy.hcl"]; strings.Count(policy, "evidence/") != 1 {
			t.Errorf("one step moves, and the policy file has:\n%s", policy)
		}
	})
}
