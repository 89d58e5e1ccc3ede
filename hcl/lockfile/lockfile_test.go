package lockfile

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

// sample is out of order on purpose.
func sample() *File {
	return &File{
		Plugins: []Plugin{
			{Name: "zeta", Version: "0.1.0", Source: "dir:./zeta", Digests: map[string]string{"linux/amd64": digest("1")}},
			{
				Name: "acme", Version: "1.2.0", Source: "dir:./dist",
				Digests:      map[string]string{"linux/amd64": digest("a"), "darwin/arm64": digest("b"), "windows/amd64": digest("c")},
				ConfigSchema: `{"properties":{"base_url":{"default":"${HOME} %{if}","description":"a \"quoted\" word","type":"string"}},"type":"object"}`,
			},
			{Name: "accents", Version: "2.0.0", Source: "dir:./a", Digests: map[string]string{"linux/amd64": digest("2")}, ConfigSchema: "{\"title\":\"de\u0301compose\u0301 \U0001F600\"}"},
		},
		Skills: []Skill{
			{Name: "humanizer", Source: "git:https://example.com/skills//humanizer?ref=v1", Digest: digest("d")},
			{Name: "digest", Source: "dir:../other", Digest: digest("e")},
		},
		Connectors: []Connector{{Name: "tracker", Digest: digest("7")}, {Name: "calendar", Digest: digest("8")}},
		Tools: []Tool{
			{Connector: "tracker", Name: "search", Digest: digest("f")},
			{Connector: "tracker", Name: "create", Digest: digest("0")},
			{Connector: "calendar", Name: "list ${x}", Digest: digest("9")},
		},
	}
}

func TestFormatGolden(t *testing.T) {
	for name, file := range map[string]*File{"full": sample(), "empty": {}} {
		t.Run(name, func(t *testing.T) {
			got := Format(file)
			path := filepath.Join("testdata", name+".golden.hcl")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
			if formatted := hclwrite.Format(got); !bytes.Equal(formatted, got) {
				t.Errorf("a formatter would change the file to:\n%s", formatted)
			}
			checkFixedPoint(t, got)
		})
	}
}

// fataler is what tests, properties and fuzz targets share.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func checkFixedPoint(t fataler, src []byte) *File {
	t.Helper()
	f, diags := Parse("plimsoll.lock.hcl", src)
	if len(diags) > 0 {
		t.Fatalf("%v\n%s", diags.Err(), src)
	}
	if again := Format(f); !bytes.Equal(again, src) {
		t.Fatalf("became:\n%s\nfrom:\n%s", again, src)
	}
	return f
}

func TestFind(t *testing.T) {
	f := checkFixedPoint(t, Format(sample()))
	p, ok := f.Plugin("acme")
	if want := sample().Plugins[1]; !ok || p.Version != want.Version || p.Source != want.Source || p.ConfigSchema != want.ConfigSchema || len(p.Digests) != 3 || p.Digests["darwin/arm64"] != digest("b") {
		t.Errorf("%+v", p)
	}
	if p.Range.Start.Line < 4 || p.Range.File != "plimsoll.lock.hcl" {
		t.Errorf("the range of acme is %v", p.Range)
	}
	if s, ok := f.Skill("digest"); !ok || s.Digest != digest("e") {
		t.Errorf("%+v", s)
	}
	if tool, ok := f.Tool("calendar", "list ${x}"); !ok || tool.Digest != digest("9") {
		t.Errorf("%+v", tool)
	}
	if p, ok := f.Plugin("accents"); !ok || p.ConfigSchema != sample().Plugins[2].ConfigSchema {
		t.Errorf("text that is not NFC changed to %+q", p.ConfigSchema)
	}
	_, plugin := f.Plugin("none")
	_, skill := f.Skill("acme")
	_, tool := f.Tool("search", "tracker")
	if plugin || skill || tool {
		t.Error("found what is not there")
	}
}

