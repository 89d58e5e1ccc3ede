package policyfile

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func ref(s string) TierRef {
	words := strings.Split(s, ".")
	return TierRef{words[1], words[2]}
}

// fataler is what tests, properties and fuzz targets share.
type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func mustParse(t fataler, src []byte) *File {
	t.Helper()
	f, diags := Parse("policy.hcl", src)
	if len(diags) > 0 {
		t.Fatalf("%v\nin:\n%s", diags.Err(), src)
	}
	return f
}

// bare is an assignment without what only a file knows.
func bare(a Assignment) Assignment {
	a.Range, a.Hash = Assignment{}.Range, ""
	return a
}

const page = `# Who may move what: see docs/policy.md

# The team agreed on 3 June.
assignment "humanizer" "main" {
  # never below haiku before the launch
  tier           = ladder.claude.haiku # looked at by Ana
  since          = "2026-07-01T02:00:00Z"
  from           = ladder.claude.opus

  reason         = "proved not worse by 5 points on this pool of 120 items" // why
  evidence       = "evidence/humanizer.jsonl#main-3"
  cooldown_until = "2026-07-08T02:00:00Z" /* a week */
  pin            = true
} # end of humanizer

/* an odd one */ assignment  "odd"   "main" { tier=ladder.claude.opus }
`

