package policyfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/internal/plain"
	"pgregory.net/rapid"
)

// drawAssignment draws any values that a file can hold, for one of a few keys.
func drawAssignment(t *rapid.T) Assignment {
	name := rapid.OneOf(rapid.SampledFrom([]string{"claude", "haiku", "gpt-5", "4o", "a b"}), rapid.Map(rapid.String(), plain.Normal))
	tier := rapid.Custom(func(t *rapid.T) TierRef {
		return TierRef{name.Draw(t, "ladder"), "t" + name.Draw(t, "tier")}
	})
	moment := rapid.OneOf(rapid.Just(time.Time{}), rapid.Map(rapid.Int64Range(0, 4e9), func(n int64) time.Time { return time.Unix(n, n%1e9).UTC() }))
	text := rapid.OneOf(rapid.Just(""), rapid.Map(rapid.String(), plain.Normal), rapid.SampledFrom([]string{`a "b" \ ${c} %{d} $${e} # f`, "two\nlines", "// x", "/* x"}))
	a := Assignment{
		Skill: rapid.OneOf(rapid.SampledFrom([]string{"a", "b", "c"}), rapid.String()).Draw(t, "skill"),
		Step:  rapid.SampledFrom([]string{"main", "copy"}).Draw(t, "step"),
		Tier:  tier.Draw(t, "tier"), Since: moment.Draw(t, "since"), Reason: text.Draw(t, "reason"),
		Evidence: text.Draw(t, "evidence"), CooldownUntil: moment.Draw(t, "cooldown"), Pin: rapid.Bool().Draw(t, "pin"),
	}
	if rapid.Bool().Draw(t, "has from") {
		a.From = tier.Draw(t, "from")
	}
	a.Tier.Ladder, a.From.Ladder = plain.Normal(a.Tier.Ladder), plain.Normal(a.From.Ladder)
	a.Tier.Tier, a.From.Tier = plain.Normal(a.Tier.Tier), plain.Normal(a.From.Tier)
	return a
}

// drawSource writes a policy file as a careless person might.
func drawSource(t *rapid.T) []byte {
	eol := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "eol")
	space := rapid.SampledFrom([]string{"", " ", "  ", "\t"})
	comment := rapid.SampledFrom([]string{"", "", " # c", "\t// c \"", " /* c */", " /* c" + eol + "c */ "})
	filler := rapid.SampledFrom([]string{"", eol, eol + eol, "# c" + eol, "/* c" + eol + "*/" + eol, "  // { c" + eol})
	var b strings.Builder
	seen := map[[2]string]bool{}
	if rapid.Bool().Draw(t, "mark") {
		b.WriteString("\ufeff")
	}
	for range rapid.IntRange(0, 3).Draw(t, "blocks") {
		a := drawAssignment(t)
		if b.WriteString(filler.Draw(t, "filler")); seen[a.key()] {
			continue
		}
		seen[a.key()] = true
		lead := space.Draw(t, "lead")
		fmt.Fprintf(&b, "%s%s%s %s %s%s{", lead, blockType, space.Draw(t, "gap"), plain.Quote(a.Skill), plain.Quote(a.Step), space.Draw(t, "gap"))
		if rapid.Bool().Draw(t, "one line") {
			fmt.Fprintf(&b, "%stier=%s%s}%s%s", space.Draw(t, "gap"), writeTier(a.Tier), space.Draw(t, "gap"), comment.Draw(t, "comment"), eol)
			continue
		}
		b.WriteString(comment.Draw(t, "comment") + eol)
		for _, fd := range rapid.Permutation(fields()).Draw(t, "order") {
			value := fd.write(a)
			if value == "" {
				continue
			}
			if fd.name == "reason" && rapid.Bool().Draw(t, "heredoc") {
				fmt.Fprintf(&b, "  reason = <<EOT%sline one%s  line two%sEOT%s", eol, eol, eol, eol)
				continue
			}
			fmt.Fprintf(&b, "%s%s%s=%s%s%s%s%s", space.Draw(t, "lead"), fd.name, space.Draw(t, "gap"), space.Draw(t, "gap"), value,
				comment.Draw(t, "comment"), eol, filler.Draw(t, "filler"))
		}
		fmt.Fprintf(&b, "%s}%s%s", space.Draw(t, "lead"), comment.Draw(t, "comment"), eol)
	}
	b.WriteString(filler.Draw(t, "filler") + rapid.SampledFrom([]string{"", "# end"}).Draw(t, "end"))
	return []byte(b.String())
}

