package canonjson

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The numbers of RFC 8785, appendix B, by their IEEE 754 bits.
func TestNumbersOfTheRFC(t *testing.T) {
	for bits, want := range map[uint64]string{
		0x0000000000000000: "0",
		0x8000000000000000: "0",
		0x0000000000000001: "5e-324",
		0x8000000000000001: "-5e-324",
		0x7fefffffffffffff: "1.7976931348623157e+308",
		0xffefffffffffffff: "-1.7976931348623157e+308",
		0x4340000000000000: "9007199254740992",
		0xc340000000000000: "-9007199254740992",
		0x4430000000000000: "295147905179352830000",
		0x44b52d02c7e14af5: "9.999999999999997e+22",
		0x44b52d02c7e14af6: "1e+23",
		0x44b52d02c7e14af7: "1.0000000000000001e+23",
		0x444b1ae4d6e2ef4e: "999999999999999700000",
		0x444b1ae4d6e2ef4f: "999999999999999900000",
		0x444b1ae4d6e2ef50: "1e+21",
		0x3eb0c6f7a0b5ed8c: "9.999999999999997e-7",
		0x3eb0c6f7a0b5ed8d: "0.000001",
		0x41b3de4355555553: "333333333.3333332",
		0x41b3de4355555554: "333333333.33333325",
		0x41b3de4355555555: "333333333.3333333",
		0x41b3de4355555556: "333333333.3333334",
		0x41b3de4355555557: "333333333.33333343",
		0xbecbf647612f3696: "-0.0000033333333333333333",
		0x43143ff3c1cb0959: "1424953923781206.2",
	} {
		if got, err := Marshal(math.Float64frombits(bits)); err != nil || string(got) != want {
			t.Errorf("%#016x: %s (%v), want %s", bits, got, err, want)
		}
		if got, err := Transform([]byte(want)); err != nil || string(got) != want {
			t.Errorf("%s became %s (%v)", want, got, err)
		}
	}
}

