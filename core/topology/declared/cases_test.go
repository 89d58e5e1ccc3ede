package declared_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
	"github.com/plimsoll-dev/plimsoll/core/topology/declared"
	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

var update = flag.Bool("update", false, "rewrite golden parts")

// Each case is a project that the config finds nothing wrong with, and what is
// said of it here. Files that it names are those of the tests.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(paths) < 3 {
		t.Fatalf("%d cases: %v", len(paths), err)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		p, problems := project(t, string(archive.Files[0].Data))
		if problems.HasErrors() {
			t.Errorf("%s: %v", path, problems.Err())
		}
		_, diags := declared.Read(p, in(files(t)))
		for _, d := range diags {
			seen[d.Code] = true
		}
		var b bytes.Buffer
		diag.WriteText(&b, diags, p.Sources, diag.TextOptions{})
		b.WriteString(diag.Summary(diags) + "\n")
		if *update {
			archive.Files[1].Data = b.Bytes()
			if err := os.WriteFile(path, txtar.Format(archive), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want := string(archive.Files[1].Data); b.String() != want {
			t.Errorf("%s: run with -update to accept\n%s", path, b.String())
		}
	}
	for _, code := range []string{
		"bad-hardware", "unknown-gpu", "missing-config", "unknown-architecture", "long-context", "bad-trace", "bad-topology",
		"missing-hardware", "wide-tensor", "will-not-start", "does-not-fit", "no-plan", "missing-slo", "rule",
	} {
		if !seen[code] && !*update {
			t.Errorf("no case shows the code %s", code)
		}
	}
}

// The language and the packages behind it know the same words.
func TestSameWords(t *testing.T) {
	attribute := func(block, name string) *config.AttributeDoc {
		for _, b := range config.Schema().Project {
			if b.Type == block {
				return b.Attribute(name)
			}
		}
		t.Fatalf("there is no block %s", block)
		return nil
	}
	if got := attribute("model", "weights").Allowed; !slices.Equal(got, arch.Formats()) {
		t.Errorf("weights takes %v, and %v are known", got, arch.Formats())
	}
	for _, f := range attribute("model", "kv").Allowed {
		if _, ok := arch.Bytes(f); !ok {
			t.Errorf("kv takes %s, which is not known", f)
		}
	}
	objectives := []string{string(topology.PerGPU), string(topology.OutputTPS), string(topology.LowTPOT), string(topology.LowTTFT)}
	if got := attribute("decision", "objective").Allowed; !slices.Equal(got, objectives) {
		t.Errorf("objective takes %v, and there are %v", got, objectives)
	}
	doc := attribute("hardware", "gpu").Doc
	for _, name := range hardware.Names() {
		if !strings.Contains(doc, name) {
			t.Errorf("the reference does not name the GPU %s", name)
		}
	}
	known := topology.Value{Number: 1, Basis: topology.Measured}
	all := topology.Outcome{
		OutputTPS: known, PerGPU: known, Requests: known, TTFT: known, TTFT50: known, TTFT95: known, TTFT99: known,
		TPOT: known, TPOT50: known, TPOT95: known, TPOT99: known, ITL99: known, Latency95: known,
	}.Numbers()
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	if !slices.Equal(names, rule.FigureNames()) {
		t.Errorf("rules know %v, outcomes have %v", rule.FigureNames(), names)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	read := declared.Files(dir)
	for _, path := range []string{"a.json", "./a.json", filepath.Join(dir, "a.json")} {
		if src, err := read(path); err != nil || string(src) != "{}" {
			t.Errorf("%s: %q, %v", path, src, err)
		}
	}
	for _, path := range []string{"b.json", ".", dir} {
		if _, err := read(path); err == nil {
			t.Errorf("%s was read", path)
		}
	}
}
