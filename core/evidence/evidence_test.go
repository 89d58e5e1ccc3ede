package evidence_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"pgregory.net/rapid"
)

func epoch(counter, n int) evidence.Epoch {
	return evidence.Epoch{
		V: evidence.Version, Kind: evidence.KindEpoch, Skill: "digest", Step: "main", Counter: counter,
		Hash: fmt.Sprintf("sha256:%064d", counter), Opened: time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC),
		Current: evidence.Arm{Tier: "ladder.desk.large"}, Candidate: evidence.Arm{Tier: "ladder.desk.medium"},
		Method: "pool1", Margin: 50_000, Alpha: 50_000, N: n, Content: "reference", Source: "authored",
		Gates: []evidence.GateDef{{Name: "summary", Margin: 20_000}},
	}
}

// pairs makes n pairs in the epoch's order, with the scores that score gives.
func pairs(e evidence.Epoch, n int, score func(i int) (cur, cand *int64)) []evidence.Pair {
	seed := e.Seed()
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf("sha256:%064d", i)
	}
	slices.SortFunc(items, func(a, b string) int { return strings.Compare(evidence.Rank(seed, a), evidence.Rank(seed, b)) })
	out := make([]evidence.Pair, n)
	for i := range out {
		cur, cand := score(i)
		p := evidence.Pair{V: evidence.Version, Kind: evidence.KindPair, Skill: e.Skill, Step: e.Step, Epoch: e.ID(), Order: i, Item: items[i], Source: "code"}
		p.Current = evidence.Result{Score: cur, Status: "ok", Priced: true}
		p.Candidate = evidence.Result{Score: cand, Status: "ok", Priced: true}
		p.D = evidence.Difference(p.Current, p.Candidate)
		out[i] = p
	}
	return out
}

func full(int) (*int64, *int64) { return ptr(1_000_000), ptr(1_000_000) }
func ptr(v int64) *int64        { return &v }

func lines(t interface{ Fatal(...any) }, vs ...any) []byte {
	var b bytes.Buffer
	for _, v := range vs {
		raw, err := canonjson.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(raw, '\n'))
	}
	return b.Bytes()
}

func file(t interface{ Fatal(...any) }, e evidence.Epoch, ps []evidence.Pair) []byte {
	out := lines(t, e)
	for _, p := range ps {
		out = append(out, lines(t, p)...)
	}
	return out
}

func TestParseProves(t *testing.T) {
	e := epoch(1, 100)
	log, diags := evidence.Parse("evidence/digest.jsonl", file(t, e, pairs(e, 100, full)))
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	if got := log.Epochs[0].Assess().Test.Outcome; got != verdict.Proved {
		t.Fatalf("100 ties of a pool of 100 are %q", got)
	}
	// Without a planted arm a proof moves nothing.
	if r := log.Epochs[0].Recompute(); r.Decision != verdict.Hold {
		t.Fatalf("decision %s without a planted arm", r.Decision)
	}
}

// TestTamper changes a file in every way that a hand could, and expects each to
// be found or to count against the candidate.
func TestTamper(t *testing.T) {
	e := epoch(1, 100)
	ps := pairs(e, 40, func(i int) (*int64, *int64) { return ptr(1_000_000), ptr(int64(500_000 + i)) })
	good := string(file(t, e, ps))
	one := string(bytes.TrimSpace(lines(t, ps[7])))
	for _, c := range []struct{ name, src, code string }{
		{"a better score", strings.Replace(good, `"score":500007`, `"score":900007`, 1), "evidence-pair"},
		{"a better D", strings.Replace(good, `"d":-499993`, `"d":400000`, 1), "evidence-pair"},
		{"a score above 1", strings.Replace(good, `"score":500007`, `"score":1500007`, 1), "evidence-pair"},
		{"another item", strings.Replace(good, ps[7].Item, "sha256:"+strings.Repeat("a", 64), 1), ""},
		{"an unknown member", strings.Replace(good, `"v":1}`, `"v":1,"x":2}`, 1), "evidence-json"},
		{"half a line in the middle", strings.Replace(good, one, one[:len(one)/2], 1), "evidence-json"},
		{"another version", strings.Replace(good, `"v":1}`, `"v":9}`, 1), "evidence-version"},
		{"no epoch", good[strings.IndexByte(good, '\n')+1:], "evidence-orphan"},
		{"another margin in a second epoch line", good + strings.Replace(string(lines(t, e)), `"margin":50000`, `"margin":90000`, 1), "evidence-epoch"},
		{"swapped orders", strings.NewReplacer(`"order":3,`, `"order":30,`, `"order":30,`, `"order":3,`).Replace(good), "evidence-order"},
	} {
		if c.src == good {
			t.Errorf("%s: the test changed nothing", c.name)
			continue
		}
		log, diags := evidence.Parse("f.jsonl", []byte(c.src))
		if c.code == "" {
			// A stranger's digest at the right place is caught by its rank, or it
			// stands where it would have stood anyway.
			if len(diags) == 0 && len(log.Epochs[0].Tried) != 40 {
				t.Errorf("%s: passed silently", c.name)
			}
			continue
		}
		found := false
		for _, d := range diags {
			found = found || d.Code == c.code
		}
		if !found {
			t.Errorf("%s: want %s, got %v", c.name, c.code, diags)
		}
	}
}

