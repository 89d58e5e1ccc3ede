package judge

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

func label(arm string, item int, gold, score int64) Label {
	return Label{
		V: LabelVersion, Kind: "label", Judge: "house", Pin: "pin", Family: "reply", Dimension: "coverage", Arm: arm,
		Item: fmt.Sprintf("sha256:%04d", item), Gold: gold, Score: score, Random: true, At: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC),
	}
}

// many are n inputs on both arms with a judge that is right but for every k-th.
func many(n, k int) Labels {
	var out Labels
	for i := range n {
		for _, arm := range []string{"big", "small"} {
			l := label(arm, i, verdict.Million, verdict.Million)
			if i%7 == 0 {
				l.Gold, l.Score = 0, 0
			}
			if k > 0 && i%k == 0 {
				l.Score = verdict.Million - l.Gold
			}
			out = append(out, l)
		}
	}
	return out
}

func ask() Ask {
	return Ask{
		Judge: "house", Pin: "pin", Family: "reply", Current: "big", Candidate: "small", Dimensions: []Weight{{"coverage", verdict.Million}},
		Margin: 100_000, Alpha: 50_000,
	}
}

func TestGrant(t *testing.T) {
	change := func(ls Labels, f func(*Label)) Labels {
		out := append(Labels(nil), ls...)
		for i := range out {
			f(&out[i])
		}
		return out
	}
	good := many(400, 0)
	for _, c := range []struct {
		name   string
		labels Labels
		ask    func(*Ask)
		why    string // "" grants
	}{
		{"a judge that is right", good, nil, ""},
		{"no labels", nil, nil, "no labels for reply on big and small"},
		{"labels of another family", change(good, func(l *Label) { l.Family = "other" }), nil, "no labels"},
		{"labels of other arms", change(good, func(l *Label) { l.Arm += "-2" }), nil, "no labels"},
		{"another model by now", change(good, func(l *Label) { l.Pin = "was" }), nil, "when it was was"},
		{"two models at once", change(good, func(l *Label) {
			l.Reported = "a"
			if l.Item == "sha256:0003" {
				l.Reported = "b"
			}
		}), nil, "as a and as b"},
		{"too few", many(60, 0), nil, "60 inputs labelled on both arms"},
		{"simulated labels of real arms", change(good, func(l *Label) { l.Simulated = true }), nil, "no labels"},
		{"simulated labels of simulated arms", change(good, func(l *Label) { l.Simulated = true }), func(a *Ask) { a.Simulated = true }, ""},
		{"a dimension without labels", good, func(a *Ask) { a.Dimensions = append(a.Dimensions, Weight{"tone", 1}) }, "0 inputs labelled"},
		{"a small margin", good, func(a *Ask) { a.Margin = 4_000 }, "labels like these would do"},
		{"one that errs on one arm", change(good, func(l *Label) {
			if l.Arm == "big" {
				l.Score /= 2
			}
		}), nil, "no number of labels"},
		{"picked by class, a judge that compares", change(many(1400, 0), func(l *Label) { l.Random = false }), func(a *Ask) { a.Pairwise = true }, "error rates are of single outputs"},
		{"swayed by length", change(good, func(l *Label) {
			l.Gold = verdict.Million
			l.Chars = 100
			if l.Item[len(l.Item)-1]%2 == 0 {
				l.Chars, l.Score = 20, 0
			}
		}), nil, "swayed by length"},
		{"does not repeat itself", change(good, func(l *Label) { again := verdict.Million - l.Score; l.Again = &again }), nil, "does not repeat itself"},
	} {
		a := ask()
		if c.ask != nil {
			c.ask(&a)
		}
		g, err := Grant(c.labels, a)
		if err != nil {
			t.Fatal(err)
		}
		if (g.Terms == nil) != (c.why != "") || !strings.Contains(g.Why, c.why) {
			t.Errorf("%s: %+v, %q, want %q", c.name, g.Terms, g.Why, c.why)
		}
		if g.Terms != nil && (g.Terms.Margin <= 0 || g.Terms.CodeMargin+g.Terms.JudgeMargin != a.Margin || g.Terms.LabelAlpha+g.Terms.TestAlpha > a.Alpha || !strings.HasPrefix(g.Terms.Labels, "sha256:")) {
			t.Errorf("%s: %+v", c.name, g.Terms)
		}
	}
}

