package backend

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func testSchema() []sdk.ConfigField {
	return []sdk.ConfigField{
		{Name: "base_url", Type: sdk.TypeString, Required: true, Doc: "where the API is"},
		{Name: "timeout", Type: sdk.TypeNumber},
		{Name: "stream", Type: sdk.TypeBool},
		{Name: "stops", Type: sdk.TypeList, Elem: &sdk.ConfigField{Type: sdk.TypeString}},
		{Name: "models", Type: sdk.TypeMap, Elem: &sdk.ConfigField{Type: sdk.TypeObject, Fields: []sdk.ConfigField{
			{Name: "ability", Type: sdk.TypeNumber}, {Name: "abilities", Type: sdk.TypeMap, Elem: &sdk.ConfigField{Type: sdk.TypeNumber}},
		}}},
	}
}

func TestCheckConfig(t *testing.T) {
	for _, c := range []struct {
		name, config string
		want         []string
	}{
		{"good", `{"base_url":"x","timeout":3,"stream":true,"stops":["a"],"models":{"m":{"ability":1,"abilities":{"k":0.5}}}}`, nil},
		{"missing", `{}`, []string{"config needs base_url, a string (where the API is)"}},
		{"typo", `{"base_url":"x","timeuot":3}`, []string{`the plugin knows no config key timeuot; did you mean "timeout"?`}},
		{"far off", `{"base_url":"x","qqqqqq":3}`, []string{"qqqqqq; it knows base_url, models, stops, stream, timeout"}},
		{"wrong type", `{"base_url":3}`, []string{"config key base_url has to be a string and is a number"}},
		{"null", `{"base_url":null}`, []string{"is a null"}},
		{"in a list", `{"base_url":"x","stops":["a",2]}`, []string{"stops[1] has to be a string"}},
		{"deep typo", `{"base_url":"x","models":{"m":{"abilityy":1}}}`, []string{`models.m.abilityy; did you mean "ability"?`}},
		{"deep type", `{"base_url":"x","models":{"m":{"abilities":{"k":"high"}}}}`, []string{"models.m.abilities.k has to be a number and is a string"}},
		{"map as list", `{"base_url":"x","models":[]}`, []string{"models has to be a map and is a list"}},
		{"all at once", `{"a":1,"b":2}`, []string{"key a", "key b", "needs base_url"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var config map[string]any
			if err := json.Unmarshal([]byte(c.config), &config); err != nil {
				t.Fatal(err)
			}
			got := CheckConfig(testSchema(), config)
			if len(got) != len(c.want) {
				t.Fatalf("%d problems, want %d:\n%v", len(got), len(c.want), got)
			}
			for i, w := range c.want {
				if !strings.Contains(got[i].Text, w) {
					t.Errorf("%q lacks %q", got[i].Text, w)
				}
			}
		})
	}
	if got := CheckConfig(testSchema(), map[string]any{"base_url": "x", "timeout": math.NaN()}); len(got) != 1 {
		t.Errorf("NaN: %v", got)
	}
}

func TestEdits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-d]{0,6}`)
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		if edits(a, b) != edits(b, a) {
			t.Fatal("not symmetric")
		}
		if (edits(a, b) == 0) != (a == b) {
			t.Fatal("zero for different words")
		}
		if edits(a, c) > edits(a, b)+edits(b, c) {
			t.Fatal("a detour is shorter")
		}
	})
}
