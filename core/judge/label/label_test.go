package label

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/judge"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

func quoted(s string) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return raw
}

// sitting is a session over n pairs of skill greet with one dimension.
func sitting(t *testing.T, file string, n int, change func(*Config)) *Session {
	t.Helper()
	c := Config{
		File: file, Judge: "house", Seed: "seed", N: n, Again: 4, Finish: "plimsoll judge calibrate house --labels x.jsonl",
		Dimensions: map[string][]*config.Dimension{"greet": {{Name: "warmth", Kind: "reasoning", Rubric: "It is warm."}}},
	}
	for i := range n {
		c.Pairs = append(c.Pairs, Pair{
			Skill: "greet", Item: fmt.Sprintf("in-%03d", i), Input: quoted(fmt.Sprintf("Guest %d", i)),
			Works: [2]Work{{"ladder.lab.large", quoted(fmt.Sprintf("Hello **guest** %d, says sim-large", i))}, {"ladder.lab.small", quoted("Hm.")}},
			Names: []string{"sim-large", "sim-small"},
		})
	}
	if change != nil {
		change(&c)
	}
	s, diags, err := Open(c)
	if err != nil || diags.HasErrors() {
		t.Fatal(err, diags)
	}
	return s
}

// wise answers by what is shown, not by who wrote it: the longer work is good.
func wise(q *Question) string {
	if len(q.Works[0].Raw) > len(q.Works[1].Raw) {
		return First
	}
	return Second
}

func rows(t *testing.T, file string) []judge.Row {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out, diags := judge.ReadSheet(file, src)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return out
}

func TestSitting(t *testing.T) {
	file := filepath.Join(t.TempDir(), "labels", "house.jsonl")
	s := sitting(t, file, 20, nil)
	left, seen := 0, map[string]bool{}
	for s.Now().Question != nil {
		q := s.Now().Question
		if seen[q.ID] {
			t.Fatalf("%s is asked twice", q.ID)
		}
		seen[q.ID] = true
		if raw, err := json.Marshal(q); err != nil || strings.Contains(string(raw), "sim-large") || strings.Contains(string(raw), "ladder.lab") {
			t.Fatalf("the page is told who wrote what: %s", raw)
		}
		if wise(q) == First {
			left++
		}
		if err := s.Answer(q.ID, wise(q)); err != nil {
			t.Fatal(err)
		}
	}
	if left < 5 || left > 20 {
		t.Errorf("the better work stood left %d of 25 times: the sides are not mixed", left)
	}
	sum := s.Summary()
	if sum.Of != 25 || sum.Done != 25 || sum.Fresh != 25 || sum.Pairs != 20 || sum.Twice != 5 || sum.Alike != 5 {
		t.Errorf("%+v", sum)
	}
	labels, twice, alike := judge.Steady(rows(t, file))
	if len(labels) != 40 || twice != 10 || alike != 10 {
		t.Errorf("%d labels, %d twice, %d alike", len(labels), twice, alike)
	}
	for _, r := range labels {
		if want := int64(1_000_000); (r.Arm == "ladder.lab.large") != (r.Gold == want) || r.Skill != "greet" || r.Dimension != "warmth" || len(r.Input) == 0 || len(r.Output) == 0 {
			t.Errorf("%+v", r)
		}
	}
}

// A second look is far from the first, and has the works the other way round.
func TestSecondLook(t *testing.T) {
	s := sitting(t, filepath.Join(t.TempDir(), "l.jsonl"), 40, nil)
	at := map[string]int{}
	turned := map[string]bool{}
	second := 0
	for i, q := range s.all {
		switch q.look {
		case 1:
			at[q.pair.Item], turned[q.pair.Item] = i, q.turned
		case 2:
			second++
			if q.turned == turned[q.pair.Item] {
				t.Errorf("%s has the same order twice", q.pair.Item)
			}
			if i-at[q.pair.Item] < 4 {
				t.Errorf("%s is shown again after %d questions", q.pair.Item, i-at[q.pair.Item])
			}
		}
	}
	if second != 10 {
		t.Errorf("%d second looks of 40 pairs, and every fourth was wanted", second)
	}
}