// Each case damages the golden file in one way; the message must name the place
// and the command that mends it.
func TestTampered(t *testing.T) {
	good := string(Format(sample()))
	cases := []struct {
		name, old, new string
		code, way      string
	}{
		{"other digest scheme", digest("a"), "md5:" + strings.Repeat("a", 32), "unknown-digest", lockPlugin},
		{"no digest scheme", digest("a"), strings.Repeat("a", 64), "unknown-digest", lockPlugin},
		{"short digest", digest("a"), digest("a")[:70], "bad-digest", lockPlugin},
		{"upper case digest", digest("b"), "sha256:" + strings.Repeat("B", 64), "bad-digest", lockPlugin},
		{"not hexadecimal", digest("d"), "sha256:" + strings.Repeat("g", 64), "bad-digest", addSkill},
		{"empty digest", digest("f"), "", "unknown-digest", approveTool},
		{"digest from a variable", `"` + digest("d") + `"`, "var.digest", "wrong-type", addSkill},
		{"digest from a template", digest("d"), "sha256:${x}", "wrong-type", addSkill},
		{"digest missing", "  digest = \"" + digest("e") + "\"\n", "", "missing-attribute", addSkill},
		{"version missing", "  version = \"1.2.0\"\n", "", "missing-attribute", lockPlugin},
		{"unknown attribute", "version = \"1.2.0\"", "version = \"1.2.0\"\n  verify = false", "unknown-attribute", lockPlugin},
		{"unknown block", `skill "digest" {`, `skil "digest" {`, "unknown-block", lockPlugin},
		{"block in a block", "version = \"1.2.0\"", "version = \"1.2.0\"\n  extra {\n  }", "unknown-block", lockPlugin},
		{"attribute outside", header, header + "allow_all = true\n", "unknown-attribute", lockPlugin},
		{"duplicate plugin", `plugin "zeta"`, `plugin "acme"`, "duplicate-block", lockPlugin},
		{"duplicate connector", `connector "tracker"`, `connector "calendar"`, "duplicate-block", approveTool},
		{"connector without a digest", `connector "tracker"`, "connector \"x\" {}\n\nconnector \"tracker\"", "missing-attribute", approveTool},
		{"duplicate tool", `"create"`, `"search"`, "duplicate-block", approveTool},
		{"duplicate platform", `"windows/amd64"`, `"linux/amd64"`, "duplicate-platform", lockPlugin},
		{"bad platform", `"windows/amd64"`, `"windows"`, "bad-platform", lockPlugin},
		{"digests no object", "digests = {\n    \"linux/amd64\" = \"" + digest("1") + "\"\n  }", "digests = []", "wrong-type", lockPlugin},
		{"no digests", "digests = {\n    \"linux/amd64\" = \"" + digest("1") + "\"\n  }", "digests = {}", "wrong-type", lockPlugin},
		{"schema no JSON", `"type": "object"`, `"type": object`, "bad-schema", lockPlugin},
		{"schema with two meanings", `"type": "object"`, `"type": "object", "type": "array"`, "bad-schema", lockPlugin},
		{"label missing", `tool "tracker" "search"`, `tool "search"`, "wrong-labels", approveTool},
		{"label too many", `skill "digest"`, `skill "digest" "v2"`, "wrong-labels", addSkill},
		{"attribute twice", "version = \"1.2.0\"", "version = \"1.2.0\"\n  version = \"1.3.0\"", "syntax", lockPlugin},
		{"merge conflict", `plugin "zeta"`, "<<<<<<< HEAD\nplugin \"zeta\"", "syntax", lockPlugin},
		{"not UTF-8", "zeta", "z\xff", "not-utf8", lockPlugin},
		{"truncated", good[len(good)-40:], "", "syntax", lockPlugin},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(good, c.old) {
				t.Fatalf("the file has no %q", c.old)
			}
			f, diags := Parse("plimsoll.lock.hcl", []byte(strings.Replace(good, c.old, c.new, 1)))
			if f != nil || len(diags) == 0 {
				t.Fatalf("accepted: %+v", f)
			}
			d := diags[0]
			if d.Code != c.code || d.Range.Start.Line == 0 || d.Range.File != "plimsoll.lock.hcl" {
				t.Errorf("%s at %v: %s", d.Code, d.Range, d.Detail)
			}
			if !strings.HasSuffix(d.Detail, "run: "+c.way) || d.Suggest != "" {
				t.Errorf("no way out by %s: %q, suggests %q", c.way, d.Detail, d.Suggest)
			}
		})
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	good := string(Format(sample()))
	bad := strings.ReplaceAll(strings.ReplaceAll(good, "sha256:dd", "sha512:dd"), "sha256:ff", "sha512:ff")
	if _, diags := Parse("f", []byte(bad)); diags.Count(diag.Error) != 2 {
		t.Errorf("%v", diags)
	}
}

