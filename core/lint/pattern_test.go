package lint

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

func project(t *testing.T, text string) *config.Project {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p, diags := config.Load(dir, config.Options{})
	if diags.HasErrors() {
		t.Fatalf("%v", diags)
	}
	return p
}

func connector(t *testing.T, rest string) *config.Connector {
	t.Helper()
	return project(t, "connector \"a\" {\n  command = [\"server\"]\n"+rest+"\n}\n").Connector("a")
}

// catalogue are n tools that nothing is wrong with.
func catalogue(n int) []Text {
	out := []Text{}
	for i := range n {
		out = append(out, Text{Kind: Tool, Connector: "a", Name: fmt.Sprintf("orders_get_%d", i), Description: fmt.Sprintf("Returns the order of warehouse %d by its number.", i), Hints: Hints{ReadOnly: yes()}})
	}
	return out
}

func with(tools []Text, more ...Text) []Text { return append(slices.Clone(tools), more...) }

func TestPatterns(t *testing.T) {
	giant := Text{Kind: Tool, Name: "github", Description: "Works on repositories and issues.", Schema: json.RawMessage(`{"type":"object","properties":{"action":{"enum":["a","b","c","d","e","f","g","h"]}}}`), Hints: Hints{ReadOnly: yes()}}
	vagueTool := func(i int) Text {
		return Text{Kind: Tool, Name: fmt.Sprintf("get_data_%d", i), Description: "Gets data.", Hints: Hints{ReadOnly: yes()}}
	}
	for _, c := range []struct {
		name, block string
		tools       []Text
		want        []string
	}{
		{"nothing", "", catalogue(5), nil},
		{"no catalogue", "", nil, nil},
		{"an empty one", "", []Text{}, nil},
		{"giant", "", []Text{giant}, []string{"pattern-giant"}},
		{"giant among others", "", with(catalogue(5), giant), nil},
		{"vague", "", with(catalogue(2), vagueTool(1), vagueTool(2)), []string{"pattern-vague"}},
		{"few are vague", "", with(catalogue(9), vagueTool(1)), nil},
		{"outside by annotation", "", with(catalogue(2), Text{Name: "look_up", Description: "Looks for a word in the encyclopedia.", Hints: Hints{OpenWorld: yes(), ReadOnly: yes()}}), []string{"pattern-outside"}},
		{"outside by name", "", with(catalogue(2), Text{Name: "fetch_webpage", Description: "Returns the text at an address."}), []string{"pattern-outside"}},
		{"outside, sanitised", "sanitise = true", with(catalogue(2), Text{Name: "fetch_webpage", Description: "Returns the text at an address."}), nil},
		{"outside, not sanitised", "kind = \"stateful_session\"\nsanitise = false", catalogue(2), []string{"pattern-outside"}},
		{"slow by its timeout", "timeout = \"5m\"", catalogue(2), []string{"pattern-slow"}},
		{"slow with a handle", "timeout = \"5m\"\njob = \"orders_get_0\"", catalogue(2), nil},
		{"slow by its words", "", with(catalogue(2), Text{Name: "rebuild_index", Description: "Builds the index again, which takes minutes."}), []string{"pattern-slow"}},
		{"session by its names", "", with(catalogue(2), Text{Name: "browser_open", Description: "Opens a browser at an address."}), []string{"pattern-session"}},
		{"session", "kind = \"stateful_session\"", with(catalogue(2), Text{Name: "browser_open", Description: "Opens a browser at an address."}), nil},
		{"session for ever", "kind = \"stateful_session\"\nsession {\n lifetime = \"0s\"\n}", catalogue(2), []string{"pattern-session"}},
		{"session of two days", "kind = \"stateful_session\"\nsession {\n lifetime = \"48h\"\n}", catalogue(2), []string{"pattern-session"}},
		{"no way back", "kind = \"tool_orchestrator\"", catalogue(2), []string{"pattern-rollback"}},
		{"a way back", "kind = \"tool_orchestrator\"\nrollback = \"orders_get_1\"", catalogue(2), nil},
		{"a way back that is not there", "kind = \"tool_orchestrator\"\nrollback = \"undo\"", catalogue(2), []string{"pattern-missing"}},
		{"tools that are not there", "tools = [\"order_*\", \"orders_*\"]", catalogue(2), []string{"pattern-missing"}},
		{"too many", "kind = \"domain_adapter\"", catalogue(16), []string{"pattern-exposure"}},
		{"as many as may be", "kind = \"domain_adapter\"", catalogue(15), nil},
		{"too many, of which some are offered", "kind = \"domain_adapter\"\ntools = [\"orders_get_1*\"]", catalogue(18), nil},
		{"does not say that it reads", "kind = \"resource_gateway\"", with(catalogue(2), Text{Name: "orders_put", Description: "Writes an order of the warehouse."}), []string{"pattern-read-only"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Patterns(connector(t, c.block), c.tools)
			if have := ids(got); !slices.Equal(have, c.want) {
				t.Errorf("%v, want %v: %+v", have, c.want, got)
			}
			for _, f := range got {
				if f.Connector != "a" || !strings.HasSuffix(f.Message, ".") || f.Fix == "" || f.Severity != Warn {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// validate says what the block alone shows, and no more.
func TestProject(t *testing.T) {
	p := project(t, "connector \"a\" {\n  command = [\"server\"]\n  kind = \"tool_orchestrator\"\n  timeout = \"2m30s\"\n}\nconnector \"b\" {\n  command = [\"server\"]\n}\n")
	got := Project(p)
	if len(got) != 2 || got.HasErrors() || got[0].Code != "pattern-slow" || got[1].Code != "pattern-rollback" || got[0].Range != p.Connector("a").Range {
		t.Errorf("%+v", got)
	}
	if !strings.Contains(got[0].Detail, "2m30s") {
		t.Errorf("%s", got[0].Detail)
	}
	if got := Project(project(t, "")); len(got) > 0 {
		t.Errorf("%+v", got)
	}
}
