package gate_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/gate"
)

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFix(t *testing.T) {
	for _, c := range []struct {
		name      string
		gates     []gate.Spec
		eaches    []gate.Each
		in, out   string
		whats     []string
		stillFail int
	}{
		{
			name:  "truncate text",
			gates: []gate.Spec{{Name: "s", Kind: "max_chars", Value: "output.a.s", Int: 8, Fix: "truncate"}},
			in:    `{"a":{"s":"one two three","t":1.50}}`, out: `{"a":{"s":"one two…","t":1.50}}`,
			whats: []string{"s: cut from 13 to 8 characters"},
		},
		{
			name:  "truncate a list",
			gates: []gate.Spec{{Name: "l", Kind: "max_items", Value: "output.l", Int: 2, Fix: "truncate"}},
			in:    `{"l":[3,2,1]}`, out: `{"l":[3,2]}`,
			whats: []string{"l: cut from 3 to 2 elements"},
		},
		{
			name:  "normalise",
			gates: []gate.Spec{{Name: "s", Kind: "one_of", Value: "output.s", OneOf: []string{"new", "follow_up"}, Fix: "normalise"}},
			in:    `{"s":" Follow-Up"}`, out: `{"s":"follow_up"}`,
			whats: []string{`s: read " Follow-Up" as "follow_up"`},
		},
		{
			name:  "what is not near is not normalised",
			gates: []gate.Spec{{Name: "s", Kind: "one_of", Value: "output.s", OneOf: []string{"new"}, Fix: "normalise"}},
			in:    `{"s":"newer"}`, out: `{"s":"newer"}`, stillFail: 1,
		},
		{
			name:   "drop elements",
			eaches: []gate.Each{{List: "output.l", ID: "it.id", Gates: []gate.Spec{{Name: "n", Kind: "rule", Rule: "it.n > 1", Fix: "drop"}}}},
			in:     `{"l":[{"id":"a","n":1},{"id":"b","n":2},{"id":"c"}]}`, out: `{"l":[{"id":"b","n":2}]}`,
			whats: []string{"n[a]: dropped: not so: it.n > 1", "n[c]: dropped: it.n is missing"},
		},
		{
			name:  "drop duplicates",
			gates: []gate.Spec{{Name: "u", Kind: "unique_by", Value: "output.l", UniqueBy: "it.id", Fix: "drop"}},
			in:    `{"l":[{"id":1,"v":1},{"id":1,"v":2},{"id":2}]}`, out: `{"l":[{"id":1,"v":1},{"id":2}]}`,
			whats: []string{"u[#2]: dropped: the same as element 1"},
		},
		{
			name:   "duplicates inside an each",
			eaches: []gate.Each{{List: "output", ID: "it", Gates: []gate.Spec{{Name: "u", Kind: "unique_by", UniqueBy: "lower(it)", Fix: "drop"}}}},
			in:     `["a","B","A","b"]`, out: `["a","B"]`,
			whats: []string{"u[A]: dropped: the same as element 1", "u[b]: dropped: the same as element 2"},
		},
		{
			name: "mended before dropped, dropped before cut",
			gates: []gate.Spec{
				{Name: "l", Kind: "max_items", Value: "output.l", Int: 2, Fix: "truncate"},
			},
			eaches: []gate.Each{{List: "output.l", Gates: []gate.Spec{
				{Name: "known", Kind: "rule", Rule: `it.s in ["new", "old"]`, Fix: "drop"},
				{Name: "s", Kind: "one_of", Value: "it.s", OneOf: []string{"new", "old"}, Fix: "normalise"},
			}}},
			in: `{"l":[{"s":"x"},{"s":"New"},{"s":"old"},{"s":"new"}]}`, out: `{"l":[{"s":"new"},{"s":"old"}]}`,
			whats: []string{`s[#2]: read "New" as "new"`, `known[#1]: dropped: not so: it.s in ["new", "old"]`, "l: cut from 3 to 2 elements"},
		},
		{
			name: "a cut that would break another gate is not made",
			gates: []gate.Spec{
				{Name: "short", Kind: "max_chars", Value: "output.s", Int: 20, Fix: "truncate"},
				{Name: "link", Kind: "links", Value: "output.s", Int: 1},
			},
			in: `{"s":"a long text and then https://a.example"}`, out: `{"s":"a long text and then https://a.example"}`, stillFail: 1,
		},
		{
			name: "only the elements that can be mended are",
			eaches: []gate.Each{{List: "output.l", Gates: []gate.Spec{
				{Name: "short", Kind: "max_chars", Value: "it", Int: 20, Fix: "truncate"},
				{Name: "link", Kind: "links", Value: "it", Int: 1},
			}}},
			in: `{"l":["a long text and then https://a.example","https://a.example and a long text","http://a"]}`, out: `{"l":["a long text and then https://a.example","https://a.example…","http://a"]}`,
			whats: []string{"short[#2]: cut from 33 to 18 characters"}, stillFail: 1,
		},
	} {
		s := compile(t, c.gates, c.eaches, gate.Options{})
		in := decode(t, c.in)
		fixed, applied := s.Fix(nil, in)
		if encode(t, in) != encode(t, decode(t, c.in)) {
			t.Errorf("%s: the argument was changed to %s", c.name, encode(t, in))
		}
		if got := encode(t, fixed); got != encode(t, decode(t, c.out)) {
			t.Errorf("%s: got %s, want %s", c.name, got, c.out)
		}
		var whats []string
		for _, a := range applied {
			name := a.Gate
			if a.ID != "" {
				name += "[" + a.ID + "]"
			}
			whats = append(whats, name+": "+a.What)
		}
		if !reflect.DeepEqual(whats, c.whats) {
			t.Errorf("%s: got %q, want %q", c.name, whats, c.whats)
		}
		if r := s.Check(nil, fixed, nil); r.Total-r.Passed != c.stillFail {
			t.Errorf("%s: %d gates still fail, want %d: %+v", c.name, r.Total-r.Passed, c.stillFail, r.Checks)
		}
	}
}

