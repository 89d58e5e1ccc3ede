package config

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func load(t *testing.T, dir string) *Project {
	t.Helper()
	p, diags := Load(dir, Options{})
	fine(t, diags, p.Sources)
	return p
}

func fine(t *testing.T, diags diag.List, sources map[string][]byte) {
	t.Helper()
	if len(diags) > 0 {
		var b bytes.Buffer
		diag.WriteText(&b, diags, sources, diag.TextOptions{})
		t.Fatalf("%s:\n%s", diag.Summary(diags), b.String())
	}
}

func TestShort(t *testing.T) {
	p := load(t, "testdata/valid/short")
	g := p.Groups[0]
	if g.Name != "team" || !reflect.DeepEqual(g.From, []string{".claude/skills/*"}) {
		t.Errorf("group: %+v", g)
	}
	if g.Ladder != p.Ladders[0] || g.Runner != p.Runners[0] || g.Policy != p.Policies[0] {
		t.Error("references do not point at the declared blocks")
	}
	if q := g.Policy; q.Name != "preset.careful" || q.Margin != .02 || q.MaxItems != 600 || q.Cooldown != 336*time.Hour || q.Budget != -1 || q.Alpha != .05 || q.Ladder != nil {
		t.Errorf("preset: %+v", q)
	}
	if len(p.Policies) != 1 {
		t.Errorf("presets that nobody uses are listed: %d policies", len(p.Policies))
	}
	if p.Runners[0].Plugin != "command" || p.Runners[0].Command[2] != "{prompt}" {
		t.Errorf("runner: %+v", p.Runners[0])
	}
}

func TestLong(t *testing.T) {
	p := load(t, "testdata/valid/long")
	if !filepath.IsAbs(p.Dir) || len(p.Sources) != 3 {
		t.Errorf("dir %s, %d sources", p.Dir, len(p.Sources))
	}
	want := map[string]any{
		"base_url": "http://127.0.0.1:8000/v1", "retries": int64(3), "jitter": 0.5,
		"tags": []any{"a", "HAMBURG"}, "limits": map[string]any{"tokens": int64(9007199254740993)},
	}
	if got := p.Backends[1]; !reflect.DeepEqual(got.Config, want) || got.Record != "cassettes" || got.ConfigRange.Start.Line != 13 {
		t.Errorf("backend: %#v", got)
	}
	claude := p.Ladders[0]
	haiku := claude.Tier("haiku")
	if haiku.Ref() != "ladder.claude.haiku" || haiku.Index != 1 || haiku.Backend != p.Backends[0] {
		t.Errorf("tier: %+v", haiku)
	}
	if haiku.Price != (Price{Known: true, TokenPrice: TokenPrice{Input: 1_000_000, Output: 5_000_000, CacheRead: 100_000, CacheWrite: 1_250_000}}) {
		t.Errorf("price: %+v", haiku.Price)
	}
	if got := claude.Tier("local").Price; got != (Price{Known: true, GPUHour: 2_100_000}) {
		t.Errorf("price: %+v", got)
	}
	if claude.Tier("nothing") != nil || p.Judges[0].Tier != p.Ladders[1].Tiers[0] {
		t.Error("tiers")
	}
	q := p.Policies[0]
	if q.Budget != 5_000_000 || q.New != haiku || q.Cooldown != 168*time.Hour || len(q.Holds) != 1 || q.Holds[0].When.Source != "'customer-facing' in skill.tags" || q.GateMargin != .02 {
		t.Errorf("policy: %+v", q)
	}
	if q := p.Policies[1]; q.Method != "grid8" || !q.Fleet || q.FuseAfter != 6 || q.Budget != 1 || q.Judge != p.Judges[0] || q.Shadow != .1 || q.JudgeMargin != .02 || q.Downgrade != nil || q.Cooldown != 90*time.Minute {
		t.Errorf("policy: %+v", q)
	}
	s := p.Skills[0]
	if s.Source != "./skills/humanizer" || s.Policy != q || !reflect.DeepEqual(s.Binding.Tags, []string{"writing"}) || s.Contract.Tags != nil {
		t.Errorf("skill: %+v", s)
	}
	if s.Data.Class != "internal" || len(s.Data.Allow) != 2 || s.Data.Allow[1] != p.Backends[1] {
		t.Errorf("data: %+v", s.Data)
	}
	if s.Steps[0].Pin != claude.Tier("opus") || s.Gates[0].Kind != "command" || !s.Gates[0].FromProject || s.Pin != nil {
		t.Errorf("skill: %+v", s)
	}
}