// Terms do not depend on the order of lines, and labels come back as written.
func TestLabelsMergeByUnion(t *testing.T) {
	ls := many(120, 5)
	lines, err := ls.Lines()
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(lines)), "\n")
	for i := range rows {
		j := (i * 37) % len(rows)
		rows[i], rows[j] = rows[j], rows[i]
	}
	there, diags := ParseLabels("a", lines)
	back, more := ParseLabels("b", []byte(strings.Join(rows, "\n")+"\n"+rows[0]+"\n\n"))
	if len(diags)+len(more) > 0 || len(there) != 240 {
		t.Fatal(len(there), diags, more)
	}
	x, err := there.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if y, err := back.Digest(); err != nil || x != y {
		t.Errorf("%s and %s, %v", x, y, err)
	}
}

func TestDamagedLabels(t *testing.T) {
	line := func(f func(*Label)) string {
		l := label("big", 1, 0, 0)
		f(&l)
		return string(l.line())
	}
	for name, text := range map[string]string{
		"no JSON":     "{",
		"two values":  "{} {}",
		"a version":   line(func(l *Label) { l.V = 2 }),
		"another":     line(func(l *Label) { l.Kind = "gold" }),
		"no arm":      line(func(l *Label) { l.Arm = "" }),
		"no digest":   line(func(l *Label) { l.Item = "x" }),
		"gold 2":      line(func(l *Label) { l.Gold = 2_000_000 }),
		"score -1":    line(func(l *Label) { l.Score = -1 }),
		"a length":    line(func(l *Label) { l.Chars = -1 }),
		"more fields": `{"v": 1, "kind": "label", "note": "x"}`,
	} {
		ls, diags := ParseLabels("judges/house.jsonl", []byte("\n"+text+"\n"))
		if len(ls) != 0 || !diags.HasErrors() || diags[0].Range.Start.Line != 2 {
			t.Errorf("%s: %d labels, %v", name, len(ls), diags)
		}
	}
}

func FuzzParseLabels(f *testing.F) {
	f.Add(label("big", 1, 0, 5).line())
	f.Add([]byte("{\"v\":1}\n\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		ls, _ := ParseLabels("f", src)
		for _, l := range ls {
			if outside(l.Gold) || outside(l.Score) || l.Judge == "" {
				t.Fatalf("%+v", l)
			}
		}
	})
}

func TestReadSheet(t *testing.T) {
	const head = "item,skill,dimension,arm,gold,score\n"
	rows, diags := ReadSheet("l.csv", []byte("\ufeff"+head+"a,reply,coverage,big,1,0.25\n\"b, c\",reply,,small,0.5,0\n"))
	if len(diags) > 0 || len(rows) != 2 || rows[1].Item != "b, c" || rows[1].Gold != 500_000 || *rows[0].Score != 250_000 {
		t.Fatalf("%+v, %v", rows, diags)
	}
	rows, diags = ReadSheet("l.jsonl", []byte(`{"item": "a", "arm": "big", "gold": 1, "input": {"x": 1}, "output": "thé", "reference": [1]}`+"\n"))
	if len(diags) > 0 || len(rows) != 1 || rows[0].Chars != 3 || string(rows[0].Input) != `{"x": 1}` || rows[0].Score != nil {
		t.Fatalf("%+v, %v", rows, diags)
	}
	for _, c := range []struct{ name, src, want string }{
		{"l.csv", "", "no label in this file"},
		{"l.csv", "item,arm,golden\n", `there is no column "golden". Did you mean "gold"?`},
		{"l.csv", "item,arm,gold,gold\n", "stands twice"},
		{"l.csv", "item,gold\n", `column "arm" is missing`},
		{"l.csv", head + "a,,,big,2,1\n", "Line 2, column 9: gold is \"2\""},
		{"l.csv", head + "a,,,big,NaN,1\n", "column 9"},
		{"l.csv", head + "a,,,,1,1\n", "arm is empty"},
		{"l.csv", head + "a,,,big,1,1\na,,,big,0,1\n", "on line 2 already"},
		{"l.csv", head + "a,,,big,1,\n", "neither the judge's score nor an input"},
		{"l.csv", head + "a,,,big,1\n", "wrong number of fields"},
		{"l.csv", head + "a,\"x,,big,1,1\n", "this is not CSV"},
		{"l.csv", "item,arm,gold,score,input,output\na,big,1,1,,\nb,big,1,,x,y\n", "1 labels have the judge's score and 1 have not"},
		{"l.jsonl", "{\"item\": 1\n", "this is not a JSON object"},
		{"l.jsonl", `{"item": "a", "arm": "b", "gold": 1, "scores": 1}`, `there is no field "scores". Did you mean "score"?`},
	} {
		_, diags := ReadSheet(c.name, []byte(c.src))
		if !diags.HasErrors() || !strings.Contains(diags[0].Detail, c.want) {
			t.Errorf("%q: %v, want %q", c.src, diags, c.want)
		}
		for _, d := range diags {
			if !strings.Contains(d.Detail, "Line ") || !strings.Contains(d.Detail, "column ") {
				t.Errorf("%q: %q does not say where", c.src, d.Detail)
			}
		}
	}
}

