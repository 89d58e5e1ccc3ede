package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What docs/levers.md shows is what the scripts' commands print.
func TestLeverExamples(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "levers.md"))
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Glob(filepath.Join("testdata", "script", "levers_*.txtar"))
	if err != nil || len(scripts) != 3 {
		t.Fatalf("%v %v", scripts, err)
	}
	var printed strings.Builder
	for _, s := range scripts {
		src, err := os.ReadFile(s)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(src)
	}
	found := 0
	for _, fence := range []string{"```text\n", "```diff\n"} {
		for i, part := range strings.Split(string(page), fence) {
			if i == 0 {
				continue
			}
			example, _, _ := strings.Cut(part, "```")
			found++
			if !strings.Contains(printed.String(), example) {
				t.Errorf("no script prints\n%s", example)
			}
		}
	}
	if found != 3 {
		t.Errorf("%d examples were found", found)
	}
}
