package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// words is a skill whose output is the words of a completion. Its one gate
// wants at least one.
type words struct{}

func (words) Steps() []string { return []string{"main"} }

func (words) Path(_ context.Context, _ json.RawMessage, c map[string]string) (Path, error) {
	switch c["main"] {
	case "unreadable":
		return Path{}, &Failure{Code: Unreadable, Message: "it is no output", Retryable: true}
	case "broken":
		return Path{}, errors.New("the disk is gone")
	}
	raw, err := json.Marshal(map[string]any{"words": strings.Fields(c["main"])})
	p := Path{Output: raw, Result: gate.Result{Total: 1, Passed: 1}}
	if strings.Contains(c["main"], "  ") {
		p.Fixes = []gate.Fix{{Gate: "spaces", What: "taken out"}}
	}
	if c["main"] == "" {
		p.Output = []byte(`{"words":[]}`)
		p.Result = gate.Result{Total: 1, Failed: []string{"some"}, Checks: []gate.Check{{Gate: "some", Reason: "there are none"}}}
	}
	return p, err
}

// Run asks a model, then keeps its words; a model that cannot be had is its own
// failure.
func (w words) Run(ctx context.Context, input, failed json.RawMessage, host HostFunc) (Path, error) {
	raw, err := host(abi.HostGenerate, []byte(`{"messages":[{"role":"user","content":"say \"words\""}]}`))
	var f *abi.Failure
	if errors.As(err, &f) {
		return Path{}, &Failure{Code: "gave_up", Message: f.Code}
	}
	var out abi.GenerateOutput
	if err := json.Unmarshal(raw, &out); err != nil {
		return Path{}, err
	}
	if _, err := host(abi.HostPut, []byte(`{"key":"last","value":1}`)); err != nil {
		return Path{}, &Failure{Code: "not_kept", Message: err.Error()}
	}
	return w.Path(ctx, input, map[string]string{"main": out.Completion})
}

func (words) Render(_ context.Context, format string, _, out json.RawMessage) (string, error) {
	if format != "plain" {
		return "", &Failure{Code: abi.CodeUnsupported, Message: "no format " + format}
	}
	return "Words:\n" + string(out) + "\n", nil
}

func (words) Call(_ context.Context, op abi.Op, payload []byte) ([]byte, error) {
	switch op {
	case abi.OpPrepare:
		return []byte(`{"messages":[{"role":"system","content":"Say words."},{"role":"user","content":"now"}]}`), nil
	case abi.OpFinish:
		var in abi.FinishInput
		if err := json.Unmarshal(payload, &in); err != nil {
			return nil, err
		}
		return fmt.Appendf(nil, `{"output": {"length": %d, "state": %s}}`, len(in.Completion), or(in.State)), nil
	case abi.OpCheck:
		return []byte(`{"passed": false, "reason": "too few", "failed_ids": ["b", "a"]}`), nil
	}
	return nil, &Failure{Code: abi.CodeUnsupported, Message: "no op"}
}

func or(raw json.RawMessage) string {
	if raw == nil {
		return "null"
	}
	return string(raw)
}

