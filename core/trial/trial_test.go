package trial_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"pgregory.net/rapid"
)

func load(t *testing.T, files map[string]string, items *config.Items) (*trial.Pool, []string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pool, diags := trial.Load(dir, items)
	var codes []string
	for _, d := range diags {
		codes = append(codes, d.Code)
	}
	return pool, codes
}

func TestLoad(t *testing.T) {
	both := &config.Items{Prove: []string{"items/*.json", "items/*.jsonl"}, Source: "authored"}
	for _, c := range []struct {
		name  string
		files map[string]string
		items *config.Items
		n     int
		codes string
	}{
		{"a file and lines", map[string]string{"items/a.json": `{"input": 1}`, "items/b.jsonl": `{"input": 2}` + "\n\n" + `{"id": "x", "input": 3}`}, both, 3, ""},
		{"no items block", nil, nil, 0, ""},
		{"nothing matches", map[string]string{"items/a.json": `{"input": 1}`}, &config.Items{Prove: []string{"other/*.json"}}, 0, "items-none"},
		{"outside", map[string]string{"items/a.json": `{"input": 1}`}, &config.Items{Prove: []string{"../*.json"}}, 0, "items-outside"},
		{"not JSON", map[string]string{"items/a.json": `{"input": `, "items/b.jsonl": `{"input": 1}`}, both, 1, "item-json"},
		{"NaN", map[string]string{"items/a.json": `{"input": NaN}`, "items/b.jsonl": `{"input": 1}`}, both, 1, "item-json"},
		{"duplicate member", map[string]string{"items/a.json": `{"input": 1, "input": 2}`, "items/b.jsonl": `{"input": 1}`}, both, 1, "item-json"},
		{"unknown member", map[string]string{"items/a.json": `{"input": 1, "expected": 2}`, "items/b.jsonl": `{"input": 1}`}, both, 1, "item-shape"},
		{"no input", map[string]string{"items/a.json": `{"reference": 1}`, "items/b.jsonl": `{"input": 1}`}, both, 1, "item-shape"},
		{"unknown compare", map[string]string{"items/a.json": `{"input": 1, "reference": 1, "compare": "jsn"}`, "items/b.jsonl": `{"input": 1}`}, both, 1, "item-shape"},
		{"compare without a reference", map[string]string{"items/a.json": `{"input": 1, "compare": "json"}`, "items/b.jsonl": `{"input": 1}`}, both, 1, "item-shape"},
		{"the same id", map[string]string{"items/b.jsonl": `{"id": "x", "input": 1}` + "\n" + `{"id": "x", "input": 2}`, "items/a.json": `{"input": 3}`}, both, 2, "item-duplicate"},
		{"the same item under two ids", map[string]string{"items/b.jsonl": `{"id": "x", "input": {"a": 1, "b": 2}}` + "\n" + `{"id": "y", "input": {"b": 2.0, "a": 1}}`, "items/a.json": `{"input": 3}`}, both, 2, "item-duplicate"},
		{"in both pools", map[string]string{"items/a.json": `{"id": "a", "input": 1}`, "tune/b.json": `{"id": "b", "input": 1}`}, &config.Items{Prove: []string{"items/*.json"}, Tune: []string{"tune/*.json"}}, 1, "item-duplicate"},
	} {
		pool, codes := load(t, c.files, c.items)
		if len(pool.Prove) != c.n || strings.Join(codes, " ") != c.codes {
			t.Errorf("%s: %d items and %v, want %d and %q", c.name, len(pool.Prove), codes, c.n, c.codes)
		}
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name, how, out, ref string
		want                int64
	}{
		{"exact text", trial.Exact, `"yes "`, `"yes"`, 1_000_000},
		{"exact JSON, other order", trial.Exact, `{"b":1,"a":2}`, `{"a":2.0,"b":1}`, 1_000_000},
		{"exact, wrong", trial.Exact, `"no"`, `"yes"`, 0},
		{"number", trial.Number, `42`, `42.00001`, 1_000_000},
		{"number as text", trial.Number, `" 42 "`, `42`, 1_000_000},
		{"number, wrong", trial.Number, `43`, `42`, 0},
		{"number among words", trial.Number, `"about 42"`, `42`, 0},
		{"number of a billion digits", trial.Number, `"1e999999999"`, `42`, 0},
		{"not a fraction", trial.Number, `"84/2"`, `42`, 0},
		{"half the leaves", trial.JSON, `{"a":1,"b":3}`, `{"a":1,"b":2}`, 500_000},
		{"members nobody asked for", trial.JSON, `{"a":1,"z":3}`, `{"a":1}`, 1_000_000},
		{"a missing member", trial.JSON, `{}`, `{"a":1}`, 0},
		{"lists by id, any order", trial.JSON, `[{"id":"2","v":1},{"id":"1","v":1}]`, `[{"id":"1","v":1},{"id":"2","v":1}]`, 1_000_000},
		{"a surplus element counts", trial.JSON, `[1,2,3,4]`, `[1,2]`, 500_000},
		{"a missing element counts", trial.JSON, `[1]`, `[1,2]`, 500_000},
		{"one element twice counts once", trial.JSON, `[{"id":"1","v":1},{"id":"1","v":1}]`, `[{"id":"1","v":1}]`, 500_000},
		{"an empty list", trial.JSON, `[]`, `[]`, 1_000_000},
		{"an empty list was asked for", trial.JSON, `[1,2,3]`, `[]`, 0},
		{"an empty object was asked for", trial.JSON, `{"a":1}`, `{}`, 0},
		{"big numbers are not rounded", trial.JSON, `{"id":9007199254740993000001}`, `{"id":9007199254740993}`, 0},
		{"white space is forgiven", trial.JSON, `{"t":"a  b\n"}`, `{"t":"a b"}`, 1_000_000},
		{"another type", trial.JSON, `{"a":"1"}`, `{"a":1}`, 0},
		{"null is null", trial.JSON, `{"a":null}`, `{"a":null}`, 1_000_000},
	} {
		it := trial.Item{ID: "i", Input: []byte(`1`), Reference: []byte(c.ref), Compare: c.how}
		res, err := trial.Measure{JSON: true}.Score(it, &run.Record{Status: run.OK, Output: []byte(c.out)}, nil)
		if err != nil || res.Score == nil || *res.Score != c.want {
			t.Errorf("%s: got %v %v, want %d", c.name, res.Score, err, c.want)
		}
	}
}

