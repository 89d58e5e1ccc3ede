package rule_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/rule"
)

// Whatever the rule and the data are: no panic, an error is a *rule.Error
// inside the source, no number that is not a number comes out, and the same
// again gives the same.
func FuzzCompileAndRun(f *testing.F) {
	for _, src := range []string{
		`all(output.tweets, .date >= input.from)`, `sum(output.tweets, .likes) / len(output.tweets) > 1`,
		`let n = mean(map(output.tweets, .likes)); n > 2 ? true : false`, `output?.a?.b ?? "x" == "x"`,
		`output.tweets | filter({.likes > 1}) | len()`, `"a" in keys(output)`, `max(output.ids) ** 9 % 3`,
		`split(join(map(output.tweets, .id), ","), ",")[0:1]`, `((((1))))`, `not not true`, `#`, `.x`, `let x = x; x`,
		"\"\\u00e4\" == 'ä'", `b"x"`, `if true {1} else {2}`, `::len("a")`, `1 < 2 < 3`, `all(input, all(output, #.x))`, `{a: 1}.a`,
	} {
		f.Add(src, `{"tweets":[{"id":"a","date":"2026","likes":3}],"ids":[1,2.5]}`)
	}
	f.Fuzz(func(t *testing.T, src, doc string) {
		d := json.NewDecoder(strings.NewReader(doc))
		d.UseNumber()
		var v any
		if d.Decode(&v) != nil {
			v = doc
		}
		for _, schema := range [][]byte{nil, []byte(digest)} {
			p, err := rule.CompileGate(src, rule.GateOptions{Output: schema, It: true})
			if err != nil {
				inside(t, src, err)
				continue
			}
			e := rule.Env{Input: v, Output: v, It: v}
			a, err := p.Value(e)
			if err != nil {
				inside(t, src, err)
			}
			if x, ok := a.(float64); ok && (math.IsNaN(x) || math.IsInf(x, 0)) {
				t.Fatalf("%q gave %v", src, x)
			}
			_, again := p.Value(e)
			if (err == nil) != (again == nil) || err != nil && err.Error() != again.Error() {
				t.Fatalf("%q: first %v, then %v", src, err, again)
			}
		}
		if p, err := rule.CompilePolicy(src); err != nil {
			inside(t, src, err)
		} else if _, err := p.Bool(policy()); err != nil {
			inside(t, src, err)
		}
	})
}

func inside(t *testing.T, src string, err error) {
	t.Helper()
	var e *rule.Error
	if !errors.As(err, &e) {
		t.Fatalf("%q: %T %v is no *rule.Error", src, err, err)
	}
	if e.Line < 1 || e.Column < 1 || e.Offset < 0 || e.Offset > len(src) || e.Message == "" {
		t.Fatalf("%q: bad place or message: %+v", src, *e)
	}
}

// Numbers: order and equality agree with each other and with exact arithmetic.
func TestNumbersCompareExactly(t *testing.T) {
	p, err := rule.CompileGate(`[output.a < output.b, output.a == output.b, output.a > output.b]`, rule.GateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64().Draw(t, "a")
		b := rapid.OneOf(rapid.Int64(), rapid.Just(a), rapid.Just(a^1)).Draw(t, "b")
		v, err := p.Value(rule.Env{Output: map[string]any{"a": a, "b": b}})
		if err != nil {
			t.Fatal(err)
		}
		got := v.([]any)
		if got[0] != (a < b) || got[1] != (a == b) || got[2] != (a > b) {
			t.Fatalf("%d and %d: %v", a, b, got)
		}
	})
}

func TestArithmeticIsExactOrAnError(t *testing.T) {
	ops := map[string]func(a, b int64) int64{
		"+": func(a, b int64) int64 { return a + b }, "-": func(a, b int64) int64 { return a - b }, "*": func(a, b int64) int64 { return a * b },
	}
	for op, do := range ops {
		p, err := rule.CompileGate("output.a "+op+" output.b", rule.GateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
			exact := wide(op, a, b)
			v, err := p.Value(rule.Env{Output: map[string]any{"a": a, "b": b}})
			switch {
			case exact && (err != nil || v != do(a, b)):
				t.Fatalf("%d %s %d: got %v, %v", a, op, b, v, err)
			case !exact && err == nil:
				t.Fatalf("%d %s %d: got %v, want an error", a, op, b, v)
			}
		})
	}
}