func FuzzReadSheet(f *testing.F) {
	f.Add("l.csv", "item,arm,gold,score\na,b,1,0.5\n")
	f.Add("l.jsonl", `{"item": "a", "arm": "b", "gold": 1, "score": 1}`)
	f.Fuzz(func(t *testing.T, name, src string) {
		rows, _ := ReadSheet(name, []byte(src))
		for _, r := range rows {
			if outside(r.Gold) || r.Score != nil && outside(*r.Score) || r.Item == "" || r.Arm == "" {
				t.Fatalf("%+v", r)
			}
		}
	})
}

func TestSettle(t *testing.T) {
	words := func(w Word) map[string]Word { return map[string]Word{"x": w} }
	for _, c := range []struct {
		forward, backward Word
		current           int64
		contradicted      int
	}{
		{First, Second, verdict.Million, 0}, {Second, First, 0, 0}, {Same, Same, half, 0},
		{First, First, half, 1}, {Second, Second, half, 1}, {Same, First, half, 1}, {First, Same, half, 1},
	} {
		current, candidate, changed := Settle(words(c.forward), words(c.backward))
		if current["x"] != c.current || candidate["x"] != verdict.Million-c.current || len(changed) != c.contradicted {
			t.Errorf("%d, %d: %v, %v, %v", c.forward, c.backward, current, candidate, changed)
		}
	}
}

// Both orders ask the same but for the order, and name neither arm.
func TestCompareIsBlind(t *testing.T) {
	current, candidate := tier("dear", "claude-opus-4-8", "claude"), tier("cheap", "gemma-4-26b", "gemma")
	names := NamesOf(current, candidate)
	a, b := Case{Input: text("in"), Output: text("I am Claude: yes"), Names: names}, Case{Input: text("in"), Output: text("gemma says no"), Names: names}
	x, y := Compare("j", dims, a, b), Compare("j", dims, b, a)
	if x.Messages[0].String() != y.Messages[0].String() {
		t.Error("the orders get different instructions")
	}
	for _, req := range []string{x.Messages[1].String(), y.Messages[1].String()} {
		for _, word := range append(names, "current", "candidate") {
			if strings.Contains(strings.ToLower(req), word) {
				t.Errorf("the judge is told %q:\n%s", word, req)
			}
		}
	}
	if !strings.Contains(x.Messages[1].String(), ">>>\nI am [model]: yes\n<<<end of first") || !strings.Contains(y.Messages[1].String(), ">>>\n[model] says no\n<<<end of first") {
		t.Errorf("%s\n%s", x.Messages[1].String(), y.Messages[1].String())
	}
}

func TestReadCompared(t *testing.T) {
	got, err := ReadCompared(`{"better": {"coverage": "first", "tone": "same"}}`, dims)
	if err != nil || got["coverage"] != First || got["tone"] != Same {
		t.Fatal(got, err)
	}
	for _, answer := range []string{"", "first", `{"better": {"coverage": "first"}}`, `{"better": {"coverage": "First", "tone": "same"}}`, `{"better": {"coverage": "first", "tone": "same", "x": "same"}}`, `{"scores": {"coverage": 1, "tone": 1}}`} {
		if got, err := ReadCompared(answer, dims); err == nil || got != nil {
			t.Errorf("%s gives %v", answer, got)
		}
	}
}

func TestMedianIsTheMajority(t *testing.T) {
	got := Median([]map[string]int64{{"x": verdict.Million, "y": 3}, {"x": 0, "y": 9}, {"x": verdict.Million, "y": 5}})
	if got["x"] != verdict.Million || got["y"] != 5 {
		t.Error(got)
	}
	one, two, three := tier("a", "a", "a"), tier("b", "b", "b"), tier("c", "c", "c")
	if Pin([]*config.Tier{one, two, three}, false) != Pin([]*config.Tier{one, three, two}, false) || Pin([]*config.Tier{one}, false) == Pin([]*config.Tier{one}, true) || Pin([]*config.Tier{one}, false) != one.Ref()+" a "+Version {
		t.Error("pins do not tell judges apart")
	}
}

func TestAgreements(t *testing.T) {
	a, b := label("big", 1, 0, 0), label("big", 2, 0, 0)
	a.Members = map[string]int64{"x": 900_000, "y": 600_000, "z": 0}
	b.Members = map[string]int64{"x": 0, "y": 600_000, "z": 0}
	got := fmt.Sprint(Agreements(Labels{a, b}))
	if got != "[{x y 2 1} {x z 2 1} {y z 2 0}]" {
		t.Error(got)
	}
}
