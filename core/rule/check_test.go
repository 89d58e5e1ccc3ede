package rule_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/rule"
)

const checkSchema = `{
  "type": "object",
  "properties": {
    "record": {"type": "object", "properties": {
      "decision": {"type": "string"},
      "items_needed": {"type": ["integer", "null"]},
      "causes": {"type": "array", "items": {"type": "object", "properties": {"code": {"type": "string"}}}}
    }},
    "proved": {"type": "boolean"}
  }
}`

func TestCheck(t *testing.T) {
	doc := map[string]any{
		"record": map[string]any{
			"decision": "hold", "items_needed": json.Number("40"),
			"causes": []any{map[string]any{"code": "open"}},
		},
		"proved": false,
	}
	for _, c := range []struct {
		src, wrong string // wrong: part of the error, of compiling or evaluating
		want       bool
	}{
		{src: `record.decision == "hold"`, want: true},
		{src: `record.items_needed < 40`},
		{src: `!proved && any(record.causes, .code == "open")`, want: true},
		{src: `record.decison == "hold"`, wrong: `did you mean "decision"?`},
		{src: `recrod.decision == "hold"`, wrong: `did you mean "record"?`},
		{src: `record.decision`, wrong: "true or false"},
		{src: `output == 1`, wrong: `there is no "output" here`},
	} {
		p, err := rule.CompileCheck(c.src, []byte(checkSchema))
		got := false
		if err == nil {
			got, err = p.Bool(rule.Env{Input: doc})
		}
		switch {
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: error %v, want %q", c.src, err, c.wrong)
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.src, err)
		case got != c.want:
			t.Errorf("%s: %v", c.src, got)
		}
	}
}

// What is not known decides nothing, in either direction.
func TestCheckUnknown(t *testing.T) {
	for _, src := range []string{`record.items_needed < 100`, `record.items_needed >= 100`} {
		p, err := rule.CompileCheck(src, []byte(checkSchema))
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range []any{map[string]any{"record": map[string]any{"items_needed": nil}}, map[string]any{}, nil} {
			if ok, err := p.Bool(rule.Env{Input: doc}); err == nil || ok {
				t.Errorf("%s over %v: %v, %v", src, doc, ok, err)
			}
		}
	}
	if _, err := rule.CompileCheck("true", []byte("{")); err == nil {
		t.Error("a schema that is none compiles")
	}
}