func TestScoreOfRunsThatFailed(t *testing.T) {
	it := trial.Item{ID: "i", Input: []byte(`1`), Reference: []byte(`1`)}
	for status, want := range map[run.Status]*int64{run.Failed: new(int64), run.Refused: new(int64), run.Timeout: new(int64), run.Missing: nil} {
		rec := &run.Record{Status: status, Output: []byte(`1`), Checked: gate.Result{Failed: []string{"short"}}}
		res, err := trial.Measure{}.Score(it, rec, nil)
		if err != nil || (res.Score == nil) != (want == nil) || want != nil && *res.Score != 0 {
			t.Errorf("%s: got %v %v", status, res.Score, err)
		}
	}
}

func TestDimensions(t *testing.T) {
	m := trial.Measure{Dimensions: []*config.Dimension{{Name: "coverage", Weight: 2}, {Name: "tone", Weight: 1}}}
	it := trial.Item{ID: "i", Input: []byte(`1`)}
	ok := &run.Record{Status: run.OK}
	res, err := m.Score(it, ok, map[string]int64{"coverage": 900_000, "tone": 300_000})
	if err != nil || *res.Score != 700_000 {
		t.Fatalf("weighted mean: %v %v", res.Score, err)
	}
	// A judge that left one out, or answered nothing, gives no score.
	for _, dims := range []map[string]int64{nil, {"coverage": 900_000}} {
		if res, err := m.Score(it, ok, dims); err != nil || res.Score != nil {
			t.Fatalf("a missing dimension scored %v %v", res.Score, err)
		}
	}
}

