package items

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, format, src string
		items             []string // id input reference
		again             int
		skipped, notes    string
	}{
		{
			"promptfoo config", Promptfoo,
			`{"prompts": ["x"], "tests": [{"vars": {"q": "2+2"}, "assert": [{"type": "equals", "value": "4"}, {"type": "llm-rubric", "value": "kind"}]}, {"vars": {"q": "2+3"}, "assert": [{"type": "equals", "value": "{{five}}"}]}, {"description": "empty"}, {"vars": {"f": "file://a.txt"}}]}`,
			[]string{`promptfoo-1 {"q":"2+2"} "4"`, `promptfoo-2 {"q":"2+3"} `}, 0,
			"test 3: it has no vars|test 4: its vars name a file", `test 1: assertion "llm-rubric" is no reference|test 2: its expected value is a template`,
		},
		{
			"promptfoo results of two providers", Promptfoo,
			`{"evalId": "e", "results": {"version": 3, "results": [{"vars": {"q": 1}, "testCase": {"vars": {"q": 1}, "assert": [{"type": "equals", "value": "a"}]}}, {"vars": {"q": 1}, "testCase": {"vars": {"q": 1}, "assert": [{"type": "equals", "value": "a"}]}}, {"vars": {"q": 1}, "testCase": {"assert": [{"type": "equals", "value": "b"}]}}]}}`,
			[]string{`promptfoo-1 {"q":1} "a"`}, 1, "test 3: it has the input of promptfoo-1 and another reference", "",
		},
		{
			"inspect_ai", Inspect,
			`{"version": 2, "eval": {"task": "t"}, "samples": [
			 {"id": 7, "epoch": 1, "input": "why?", "target": "so"}, {"id": 7, "epoch": 2, "input": "why?", "target": ["so"]},
			 {"id": "b", "input": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}], "target": ""},
			 {"id": "c", "input": "which?", "choices": ["x", "y"], "target": "B"},
			 {"id": "d", "input": "many", "target": ["x", "y"]},
			 {"id": "e", "input": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
			 {"id": "f", "input": [{"role": "user", "content": [{"type": "image"}]}]}, {"id": "g"}]}`,
			[]string{`inspect-7 "why?" "so"`, `inspect-b "hi" `, `inspect-c {"choices":["x","y"],"question":"which?"} "B"`, `inspect-d "many" `}, 1,
			"sample 6: its input is a conversation under way|sample 7: its input holds more than text|sample 8: it has no input", "sample 5: 2 answers would do",
		},
		{
			"lm-eval", LMEval,
			`{"doc_id": 0, "doc": {}, "target": "4", "arguments": [["2+2=", {"until": []}]], "filter": "strict"}` + "\n" +
				`{"doc_id": 0, "doc": {}, "target": "4", "arguments": [["2+2=", {"until": []}]], "filter": "flexible"}` + "\n" +
				`{"doc_id": 1, "doc": {}, "target": 5, "arguments": {"gen_args_0": {"arg_0": "2+3=", "arg_1": {}}}}` + "\n" +
				`{"doc_id": 2, "doc": {}, "target": 0, "arguments": [["a", " x"], ["a", " y"]]}` + "\n\n" +
				`{"doc_id": 3, "doc": {}, "target": ["p", "q"], "arguments": [["z", {}]]}` + "\n{\n" + `{"x": 1}`,
			[]string{`lm-eval-0 "2+2=" "4"`, `lm-eval-1 "2+3=" 5`, `lm-eval-3 "z" `}, 1,
			"line 4: it compares how likely 2 given answers are|line 7: it is not JSON|line 8: it has no doc_id", "line 6: several answers would do",
		},
	} {
		if got := Detect([]byte(c.src)); got != c.format {
			t.Errorf("%s looks like %q", c.name, got)
		}
		got, err := Read(c.format, []byte(c.src))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var list []string
		for _, it := range got.Items {
			list = append(list, fmt.Sprintf("%s %s %s", it.ID, it.Input, it.Reference))
		}
		if strings.Join(list, "\n") != strings.Join(c.items, "\n") || got.Again != c.again {
			t.Errorf("%s: %d again and\n%s\nwant\n%s", c.name, got.Again, strings.Join(list, "\n"), strings.Join(c.items, "\n"))
		}
		for _, part := range []struct {
			what string
			got  []Skip
			want string
		}{{"skipped", got.Skipped, c.skipped}, {"notes", got.Notes, c.notes}} {
			var wants []string
			if part.want != "" {
				wants = strings.Split(part.want, "|")
			}
			if len(part.got) != len(wants) {
				t.Errorf("%s: %s are %v", c.name, part.what, part.got)
				continue
			}
			for i, w := range wants {
				if !strings.HasPrefix(part.got[i].Where+": "+part.got[i].Why, w) {
					t.Errorf("%s: %s %d is %v, want %s", c.name, part.what, i, part.got[i], w)
				}
			}
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range [][3]string{
		{"yaml", "tests: []", "there is no format"}, {Promptfoo, "nothing", "not JSON"}, {Promptfoo, `{"tests": "file://t.csv"}`, "write the result file"},
		{Promptfoo, `{"tests": []}`, "no case"}, {Inspect, "PK\x03\x04", "inspect log convert"}, {Inspect, `{"samples": 1}`, "not an eval log"},
		{LMEval, `{"a": 1}`, "no line of this file has a doc_id"}, {LMEval, "", "no line"},
	} {
		if _, err := Read(c[0], []byte(c[1])); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s %q: %v, want %s", c[0], c[1], err, c[2])
		}
	}
}

