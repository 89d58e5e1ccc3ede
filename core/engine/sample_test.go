package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// busy is a skill that samples n of its runs, over a state without any.
func busy(t *testing.T, n int) (*Engine, *skill.Skill) {
	t.Helper()
	e := bare(t)
	e.pools = map[string]*trial.Pool{}
	return e, &skill.Skill{Name: "digest", Hash: "sha256:1", Dir: e.Project.Dir, Contract: &config.Contract{Items: &config.Items{Traffic: n, Source: "traffic"}}}
}

// logRuns records runs of these inputs, a minute apart, ending before now.
func logRuns(t *testing.T, e *Engine, prefix string, inputs ...string) {
	t.Helper()
	var puts []store.Put
	var notes []runNote
	for i, input := range inputs {
		digest, err := e.store.PutBlob([]byte(input))
		if err != nil {
			t.Fatal(err)
		}
		id, at := fmt.Sprintf("%s%05d", prefix, i), e.asOf.Add(-time.Duration(len(inputs)-i)*time.Minute)
		raw, err := json.Marshal(run.Record{ID: id, Skill: "digest", Input: digest, Started: at})
		if err != nil {
			t.Fatal(err)
		}
		puts = append(puts, store.Put{Key: store.Key(store.TableRun, scope, id), Value: store.Seal(1, raw)})
		notes = append(notes, runNote{ID: id, At: at, Status: run.OK})
	}
	if _, err := e.store.Commit(t.Context(), store.Batch{Puts: puts}); err != nil {
		t.Fatal(err)
	}
	index(t, e, "digest", notes...)
}

