package preflight_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/topology/metric"
	"github.com/plimsoll-dev/plimsoll/core/topology/preflight"
)

var update = flag.Bool("update", false, "write the tables of docs/topology.md anew")

// The two tables of docs/topology.md are those of the code. They stand after a
// comment that names them; -update writes them.
func TestDocs(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "topology.md")
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cell := strings.NewReplacer("|", `\|`, "\n", " ").Replace
	var rules strings.Builder
	rules.WriteString("| rule | | effect | how it is known |\n| --- | --- | --- | --- |\n")
	for _, r := range preflight.Rules() {
		fmt.Fprintf(&rules, "| %s | %s | `%s` | %s |\n", r.ID, cell(r.Title), r.Effect, cell(r.Evidence))
	}
	var figures strings.Builder
	figures.WriteString("| figure | definition | id |\n| --- | --- | --- |\n")
	for _, d := range metric.Definitions() {
		unit := ""
		if d.Unit != "" {
			unit = ", " + d.Unit
		}
		fmt.Fprintf(&figures, "| %s%s | %s | `%s` |\n", cell(d.Name), unit, cell(d.Text), d.ID)
	}
	page := string(src)
	for name, table := range map[string]string{"preflight": rules.String(), "definitions": figures.String()} {
		before, after, ok := strings.Cut(page, "<!-- "+name+" -->\n\n")
		if !ok {
			t.Fatalf("docs/topology.md has no place for the table %q", name)
		}
		old := ""
		for strings.HasPrefix(after, "|") {
			line, rest, _ := strings.Cut(after, "\n")
			old, after = old+line+"\n", rest
		}
		if old != table && !*update {
			t.Errorf("the table %q of docs/topology.md is not that of the code: go test ./core/topology/preflight -update writes it", name)
		}
		if old == "" {
			table += "\n"
		}
		page = before + "<!-- " + name + " -->\n\n" + table + after
	}
	if *update && page != string(src) {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