func TestEmptySources(t *testing.T) {
	for _, src := range []string{"", "\n", "# a comment\n", "\ufeff"} {
		f, diags := Parse("f", []byte(src))
		if len(diags) > 0 || f == nil || len(f.Plugins)+len(f.Skills)+len(f.Tools) != 0 {
			t.Errorf("%q: %+v %v", src, f, diags)
		}
	}
}

// A file from before sets were pinned is read as it was: whoever holds servers to it
// finds the set missing.
func TestFileWithoutSets(t *testing.T) {
	old := sample()
	old.Connectors = nil
	f, diags := Parse("f", Format(old))
	if len(diags) > 0 || len(f.Tools) != 3 {
		t.Fatalf("%+v %v", f, diags)
	}
	if _, ok := f.Connector("tracker"); ok {
		t.Error("a set came from nowhere")
	}
	if c, ok := sample().Connector("tracker"); !ok || c.Digest != digest("7") {
		t.Errorf("%+v", c)
	}
}

func TestFormatKeepsWhatItIsGiven(t *testing.T) {
	f := sample()
	Format(f)
	if f.Plugins[0].Name != "zeta" || f.Tools[0].Name != "search" {
		t.Error("Format sorted its argument")
	}
	f.Plugins[0].ConfigSchema = "{not json"
	if _, diags := Parse("f", Format(f)); !diags.HasErrors() {
		t.Error("a schema that is not JSON was read back")
	}
}

// Whatever names, sources and schemas there are: what is written is read back,
// and is written again in the same bytes.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		canonical, err := canonjson.Marshal(map[string]string{text.Draw(t, "key"): text.Draw(t, "value")})
		if err != nil {
			t.Fatal(err)
		}
		// Labels are kept exactly, quoted values in NFC, schemas exactly.
		name := text.Draw(t, "name")
		in := &File{
			Plugins:    []Plugin{{Name: name, Version: "1", Source: "dir:.", Digests: map[string]string{"linux/amd64": digest("a")}, ConfigSchema: string(canonical)}},
			Skills:     []Skill{{Name: name, Source: text.Draw(t, "source"), Digest: digest("b")}},
			Connectors: []Connector{{Name: name, Digest: digest("d")}},
			Tools:      []Tool{{Connector: name, Name: text.Draw(t, "tool"), Digest: digest("c")}},
		}
		out := checkFixedPoint(t, Format(in))
		if p := out.Plugins[0]; p.Name != name || p.ConfigSchema != string(canonical) {
			t.Fatalf("%+v became %+v", in.Plugins[0], p)
		}
		if tool := out.Tools[0]; tool.Connector != name || tool.Name != in.Tools[0].Name || out.Connectors[0].Name != name {
			t.Fatalf("%+v became %+v", in.Tools[0], tool)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(Format(sample()))
	f.Add(Format(&File{}))
	f.Add([]byte("plugin \"a\" {\n  digests = { \"linux/amd64\" = \"sha256:\" }\n}\n"))
	f.Add([]byte("tool a b { digest = <<E\nx\nE\n}"))
	f.Add([]byte("skill \"a\" {\n  source = \"${x}\"\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, diags := Parse("f", src)
		for _, d := range diags {
			if d.Range.Start.Byte < 0 || d.Range.End.Byte > len(src) || d.Range.Start.Byte > d.Range.End.Byte {
				t.Fatalf("%s at %+v is outside of %d bytes", d.Code, d.Range, len(src))
			}
		}
		if (file == nil) != diags.HasErrors() {
			t.Fatalf("file %v with %v", file, diags)
		}
		if file != nil {
			checkFixedPoint(t, Format(file))
		}
	})
}