func TestSet(t *testing.T) {
	base := mustParse(t, []byte(page))
	humanizer, _ := base.Get("humanizer", "main")
	odd, _ := base.Get("odd", "main")
	change := func(a Assignment, f func(*Assignment)) Assignment { f(&a); return a }
	cases := []struct {
		name string
		src  string
		set  Assignment
		// old and new are the only difference that there may be.
		old, new string
	}{
		{"nothing", page, humanizer, "", ""},
		{"a tier", page, change(humanizer, func(a *Assignment) { a.Tier = ref("ladder.claude.local") }),
			"= ladder.claude.haiku #", "= ladder.claude.local #"},
		{"a reason", page, change(humanizer, func(a *Assignment) { a.Reason = `said "no": ${x} \ %{y}` + "\n" }),
			`"proved not worse by 5 points on this pool of 120 items" // why`, `"said \"no\": $${x} \\ %%{y}\n" // why`},
		{"same moment, other zone", page, change(humanizer, func(a *Assignment) { a.Since = a.Since.In(time.FixedZone("", 7200)) }), "", ""},
		{"take a line out", page, change(humanizer, func(a *Assignment) { a.Since = time.Time{} }),
			"  since          = \"2026-07-01T02:00:00Z\"\n", ""},
		{"take the last line out", page, change(humanizer, func(a *Assignment) { a.Pin = false }),
			"  pin            = true\n", ""},
		{"a comment behind stays", page, change(humanizer, func(a *Assignment) { a.CooldownUntil = time.Time{} }),
			"  cooldown_until = \"2026-07-08T02:00:00Z\" /* a week */", "  /* a week */"},
		{"a comment to the end of the line stays", page, change(humanizer, func(a *Assignment) { a.Reason = "" }),
			`  reason         = "proved not worse by 5 points on this pool of 120 items" // why`, "  // why"},
		{"unfold", page, change(odd, func(a *Assignment) { a.Pin, a.Since = true, at("2026-01-01T00:00:00Z") }),
			"{ tier=ladder.claude.opus }", "{\n  tier=ladder.claude.opus\n  since = \"2026-01-01T00:00:00Z\"\n  pin = true\n}"},
		{"in one line", page, change(odd, func(a *Assignment) { a.Tier = ref("ladder.claude.haiku") }),
			"tier=ladder.claude.opus", "tier=ladder.claude.haiku"},
		{"add lines in order, aligned", "assignment \"a\" \"b\" {\n\ttier     = ladder.x.y # t\n\tevidence = \"e\"\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y"), From: ref("ladder.x.z"), Since: at("2026-01-01T00:00:00Z"), Evidence: "e", CooldownUntil: at("2026-01-02T00:00:00Z"), Pin: true},
			"# t\n\tevidence = \"e\"\n", "# t\n\tsince    = \"2026-01-01T00:00:00Z\"\n\tfrom     = ladder.x.z\n\tevidence = \"e\"\n\tcooldown_until = \"2026-01-02T00:00:00Z\"\n\tpin      = true\n"},
		{"add above all that is there", "assignment \"a\" \"b\" { # head\n    pin  = true\n    tier = ladder.x.y\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y"), Pin: true, Reason: "r"},
			"y\n", "y\n    reason = \"r\"\n"},
		{"add behind a comment of several lines", "assignment \"a\" \"b\" {\n  tier = ladder.x.y /* one\n  two */\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y"), Pin: true},
			"two */\n", "two */\n  pin  = true\n"},
		{"replace and add on neighbouring lines", "assignment \"a\" \"b\" {\n  tier = ladder.x.y\n  reason = \"old\"\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y"), From: ref("ladder.x.z")},
			"  reason = \"old\"\n", "  from = ladder.x.z\n"},
		{"a heredoc becomes a string", "assignment \"a\" \"b\" {\n  tier = ladder.x.y\n  reason = <<EOT\nold\nEOT\n  pin = true\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y"), Pin: true, Reason: "new"},
			"<<EOT\nold\nEOT\n", "\"new\"\n"},
		{"a heredoc is taken out", "assignment \"a\" \"b\" {\n  tier = ladder.x.y\n  reason = <<EOT\nold\nEOT\n  pin = true\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y"), Pin: true},
			"  reason = <<EOT\nold\nEOT\n", ""},
		{"what is written as false stays", "assignment \"a\" \"b\" {\n  tier = ladder.x.y\n  pin = false\n  reason = \"\"\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y")}, "", ""},
		{"a comment before it on the line", "assignment \"a\" \"b\" {\n  tier = ladder.x.y\n  /* why */ reason = \"r\"\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y")}, "reason = \"r\"", ""},
		{"names that are no identifiers", "assignment \"a\" \"b\" {\n  tier = ladder.x.y\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: TierRef{"open ai", "4o"}}, "ladder.x.y", `ladder["open ai"]["4o"]`},
		{"windows lines", "# c\r\nassignment \"a\" \"b\" {\r\n  tier = ladder.x.y # t\r\n  reason = \"r\"\r\n}\r\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y"), Pin: true}, "  reason = \"r\"\r\n", "  pin  = true\r\n"},
		{"new block", "# only a comment\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y"), CooldownUntil: at("2026-01-02T00:00:00.5Z")},
			"comment\n", "comment\n\nassignment \"a\" \"b\" {\n  tier           = ladder.x.y\n  cooldown_until = \"2026-01-02T00:00:00.5Z\"\n}\n"},
		{"new block behind a blank line", "# c\n\n", Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y")},
			"# c\n\n", "# c\n\nassignment \"a\" \"b\" {\n  tier = ladder.x.y\n}\n"},
		{"new block, unfinished line, windows", "# a\r\n# b", Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y")},
			"# b", "# b\r\n\r\nassignment \"a\" \"b\" {\r\n  tier = ladder.x.y\r\n}\r\n"},
		{"new file", "", Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.y")},
			"", header + "\nassignment \"a\" \"b\" {\n  tier = ladder.x.y\n}\n"},
		{"byte order mark", "\ufeffassignment \"a\" \"b\" {\n  tier = ladder.x.y\n}\n",
			Assignment{Skill: "a", Step: "b", Tier: ref("ladder.x.z"), Pin: true}, "ladder.x.y\n", "ladder.x.z\n  pin  = true\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := mustParse(t, []byte(c.src))
			if !strings.Contains(c.src, c.old) {
				t.Fatalf("the source has no %q", c.old)
			}
			got, want := f.Set(c.set), strings.Replace(c.src, c.old, c.new, 1)
			if string(got) != want {
				t.Fatalf("got:\n%s\nwant:\n%s", got, want)
			}
			if back, ok := mustParse(t, got).Get(c.set.Skill, c.set.Step); !ok || bare(back) != bare(c.set) && !c.set.Since.Equal(back.Since) {
				t.Errorf("set  %+v\nread %+v", bare(c.set), bare(back))
			}
			if now, _ := f.Get(c.set.Skill, c.set.Step); !now.Since.Equal(c.set.Since) || now.Tier != c.set.Tier {
				t.Errorf("the file still says %+v", now)
			}
			if again := f.Set(c.set); !bytes.Equal(again, got) || !bytes.Equal(f.Bytes(), got) {
				t.Errorf("a second Set made:\n%s", again)
			}
		})
	}
}

