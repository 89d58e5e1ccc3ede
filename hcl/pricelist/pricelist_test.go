package pricelist

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var day = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func TestShipped(t *testing.T) {
	l := Shipped()
	if l.AsOf.Format(time.DateOnly) != "2026-07-02" || len(l.Models) < 15 {
		t.Errorf("the shipped list is of %s and has %d models", l.AsOf, len(l.Models))
	}
	e, err := l.Find("claude-haiku-4-5")
	if err != nil || e.Rates != (Rates{1_000_000, 5_000_000, 100_000, 1_250_000, 0}) || !e.AsOf.Equal(l.AsOf) {
		t.Errorf("%+v %v", e, err)
	}
	if _, err := l.Find("kimi-k2.6"); err == nil || !strings.Contains(err.Error(), "by host") {
		t.Errorf("what varies is a price: %v", err)
	}
	if _, err := l.Find("gpt-5"); err == nil || !strings.Contains(err.Error(), "prices import") {
		t.Errorf("an unknown model: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	head := `{"as_of":"2026-07-02","source":"s","unit":"USD per million tokens","models":{`
	for src, say := range map[string]string{
		``:                                     "EOF",
		`{"as_of":"2026-07-02",`:               "EOF",
		head + `}} x`:                          "text behind it",
		head + "\n\n\"a\":{\"input\":[]}}}":    "a: [] is not a number",
		head + `"a":{"input":1}}}`:             "would look free",
		head + `"a":{"input":1,"output":-2}}}`: "negative",
		head + `"a":{"input":1,"output":0.0000001}}}`:                                     "six decimals",
		head + `"a":{"input":1,"output":1e999999999}}}`:                                   "no price",
		head + `"a":{"input":1,"output":2000000}}}`:                                       "million dollars",
		head + `"a":{"input":1,"output":2,"inptu":3}}}`:                                   "inptu",
		head + `"a":{"varies":"x","input":3}}}`:                                           "instead of rates",
		head + `"a":{"input":1,"output":2,"above":{"tokens":0,"input":1,"output":2}}}}`:   "above needs",
		head + `"a":{"input":1,"output":2,"above":{"tokens":9,"input":0.5,"output":2}}}}`: "cheaper than short",
		head + `"a":{"input":1,"output":2,"as_of":"May"}}}`:                               "as_of must be a day",
		strings.Replace(head, "million", "thousand", 1) + `}}`:                            "unit must be",
		strings.Replace(head, "2026-07-02", "July", 1) + `}}`:                             "as_of must be",
	} {
		if _, err := Parse([]byte(src)); err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%s: %v, want %q", src, err, say)
		}
	}
}

func TestImport(t *testing.T) {
	l, left, err := Import("mine.csv", []byte("Model, input ,output,cache_read\na,1.25,10,\nb,0.1,0.4,0.01\n"), day)
	if err != nil || len(left) != 0 || l.Models["b"].Rates != (Rates{Input: 100_000, Output: 400_000, CacheRead: 10_000}) || !l.Models["a"].AsOf.Equal(day) {
		t.Errorf("CSV: %+v %v %v", l, left, err)
	}
	l, left, err = Import("model_prices.json", []byte(`{
		"sample_spec": {"input_cost_per_token": "a number"},
		"a": {"input_cost_per_token": 1.5000000000000002e-06, "output_cost_per_token": 9e-06, "cache_read_input_token_cost": 1.5e-07, "mode": "chat"},
		"steep": {"input_cost_per_token": 2e-06, "output_cost_per_token": 1.2e-05, "input_cost_per_token_above_200k_tokens": 4e-06, "output_cost_per_token_above_200k_tokens": 2.4e-05, "cache_creation_input_token_cost": 2.5e-06},
		"two steps": {"input_cost_per_token": 2e-06, "output_cost_per_token": 1e-05, "input_cost_per_token_above_128k_tokens": 4e-06, "input_cost_per_token_above_200k_tokens": 5e-06},
		"fine": {"input_cost_per_token": 1.23456789e-10, "output_cost_per_token": 1},
		"image": {"input_cost_per_image": 0.04}, "list": [1]
	}`), day)
	if err != nil {
		t.Fatal(err)
	}
	if l.Models["a"].Rates != (Rates{Input: 1_500_000, Output: 9_000_000, CacheRead: 150_000}) {
		t.Errorf("a: %+v", l.Models["a"])
	}
	if s := l.Models["steep"]; s.Above == nil || s.Above.Tokens != 200_000 || s.Above.Input != 4_000_000 || s.Above.Output != 24_000_000 || s.Rates.CacheWrite != 2_500_000 {
		t.Errorf("steep: %+v %+v", s, s.Above)
	}
	for name, why := range map[string]string{"two steps": "more than one step", "fine": "finer than", "image": "no price by token", "list": "not an object", "sample_spec": "not an object"} {
		if _, in := l.Models[name]; in || !strings.Contains(left[name], why) {
			t.Errorf("%s: left out because %q, want %q", name, left[name], why)
		}
	}
	for name, src := range map[string]string{"x.csv": "a,b\n1,2\n", "y.csv": "model,input,output\na,1\n", "z.csv": "model,input,output\na,x,1\na,1,1\n", "a.json": `{"a":{}}`, "b.json": `[]`, "c.json": `{`} {
		if _, _, err := Import(name, []byte(src), day); err == nil {
			t.Errorf("%s with %q is taken", name, src)
		}
	}
}

// What is written is read back as it was, and says the day of what is older.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1_000_000_000)
		l := List{AsOf: day, Source: "s", Models: map[string]Entry{}}
		for range rapid.IntRange(0, 4).Draw(t, "models") {
			e := Entry{AsOf: l.AsOf, Source: l.Source, Rates: Rates{n.Draw(t, "in"), n.Draw(t, "out"), n.Draw(t, "read"), 0, n.Draw(t, "hour")}}
			if rapid.Bool().Draw(t, "older") {
				e.AsOf, e.Source = day.AddDate(0, -3, 0), "another"
			}
			if rapid.Bool().Draw(t, "steep") {
				e.Above = &Step{n.Draw(t, "tokens"), Rates{Input: e.Rates.Input + 1, Output: e.Rates.Output}}
			}
			l.Models[rapid.String().Draw(t, "name")] = e
		}
		raw, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(raw)
		if err != nil || len(Diff(l, back)) != 0 || len(back.Models) != len(l.Models) {
			t.Fatalf("%s\n%v", raw, err)
		}
		for name, e := range l.Models {
			if b := back.Models[name]; !b.AsOf.Equal(e.AsOf) || b.Source != e.Source {
				t.Fatalf("%q is of %s, %s; was %s, %s", name, b.AsOf, b.Source, e.AsOf, e.Source)
			}
		}
	})
}

func TestDiff(t *testing.T) {
	from, to := Shipped(), Shipped()
	e := to.Models["gpt-5.5"]
	e.Above = nil
	to.Models["gpt-5.5"] = e
	to.Models["new"] = Entry{Rates: Rates{Input: 1, Output: 1}}
	if got := fmt.Sprintln(len(Diff(from, to)), Diff(from, to)[0].Model, Diff(from, to)[1].Old == nil); got != "2 gpt-5.5 true\n" {
		t.Error(got)
	}
}

func FuzzImport(f *testing.F) {
	f.Add("a.json", shipped)
	f.Add("a.csv", []byte("model,input,output\na,1,2\n"))
	f.Add("b.json", []byte(`{"a":{"input_cost_per_token":1e-6,"output_cost_per_token":1e-6}}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		l, _, err := Import(name, data, day)
		if err != nil {
			return
		}
		raw, err := l.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Parse(raw); err != nil || len(Diff(l, back)) != 0 {
			t.Fatalf("%s\n%v", raw, err)
		}
	})
}
