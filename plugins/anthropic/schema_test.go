package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
)

func TestFitSchema(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"closed already", `{"type":"object","properties":{"b":{"type":"string"},"a":{"type":"null"}},"required":["b"],"additionalProperties":false}`, ``},
		{"open", `{"type":"object","properties":{"b":{}}}`, `{"type":"object","properties":{"b":{}},"additionalProperties":false}`},
		{"said to be open", `{"additionalProperties":true,"properties":{}}`, `{"additionalProperties":false,"properties":{}}`},
		{"of any keys", `{"type":"object","additionalProperties":{"type":"integer","minimum":1}}`, `{"type":"object","additionalProperties":{"type":"integer","description":"{minimum: 1}"}}`},
		{"an object of anything", `{"type":"object"}`, ``},
		{"several types", `{"type":["string","null"],"maxLength":3}`, `{"type":["string","null"],"description":"{maxLength: 3}"}`},
		{"a description stays in place", `{"description":"Knots","type":"number","maximum":9,"multipleOf":0.5}`, `{"description":"Knots\n\n{maximum: 9, multipleOf: 0.5}","type":"number"}`},
		{"formats", `{"anyOf":[{"type":"string","format":"date"},{"type":"string","format":"imo"}]}`, `{"anyOf":[{"type":"string","format":"date"},{"type":"string","description":"{format: \"imo\"}"}]}`},
		{"oneOf", `{"oneOf":[{"const":1},{"type":"object","properties":{}}]}`, `{"anyOf":[{"const":1},{"type":"object","properties":{},"additionalProperties":false}]}`},
		{"oneOf beside anyOf", `{"anyOf":[{}],"oneOf":[{}]}`, `{"anyOf":[{}],"description":"{oneOf: [{}]}"}`},
		{"lists", `{"type":"array","items":{"type":"object","properties":{}},"minItems":1,"maxItems":4}`, `{"type":"array","items":{"type":"object","properties":{},"additionalProperties":false},"minItems":1,"description":"{maxItems: 4}"}`},
		{"definitions", `{"$schema":"x","$defs":{"p":{"properties":{"minimum":{"$ref":"#/$defs/p"}}}},"$ref":"#/$defs/p"}`, `{"$defs":{"p":{"properties":{"minimum":{"$ref":"#/$defs/p"}},"additionalProperties":false}},"$ref":"#/$defs/p"}`},
		{"values are no schemas", `{"enum":[{"type":"object"}],"const":{"properties":1}}`, ``},
		{"no schema", `true`, ``},
		{"nonsense", `{"properties":3,"anyOf":4,"items":5,"description":6,"type":7}`, `{"properties":3,"anyOf":4,"items":5,"description":6,"type":7,"additionalProperties":false}`},
		{"no JSON", `{"type":`, ``},
	} {
		if c.want == "" {
			c.want = c.in
		}
		if got := string(fitSchema(json.RawMessage(c.in))); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// The official client transforms schemas for the same API. What it makes of a
// schema is what this makes of it, but for the order of keys and the spelling of
// the hints.
func TestFitSchemaAsTheOfficialClient(t *testing.T) {
	for _, in := range []string{
		`{"type":"object","properties":{"name":{"type":"string","format":"email"},"tags":{"type":"array","items":{"type":"string"},"minItems":1}},"required":["name"]}`,
		`{"type":"object","properties":{"at":{"anyOf":[{"type":"object","properties":{"x":{"type":"integer"}}},{"type":"null"}]}}}`,
		`{"type":"object","properties":{"kind":{"type":"string","enum":["a","b"]},"n":{"type":"number","description":"Knots"}},"additionalProperties":true}`,
		`{"type":"object","$defs":{"p":{"type":"object","properties":{"q":{"type":"boolean"}}}},"properties":{"p":{"$ref":"#/$defs/p"}}}`,
		`{"type":"object","properties":{"v":{"oneOf":[{"type":"string"},{"type":"integer"}]}}}`,
		`{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}`,
	} {
		var m map[string]any
		if err := json.Unmarshal([]byte(in), &m); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(anthropic.BetaJSONSchemaOutputFormat(m).Schema)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, in, fitSchema(json.RawMessage(in)), string(want))
	}
}

func TestDeepSchemas(t *testing.T) {
	deep := strings.Repeat(`{"items":`, 5000) + `{}` + strings.Repeat(`}`, 5000)
	if got := fitSchema(json.RawMessage(deep)); string(got) != deep {
		t.Errorf("%d bytes became %d", len(deep), len(got))
	}
}

// What moves into a description must not grow with every level that quotes it.
func TestHintsDoNotGrow(t *testing.T) {
	nested := strings.Repeat(`{"anyOf":[{}],"oneOf":[`, 60) + `{"maxLength":3}` + strings.Repeat(`]}`, 60)
	if got := fitSchema(json.RawMessage(nested)); len(got) > 3*len(nested) || !json.Valid(got) {
		t.Errorf("%d bytes became %d", len(nested), len(got))
	}
}

func FuzzFitSchema(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"type":"string","maxLength":2}},"oneOf":[{}]}`)
	f.Add(`{"type":"array","items":{"$ref":"#"},"minItems":3,"description":"\u2028<"}`)
	f.Add(`{"a":1,"a":2,"description":null}`)
	f.Fuzz(func(t *testing.T, in string) {
		got := fitSchema(json.RawMessage(in))
		if json.Valid([]byte(in)) && !json.Valid(got) {
			t.Fatalf("%q became %q", in, got)
		}
		if len(got) > 8*len(in)+1000 {
			t.Fatalf("%d bytes became %d", len(in), len(got))
		}
		if again := fitSchema(got); json.Valid(got) && string(again) != string(fitSchema(again)) {
			t.Fatalf("%q changes again and again: %q", got, again)
		}
	})
}