// random draws a set of gates over a small world of outputs, and an output
// that is more often wrong than right.
func random(t *rapid.T, drops bool) (*gate.Set, any) {
	fixes := func(some ...string) string { return rapid.SampledFrom(append(some, "")).Draw(t, "fix") }
	drop := "drop"
	if !drops {
		drop = ""
	}
	n := 0
	name := func() string { n++; return fmt.Sprint("g", n) }
	small := rapid.IntRange(0, 12)
	on := func(where string) gate.Spec {
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return gate.Spec{Name: name(), Kind: "max_chars", Value: where + ".s", Int: small.Draw(t, "n"), Fix: fixes("truncate")}
		case 1:
			return gate.Spec{Name: name(), Kind: "min_chars", Value: where + ".s", Int: small.Draw(t, "n")}
		case 2:
			return gate.Spec{Name: name(), Kind: "one_of", Value: where + ".s", OneOf: []string{"new", "follow_up", "Äh"}, Fix: fixes("normalise")}
		case 3:
			return gate.Spec{Name: name(), Kind: "links", Value: where + ".s", Int: rapid.IntRange(0, 2).Draw(t, "n")}
		case 4:
			return gate.Spec{Name: name(), Kind: "max_items", Value: where + ".l", Int: rapid.IntRange(0, 3).Draw(t, "n"), Fix: fixes("truncate")}
		case 5:
			return gate.Spec{Name: name(), Kind: "min_items", Value: where + ".l", Int: rapid.IntRange(0, 3).Draw(t, "n")}
		}
		return gate.Spec{Name: name(), Kind: "rule", Rule: where + `.n > 1 || ` + where + `.s contains "e"`}
	}
	var gates []gate.Spec
	for range rapid.IntRange(0, 4).Draw(t, "gates") {
		gates = append(gates, on("output"))
	}
	gates = append(gates, gate.Spec{Name: name(), Kind: "unique_by", Value: "output.l", UniqueBy: "it.n", Fix: rapid.SampledFrom([]string{"", drop}).Draw(t, "fix")})
	each := gate.Each{List: "output.l", ID: "it.n"}
	for range rapid.IntRange(0, 4).Draw(t, "in each") {
		g := on("it")
		if g.Fix == "" {
			g.Fix = rapid.SampledFrom([]string{"", drop}).Draw(t, "drop")
		}
		each.Gates = append(each.Gates, g)
	}
	set, problems := gate.Compile(gates, []gate.Each{each}, gate.Options{})
	for _, p := range problems {
		t.Fatal(p)
	}
	return set, object(t, 2)
}

func object(t *rapid.T, depth int) any {
	m := map[string]any{}
	if rapid.IntRange(0, 9).Draw(t, "has s") > 0 {
		m["s"] = rapid.SampledFrom([]any{"new", "New ", "follow up", "a\u0308h", "see http://a.example and https://b.example ok", "the quick brown fox", "", nil, true}).Draw(t, "s")
	}
	if rapid.IntRange(0, 9).Draw(t, "has n") > 0 {
		m["n"] = rapid.SampledFrom([]any{json.Number("1"), json.Number("1.0"), json.Number("9007199254740993"), json.Number("2"), "x", nil}).Draw(t, "n")
	}
	if depth > 0 && rapid.IntRange(0, 9).Draw(t, "has l") > 0 {
		l := []any{}
		for range rapid.IntRange(0, 5).Draw(t, "len") {
			if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
				l = append(l, "odd")
				continue
			}
			l = append(l, object(t, depth-1))
		}
		m["l"] = l
	}
	return m
}

