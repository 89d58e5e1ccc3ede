package policyfile

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestDiff(t *testing.T) {
	numbers := func(from, to int) string {
		var b strings.Builder
		for i := from; i <= to; i++ {
			fmt.Fprintf(&b, "%d\n", i)
		}
		return b.String()
	}
	cases := []struct{ name, before, after, want string }{
		{"equal", "a\n", "a\n", ""},
		{"both empty", "", "", ""},
		{"new file", "", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"emptied", "a\n", "", "@@ -1 +0,0 @@\n-a\n"},
		{"one line", "a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"no line end", "a\nb", "a\nc", "@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n"},
		{"line end added", "a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"},
		{"line end kind", "a\r\n", "a\n", "@@ -1 +1 @@\n-a\r\n+a\n"},
		{"three lines of context", numbers(1, 20), strings.Replace(numbers(1, 20), "10\n", "ten\n", 1),
			"@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n"},
		{"near changes share a hunk", numbers(1, 20), strings.NewReplacer("5\n6", "five\n6", "12\n", "").Replace(numbers(1, 20)),
			"@@ -2,14 +2,13 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n 9\n 10\n 11\n-12\n 13\n 14\n 15\n"},
		{"far changes do not", numbers(1, 20), strings.NewReplacer("5\n6", "five\n6", "13\n", "").Replace(numbers(1, 20)),
			"@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -10,7 +10,6 @@\n 10\n 11\n 12\n-13\n 14\n 15\n 16\n"},
		{"added in the middle of equals", "x\nx\nx\n", "x\nx\ny\nx\n", "@@ -1,3 +1,4 @@\n x\n x\n+y\n x\n"},
		{"a block moved", "a\nb\nc\nd\n", "c\nd\na\nb\n", "@@ -1,4 +1,4 @@\n-a\n-b\n c\n d\n+a\n+b\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			if want != "" {
				want = "--- a/policy.hcl\n+++ b/policy.hcl\n" + want
			}
			if got := Diff([]byte(c.before), []byte(c.after), "policy.hcl"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

// patch applies a unified diff, strictly: every line that the diff claims to be
// there must be there.
func patch(before, diff string) (string, error) {
	if diff == "" {
		return before, nil
	}
	src := split([]byte(before))
	var out strings.Builder
	at := 0
	lines := split([]byte(diff))[2:]
	for i, l := range lines {
		if strings.HasPrefix(l, `\ `) {
			continue
		}
		text := l[1:]
		if i+1 < len(lines) && strings.HasPrefix(lines[i+1], `\ `) {
			text = strings.TrimSuffix(text, "\n")
		}
		switch l[0] {
		case '@':
			fields := strings.Fields(l)
			first, count, ranged := strings.Cut(strings.TrimPrefix(fields[1], "-"), ",")
			start, err := strconv.Atoi(first)
			if err != nil {
				return "", err
			}
			if !ranged || count != "0" {
				start--
			}
			if start < at {
				return "", fmt.Errorf("hunk %q begins before line %d", l, at)
			}
			for ; at < start; at++ {
				out.WriteString(src[at])
			}
		case ' ', '-':
			if at >= len(src) || src[at] != text {
				return "", fmt.Errorf("line %d is not %q", at, text)
			}
			at++
			if l[0] == ' ' {
				out.WriteString(text)
			}
		case '+':
			out.WriteString(text)
		}
	}
	for ; at < len(src); at++ {
		out.WriteString(src[at])
	}
	return out.String(), nil
}

// A diff takes the old text to the new one, whatever they are.
func TestDiffApplies(t *testing.T) {
	text := rapid.Custom(func(t *rapid.T) string {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "}\n", "\n", "d\r\n"}), 0, 40).Draw(t, "lines")
		return strings.Join(lines, "") + rapid.SampledFrom([]string{"", "end"}).Draw(t, "end")
	})
	rapid.Check(t, func(t *rapid.T) {
		before, after := text.Draw(t, "before"), text.Draw(t, "after")
		diff := Diff([]byte(before), []byte(after), "f")
		if got, err := patch(before, diff); err != nil || got != after {
			t.Fatalf("%v\n%q became %q instead of %q by:\n%s", err, before, got, after, diff)
		}
	})
}

// Two large texts with nothing in common do not take the memory of a square.
func TestDiffOfStrangers(t *testing.T) {
	before, after := strings.Repeat("a\n", 50_000), strings.Repeat("b\n", 50_000)
	diff := Diff([]byte(before), []byte(after), "f")
	if got, err := patch(before, diff); err != nil || got != after {
		t.Fatalf("%v", err)
	}
	if n := strings.Count(diff, "\n"); n != 100_003 {
		t.Errorf("%d lines", n)
	}
}

func BenchmarkDiff(b *testing.B) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "assignment \"skill-%d\" \"main\" {\n  tier   = ladder.claude.opus\n  reason = \"as it was\"\n}\n\n", i)
	}
	before := text.String()
	after := strings.ReplaceAll(before, "opus", "haiku")
	for b.Loop() {
		Diff([]byte(before), []byte(after), "policy.hcl")
	}
}
