package telemetry

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	wire "go.opentelemetry.io/proto/otlp/trace/v1"
)

var rewrite = flag.Bool("update", false, "rewrite the tables of docs/telemetry.md")

// TestThePageAndTheCodeAreEqual renders the tables of the page from what is
// really served and sent.
func TestThePageAndTheCodeAreEqual(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "telemetry.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for name, table := range map[string]string{"metrics": metricTable(), "spans": spanTable(t)} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
		before, rest, ok1 := strings.Cut(page, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok1 || !ok2 {
			t.Fatalf("the page has no place for the %s", name)
		}
		page = before + begin + table + end + after
	}
	if page == string(raw) {
		return
	}
	if !*rewrite {
		t.Fatal("docs/telemetry.md is not what the code does: run go test ./core/telemetry -update")
	}
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

func metricTable() string {
	var names []string
	for name := range metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString("| metric | type | unit | labels | what |\n| --- | --- | --- | --- | --- |\n")
	for _, name := range names {
		m := metrics[name]
		unit := m.Unit
		if unit == "" {
			unit = "count"
		}
		labels := "none"
		if len(m.Labels) > 0 {
			labels = "`" + strings.Join(m.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, m.Type, unit, labels, m.Help)
	}
	return b.String()
}

// spanTable sends one failed and one good span of every operation, with every
// field set, and says what arrived.
func spanTable(t *testing.T) string {
	r := receive(t)
	tel := open(t, Config{Traces: r.URL})
	known(tel)
	for _, o := range operations {
		l, res := full(o)
		res.Error = "-32602"
		_, end := tel.Call(context.Background(), l)
		end(res)
	}
	if err := tel.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	what := map[Op]string{
		Serve: "an MCP request that Plimsoll answers", Request: "an MCP request that it makes of a connector", Model: "a call of a model",
		Embed: "a call of an embeddings endpoint", Skill: "a run of a skill", Execute: "a tool call: access, audit and the connector", Find: "a search in the catalogue",
	}
	var b strings.Builder
	b.WriteString("| span, by example | kind | what | attributes, where known |\n| --- | --- | --- | --- |\n")
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, s := range r.spans {
		var keys []string
		for _, kv := range s.Attributes {
			keys = append(keys, "`"+kv.Key+"`")
		}
		slices.Sort(keys)
		kind := map[wire.Span_SpanKind]string{wire.Span_SPAN_KIND_SERVER: "server", wire.Span_SPAN_KIND_CLIENT: "client", wire.Span_SPAN_KIND_INTERNAL: "internal"}[s.Kind]
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.Name, kind, what[operations[i]], strings.Join(keys, ", "))
	}
	return b.String()
}