func TestFixIsIdempotentAndNeverMutates(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, output := random(t, true)
		before, err := json.Marshal(output)
		if err != nil {
			t.Fatal(err)
		}
		once, applied := s.Fix(nil, output)
		if after, _ := json.Marshal(output); string(after) != string(before) {
			t.Fatalf("%s became %s", before, after)
		}
		if len(applied) == 0 && !reflect.DeepEqual(once, output) {
			t.Fatalf("%s was changed silently", before)
		}
		twice, again := s.Fix(nil, once)
		if len(again) > 0 || !reflect.DeepEqual(once, twice) {
			t.Fatalf("%s: fixed twice by %+v, then %+v", before, applied, again)
		}
	})
}

// Mending never makes a gate fail that passed, and leaves alone what passes.
func TestMendingNeverMakesItWorse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, output := random(t, false)
		before := s.Check(nil, output, nil)
		fixed, applied := s.Fix(nil, output)
		after := s.Check(nil, fixed, nil)
		failed := map[string]bool{}
		for _, g := range before.Failed {
			failed[g] = true
		}
		for _, g := range after.Failed {
			if !failed[g] {
				t.Fatalf("%s fails only after %+v", g, applied)
			}
		}
		if len(before.Failed) == 0 && (len(applied) > 0 || !reflect.DeepEqual(fixed, output)) {
			t.Fatalf("a passing output was changed: %+v", applied)
		}
	})
}

// The same output gives the same result, in the same order.
func TestCheckIsDeterministic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, output := random(t, true)
		a, b := s.Check(nil, output, nil), s.Check(nil, output, nil)
		if !reflect.DeepEqual(a, b) || a.Feedback() != b.Feedback() {
			t.Fatalf("%+v\n%+v", a, b)
		}
		if a.Passed+len(a.Failed) != a.Total {
			t.Fatalf("%+v", a)
		}
	})
}

// Whatever a model answers: no panic, every gate has an answer, and what a fix
// leaves is as good as what it found.
func FuzzGates(f *testing.F) {
	for _, s := range []string{tweets, `{"tweets":[]}`, `{"tweets":{}}`, `[]`, `"x"`, `{"tweets":[null,1,"x",[],{"id":{}}]}`, `{"tweets":[{"id":1e300,"status":"NEW","text":"http://a"}],"decisions":null}`} {
		f.Add([]byte(s))
	}
	specs := []gate.Spec{
		{Name: "decisions", Kind: "max_items", Value: "output.decisions", Int: 3, Fix: "truncate"},
		{Name: "ids", Kind: "unique_by", Value: "output.tweets", UniqueBy: "it.id", Fix: "drop"},
		{Name: "schema", Kind: "schema", Schema: []byte(`{"type":"object","required":["tweets"],"properties":{"tweets":{"items":{"required":["id"],"multipleOf":0.1}}}}`)},
		{Name: "rule", Kind: "rule", Rule: "all(output.tweets, len(.text) > 3)"},
	}
	eaches := append(tweetGates(), gate.Each{List: "output.tweets", Gates: []gate.Spec{
		{Name: "short", Kind: "max_chars", Value: "it.text", Int: 12, Fix: "truncate"},
		{Name: "pattern", Kind: "pattern", Value: "it.id", Pattern: "^[a-z]$", Fix: "drop"},
	}})
	set, problems := gate.Compile(specs, eaches, gate.Options{})
	if len(problems) > 0 {
		f.Fatal(problems)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, _, err := gate.Decode(raw, true)
		if err != nil {
			return
		}
		fixed, _ := set.Fix(nil, v)
		if again, applied := set.Fix(nil, fixed); len(applied) > 0 || !reflect.DeepEqual(again, fixed) {
			t.Fatalf("%s: fixed again by %+v", raw, applied)
		}
		r := set.Check(nil, fixed, nil)
		if r.Total != 8 || r.Passed+len(r.Failed) != 8 {
			t.Fatalf("%s: %+v", raw, r)
		}
		for _, c := range r.Checks {
			if c.Passed == (c.Reason != "") {
				t.Fatalf("%s: %+v", raw, c)
			}
		}
		if len(r.Feedback()) > 20_000 {
			t.Fatalf("%s: the feedback has %d bytes", raw, len(r.Feedback()))
		}
	})
}