func TestContract(t *testing.T) {
	path := filepath.Join("testdata", "valid", "long", "skills", "humanizer", "skill.hcl")
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, diags := ParseContract(path, src, ContractOptions{Skill: "humanizer"})
	fine(t, diags, map[string][]byte{path: src})
	if c.Code != "skill.ts" || c.Input != "input.schema.json" || c.Output != "output.schema.json" || c.Ranges["code"].Start.Line != 1 {
		t.Errorf("contract: %+v", c)
	}
	each := c.Eaches[0]
	if each.List.Source != "output.tweets" || each.ID.Source != "it.id" || len(each.Gates) != 3 {
		t.Errorf("each: %+v", each)
	}
	if g := each.Gates[0]; g.Kind != "max_chars" || *g.MaxChars != 280 || g.Value.Source != "it.summary" || g.FromProject || g.KindRange.Start.Line != 9 {
		t.Errorf("gate: %+v", g)
	}
	if g := each.Gates[1]; g.Kind != "one_of" || g.Fix != "normalise" || len(g.OneOf) != 3 {
		t.Errorf("gate: %+v", g)
	}
	if g := c.Gates[1]; !g.Never || g.Kind != "rule" || g.Rule.Source != "all(output.tweets, .date >= input.from)" {
		t.Errorf("gate: %+v", g)
	}
	if d := c.Dimensions[0]; d.Weight != 2 || d.Kind != "reasoning" || d.Margin != 0 {
		t.Errorf("dimension: %+v", d)
	}
	if i := c.Items; i.Source != "authored" || i.Repeats != 1 || !reflect.DeepEqual(i.Prove, []string{"items/*.json"}) || i.Tune != nil {
		t.Errorf("items: %+v", i)
	}
}

// A place inside a rule is the same place in the file.
func TestExprAt(t *testing.T) {
	src := `each "output.tweets" {
  gate "a" {
    rule = "it.date >= input.from"
  }
  gate "b" {
    rule = "it.name == \"x\" && broken"
  }
  gate "c" {
    rule = <<-RULE
      it.äge > 3 &&

        it.date < now
    RULE
  }
}
`
	c, diags := ParseContract("skill.hcl", []byte(src), ContractOptions{})
	fine(t, diags, map[string][]byte{"skill.hcl": []byte(src)})
	text := func(r diag.Range) string { return src[r.Start.Byte:r.End.Byte] }
	gates := c.Eaches[0].Gates
	if got := gates[0].Rule.At(1, 12); text(got) != "input" || got.Start.Line != 3 || got.Start.Column != 24 {
		t.Errorf("quoted: %q at %s", text(got), got)
	}
	if got := gates[0].Rule.At(1, 22); got.Start != got.End || text(got) != "" {
		t.Errorf("behind the end: %q at %s", text(got), got)
	}
	if got := gates[1].Rule.At(1, 3); got != gates[1].Rule.Range {
		t.Errorf("escapes: %q at %s", text(got), got)
	}
	if got := gates[2].Rule.At(3, 6); text(got) != "date" || got.Start.Line != 12 || got.Start.Column != 12 {
		t.Errorf("heredoc: %q at %s", text(got), got)
	}
	if got := gates[2].Rule.At(1, 8); text(got) != ">" || got.Start.Column != 14 {
		t.Errorf("heredoc: %q at %s", text(got), got)
	}
	if got := c.Eaches[0].List.At(1, 8); text(got) != "tweets" {
		t.Errorf("label: %q at %s", text(got), got)
	}
	for _, at := range [][2]int{{0, 1}, {9, 1}, {1, 0}} {
		if got := gates[0].Rule.At(at[0], at[1]); got != gates[0].Rule.Range {
			t.Errorf("At(%d, %d) = %s", at[0], at[1], got)
		}
	}
}

