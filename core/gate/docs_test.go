package gate_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Every example of the page for users is a whole skill.hcl whose gates compile,
// and together they show every kind and every fix that a skill.hcl may have.
func TestDocsExamplesCompile(t *testing.T) {
	page, err := os.ReadFile("../../docs/gates.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for i, block := range strings.Split(string(page), "```hcl skill\n")[1:] {
		src, _, _ := strings.Cut(block, "```")
		c, diags := config.ParseContract(fmt.Sprintf("example-%d.hcl", i), []byte(src), config.ContractOptions{})
		if diags.HasErrors() {
			t.Errorf("%v\n%s", diags.Err(), src)
			continue
		}
		var gates []gate.Spec
		for _, g := range c.Gates {
			gates = append(gates, spec(g))
		}
		var eaches []gate.Each
		for _, e := range c.Eaches {
			each := gate.Each{List: e.List.Source, ID: source(e.ID)}
			for _, g := range e.Gates {
				each.Gates = append(each.Gates, spec(g))
			}
			eaches = append(eaches, each)
		}
		if _, problems := gate.Compile(gates, eaches, gate.Options{}); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, src)
		}
		for _, g := range gates {
			shown[g.Kind], shown[g.Fix] = true, true
		}
		for _, e := range eaches {
			for _, g := range e.Gates {
				shown[g.Kind], shown[g.Fix] = true, true
			}
		}
	}
	for _, name := range []string{"max_chars", "min_chars", "max_items", "min_items", "one_of", "links", "pattern", "unique_by", "schema", "rule", "code", "truncate", "normalise", "drop"} {
		if !shown[name] {
			t.Errorf("no example shows %s", name)
		}
	}
}

func source(x *config.Expr) string {
	if x == nil {
		return ""
	}
	return x.Source
}

func spec(g *config.Gate) gate.Spec {
	s := gate.Spec{
		Name: g.Name, Kind: g.Kind, Value: source(g.Value), OneOf: g.OneOf, Pattern: g.Pattern, UniqueBy: source(g.UniqueBy),
		Rule: source(g.Rule), Code: g.Code, Command: g.Command, Fix: g.Fix, Never: g.Never,
	}
	for _, n := range []*int{g.MaxChars, g.MinChars, g.MaxItems, g.MinItems, g.Links} {
		if n != nil {
			s.Int = *n
		}
	}
	if g.Schema != "" {
		s.Schema = []byte(`{"type":"object"}`) // the file is not part of the page
	}
	return s
}
