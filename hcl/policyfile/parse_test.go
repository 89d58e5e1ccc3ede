package policyfile

import (
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func TestParse(t *testing.T) {
	f := mustParse(t, []byte(page))
	list := f.Assignments()
	if len(list) != 2 {
		t.Fatalf("%d assignments", len(list))
	}
	want := Assignment{
		Skill: "humanizer", Step: "main",
		Tier: TierRef{"claude", "haiku"}, From: TierRef{"claude", "opus"},
		Since:         time.Date(2026, 7, 1, 2, 0, 0, 0, time.UTC),
		Reason:        "proved not worse by 5 points on this pool of 120 items",
		Evidence:      "evidence/humanizer.jsonl#main-3",
		CooldownUntil: time.Date(2026, 7, 8, 2, 0, 0, 0, time.UTC),
		Pin:           true,
	}
	if bare(list[0]) != want {
		t.Errorf("got  %+v\nwant %+v", list[0], want)
	}
	if list[0].Tier.String() != "ladder.claude.haiku" || (TierRef{}).String() != "" {
		t.Errorf("%s, %q", list[0].Tier, TierRef{})
	}
	r := list[0].Range
	if text := page[r.Start.Byte:r.End.Byte]; !strings.HasPrefix(text, `assignment "humanizer"`) || !strings.HasSuffix(text, "}") || r.Start.Line != 4 {
		t.Errorf("the range %+v holds %q", r, text)
	}
	if _, ok := f.Get("humanizer", "other"); ok {
		t.Error("found what is not there")
	}
}

func TestHash(t *testing.T) {
	f := mustParse(t, []byte(page))
	before, _ := f.Get("humanizer", "main")
	other, _ := f.Get("odd", "main")
	if !strings.HasPrefix(before.Hash, "sha256:") || len(before.Hash) != 71 || before.Hash == other.Hash {
		t.Errorf("hashes %s and %s", before.Hash, other.Hash)
	}
	moved := mustParse(t, []byte("# one more line\n"+page))
	if a, _ := moved.Get("humanizer", "main"); a.Hash != before.Hash {
		t.Error("the hash depends on what stands around the block")
	}
	edited := mustParse(t, []byte(strings.Replace(page, "never below", "not below", 1)))
	if a, _ := edited.Get("humanizer", "main"); a.Hash == before.Hash {
		t.Error("the hash does not depend on a comment in the block")
	}
}

func TestDiagnostics(t *testing.T) {
	block := func(lines string) string {
		return "assignment \"a\" \"b\" {\n  tier = ladder.x.y\n" + lines + "}\n"
	}
	cases := []struct {
		name, src string
		code      string
		line      int
		says      string // in the detail
		suggests  string
	}{
		{"unknown attribute", block("  raeson = \"x\"\n"), "unknown-attribute", 3, `Did you mean "reason"?`, ""},
		{"unknown block", "assignmnt \"a\" \"b\" {\n}\n", "unknown-block", 1, `Did you mean "assignment"?`, ""},
		{"nested block", block("  extra {\n  }\n"), "unknown-block", 3, "holds no other blocks", ""},
		{"attribute outside", "tier = ladder.x.y\n", "unknown-attribute", 1, "stands outside", ""},
		{"no tier", "assignment \"a\" \"b\" {\n}\n", "missing-attribute", 1, `"tier"`, ""},
		{"one label", "assignment \"a\" {\n  tier = ladder.x.y\n}\n", "wrong-labels", 1, "takes 2 labels and has 1", `assignment "SKILL" "STEP" {`},
		{"three labels", "assignment \"a\" \"b\" \"c\" {\n  tier = ladder.x.y\n}\n", "wrong-labels", 1, "has 3", `assignment "SKILL" "STEP" {`},
		{"duplicate", block("") + block(""), "duplicate-block", 4, "the first is at line 1", ""},
		{"quoted tier", block("  from = \"ladder.x.y\"\n"), "wrong-reference", 3, "without quotes", "from = ladder.x.y"},
		{"half a tier", block("  from = ladder.x\n"), "wrong-reference", 3, "reference to a tier", "from = ladder.claude.haiku"},
		{"more than a tier", block("  from = ladder.x.y.z\n"), "wrong-reference", 3, "", "from = ladder.claude.haiku"},
		{"other root", block("  from = backend.x.y\n"), "wrong-reference", 3, "", "from = ladder.claude.haiku"},
		{"numbered tier", block("  from = ladder.x[0]\n"), "wrong-reference", 3, "", "from = ladder.claude.haiku"},
		{"splat", block("  from = ladder.*.y\n"), "wrong-reference", 3, "", "from = ladder.claude.haiku"},
		{"no time", block("  since = \"yesterday\"\n"), "bad-time", 3, `"yesterday" is none`, `since = "2026-07-01T02:00:00Z"`},
		{"time without zone", block("  since = \"2026-07-01T02:00:00\"\n"), "bad-time", 3, "Z for UTC", `since = "2026-07-01T02:00:00Z"`},
		{"time as number", block("  since = 2026\n"), "wrong-type", 3, "a string in quotes", `since = "..."`},
		{"variable", block("  reason = var.x\n"), "wrong-type", 3, "no variables", `reason = "..."`},
		{"template", block("  reason = \"a ${b}\"\n"), "wrong-type", 3, "templates", `reason = "..."`},
		{"wrapped template", block("  reason = \"${b}\"\n"), "wrong-type", 3, "templates", `reason = "..."`},
		{"null", block("  reason = null\n"), "wrong-type", 3, "", `reason = "..."`},
		{"quoted truth", block("  pin = \"true\"\n"), "wrong-type", 3, "true or false", "pin = true"},
		{"attribute twice", block("  tier = ladder.x.z\n"), "syntax", 3, "", ""},
		{"no end", "assignment \"a\" \"b\" {\n", "syntax", 1, "", ""},
		{"not UTF-8", "# caf\xe9\n", "not-utf8", 1, "Byte 5", ""},
		{"too large", strings.Repeat("#", maxBytes+1), "file-too-large", 0, "4194304", ""},
		{"nested too deep", "a = " + strings.Repeat("[", 100000), "nested-too-deep", 1, "64", ""},
		{"templates nested too deep", "a = " + strings.Repeat("\"${", 1000), "nested-too-deep", 1, "64", ""},
		{"a chain of signs", "a = " + strings.Repeat("-", 200_000) + "1", "statement-too-long", 1, "4096", ""},
		{"a chain of signs over lines", "a = (" + strings.Repeat("!\n", 100000) + "true)", "statement-too-long", 2047, "4096", ""},
		{"a chain of conditions", "a = " + strings.Repeat("b ? c : ", 100000) + "d", "statement-too-long", 1, "4096", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f, diags := Parse("policy.hcl", []byte(c.src))
			if f != nil || len(diags) == 0 {
				t.Fatalf("accepted")
			}
			d := diags[0]
			if d.Code != c.code || d.Range.Start.Line != c.line || d.Range.File != "policy.hcl" {
				t.Errorf("%s at %v, want %s at line %d", d.Code, d.Range, c.code, c.line)
			}
			if !strings.Contains(d.Detail, c.says) || d.Suggest != c.suggests {
				t.Errorf("says %q, suggests %q", d.Detail, d.Suggest)
			}
		})
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	src := "assignment \"a\" \"b\" {\n  tier = 1\n  since = 2\n  pinn = true\n}\nassignment \"c\" \"d\" {\n}\n"
	if _, diags := Parse("f", []byte(src)); diags.Count(diag.Error) != 4 {
		t.Errorf("%d errors: %v", len(diags), diags.Err())
	}
}

// A statement ends at a line comment too: many commented lines are no long one.
func TestManyCommentedLines(t *testing.T) {
	var b strings.Builder
	for range 3000 {
		b.WriteString("assignment \"a\" \"b\" { # head\n  tier = ladder.x.y # why\n} # tail\n")
	}
	_, diags := Parse("f", []byte(b.String()))
	if len(diags) != 2999 || diags[0].Code != "duplicate-block" {
		t.Errorf("%d diagnostics, first %v", len(diags), diags[0])
	}
}