func TestVariables(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.hcl"), []byte(`variable "plugin" { default = "default" }
variable "names" {
  type = list(string)
}
variable "n" {
  default = 1
}
backend "b" {
  plugin = var.plugin
  env    = concat(var.names, ["Z"])
  config {
    n = var.n + 1
  }
}
`))
	env := map[string]string{"PLIMSOLL_VAR_plugin": "environment", "PLIMSOLL_VAR_names": `["A"]`, "PLIMSOLL_VAR_n": "41"}
	environ := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	for _, c := range []struct {
		vars map[string]string
		want string
	}{{nil, "environment"}, {map[string]string{"plugin": "flag"}, "flag"}, {map[string]string{"plugin": "a, b = [c]"}, "a, b = [c]"}} {
		p, diags := Load(dir, Options{Vars: c.vars, Environ: environ})
		fine(t, diags, p.Sources)
		b := p.Backends[0]
		if b.Plugin != c.want || !reflect.DeepEqual(b.Env, []string{"A", "Z"}) || b.Config["n"] != int64(42) {
			t.Errorf("%+v: %+v", c, b)
		}
	}
	delete(env, "PLIMSOLL_VAR_plugin")
	if p, _ := Load(dir, Options{Environ: environ}); p.Backends[0].Plugin != "default" {
		t.Errorf("default: %q", p.Backends[0].Plugin)
	}
}

func TestFunctions(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "note.txt"), []byte("\xef\xbb\xbfa note"))
	cases := map[string]any{
		`env("HOME")`:                       "/home",
		`env("NONE", "x")`:                  "x",
		`file("note.txt")`:                  "a note",
		`upper(trimspace(" a "))`:           "A",
		`join("-", ["a", "b"])`:             "a-b",
		`split(",", "a,b")`:                 []any{"a", "b"},
		`format("%03d-%s", 7, "x")`:         "007-x",
		`replace("aXbX", "X", "--")`:        "a--b--",
		`length(["a"])`:                     int64(1),
		`concat(["a"], ["b"])`:              []any{"a", "b"},
		`contains(["a"], "a")`:              true,
		`merge({ a = 1 }, { b = 2 })`:       map[string]any{"a": int64(1), "b": int64(2)},
		`keys({ b = 1, a = 2 })`:            []any{"a", "b"},
		`values({ b = 1, a = 2 })`:          []any{int64(2), int64(1)},
		`coalesce(null, "a")`:               "a",
		`min(3, 2) + max(1, 5)`:             int64(7),
		`jsonencode({ a = [1] })`:           `{"a":[1]}`,
		`jsondecode("{\"a\": [1.5]}").a[0]`: 1.5,
		`tolist(toset(["a", "a"]))`:         []any{"a"},
		`tonumber("5") * 2`:                 int64(10),
		`[for x in ["a", "b"] : lower(x)]`:  []any{"a", "b"},
		`true ? "yes" : "no"`:               "yes",
		`"a ${1 + 1} b"`:                    "a 2 b",
		`null`:                              nil,
	}
	for expr, want := range cases {
		write(t, filepath.Join(dir, "main.hcl"), []byte("backend \"b\" {\n  plugin = \"p\"\n  config {\n    x = "+expr+"\n  }\n}\n"))
		p, diags := Load(dir, Options{Environ: func(n string) (string, bool) { return "/home", n == "HOME" }})
		fine(t, diags, p.Sources)
		if got := p.Backends[0].Config["x"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s = %#v, want %#v", expr, got, want)
		}
	}
}

// file() stays in the project, whichever way out is tried.
func TestFileStaysInside(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "secret"), []byte("secret"))
	write(t, filepath.Join(dir, "large"), bytes.Repeat([]byte("x"), MaxFile+1))
	write(t, filepath.Join(dir, "binary"), []byte{0xff, 0xfe, 0})
	link := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "link")) == nil
	for _, path := range []string{"../" + filepath.Base(outside) + "/secret", filepath.ToSlash(filepath.Join(outside, "secret")), "link", "large", "binary", ".", "none"} {
		if path == "link" && !link {
			continue
		}
		write(t, filepath.Join(dir, "main.hcl"), []byte("locals {\n  x = file(\""+path+"\")\n}\n"))
		_, diags := Load(dir, Options{})
		if !diags.HasErrors() || strings.Contains(diags[0].Detail, "secret\"") {
			t.Errorf("file(%q) was read: %v", path, diags)
		}
	}
}

func TestCheckMethod(t *testing.T) {
	star, pool, old := &Policy{Name: "p", Method: "star2"}, &Policy{Name: "p", Method: "pool2"}, &Policy{Name: "p", Method: "star1"}
	authored, traffic := &Items{Source: "authored"}, &Items{Source: "traffic"}
	for _, c := range []struct {
		p    *Policy
		i    *Items
		want int
	}{{star, authored, 1}, {old, authored, 1}, {star, traffic, 0}, {pool, authored, 0}, {&Policy{}, authored, 0}, {nil, authored, 0}, {star, nil, 0}} {
		if got := CheckMethod(c.p, c.i); len(got) != c.want {
			t.Errorf("%+v with %+v: %v", c.p, c.i, got)
		}
	}
	if d := CheckMethod(star, authored); d[0].Code != "method-source" || !d.HasErrors() {
		t.Errorf("%+v", d)
	}
}

func TestDirectories(t *testing.T) {
	p, diags := Load(filepath.Join(t.TempDir(), "none"), Options{})
	if p == nil || !diags.HasErrors() || diags[0].Code != "unreadable" {
		t.Errorf("no directory: %v", diags)
	}
	dir := t.TempDir()
	if p, diags := Load(dir, Options{}); len(diags) != 0 || len(p.Sources) != 0 {
		t.Errorf("empty directory: %v", diags)
	}
	for _, name := range []string{".hidden.hcl", "plimsoll.lock.hcl", "policy.hcl", "notes.txt", "sub.hcl/main.hcl"} {
		write(t, filepath.Join(dir, name), []byte("not ((( hcl"))
	}
	if _, diags := Load(dir, Options{}); len(diags) != 0 {
		t.Errorf("files of others: %v", diags)
	}
	if os.Symlink(filepath.Join(dir, "none"), filepath.Join(dir, "dangling.hcl")) == nil {
		if _, diags := Load(dir, Options{}); len(diags) != 1 || diags[0].Code != "unreadable" {
			t.Errorf("dangling link: %v", diags)
		}
	}
}
