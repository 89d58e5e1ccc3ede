package report

import (
	"encoding/json"
	"strings"
	"testing"
)

func leverNight() Night {
	return Night{Version: Version, Project: "desk", AsOf: asOf, Totals: Totals{Priced: true}, Levers: []Lever{
		{Lever: "format-determinism", Skill: "digest", Step: "main", Says: "3 of 4 tune failures become passes. Not proved: tune items were looked at", Next: "plimsoll levers show digest", Patch: "--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n a\n+  fix = \"truncate\" <b>\n", Simulated: true},
		{Lever: "prefix-stabilise", Skill: "digest", Step: "copy", Says: "a timestamp begins the prompt", SaveMonth: new(int64(4_200_000)), Next: "plimsoll levers show digest"},
		{Lever: "tool-prune", Says: "2 granted tools were never called", SaveMonth: new(int64(-1_000_000)), Next: "plimsoll levers tools"},
	}}
}

// Every form says all of it, escaped, and a night without levers says nothing.
func TestLevers(t *testing.T) {
	n := leverNight()
	page, err := HTML(n)
	if err != nil {
		t.Fatal(err)
	}
	var screen strings.Builder
	Terminal(&screen, n, TerminalOptions{Width: 200})
	raw, err := JSON(n)
	if err != nil {
		t.Fatal(err)
	}
	markdown := strings.ReplaceAll(string(Markdown(n)), `\`, "")
	for form, text := range map[string]string{"Markdown": markdown, "HTML": string(page), "the terminal": screen.String()} {
		for _, want := range []string{leversTitle, "3 of 4 tune failures become passes", "Not proved", "digest/copy", "$4.20 a month", "costs $1.00 a month", "all skills", "tool-prune"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", form, want, text)
			}
		}
	}
	for form, text := range map[string]string{"Markdown": markdown, "HTML": string(page)} {
		if !strings.Contains(text, "fix = ") || form == "HTML" && strings.Contains(text, "<b>") {
			t.Errorf("%s: the patch is not there as text", form)
		}
	}
	var doc struct{ Levers []Lever }
	if err := json.Unmarshal(raw, &doc); err != nil || len(doc.Levers) != 3 || doc.Levers[0].Patch != n.Levers[0].Patch {
		t.Errorf("JSON: %v %+v", err, doc)
	}
	n.Levers = nil
	if page, err = HTML(n); err != nil || strings.Contains(string(page), leversTitle) || strings.Contains(string(Markdown(n)), leversTitle) {
		t.Error("a night without levers speaks of them")
	}
}
