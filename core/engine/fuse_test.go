package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

var start = time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)

// bare is an engine with a state and the folder of a project, and nothing
// that could call a model.
func bare(t *testing.T) *Engine {
	t.Helper()
	dir := t.TempDir()
	state, err := OpenState(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := state.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Engine{options: Options{Recorder: telemetry.Nothing()}, Tools: &Tools{Project: &Project{Dir: dir}}, asOf: start, state: state, store: state.store, log: state.log}
}

// index puts runs into a skill's index.
func index(t *testing.T, e *Engine, skillName string, notes ...runNote) {
	t.Helper()
	var puts []store.Put
	for _, n := range notes {
		raw, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		puts = append(puts, store.Put{Key: store.Key(store.TableRunBySkill, scope, skillName, store.At(n.At), n.ID), Value: store.Seal(1, raw)})
	}
	if _, err := e.store.Commit(t.Context(), store.Batch{Puts: puts}); err != nil {
		t.Fatal(err)
	}
}

// The newest runs come first, across the windows that they are read in, each
// once, and none of before.
func TestLastRuns(t *testing.T) {
	e := bare(t)
	var all []runNote
	// Ages in which no second window, coarse window or zero byte of a key is left out.
	age := time.Duration(-20) * time.Minute
	for i := 0; age < 700*24*time.Hour; i++ {
		all = append(all, runNote{ID: fmt.Sprintf("r%05d", i), At: start.Add(-age)})
		age += time.Duration(1+i%7*i)*11*time.Minute + time.Duration(i%3)*time.Nanosecond
	}
	all = append(all, runNote{ID: "edge", At: time.Unix(start.Unix()>>16<<16, 0).UTC()}, runNote{ID: "rough", At: time.Unix(start.Unix()>>24<<24, 0).UTC()})
	index(t, e, "digest", all...)
	index(t, e, "digest2", runNote{ID: "other", At: start})
	slices.SortFunc(all, func(a, b runNote) int { return b.At.Compare(a.At) })
	for _, since := range []time.Time{{}, start.AddDate(0, 0, -3), start.AddDate(0, 0, -100), start.AddDate(-1, 0, 0)} {
		var got []string
		if err := e.lastRuns("digest", start, since, func(n runNote) bool { got = append(got, n.ID); return true }); err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, n := range all {
			if !n.At.Before(since) && n.At.After(start.AddDate(-1, 0, 0)) {
				want = append(want, n.ID)
			}
		}
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("since %v: %d runs, want %d first", since, len(got), len(want))
		}
		if len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
			t.Errorf("since %v: a run came twice", since)
		}
	}
	seen := 0
	if err := e.lastRuns("digest", start, time.Time{}, func(runNote) bool { seen++; return seen < 3 }); err != nil || seen != 3 {
		t.Errorf("%d runs after the third: %v", seen, err)
	}
}

// A row is what failed last on these tiers: what says nothing is passed over,
// what passed or began elsewhere ends it, and it is not read further than k.
func TestRow(t *testing.T) {
	on, off := map[string]string{"main": "ladder.l.small"}, map[string]string{"main": "ladder.l.big"}
	rec := &run.Record{Skill: "digest", Started: start, Start: on}
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	bad := func(hours int) runNote {
		return runNote{ID: fmt.Sprint(hours), At: at(hours), Status: run.Failed, Start: on}
	}
	for name, c := range map[string]struct {
		notes []runNote
		since time.Time
		k     int
		want  int
	}{
		"nothing":           {nil, time.Time{}, 3, 0},
		"three":             {[]runNote{bad(-50), bad(-1), bad(0)}, time.Time{}, 5, 3},
		"no further than k": {[]runNote{bad(-3), bad(-2), bad(-1), bad(0)}, time.Time{}, 2, 2},
		"seldom":            {[]runNote{bad(-24 * 200), bad(-24 * 100), bad(0)}, time.Time{}, 3, 3},
		"before the move":   {[]runNote{bad(-50), bad(-1), bad(0)}, at(-2), 5, 2},
		"passed":            {[]runNote{bad(-3), {ID: "ok", At: at(-2), Status: run.OK, Stayed: true, Start: on}, bad(0)}, time.Time{}, 5, 1},
		"no answer":         {[]runNote{bad(-3), {ID: "gone", At: at(-2), Status: run.Missing, Start: on}, bad(0)}, time.Time{}, 5, 2},
		"began elsewhere":   {[]runNote{bad(-3), {ID: "up", At: at(-2), Status: run.Failed, Start: off}, bad(0)}, time.Time{}, 5, 1},
	} {
		e := bare(t)
		if len(c.notes) > 0 {
			index(t, e, "digest", c.notes...)
		}
		if got, err := e.row(rec, c.since, c.k); err != nil || got != c.want {
			t.Errorf("%s: a row of %d, want %d: %v", name, got, c.want, err)
		}
	}
}
