package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	anthropic "github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
)

// A long prompt reaches the API with one breakpoint, behind the step's prompt; a
// short one, and one of a skill that says so, without any.
func TestCacheBreakpointReachesAPI(t *testing.T) {
	for name, c := range map[string]struct {
		prompt, block string
		marked        bool
	}{
		"a long prompt":  {strings.Repeat("Greet in the language of the place. ", 150), "", true},
		"a short prompt": {"Greet.", "", false},
		"turned off":     {strings.Repeat("Greet in the language of the place. ", 150), "\nskill \"greet\" {\n  cache = \"off\"\n}\n", false},
	} {
		api := anthropic.New(t, anthropic.Message(anthropic.Answer{Text: []string{hostedAnswer}, Usage: anthropic.Usage{Input: 100, Write: 2000, Output: 40}}))
		dir := hostedProject(t, "anthropic", fmt.Sprintf("base_url = %q", api.URL))
		file := filepath.Join(dir, "skills", "greet", "SKILL.md")
		edit(t, file, "You greet guests.", "You greet guests. "+c.prompt)
		if c.block != "" {
			if err := os.WriteFile(filepath.Join(dir, "cache.hcl"), []byte(c.block), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, code, text := runGreet(t, dir); code != 0 {
			t.Fatalf("%s: exit %d: %s", name, code, text)
		}
		asked := api.Requests()
		system, err := json.Marshal(asked[0].Body["system"])
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(asked[0].Raw, "cache_control"); got != map[bool]int{true: 1, false: 0}[c.marked] || c.marked != strings.Contains(string(system), "cache_control") {
			t.Errorf("%s: %d breakpoints", name, got)
		}
	}
}
