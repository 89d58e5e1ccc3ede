package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// A night that is killed again and again comes to what an undisturbed night
// comes to: the same policy file, the same evidence, the same verdicts, no trial
// bought twice, and a log that verifies after every kill.
func TestKilledNight(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no kill -9 here")
	}
	kills := 12
	if testing.Short() {
		kills = 4
	}
	names := []string{"greet", "salute"}
	calm := tempProject(t, usual, names...)
	start := timed(func() { night(t, calm, "plan") })
	whole := timed(func() { night(t, calm, "nightly") })

	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, an undisturbed night takes %v, of which %v to start", seed, whole, start)
	dice := rand.New(rand.NewPCG(seed, 0))
	// From the first milliseconds, when the state is being opened, to half of
	// the way: some nights go on from very little, others from near the end.
	reach := float64(start) + float64(whole-start)/2
	hits, rounds := 0, 0
	for ; hits < kills && rounds < 10; rounds++ {
		dir := tempProject(t, usual, names...)
		for hits < kills && killAfter(t, dir, time.Duration((0.1+0.9*dice.Float64())*reach)) {
			hits++
			if _, err := os.Stat(filepath.Join(dir, ".plimsoll", "state", "db")); err == nil {
				night(t, dir, "audit", "verify")
			}
		}
		night(t, dir, "nightly")
		night(t, dir, "audit", "verify")
		night(t, dir, "evidence", "verify")
		sameFiles(t, calm, dir)
		sameVerdicts(t, calm, dir)
		boughtOnce(t, calm, dir)
	}
	if hits < kills {
		t.Fatalf("%d kills hit a night, and %d were to", hits, kills)
	}
	t.Logf("%d kills in %d projects", hits, rounds)
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

// killAfter starts a night and kills it; false means that it ended by itself.
func killAfter(t *testing.T, dir string, after time.Duration) bool {
	t.Helper()
	cmd := command(t, dir, "nightly")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(after)
	if err := cmd.Process.Kill(); err != nil {
		t.Logf("killing: %v", err)
	}
	err := cmd.Wait()
	if err != nil && !killed(err) {
		t.Fatalf("a night after a kill: %v\n%s", err, out.String())
	}
	return killed(err)
}

// sameFiles compares all files of two projects; of evidence everything but
// times and places in the audit log, and what else cannot be the same.
func sameFiles(t *testing.T, want, got string, but ...string) {
	t.Helper()
	a, b := snapshot(t, want), snapshot(t, got)
	for name, text := range a {
		other, ok := b[name]
		if strings.HasPrefix(name, "evidence/") && strings.HasSuffix(name, ".jsonl") {
			text, other = timeless(t, text, but...), timeless(t, other, but...)
		}
		if !ok || text != other {
			t.Errorf("%s is not what an undisturbed night leaves: %s", name, firstDifference(text, other))
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			t.Errorf("%s is left over", name)
		}
	}
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d of %d and %d\n- %s\n+ %s", i+1, len(a), len(b), a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, not %d", len(b), len(a))
}

// timeless takes the members off evidence that two nights cannot share.
func timeless(t *testing.T, text string, but ...string) string {
	t.Helper()
	var out []string
	for line := range strings.Lines(text) {
		var v map[string]any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("evidence: %v: %s", err, line)
		}
		delete(v, "audit")
		for _, arm := range []string{"current", "candidate"} {
			if m, ok := v[arm].(map[string]any); ok {
				for _, name := range append(but, "ms") {
					delete(m, name)
				}
			}
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(raw))
	}
	return strings.Join(out, "\n")
}

func sameVerdicts(t *testing.T, want, got string) {
	t.Helper()
	a, b := night(t, want, "evidence", "recompute"), night(t, got, "evidence", "recompute")
	if a != b || a == "" {
		t.Errorf("verdicts differ:\n--- want\n%s--- got\n%s", a, b)
	}
}

// boughtOnce counts trials by the log: each one is there once, and they are
// those of the undisturbed night.
func boughtOnce(t *testing.T, want, got string) {
	t.Helper()
	count := func(dir string) map[string]int {
		out := map[string]int{}
		for _, e := range auditEntries(t, dir) {
			if e.Kind == "trial" {
				out[e.Run]++
			}
		}
		return out
	}
	a, b := count(want), count(got)
	if len(a) == 0 {
		t.Fatal("the undisturbed night bought nothing")
	}
	var wrong []string
	for id, n := range b {
		if n != 1 || a[id] != 1 {
			wrong = append(wrong, id)
		}
	}
	for id := range a {
		if b[id] == 0 {
			wrong = append(wrong, id)
		}
	}
	slices.Sort(wrong)
	if len(wrong) > 0 {
		t.Errorf("%d trials in the undisturbed night, %d in the killed one; not the same: %v", len(a), len(b), wrong)
	}
}