func TestWhatMeasuresContent(t *testing.T) {
	with := []trial.Item{{Reference: []byte(`1`)}, {Reference: []byte(`2`)}}
	some := []trial.Item{{Reference: []byte(`1`)}, {}}
	dims := []*config.Dimension{{Name: "x", Weight: 1}}
	for _, c := range []struct {
		name  string
		m     trial.Measure
		items []trial.Item
		want  string
	}{
		{"references", trial.Measure{}, with, "reference"},
		{"some references", trial.Measure{}, some, ""},
		{"nothing", trial.Measure{}, nil, ""},
		{"gates, said so", trial.Measure{GatesOnly: true}, some, "gates"},
		{"dimensions", trial.Measure{Dimensions: dims}, with, "dimension"},
	} {
		if got := c.m.Content(c.items); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// A score is always within 0..1, perfect for the reference itself, and the same
// whatever the order of an object's members.
func TestLeavesIsAScore(t *testing.T) {
	value := rapid.Deferred(func() *rapid.Generator[any] { return anyJSON(3) })
	rapid.Check(t, func(t *rapid.T) {
		ref, err := json.Marshal(value.Draw(t, "reference"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(value.Draw(t, "output"))
		if err != nil {
			t.Fatal(err)
		}
		it := trial.Item{ID: "i", Input: []byte(`1`), Reference: ref, Compare: trial.JSON}
		score := func(output []byte) int64 {
			res, err := trial.Measure{}.Score(it, &run.Record{Status: run.OK, Output: output}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return *res.Score
		}
		if s := score(out); s < 0 || s > 1_000_000 {
			t.Fatalf("score %d of %s against %s", s, out, ref)
		}
		if s := score(ref); s != 1_000_000 {
			t.Fatalf("the reference itself scores %d: %s", s, ref)
		}
	})
}

func anyJSON(depth int) *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Map(rapid.StringMatching(`[a-c ]{0,4}`), func(s string) any { return s }),
		rapid.Map(rapid.IntRange(-3, 3), func(n int) any { return n }),
		rapid.Map(rapid.Bool(), func(b bool) any { return b }),
		rapid.Just[any](nil),
	)
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(leaf,
		rapid.Map(rapid.SliceOfN(anyJSON(depth-1), 0, 3), func(v []any) any { return v }),
		rapid.Map(rapid.MapOfN(rapid.StringMatching(`[a-c]|id`), anyJSON(depth-1), 0, 3), func(v map[string]any) any { return v }),
	)
}

// Repeats tell how much runs of one item differ; one run does not.
func TestMeanNoise(t *testing.T) {
	of := func(scores ...int64) []evidence.Result {
		var out []evidence.Result
		for _, s := range scores {
			out = append(out, evidence.Result{Score: new(s), Status: string(run.OK)})
		}
		return out
	}
	for _, c := range []struct {
		scores []int64
		noise  *int64
	}{
		{[]int64{1_000_000}, nil},
		{[]int64{500_000, 500_000, 500_000}, new(int64(0))},
		{[]int64{1_000_000, 0}, new(int64(500_000))},
		{[]int64{1_000_000, 0, 0, 0}, new(int64(250_000))},
	} {
		got := trial.Mean(of(c.scores...)).Noise
		if (got == nil) != (c.noise == nil) || got != nil && *got != *c.noise {
			t.Errorf("%v: %v, want %v", c.scores, got, c.noise)
		}
	}
	missing := of(1_000_000, 0)
	missing[1].Score = nil
	if got := trial.Mean(missing); got.Noise != nil || got.Score != nil {
		t.Errorf("a missing repeat has a noise: %+v", got)
	}
}