func TestTornLastLine(t *testing.T) {
	e := epoch(1, 100)
	src := file(t, e, pairs(e, 10, full))
	log, diags := evidence.Parse("f.jsonl", src[:len(src)-20])
	if diags.HasErrors() || len(diags) != 1 || diags[0].Code != "evidence-torn" {
		t.Fatalf("a torn last line is a warning, got %v", diags)
	}
	if n := len(log.Epochs[0].Tried); n != 9 {
		t.Fatalf("%d pairs survive, want 9", n)
	}
}

// Lines in any order, twice, and merged from two checkouts give the same
// verdict, to the byte.
func TestOrderOfLinesMeansNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := epoch(rapid.IntRange(1, 5).Draw(t, "counter"), 60)
		n := rapid.IntRange(1, 60).Draw(t, "n")
		scores := rapid.SliceOfN(rapid.Int64Range(0, 1_000_000), 2*n, 2*n).Draw(t, "scores")
		ps := pairs(e, n, func(i int) (*int64, *int64) { return ptr(scores[2*i]), ptr(scores[2*i+1]) })
		var all []string
		for _, p := range append([]any{e, e}, anys(append(slices.Clone(ps), ps[:n/2]...))...) {
			all = append(all, string(lines(t, p)))
		}
		seed := rapid.Uint64().Draw(t, "shuffle")
		r := rand.New(rand.NewPCG(seed, seed))
		want := ""
		for range 3 {
			r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			log, diags := evidence.Parse("f.jsonl", []byte(strings.Join(all, "")))
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			got := string(lines(t, log.Epochs[0].Recompute()))
			if want == "" {
				want = got
			}
			if got != want {
				t.Fatalf("another order, another verdict:\n%s\n%s", want, got)
			}
		}
	})
}

func anys(ps []evidence.Pair) []any {
	out := make([]any, len(ps))
	for i, p := range ps {
		out[i] = p
	}
	return out
}

// Of two claims about one item the one that is worse for the candidate counts.
func TestDuplicateCountsAsTheWorse(t *testing.T) {
	e := epoch(1, 100)
	ps := pairs(e, 3, full)
	worse := ps[1]
	worse.Candidate.Score = ptr(0)
	worse.D = evidence.Difference(worse.Current, worse.Candidate)
	missing := ps[2]
	missing.Candidate.Score, missing.D = nil, nil
	src := append(file(t, e, ps), append(lines(t, worse), lines(t, missing)...)...)
	log, diags := evidence.Parse("f.jsonl", src)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	a := log.Epochs[0].Assess()
	if len(log.Epochs[0].Tried) != 3 || a.Items != 3 || a.Missing.Candidate != 1 || a.Test.MeanD != -666_666 && a.Test.MeanD != -666_667 {
		t.Fatalf("%d tried, %d counted, %d missing, mean %d", len(log.Epochs[0].Tried), a.Items, a.Missing.Candidate, a.Test.MeanD)
	}
}

// The level of an epoch follows from its place among all epochs of the skill.
func TestEpochsCountOverStepsAndCandidates(t *testing.T) {
	a, b, c := epoch(1, 10), epoch(2, 10), epoch(2, 10)
	b.Step = "copy"
	c.Hash = "sha256:" + strings.Repeat("f", 64)
	log, diags := evidence.Parse("f.jsonl", slices.Concat(lines(t, c), lines(t, b), lines(t, a)))
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for i, e := range log.Epochs {
		if e.Index != i+1 {
			t.Errorf("epoch %s has index %d, want %d", e.ID(), e.Index, i+1)
		}
	}
	if len(log.Epochs) != 3 {
		t.Errorf("two checkouts opened epoch 2: both count, got %d epochs", len(log.Epochs))
	}
}

func FuzzParse(f *testing.F) {
	e := epoch(1, 100)
	f.Add(file(f, e, pairs(e, 5, full)))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"v":1,"kind":"pair","order":-1}` + "\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		log, diags := evidence.Parse("f.jsonl", src)
		for _, d := range diags {
			if d.Range.Start.Byte < 0 || d.Range.Start.Byte > len(src) {
				t.Fatalf("a diagnostic points outside the file: %+v", d.Range)
			}
		}
		for _, e := range log.Epochs {
			if r := e.Recompute(); r.Decision == verdict.Downgrade && len(e.Planted) == 0 {
				t.Fatal("moved without a planted arm")
			}
		}
	})
}
