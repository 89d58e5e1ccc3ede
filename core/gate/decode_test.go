package gate_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/gate"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		raw, want string // want is the JSON of the value
		fenced    bool
	}{
		{`{"a": 1}`, `{"a":1}`, false},
		{" [1, 2.50, 9007199254740993]\n", `[1,2.50,9007199254740993]`, false},
		{"```json\n{\"a\": \"```\"}\n```", "{\"a\":\"```\"}", true},
		{"```\n[]\n```\n", `[]`, true},
		{"````JSON\n\"```\"\n````", "\"```\"", true},
		{`"text"`, `"text"`, false},
		{`null`, `null`, false},
	} {
		v, applied, err := gate.Decode([]byte(c.raw), true)
		if err != nil {
			t.Errorf("%q: %v", c.raw, err)
			continue
		}
		got, err := json.Marshal(v)
		if err != nil || string(got) != c.want || (len(applied) == 1 && applied[0].Gate == "fence") != c.fenced {
			t.Errorf("%q: got %s, %v, %v", c.raw, got, applied, err)
		}
	}
}

func TestDecodeText(t *testing.T) {
	v, applied, err := gate.Decode([]byte("```\nkept\n``` as it is\n"), false)
	if err != nil || len(applied) != 0 || v != "```\nkept\n``` as it is\n" {
		t.Errorf("got %q, %v, %v", v, applied, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for raw, want := range map[string]string{
		"":                           "the answer is empty; it must be JSON",
		"  \n":                       "the answer is empty; it must be JSON",
		"Sure! Here it is: {}":       `the answer is not JSON: it starts with "Sure! Here it is: {}"; answer with the JSON alone`,
		`{"a":1} Hope this helps.`:   `there is text after the JSON: "Hope this helps."; answer with the JSON alone`,
		"```json\n{}\n```\nDone":     "the answer is not JSON: it starts with \"```json\\n{}\\n```\\nDone\"; answer with the JSON alone",
		"```\n{}\n```\n```\n{}\n```": "the answer is not JSON: it starts with \"```\\n{}\\n```\\n```\\n{}\\n```\"; answer with the JSON alone",
		`{"a": 1`:                    "the JSON ends too early; it may have been cut off",
		`{"a": "unfinished`:          "the JSON ends too early; it may have been cut off",
		`{"a": NaN}`:                 "NaN is not JSON; write a number or null",
		`[-Infinity]`:                "-Infinity is not JSON; write a number or null",
		`{"a": 1e999}`:               "the number 1e999 is too large",
		`{"a":1,"a":2}`:              `the member "a" occurs twice in one object`,
		`{"a":{"b":1,"b":2}}`:        `the member "b" occurs twice in one object`,
		`{} {}`:                      `there is text after the JSON: "{}"; answer with the JSON alone`,
		"\xff":                       "the answer is not UTF-8",
		strings.Repeat("[", 65) + strings.Repeat("]", 65): "the JSON is nested deeper than 64",
		strings.Repeat("[", 100_000):                      "the JSON is nested deeper than 64",
		strings.Repeat(" ", gate.MaxSize+1):               "the answer has 4194305 bytes; the limit is 4194304",
		"{\n\"a\": 01}":                                   "the JSON is broken at line 2: invalid character '1' after object key:value pair",
		`{"a" 1}`:                                         "the JSON is broken at line 1: invalid character '1' after object key",
		`{1: 2}`:                                          "the JSON is broken at line 1: invalid character '1'",
		`[1,]`:                                            "the JSON is broken at line 1: invalid character ']' looking for beginning of value",
		`{"a":1,}`:                                        "the JSON is broken at line 1: invalid character '}' looking for beginning of object key string",
	} {
		v, _, err := gate.Decode([]byte(raw), true)
		if err == nil || err.Error() != want {
			t.Errorf("%.60q:\n got %v, %v\nwant %s", raw, v, err, want)
		}
	}
}

// What is decoded is what the standard library reads, and it is stable.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x",null,true]}`, "```json\n{}\n```", `{"a":1,"a":2}`, `[1,]`, `"\ud800"`, `-0`, `1e400`, "{} x", `[[[[]]]]`, "```\n```"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, applied, err := gate.Decode(raw, true)
		if err != nil {
			if v != nil || len(applied) > 0 {
				t.Fatalf("%q: a value beside the error %v", raw, err)
			}
			return
		}
		if len(applied) == 0 {
			d := json.NewDecoder(bytes.NewReader(raw))
			d.UseNumber()
			var want any
			if err := d.Decode(&want); err != nil || !reflect.DeepEqual(v, want) {
				t.Fatalf("%q: got %#v; the standard library reads %#v, %v", raw, v, want, err)
			}
		}
		out, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := gate.Decode(out, true)
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("%q: %s reads as %#v, %v", raw, out, again, err)
		}
	})
}