func prove(t *testing.T, e *Engine, s *skill.Skill) *trial.Pool {
	t.Helper()
	pool, err := e.provePool(s)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func digests(pool *trial.Pool) []string {
	var out []string
	for _, it := range pool.Prove {
		out = append(out, it.Digest)
	}
	return out
}

// tested writes evidence over some of a pool's items, and closes it.
func tested(t *testing.T, e *Engine, pool *trial.Pool, n, counter int, closed bool) []string {
	t.Helper()
	score := int64(1_000_000)
	ep := evidence.Epoch{
		V: evidence.Version, Kind: evidence.KindEpoch, Skill: "digest", Step: "main", Counter: counter,
		Hash: fmt.Sprintf("sha256:%064d", counter), Opened: e.asOf, Current: evidence.Arm{Tier: "ladder.l.big"}, Candidate: evidence.Arm{Tier: "ladder.l.small"},
		Method: "star2", Margin: 50_000, Alpha: 50_000, N: len(pool.Prove), Pool: trial.Digest(pool.Prove), Content: "gates", Source: "traffic", Repeats: 1,
	}
	lines := []any{ep}
	var seen []string
	for i, it := range trial.Order(pool.Prove, ep.Seed())[:n] {
		r := evidence.Result{Score: &score, Status: "ok"}
		lines = append(lines, evidence.Pair{V: 1, Kind: evidence.KindPair, Skill: "digest", Step: "main", Epoch: ep.ID(), Order: i, Item: it.Digest, Source: "code", Current: r, Candidate: r, D: evidence.Difference(r, r)})
		seen = append(seen, it.Digest)
	}
	if closed {
		lines = append(lines, evidence.Event{V: 1, Kind: evidence.KindEvent, Skill: "digest", Step: "main", Event: evidence.Escalated, At: e.asOf, From: "ladder.l.small", To: "ladder.l.big", Closes: []string{ep.ID()}})
	}
	for _, l := range lines {
		raw, err := canonjson.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.files().Append("digest", append(raw, '\n')); err != nil {
			t.Fatal(err)
		}
	}
	return seen
}

// What is most of the traffic is most of the draw, each time as an item of its own
// that stands for a run of its own.
func TestDrawIsTheTraffic(t *testing.T) {
	e, s := busy(t, 300)
	var inputs []string
	for i := range 1500 {
		input := `{"q":"the usual"}`
		if i%5 >= 3 {
			input = fmt.Sprintf(`{"q":%d}`, i)
		}
		inputs = append(inputs, input)
	}
	logRuns(t, e, "r", inputs...)
	pool := prove(t, e, s)
	usual, runs := 0, map[string]bool{}
	for _, it := range pool.Prove {
		runs[it.Run] = true
		if string(it.Input) == `{"q":"the usual"}` {
			usual++
		}
	}
	if usual < 150 || usual > 210 { // 180, of which the standard deviation is 8
		t.Errorf("an input that is 60 %% of the runs is %d of 300 items", usual)
	}
	all := digests(pool)
	slices.Sort(all)
	if len(slices.Compact(all)) != 300 || len(runs) != 300 {
		t.Errorf("%d items of %d runs", len(slices.Compact(all)), len(runs))
	}
}

// Looking draws nothing; a draw that is written down holds, whatever runs come,
// until the skill changes or an epoch over it is closed.
func TestDrawIsFixedByTheNight(t *testing.T) {
	e, s := busy(t, 20)
	logRuns(t, e, "a", slices.Repeat([]string{`1`, `2`, `3`}, 10)...)
	before := e.log.Size()
	looked := digests(prove(t, e, s))
	if _, err := e.store.Get(sampleKey("digest")); err == nil || e.log.Size() != before {
		t.Error("looking at the pool wrote a draw down")
	}
	fix := func() []string {
		t.Helper()
		if err := e.fixSample(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		return digests(prove(t, e, s))
	}
	if got := fix(); !slices.Equal(got, looked) || e.log.Size() != before+1 {
		t.Errorf("the draw is not the one that was shown, or was noted %d times", e.log.Size()-before)
	}
	e.asOf = e.asOf.Add(time.Hour)
	logRuns(t, e, "b", slices.Repeat([]string{`4`}, 30)...)
	if got := fix(); !slices.Equal(got, looked) || e.log.Size() != before+1 {
		t.Error("the draw did not hold")
	}
	s.Hash = "sha256:2"
	changed := fix()
	if slices.Equal(changed, looked) {
		t.Error("a changed skill goes on with the old draw")
	}
	tested(t, e, prove(t, e, s), 5, 1, false)
	if got := fix(); !slices.Equal(got, changed) {
		t.Error("an open epoch over the draw ended it")
	}
	tested(t, e, prove(t, e, s), 6, 2, true)
	if got := fix(); slices.Equal(got, changed) {
		t.Error("a closed epoch over the draw did not end it")
	}
	s.Contract.Items.Traffic = 60
	if pool := prove(t, e, s); len(pool.Prove) != 0 || pool.Lacks == "" {
		t.Errorf("%d items of too few runs: %q", len(pool.Prove), pool.Lacks)
	}
	n := e.log.Size()
	if err := e.fixSample(t.Context(), s); err != nil || e.log.Size() != n {
		t.Errorf("too few runs were written down as a draw: %v", err)
	}
}

// Any checkout goes on where the evidence stands: without the state that made the
// draws, their number and what they used up are still known.
func TestDrawsFollowFromTheEvidence(t *testing.T) {
	inputs := slices.Repeat([]string{`1`, `2`, `3`}, 10)
	e, s := busy(t, 20)
	logRuns(t, e, "a", inputs...)
	if err := e.fixSample(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	seen := tested(t, e, prove(t, e, s), 8, 1, true)

	other, s := busy(t, 20)
	logRuns(t, other, "a", inputs...)
	if err := os.MkdirAll(filepath.Join(other.Project.Dir, EvidenceDir), 0o755); err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(e.files().path("digest"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other.files().path("digest"), src, 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := other.sampled(s, 20)
	if err != nil || found.sample.Draw != 2 || found.fixed {
		t.Fatalf("draw %d: %v", found.sample.Draw, err)
	}
	for _, it := range digests(prove(t, other, s)) {
		if slices.Contains(seen, it) {
			t.Errorf("item %s was tried and is drawn again", it)
		}
	}
	// 30 runs less the 8 that were tried: enough for 22 and for no more.
	s.Contract.Items.Traffic = 22
	if pool := prove(t, other, s); pool.Lacks != "" {
		t.Error(pool.Lacks)
	}
	s.Contract.Items.Traffic = 23
	if pool := prove(t, other, s); pool.Lacks == "" {
		t.Error("burned items are drawn again")
	}
}
