package load_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
)

// TestSweepGoesOn: a sweep that was stopped makes what is missing and nothing
// twice, and a file of another sweep is refused.
func TestSweepGoesOn(t *testing.T) {
	f := start(t, `{"ttft":{"mean":"10ms"},"tpot":{"mean":"2ms"}}`)
	c := small(f)
	c.Warmup = 1
	s := load.Sweep{Config: c, Paces: load.Grid([]load.Rate{50, 100, 0}, []int{4})}
	path := filepath.Join(t.TempDir(), "sweep.json")
	var made []string
	ctx, stop := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	save := func(r *load.Run) (string, error) {
		made = append(made, r.Pace.String())
		if len(made) == 2 {
			stop(enough)
		}
		return strings.ReplaceAll(r.Pace.String(), " ", "-") + ".json", nil
	}
	steps, err := s.Drive(ctx, path, save, nil)
	if !errors.Is(err, enough) || len(steps) != 2 {
		t.Fatalf("%v, %v", steps, err)
	}
	skipped := 0
	steps, err = s.Drive(t.Context(), path, save, func(_ int, _ load.Pace, done bool) {
		if done {
			skipped++
		}
	})
	if err != nil || len(steps) != 3 || skipped != 2 || strings.Join(made, "; ") != "rate 50, 4 at once; rate 100, 4 at once; 4 at once" {
		t.Fatalf("%v, %d skipped, made %q, %v", steps, skipped, made, err)
	}
	s.Config.Workload.Seed++
	if _, err := s.Drive(t.Context(), path, save, nil); err == nil || !strings.Contains(err.Error(), "another endpoint, workload or layout") {
		t.Errorf("another workload: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"version":1,"dig`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Drive(t.Context(), path, save, nil); err == nil || !strings.Contains(err.Error(), "is not the state of a sweep") {
		t.Errorf("a torn file: %v", err)
	}
}

// TestSweepRedo: runs that were invalid are made again when that is asked.
func TestSweepRedo(t *testing.T) {
	f := start(t, `{"ttft":{"mean":"5ms"},"tpot":{"mean":"1ms"},"faults":[{"kind":"500","from":3,"to":15}]}`)
	c := small(f)
	c.Warmup = 1
	s := load.Sweep{Config: c, Paces: []load.Pace{{Rate: 100}}}
	path := filepath.Join(t.TempDir(), "sweep.json")
	runs := 0
	save := func(r *load.Run) (string, error) { runs++; return "r.json", nil }
	for i, redo := range []bool{false, false, true} {
		s.Redo = redo
		steps, err := s.Drive(t.Context(), path, save, nil)
		if want := []int{1, 1, 2}[i]; err != nil || len(steps) != 1 || runs != want {
			t.Errorf("time %d: %v, %d runs, %v", i, steps, runs, err)
		}
		if i == 0 && steps[0].Valid {
			t.Error("a run of failures is said to be valid")
		}
	}
}