func read(t *testing.T, src string) []*Case {
	t.Helper()
	cases, diags := Read("tests/x.json", []byte(src), Options{})
	if diags.HasErrors() {
		t.Fatalf("%v", diags.Err())
	}
	return cases
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		want []string // summaries of problems
	}{
		"output":             {`{"name":"x","completion":"a b","expect":{"output":{"words":["a","b"]}}}`, nil},
		"other output":       {`{"name":"x","completion":"a b","expect":{"output":{"words":["a"]}}}`, []string{"Another result"}},
		"lines":              {`{"name":"x","completion":["a","b"],"expect":{"output":{"words":["a","b"]}}}`, nil},
		"rule":               {`{"name":"x","completion":"a b","expect":{"rules":["len(output.words) == 2"]}}`, nil},
		"one rule":           {`{"name":"x","completion":"a b","expect":{"rules":"len(output.words) == 2"}}`, nil},
		"false rule":         {`{"name":"x","completion":"a","expect":{"rules":["len(output.words) == 2"]}}`, []string{"Rule is not true"}},
		"rule without value": {`{"name":"x","completion":"a","expect":{"rules":["output.no == 2"]}}`, []string{"Rule cannot be evaluated"}},
		"reference":          {`{"name":"x","completion":"a","reference":{"n":1},"expect":{"rules":["len(output.words) == reference.n"]}}`, nil},
		"failing gate":       {`{"name":"x","completion":"","expect":{"gates":["some"]}}`, nil},
		"gate not expected":  {`{"name":"x","completion":"","expect":{"output":{"words":[]}}}`, []string{"Other gates fail"}},
		"gate that passes":   {`{"name":"x","completion":"a","expect":{"gates":["some"]}}`, []string{"Other gates fail"}},
		"fix":                {`{"name":"x","completion":"a  b","expect":{"fixes":["spaces"]}}`, nil},
		"no fix":             {`{"name":"x","completion":"a b","expect":{"fixes":["spaces"]}}`, []string{"Other names"}},
		"fixes that came":    {`{"name":"x","completion":"a  b","expect":{"fixes":[]}}`, []string{"Other names"}},
		"render":             {`{"name":"x","completion":"a","expect":{"render":{"plain":["Words:","{\"words\":[\"a\"]}"]}}}`, nil},
		"other text":         {`{"name":"x","completion":"a","expect":{"render":{"plain":"Words"}}}`, []string{"Another text"}},
		"no such format":     {`{"name":"x","completion":"a","expect":{"render":{"card":"x"}}}`, []string{"Format cannot be rendered"}},
		"error":              {`{"name":"x","completion":"unreadable","expect":{"error":{"code":"unreadable","message":"no output","retryable":true}}}`, nil},
		"other code":         {`{"name":"x","completion":"unreadable","expect":{"error":{"code":"other"}}}`, []string{"Another error"}},
		"other message":      {`{"name":"x","completion":"unreadable","expect":{"error":{"code":"unreadable","message":"!"}}}`, []string{"Another error"}},
		"not retryable":      {`{"name":"x","completion":"unreadable","expect":{"error":{"code":"unreadable","retryable":false}}}`, []string{"Another error"}},
		"error that came":    {`{"name":"x","completion":"unreadable","expect":{"rules":["true"]}}`, []string{"Unexpected error"}},
		"error that did not": {`{"name":"x","completion":"a","expect":{"error":{"code":"unreadable"}}}`, []string{"No error"}},
		"engine's error":     {`{"name":"x","completion":"broken","expect":{"error":{"code":"unreadable"}}}`, []string{"Case cannot be run"}},
		"unknown step":       {`{"name":"x","completions":{"mian":"a"},"expect":{"rules":["true"]}}`, []string{"Case cannot be run"}},
		"prepare":            {`{"name":"x","op":"prepare","expect":{"contains":["Say","now"],"rules":["len(output.messages) == 2"]}}`, nil},
		"prepare other":      {`{"name":"x","op":"prepare","expect":{"contains":"later","messages":[]}}`, []string{"Another result", "Text is missing"}},
		"finish":             {`{"name":"x","op":"finish","completion":"abc","state":{"k":1},"expect":{"output":{"length":3,"state":{"k":1}}}}`, nil},
		"check":              {`{"name":"x","op":"check","gate":"g","output":{},"expect":{"passed":false,"reason":"too few","failed_ids":["a","b"]}}`, nil},
		"check other":        {`{"name":"x","op":"check","gate":"g","output":{},"expect":{"passed":true,"reason":"no","failed_ids":[]}}`, []string{"Another verdict", "Another text", "Other names"}},
		"render op":          {`{"name":"x","op":"render","format":"plain","output":[1],"expect":{"text":"Words:\n[1]","rules":["output contains \"[1]\""]}}`, nil},
		"run":                {`{"name":"x","op":"run","host":[{"op":"model.generate","contains":"say \"words\"","completion":"a b"},{"op":"kv.put","asks":{"key":"last","value":1},"answer":{}}],"expect":{"output":{"words":["a","b"]}}}`, nil},
		"run, no model":      {`{"name":"x","op":"run","host":[{"op":"model.generate","error":{"code":"unavailable"}}],"expect":{"error":{"code":"gave_up","message":"unavailable"}}}`, nil},
		"run, other ask":     {`{"name":"x","op":"run","host":[{"op":"model.generate","contains":"nothing","completion":"a"},{"op":"kv.put","asks":{"key":"other","value":1},"answer":{}}],"expect":{"gates":[]}}`, []string{"Text is missing", "Another result"}},
		"run, other call":    {`{"name":"x","op":"run","host":[{"op":"kv.get","answer":{}}],"expect":{"error":{"code":"gave_up"}}}`, []string{"Another host call"}},
		"run, more calls":    {`{"name":"x","op":"run","host":[{"op":"model.generate","completion":"a"}],"expect":{"error":{"code":"not_kept"}}}`, []string{"Another host call"}},
		"run, less calls":    {`{"name":"x","op":"run","host":[{"op":"model.generate","error":{"code":"x"}},{"op":"kv.put","answer":{}}],"expect":{"error":{"code":"gave_up"}}}`, []string{"Host call did not come"}},
		"render op fails":    {`{"name":"x","op":"render","format":"card","output":[1],"expect":{"error":{"code":"unsupported_op"}}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := Run(context.Background(), words{}, read(t, c.src)[0])
			var got []string
			for _, p := range r.Problems {
				got = append(got, p.Diagnostic.Summary)
				if p.Diagnostic.Range.Start.Line != 1 {
					t.Errorf("%s stands nowhere: %v", p.Diagnostic.Summary, p.Diagnostic.Range)
				}
			}
			if !slices.Equal(got, c.want) || r.Passed() != (len(c.want) == 0) {
				t.Errorf("problems %q, want %q", got, c.want)
				for _, p := range r.Problems {
					t.Log(p.Diagnostic.Detail, p.Diff)
				}
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	for src, want := range map[string]string{
		``:                              "the document ends too early",
		`{"name": "x",}`:                "Not JSON",
		`{"name":"x"} {}`:               "text behind the end",
		`[1]`:                           "A case is an object",
		`{}`:                            "has no name",
		`{"name":"x","completion":"a"}`: "has no expect",
		`{"name":"x","completion":"a","expect":{}}`:                                                                 "at least one of",
		`{"name":"x","expect":{"gates":[]}}`:                                                                        "has no completion",
		`{"name":"x","completion":"a","completion":"b","expect":{"gates":[]}}`:                                      "stands here twice",
		`{"name":"x","completion":"a","completions":{},"expect":{"gates":[]}}`:                                      "more than one of",
		`{"name":"x","completoin":"a","expect":{"gates":[]}}`:                                                       `Did you mean "completion"?`,
		`{"name":"x","op":"finsih","completion":"a","expect":{"output":1}}`:                                         `Did you mean "finish"?`,
		`{"name":"x","op":"check","expect":{"passed":true}}`:                                                        "has no gate",
		`{"name":"x","op":"render","format":"f","expect":{"text":""}}`:                                              "has no output",
		`{"name":"x","op":"check","gate":"g","output":1,"expect":{"text":""}}`:                                      `cannot expect "text"`,
		`{"name":"x","completion":7,"expect":{"gates":[]}}`:                                                         "a text, or a list of its lines",
		`{"name":"x","completion":"a","expect":{"error":{"kode":"x"}}}`:                                             `Did you mean "code"?`,
		`{"name":"x","completion":"a","expect":{"error":{"code":"x"},"gates":[]}}`:                                  "cannot expect anything else",
		`{"name":"x","completion":"a","expect":{"rules":["len("]}}`:                                                 "Rule cannot be used",
		`{"name":"x","completion":"a","expect":{"rules":[7]}}`:                                                      "a text in quotes",
		`{"name":"x","completion":"a","expect":{"output":{"a":1,"a":2}}}`:                                           "stands here twice",
		`{"name":"x","completion":"a","expect":{"output":9007199254740993}}`:                                        "no canonical form",
		`[{"name":"x","completion":"a","expect":{"gates":[]}},{"name":"x","completion":"a","expect":{"gates":[]}}]`: "two cases named",
		`{"name":"x","input_file":"../secret","completion":"a","expect":{"gates":[]}}`:                              "Files beside the cases cannot be read",
		`{"name":"x","op":"run","host":{},"expect":{"gates":[]}}`:                                                   "host is a list",
		`{"name":"x","op":"run","host":[{"op":"kv.got","answer":{}}],"expect":{"gates":[]}}`:                        `Did you mean "kv.get"?`,
		`{"name":"x","op":"run","host":[{"op":"kv.get"}],"expect":{"gates":[]}}`:                                    "one of completion",
		`{"name":"x","op":"run","host":[{"op":"kv.get","answer":{},"error":{"code":"x"}}],"expect":{"gates":[]}}`:   "one of completion",
		strings.Repeat("[", 500): "nested more than",
	} {
		_, diags := Read("tests/x.json", []byte(src), Options{})
		if err := diags.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", src, err, want)
		}
	}
}

// Places are where a person would look: the very characters of a rule.
func TestPlaces(t *testing.T) {
	src := "{\n  \"name\": \"grüße\", \"completion\": \"a\",\n  \"expect\": {\"rules\": [\"len(output.words) == 1 && output.nope == 2\"]}\n}\n"
	_, diags := Read("x.json", []byte(strings.Replace(src, "output.nope == 2", "outptu.x == 2", 1)), Options{})
	if len(diags) != 1 || diags[0].Range.Start.Line != 3 || diags[0].Range.Start.Column != 51 {
		t.Errorf("compile: %v", diags)
	}
	r := Run(context.Background(), words{}, read(t, src)[0])
	if len(r.Problems) != 1 || r.Problems[0].Diagnostic.Range.Start.Line != 3 || r.Problems[0].Diagnostic.Range.Start.Column < 51 {
		t.Errorf("run: %+v", r.Problems)
	}
}

func TestUpdate(t *testing.T) {
	src := `[
  {
    "name": "one", "completion": "a b",
    "expect": {
      "output": {"words": ["x"]},
      "rules": ["len(output.words) == 1"],
      "render": {"plain": "x"}
    }
  },
  {"name": "two", "completion": "", "expect": {"output": {"words": []}}},
  {"name": "three", "completion": "c", "expect": {"output": {"words": ["d"]}}}
]
`
	run := func(src string) (out []Result) {
		for _, c := range read(t, src) {
			out = append(out, Run(context.Background(), words{}, c))
		}
		return out
	}
	got, changed := Update([]byte(src), run(src))
	want := `[
  {
    "name": "one", "completion": "a b",
    "expect": {
      "output": {
        "words": [
          "a",
          "b"
        ]
      },
      "rules": ["len(output.words) == 1"],
      "render": {"plain": [
        "Words:",
        "{\"words\":[\"a\",\"b\"]}"
      ]}
    }
  },
  {"name": "two", "completion": "", "expect": {"output": {"words": []}}},
  {"name": "three", "completion": "c", "expect": {"output": {
    "words": [
      "c"
    ]
  }}}
]
`
	if string(got) != want || changed != 3 {
		t.Errorf("%d changed:\n%s", changed, got)
	}
	// The rule and the gate stay broken: they are claims.
	again := run(string(got))
	if len(again[0].Problems) != 1 || len(again[1].Problems) != 1 || !again[2].Passed() {
		t.Errorf("after the update: %+v", again)
	}
	if same, n := Update(got, again); n != 0 || string(same) != string(got) {
		t.Errorf("a second update changes %d places", n)
	}
}

func TestDiff(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"a", "b", "- a\n+ b"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9", "1\n2\n3\n4\n5\n6\n7\n8\nX", "  ...\n  6\n  7\n  8\n- 9\n+ X"},
		{"a\nb\nc", "a\nc", "  a\n- b\n  c"},
	} {
		if got := Diff(c.a, c.b); got != c.want {
			t.Errorf("%q %q:\n%s", c.a, c.b, got)
		}
	}
	long := strings.Repeat("x\n", 2000)
	if got := Diff(long+"a", long+"b"); !strings.Contains(got, "- a\n+ b") || len(got) > 200 {
		t.Errorf("%d bytes: %.200s", len(got), got)
	}
	if got := Diff(strings.Repeat("x\n", 300), strings.Repeat("y\n", 300)); !strings.HasSuffix(got, "... and more") {
		t.Errorf("a long difference is not cut: %d bytes", len(got))
	}
}

// Whatever stands in a file, reading it neither panics nor puts a place outside
// of it, and an update of what can be read can be read again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"name":"x","completion":"a b","expect":{"output":{"words":["a"]},"rules":["len(output.words) == 1"]}}`))
	f.Add([]byte(`[{"name":"x","op":"check","gate":"g","output":1,"expect":{"passed":true}}]`))
	f.Add([]byte("{\"name\":\"\\ud800\",\"completion\":[\"\\u0000\",\"\xff\"],\"expect\":{\"rules\":[\"\\u006cen(\"]}}"))
	f.Add([]byte(`[[[[{"a":{"b":[1e999]}}]]]]`))
	f.Fuzz(func(t *testing.T, src []byte) {
		cases, diags := Read("x.json", src, Options{})
		for _, d := range diags {
			if d.Range.Start.Byte < 0 || d.Range.End.Byte > len(src) || d.Range.End.Byte < d.Range.Start.Byte {
				t.Fatalf("%v of %d bytes", d.Range, len(src))
			}
		}
		var results []Result
		for _, c := range cases {
			results = append(results, Run(context.Background(), words{}, c))
		}
		out, changed := Update(src, results)
		if diags.HasErrors() || changed == 0 {
			return
		}
		if _, more := Read("x.json", out, Options{}); more.HasErrors() {
			t.Fatalf("after an update: %v\n%s", more.Err(), out)
		}
	})
}

// The example of the documentation is one that can be read.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "skills.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```json\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/skills.md has no example of cases")
	}
	if cases := read(t, example); len(cases) != 3 {
		t.Errorf("%d cases", len(cases))
	}
}