func TestRedact(t *testing.T) {
	key := "ghp_" + "x8Kd02LmQpZr7TnVbYc5" + "WsEf1GhJk3Au9RoIq4Xz"
	for _, c := range []struct{ name, in, want string }{
		{"nothing, to the byte", `{ "a" : [1.50, "b<c"] }`, `{ "a" : [1.50, "b<c"] }`},
		{"the same twice, another once", `["ada@example.org wrote bo@example.org", "ada@example.org"]`, `["[email 1] wrote [email 2]","[email 1]"]`},
		{"names of members", `{"ada@example.org": 1, "n": 2.50}`, `{"[email 1]":1,"n":2.50}`},
		{"secrets", `"token ` + key + `."`, `"token [secret 1]."`},
		{"cards by their check digit", `["4111 1111 1111 1111", "4111 1111 1111 1112", 4111111111111111]`, `["[card 1]","4111 1111 1111 1112","[card 2]"]`},
		{"accounts", `"DE89 3704 0044 0532 0130 00 and DE88370400440532013000"`, `"[iban 1] and DE88370400440532013000"`},
		{"telephones", `"call +49 421 1234567 or 0421 1234567, room 12"`, `"call [phone 1] or 0421 1234567, room 12"`},
		{"addresses of machines", `"10.0.0.7 and 10.0.0.700 and v1.2.3"`, `"[ip 1] and 10.0.0.700 and v1.2.3"`},
		{"dates and amounts stay", `"2026-07-02T02:00:00Z, 1,234,567.89 USD, order 100200300"`, `"2026-07-02T02:00:00Z, 1,234,567.89 USD, order 100200300"`},
	} {
		got, _, err := Redact(json.RawMessage(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
	if _, _, err := Redact(json.RawMessage("{")); err == nil {
		t.Error("broken JSON was taken")
	}
}

// Whatever a text holds, what comes back is JSON, and an address of mail that
// stood in it alone is gone.
func FuzzRedact(f *testing.F) {
	for _, s := range []string{"ada", "+49 421 1234567 4111 1111 1111 1111", "DE89370400440532013000", "10.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw, err := json.Marshal(map[string]any{"a": text, text: []string{text, "ada@example.org"}})
		if err != nil {
			t.Skip()
		}
		clean, found, err := Redact(raw)
		if err != nil || !json.Valid(clean) {
			t.Fatalf("%s: %v", clean, err)
		}
		if found["email"] == 0 || strings.Contains(string(clean), "ada@example.org") {
			t.Fatalf("%s holds an address", clean)
		}
	})
}