// comments lists what a file says in comments, in order.
func comments(f *File) []string {
	var out []string
	for _, t := range f.lex() {
		if t.Type == hclsyntax.TokenComment {
			out = append(out, strings.TrimRight(string(t.Bytes), "\r\n"))
		}
	}
	return out
}

// checkSet holds all that Set promises for one source and one assignment.
func checkSet(t fataler, src []byte, a Assignment) {
	t.Helper()
	f := mustParse(t, src)
	old, existed := f.Get(a.Skill, a.Step)
	said := comments(f)
	got := slices.Clone(f.Set(a))

	next := mustParse(t, got)
	back, ok := next.Get(a.Skill, a.Step)
	if !ok || bare(back) != a {
		t.Fatalf("set  %+v\nread %+v\nfrom:\n%s\nin:\n%s", a, bare(back), src, got)
	}
	if now, _ := f.Get(a.Skill, a.Step); now != back {
		t.Fatalf("the file says %+v, its source %+v", now, back)
	}
	if again := f.Set(a); !bytes.Equal(again, got) {
		t.Fatalf("a second Set made:\n%s\nof:\n%s", again, got)
	}
	if !existed {
		if !bytes.HasPrefix(got, src) {
			t.Fatalf("a new block changed what stood before it:\n%s\nbecame:\n%s", src, got)
		}
		return
	}
	if bare(old) == a && !bytes.Equal(got, src) {
		t.Fatalf("nothing to change, yet:\n%s\nbecame:\n%s", src, got)
	}
	if !bytes.HasPrefix(got, src[:old.Range.Start.Byte]) || !bytes.HasSuffix(got, src[old.Range.End.Byte:]) {
		t.Fatalf("bytes outside of the block changed:\n%s\nbecame:\n%s", src, got)
	}
	if now := comments(next); !slices.Equal(said, now) {
		t.Fatalf("comments %q became %q", said, now)
	}
	if crlf, lf := bytes.Count(got, []byte("\r\n")), bytes.Count(got, []byte("\n")); bytes.Count(src, []byte("\r\n")) == bytes.Count(src, []byte("\n")) && bytes.Contains(src, []byte("\n")) && crlf != lf {
		t.Fatalf("%d of %d lines end as on windows:\n%q", crlf, lf, got)
	}
}

func TestSetKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawSource(t)
		a := drawAssignment(t)
		if f := mustParse(t, src); len(f.blocks) > 0 && rapid.Bool().Draw(t, "an existing one") {
			b := rapid.SampledFrom(f.blocks).Draw(t, "which")
			a.Skill, a.Step = b.Skill, b.Step
			if rapid.Bool().Draw(t, "only the pin") {
				pin := a.Pin
				a = bare(b.Assignment)
				a.Pin = pin
			}
		}
		checkSet(t, src, a)
	})
}