func TestTransform(t *testing.T) {
	cases := []struct{ name, in, want string }{
		{"section 3.2.2",
			`{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
			  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
			  "literals": [null, true, false]}`,
			`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
		{"section 3.2.3, order by UTF-16 units",
			`{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}`,
			"{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\U0001F600\":5,\"\ufb33\":3}"},
		{"a prefix comes first", `{"ab":1,"":2,"a":3}`, `{"":2,"a":3,"ab":1}`},
		{"two outside the basic plane", `{"😁":1,"😀":2}`, `{"😀":2,"😁":1}`},
		{"no escape for these", `"<>&\u2028\u007f\/"`, "\"<>&\u2028\u007f/\""},
		{"short escapes", `"\u0008\u0009\u000a\u000c\u000d\u001f\u0000"`, `"\b\t\n\f\r\u001f\u0000"`},
		{"a real replacement character", `"\ufffd"`, "\"\ufffd\""},
		{"white space", "\r\n\t [ ] ", `[]`},
		{"empty object inside", `[{ }, [ ], ""]`, `[{},[],""]`},
		{"minus zero", `[-0, -0.0, 0e5]`, `[0,0,0]`},
		{"underflow is nearest zero", `1e-400`, `0`},
		{"a fraction is rounded", `0.1000000000000000055511151231257827`, `0.1`},
		{"large exact integers", `[9007199254740992, -9007199254740992, 100000000000000000000000]`, `[9007199254740992,-9007199254740992,1e+23]`},
		{"not normalised", `"e\u0301"`, "\"e\u0301\""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Transform([]byte(c.in))
			if err != nil || string(got) != c.want {
				t.Errorf("got  %s (%v)\nwant %s", got, err, c.want)
			}
		})
	}
}

func TestTransformRefuses(t *testing.T) {
	cases := []struct{ in, want string }{
		{"", "at byte 0: the document ends where a value is due"},
		{"  ", "at byte 2: the document ends"},
		{`{"a":1,"b":2,"a":3}`, `at byte 13: the name "a" stands twice`},
		{`{"a":1,"\u0061":3}`, `at byte 7: the name "a" stands twice`},
		{"\"\xff\"", "at byte 1: invalid UTF-8"},
		{"\"\xed\xa0\x80\"", "at byte 1: invalid UTF-8"}, // a surrogate written as UTF-8
		{`"\ud83d"`, "at byte 1: a lone surrogate"},
		{`"\ude00"`, "at byte 1: a lone surrogate"},
		{`"\ud83d\u0041"`, "at byte 1: a lone surrogate"},
		{`"\ud83dx"`, "at byte 1: a lone surrogate"},
		{`"\u00g0"`, "at byte 1: an invalid escape"},
		{`"\u+123"`, "at byte 1: an invalid escape"},
		{`"\x"`, "at byte 1: an invalid escape"},
		{`"\`, "at byte 1: the document ends"},
		{`"abc`, "at byte 0: the string that begins here does not end"},
		{"\"a\nb\"", "at byte 2: the control character 0x0a"},
		{"1 2", "at byte 2: there is text behind the value"},
		{"[1,]", "at byte 3: no value begins with ']'"},
		{"[1", "at byte 2: an array goes on"},
		{`{"a":1,}`, "at byte 7: the name of a member is due"},
		{`{"a" 1}`, "at byte 5: a colon is due"},
		{`{"a":1`, "at byte 6: an object goes on"},
		{`{1:1}`, "at byte 1: the name of a member is due"},
		{"NaN", "at byte 0: no value begins with 'N'"},
		{"-Infinity", "at byte 1: a digit is due"},
		{"1e999", "out of the range"},
		{"-1e999", "out of the range"},
		{"01", "at byte 1: there is text behind"},
		{"1.", "at byte 2: a digit is due after the point"},
		{".5", "no value begins with '.'"},
		{"+1", "no value begins with '+'"},
		{"1e", "a digit is due in the exponent"},
		{"0x10", "there is text behind"},
		{"truth", "no value begins with 't'"},
		{"\ufeff1", "at byte 0: no value begins"},
		{"9007199254740993", "write it as a string"},
		{"1152921504606846976", "write it as a string"},
		{strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), "nested deeper than 512"},
		{strings.Repeat(`{"a":`, 100000), "nested deeper than 512"},
	}
	for _, c := range cases {
		got, err := Transform([]byte(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: %.40s (%v), want an error with %q", c.in, got, err, c.want)
		}
	}
	deepest := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	if got, err := Transform([]byte(deepest)); err != nil || string(got) != deepest {
		t.Errorf("depth %d: %v", MaxDepth, err)
	}
}

func TestMarshal(t *testing.T) {
	type inner struct {
		Z string          `json:"z"`
		A json.RawMessage `json:"a,omitempty"`
	}
	got, err := Marshal(map[string]any{"b": inner{Z: "<\u2028>", A: json.RawMessage(`{"y": 1.0, "x": "\ufffd"}`)}, "a": int64(1) << 53})
	if want := "{\"a\":9007199254740992,\"b\":{\"a\":{\"x\":\"\ufffd\",\"y\":1},\"z\":\"<\u2028>\"}}"; err != nil || string(got) != want {
		t.Errorf("got  %s (%v)\nwant %s", got, err, want)
	}
	type hidden struct{ unseen string }
	for name, v := range map[string]any{
		"not a number":           math.NaN(),
		"infinite":               math.Inf(-1),
		"invalid UTF-8":          "\xff",
		"invalid UTF-8 in a map": map[string]any{"a": []string{"\xff"}},
		"invalid UTF-8 in a key": map[string]int{"\xff": 1},
		"invalid UTF-8, pointer": &inner{Z: "\xff"},
		"raw with a duplicate":   inner{A: json.RawMessage(`{"a":1,"a":2}`)},
		"too large an integer":   int64(1)<<53 + 1,
		"a channel":              make(chan int),
	} {
		if got, err := Marshal(v); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
	// Bytes are base64 and what encoding/json does not write does not count.
	for _, v := range []any{[]byte{0xff}, struct {
		A json.RawMessage
		B hidden
		C string `json:"-"`
	}{json.RawMessage(`"\ufffd"`), hidden{"\xff"}, "\xff"}} {
		if _, err := Marshal(v); err != nil {
			t.Errorf("%#v: %v", v, err)
		}
	}
}

func TestDigest(t *testing.T) {
	a, err := Digest(json.RawMessage(`{"b":1.0,"a":"\u0061"}`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := Digest(map[string]any{"a": "a", "b": 1})
	if err != nil {
		t.Fatal(err)
	}
	// printf '{"a":"a","b":1}' | sha256sum
	if want := "sha256:5b233073a09988fb22616f07905d99943dfcd75c99294287d55625c72e2e4112"; a != want || b != want {
		t.Errorf("%s and %s, want %s", a, b, want)
	}
	if _, err := Digest("\xff"); err == nil {
		t.Error("a digest of what has no canonical form")
	}
}

// What encoding/json reads back from the canonical form is what it was given.
func TestRoundTrip(t *testing.T) {
	scalar := rapid.OneOf(rapid.Just[any](nil), rapid.Map(rapid.Bool(), toAny[bool]),
		rapid.Map(rapid.String(), toAny[string]), rapid.Map(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64), toAny[float64]))
	doc := func(t *rapid.T) any {
		kid := rapid.OneOf(scalar, rapid.Map(rapid.SliceOfN(scalar, 0, 4), toAny[[]any]))
		return any(rapid.MapOf(rapid.String(), kid).Draw(t, "document"))
	}
	rapid.Check(t, func(t *rapid.T) {
		v := doc(t)
		out, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var back any
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(normal(v), normal(back)) {
			t.Fatalf("%#v became %#v", v, back)
		}
		if again, err := Transform(out); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%s became %s (%v)", out, again, err)
		}
	})
}

func toAny[T any](v T) any { return v }

// normal makes minus zero zero and nil slices empty, which JSON cannot tell apart.
func normal(v any) any {
	switch v := v.(type) {
	case float64:
		return v + 0
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = normal(v[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = normal(e)
		}
		return out
	}
	return v
}

func FuzzTransform(f *testing.F) {
	for _, seed := range []string{
		`{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3], "string": "\u20ac$\u000F\u000aA'"}`,
		`{"\ud83d\ude00":5,"\ufb33":3}`, `[-0,1e21,1e-7]`, `{"a":1,"a":2}`, "\"\xff\"", `"\ud83d"`, `[[[[`, `9007199254740993`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, err := Transform(raw)
		if err != nil {
			return
		}
		if again, err := Transform(out); err != nil || !bytes.Equal(again, out) {
			t.Fatalf("%q became %q, then %q (%v)", raw, out, again, err)
		}
		var before, after any
		if err := json.Unmarshal(raw, &before); err != nil {
			t.Fatalf("encoding/json does not read %q: %v", raw, err)
		}
		if err := json.Unmarshal(out, &after); err != nil {
			t.Fatalf("encoding/json does not read %q: %v", out, err)
		}
		if !reflect.DeepEqual(normal(before), normal(after)) {
			t.Fatalf("%q means something else than %q", out, raw)
		}
	})
}

func BenchmarkTransform(b *testing.B) {
	doc, err := json.Marshal(map[string]any{
		"skill": "humanizer", "step": "main", "scores": []float64{0.5, 1, 0.25}, "text": strings.Repeat("a line of text\n", 50),
		"usage": map[string]int{"input": 1200, "output": 310, "cached_input": 900},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Transform(doc); err != nil {
			b.Fatal(err)
		}
	}
}