func TestResume(t *testing.T) {
	file := filepath.Join(t.TempDir(), "l.jsonl")
	s := sitting(t, file, 12, nil)
	order := []string{}
	for _, q := range s.all {
		order = append(order, q.id)
	}
	for range 5 {
		q := s.Now().Question
		if err := s.Answer(q.ID, wise(q)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Skip(s.Now().Question.ID); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The machine goes down while the first line of an answer is written, and while
	// the second is.
	half := strings.SplitAfter(strings.Replace(string(before), `"item":"in-0`, `"item":"of-0`, 1), "\n")[0]
	for _, tail := range []string{`{"item":"in-0`, half + half[:3], half + half[:strings.Index(half, `"gold"`)]} {
		if err := os.WriteFile(file, append(append([]byte{}, before...), tail...), 0o644); err != nil {
			t.Fatal(err)
		}
		again := sitting(t, file, 12, nil)
		if got := again.Now(); got.Done != 5 || got.Skipped != 0 || got.Undo || got.Question.ID != order[5] {
			t.Errorf("after a start with %q: %+v", tail, got.Summary)
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != string(before) {
			t.Errorf("the file has %q behind what it had", strings.TrimPrefix(string(now), string(before)))
		}
	}
	// A larger session keeps what was answered.
	c := sitting(t, file, 30, func(c *Config) { c.N = 20 })
	if got := c.Summary(); got.Done != 5 || got.Pairs != 20 {
		t.Errorf("%+v", got)
	}
}

func TestUndo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "l.jsonl")
	s := sitting(t, file, 6, nil)
	if err := s.Undo(); err != nil {
		t.Fatal(err)
	}
	first := s.Now().Question.ID
	if err := s.Answer(first, Same); err != nil {
		t.Fatal(err)
	}
	second := s.Now().Question.ID
	if err := s.Skip(second); err != nil {
		t.Fatal(err)
	}
	if err := s.Undo(); err != nil || s.Now().Question.ID != second || s.Now().Skipped != 0 {
		t.Errorf("undo of a skip: %v, %+v", err, s.Now().Summary)
	}
	if err := s.Undo(); err != nil || s.Now().Question.ID != first || s.Now().Done != 0 {
		t.Errorf("undo of an answer: %v, %+v", err, s.Now().Summary)
	}
	if src, err := os.ReadFile(file); err != nil || len(src) != 0 {
		t.Errorf("%v: %q is left", err, src)
	}
	if err := s.Answer(first, Neither); err != nil {
		t.Fatal(err)
	}
	if got := rows(t, file); len(got) != 2 || got[0].Gold != 0 || got[1].Gold != 0 {
		t.Errorf("%+v", got)
	}
}

func TestRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "l.jsonl")
	s := sitting(t, file, 3, func(c *Config) { c.Comparing = true })
	id := s.Now().Question.ID
	for _, c := range [][2]string{{id, "third"}, {id, ""}, {id, Neither}, {"other", First}} {
		if err := s.Answer(c[0], c[1]); err == nil {
			t.Errorf("answer %q to %q was taken", c[1], c[0])
		}
	}
	if err := s.Answer(id, Same); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows(t, file) {
		if r.Gold != 500_000 {
			t.Errorf("no difference is a half each, not %d", r.Gold)
		}
	}
	// Somebody else writes into the file meanwhile: nothing of theirs is lost.
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(before, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Answer(s.Now().Question.ID, First); err == nil || !strings.Contains(err.Error(), "changed by somebody else") {
		t.Error(err)
	}
	if err := s.Undo(); err == nil {
		t.Error("an answer was taken back from a file that somebody else changed")
	}
	// A file that is no sheet, and one with half an answer in its middle.
	for _, src := range []string{"{\"item\": 1}\n", strings.SplitAfter(string(before), "\n")[0] + strings.ReplaceAll(string(before), "in-0", "of-0")} {
		if err := os.WriteFile(file, []byte(src), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, diags, err := Open(s.config); err == nil && !diags.HasErrors() {
			t.Errorf("%q was taken as a file of labels", src)
		}
	}
}

// A file that somebody has is never shorter than it was, but by what this page was
// writing when the machine went down.
func TestKeepsFile(t *testing.T) {
	row := func(item, arm string) string {
		return fmt.Sprintf(`{"item":%q,"skill":"greet","dimension":"warmth","arm":%q,"gold":1,"input":"a","output":"b"}`, item, arm)
	}
	a, b, other := row("in-000", "ladder.lab.large"), row("in-000", "ladder.lab.small"), row("in-001", "ladder.lab.large")
	for _, c := range []struct{ name, src, want, refused string }{
		{"no final newline", a + "\n" + b, a + "\n" + b + "\n", ""},
		{"two answers and no final newline", a + "\n" + b + "\n" + other + "\n" + row("in-001", "ladder.lab.small"), "", ""},
		{"one whole row", a + "\n", "", "line 1"},
		{"one row without a newline", a, "", "line 1"},
		{"a row too many", a + "\n" + b + "\n" + other + "\n", "", "line 3"},
		{"a row, and another item behind it is torn", a + "\n" + other[:len(other)-9], "", "line 1"},
		{"a row, and no label behind it", a + "\n" + b + "\nto be gone on with", "", "not a JSON object"},
		{"no labels at all", "what I think of it", "", "not a JSON object"},
		{"another kind of JSON", `{"name": "x"`, "", "not a JSON object"},
	} {
		if c.want == "" && c.refused == "" {
			c.want = c.src + "\n"
		}
		file := filepath.Join(t.TempDir(), "mine.jsonl")
		if err := os.WriteFile(file, []byte(c.src), 0o644); err != nil {
			t.Fatal(err)
		}
		conf := Config{File: file, Judge: "house", Seed: "seed", N: 2, Dimensions: map[string][]*config.Dimension{"greet": {{Name: "warmth"}}}}
		for _, item := range []string{"in-000", "in-001"} {
			conf.Pairs = append(conf.Pairs, Pair{Skill: "greet", Item: item, Works: [2]Work{{"ladder.lab.large", quoted("b")}, {"ladder.lab.small", quoted("b")}}})
		}
		s, diags, err := Open(conf)
		got := fmt.Sprint(err, diags)
		if c.refused != "" && (s != nil || !strings.Contains(got, c.refused)) {
			t.Errorf("%s: %s", c.name, got)
		}
		if c.refused != "" {
			c.want = c.src
		} else if s == nil {
			t.Errorf("%s: %s", c.name, got)
		} else if n := strings.Count(c.want, "\n") / 2; s.Summary().Done != n {
			t.Errorf("%s: %+v, and %d are answered", c.name, s.Summary(), n)
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != c.want {
			t.Errorf("%s: %v, the file was %q and is %q", c.name, err, c.src, now)
		}
	}
}
