package typescript

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestTypes: every name that the SDK exports has a type, and the other way round.
func TestTypes(t *testing.T) {
	names := func(text, pattern string) map[string]bool {
		out := map[string]bool{}
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			out[m[1]] = true
		}
		return out
	}
	code := names(Source(), `(?m)^export (?:const|function|class) (\w+)`)
	types := names(Types(), `(?m)^  export (?:const|function|class) (\w+)`)
	if len(code) < 8 {
		t.Fatalf("found only %v", code)
	}
	for name := range code {
		if !types[name] {
			t.Errorf("%s is exported and has no type", name)
		}
	}
	for name := range types {
		if !code[name] {
			t.Errorf("%s has a type and is not exported", name)
		}
	}
	if !strings.Contains(Types(), `declare module "`+Module+`"`) {
		t.Error("the types are of another module")
	}
}

// TestMembers: what skill({...}) knows is what the types and the README say.
func TestMembers(t *testing.T) {
	list := regexp.MustCompile(`const known = (\[.*\]);`).FindStringSubmatch(Source())
	if list == nil {
		t.Fatal("the list of members is not there")
	}
	var known []string
	if err := json.Unmarshal([]byte(list[1]), &known); err != nil {
		t.Fatal(err)
	}
	_, definition, ok := strings.Cut(Types(), "interface Definition")
	if !ok {
		t.Fatal("the types have no Definition")
	}
	definition, _, _ = strings.Cut(definition, "\n  }\n")
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range known {
		if !regexp.MustCompile(`\n    ` + name + `\?[:(]`).MatchString(definition) {
			t.Errorf("%s is not in the types", name)
		}
		if !regexp.MustCompile("`" + name + "[`:(]").Match(readme) {
			t.Errorf("%s is not in README.md", name)
		}
	}
}

func TestEditor(t *testing.T) {
	files := Editor()
	var config struct{ Include []string }
	if err := json.Unmarshal([]byte(files["tsconfig.json"]), &config); err != nil {
		t.Fatal(err)
	}
	for name := range files {
		if name != "tsconfig.json" && !strings.Contains(strings.Join(config.Include, " "), name) {
			t.Errorf("tsconfig.json does not name %s", name)
		}
	}
}