func TestSetAll(t *testing.T) {
	f := mustParse(t, []byte(page))
	humanizer, _ := f.Get("humanizer", "main")
	humanizer.Pin = false
	list := []Assignment{
		{Skill: "new", Step: "main", Tier: ref("ladder.claude.haiku")},
		humanizer,
		{Skill: "new", Step: "main", Tier: ref("ladder.claude.opus")},
		{Skill: "newer", Step: "main", Tier: ref("ladder.claude.opus")},
	}
	want := strings.Replace(page, "  pin            = true\n", "", 1) +
		"\nassignment \"new\" \"main\" {\n  tier = ladder.claude.opus\n}\n\nassignment \"newer\" \"main\" {\n  tier = ladder.claude.opus\n}\n"
	if got := f.SetAll(list); string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := f.SetAll(nil); string(got) != want || len(f.Assignments()) != 4 {
		t.Errorf("setting nothing made %d assignments and:\n%s", len(f.Assignments()), got)
	}
}

func TestSetBeyondWhatCanBeWritten(t *testing.T) {
	f := mustParse(t, nil)
	f.Set(Assignment{Skill: "a\xff", Step: "b", Tier: ref("ladder.x.y"), Reason: "\xff",
		Since: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), CooldownUntil: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)})
	a, ok := f.Get("a\xff", "b")
	if !ok || a.Reason != "\uFFFD" || a.CooldownUntil.Year() != 9999 || a.Since.Year() != 0 {
		t.Errorf("%v %+v", ok, a)
	}
	// A file that grew over the limit is written, and its next reader is told.
	big := Assignment{Skill: "big", Step: "main", Tier: ref("ladder.x.y"), Reason: strings.Repeat("x", maxBytes)}
	src := f.Set(big)
	if got, ok := f.Get("big", "main"); !ok || got.Reason != big.Reason {
		t.Error("the edit was lost")
	}
	if _, diags := Parse("policy.hcl", src); len(diags) != 1 || diags[0].Code != "file-too-large" {
		t.Errorf("%v", diags.Err())
	}
}

func TestRemove(t *testing.T) {
	const block = "assignment \"a\" \"b\" {\n  tier = ladder.x.y\n}"
	cases := []struct{ name, src, want string }{
		{"alone", block + "\n", ""},
		{"no line end", block, ""},
		{"comments stay", "# above\n" + block + " # behind\n# below\n", "# above\n# behind\n# below\n"},
		{"one of two blank lines goes", "# above\n\n" + block + "\n\n# below\n", "# above\n\n# below\n"},
		{"the blank line at the end goes", "# above\n\n" + block + "\n", "# above\n"},
		{"windows", "# above\r\n\r\n" + strings.ReplaceAll(block, "\n", "\r\n") + "\r\n\r\n# below\r\n", "# above\r\n\r\n# below\r\n"},
		{"not there", "# above\n", "# above\n"},
		{"a comment before it on the line", "/* c */ " + block + "\n", "/* c */ \n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := mustParse(t, []byte(c.src))
			if got := f.Remove("a", "b"); string(got) != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if _, ok := f.Get("a", "b"); ok {
				t.Error("still there")
			}
		})
	}
}