// SetAll is as many Sets; Remove undoes the Set of a new block and touches no other.
func TestSetAllAndRemove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawSource(t)
		one, all := mustParse(t, src), mustParse(t, src)
		list := rapid.SliceOfN(rapid.Custom(drawAssignment), 0, 4).Draw(t, "list")
		for _, a := range list {
			one.Set(a)
		}
		all.SetAll(list)
		for _, a := range one.Assignments() {
			if b, ok := all.Get(a.Skill, a.Step); !ok || bare(a) != bare(b) {
				t.Fatalf("one by one %+v, together %+v", a, b)
			}
		}
		before := all.Assignments()
		if len(before) != len(one.Assignments()) {
			t.Fatalf("%d one by one, %d together", len(one.Assignments()), len(before))
		}
		for i, a := range before {
			all.Remove(a.Skill, a.Step)
			for _, b := range before[i+1:] {
				if now, ok := all.Get(b.Skill, b.Step); !ok || now.Hash != b.Hash {
					t.Fatalf("removing %s %s changed %+v to %+v", a.Skill, a.Step, b, now)
				}
			}
		}
		if len(all.Assignments()) != 0 {
			t.Fatalf("left over: %+v", all.Assignments())
		}
		text := strings.TrimSpace("# c\n"+strings.TrimPrefix(string(src), "\ufeff")) + "\n"
		f := mustParse(t, []byte(text))
		fresh := Assignment{Skill: "fresh", Step: "fresh", Tier: TierRef{"x", "y"}}
		if f.Set(fresh); string(f.Remove("fresh", "fresh")) != text {
			t.Fatalf("Set and Remove made %q of %q", f.Bytes(), text)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(page))
	f.Add([]byte("assignment \"a\" \"b\" { tier = ladder[\"x\"].y }"))
	f.Add([]byte("assignment a b {\r\n  reason = <<-E\r\n  x\r\n  E\r\n  pin = (true)\r\n}"))
	f.Add([]byte("\ufeff# c"))
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
	})
}

func FuzzSet(f *testing.F) {
	f.Add([]byte(page), "humanizer", "main", "x", "y", "a reason", int64(1_800_000_000), true)
	f.Add([]byte("assignment \"a\" \"b\" { tier = ladder[\"x\"].y }"), "a", "b", "x", "4o", "", int64(0), false)
	f.Add([]byte("assignment a b {\r\n  tier = ladder.x.y /* c\r\n*/\r\n}"), "a", "b", "x", "z", "${", int64(1), true)
	f.Add([]byte("# c"), "\"", "\\", "x", "z", "%{", int64(1), true)
	f.Fuzz(func(t *testing.T, src []byte, skill, step, ladder, tier, reason string, since int64, pin bool) {
		if _, diags := Parse("f", src); len(diags) > 0 || ladder+tier == "" {
			return
		}
		a := Assignment{
			Skill: plain.Valid(skill), Step: plain.Valid(step), Tier: TierRef{plain.Normal(ladder), plain.Normal(tier)},
			Reason: plain.Normal(reason), Pin: pin,
		}
		if since > 0 && since < 4e9 {
			a.Since = time.Unix(since, 0).UTC()
		}
		checkSet(t, src, a)
	})
}

func BenchmarkSetAll(b *testing.B) {
	var list []Assignment
	for i := range 2000 {
		list = append(list, Assignment{Skill: fmt.Sprintf("skill-%d", i), Step: "main", Tier: TierRef{"claude", "opus"},
			Since: time.Unix(1_800_000_000, 0), Reason: "proved not worse by 5 points on this pool of 120 items", Evidence: "evidence/x.jsonl#main-3"})
	}
	src := mustParse(b, nil).SetAll(list)
	for i := range list {
		list[i].Tier.Tier = "haiku"
	}
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		f, _ := Parse("policy.hcl", src)
		f.SetAll(list)
	}
}

// BenchmarkParse reads the policy of 1,000 skills: part of the start of every
// command, whose target is 100 ms.
func BenchmarkParse(b *testing.B) {
	var list []Assignment
	for i := range 1000 {
		list = append(list, Assignment{Skill: fmt.Sprintf("skill-%d", i), Step: "main", Tier: TierRef{"claude", "opus"},
			Since: time.Unix(1_800_000_000, 0), Reason: "proved not worse by 5 points on this pool of 120 items"})
	}
	src := mustParse(b, nil).SetAll(list)
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := Parse("policy.hcl", src); len(diags) > 0 {
			b.Fatal(diags.Err())
		}
	}
}
