package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatchName(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"*", "anything", true}, {"", "", true}, {"", "a", false},
		{"github_*", "github_", true}, {"github_*", "github_issues", true}, {"github_*", "github", false},
		{"*_delete_*", "github_delete_repo", true}, {"*_delete_*", "delete_repo", false},
		{"a*b*c", "axxbxxbxc", true}, {"a*b*c", "axxcxxb", false}, {"a**", "a", true},
		{"Issues", "issues", false}, {"issues", "issues_get", false}, {"a.c", "abc", false},
	} {
		if got := MatchName(c.pattern, c.name); got != c.want {
			t.Errorf("MatchName(%q, %q) = %t", c.pattern, c.name, got)
		}
	}
}

// MatchName, covers and overlap agree with all names of a small alphabet.
func TestPatterns(t *testing.T) {
	var all []string
	for level := []string{""}; len(all) < 1000; {
		all = append(all, level...)
		var next []string
		for _, s := range level {
			next = append(next, s+"a", s+"b")
		}
		level = next
	}
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.StringMatching(`[ab*]{0,5}`).Draw(t, "x")
		y := rapid.StringMatching(`[ab*]{0,5}`).Draw(t, "y")
		both, covered := false, true
		for _, s := range all {
			in, also := slowMatch(x, s), slowMatch(y, s)
			if in != MatchName(x, s) {
				t.Fatalf("MatchName(%q, %q) = %t", x, s, !in)
			}
			both = both || in && also
			covered = covered && (in || !also)
		}
		// Names of up to nine characters decide it: two patterns share a name of
		// no more characters than both have letters, and a star is none.
		if overlap(x, y) != both || meet(x, y) != both {
			t.Fatalf("overlap(%q, %q) = %t, meet %t; names say %t", x, y, overlap(x, y), meet(x, y), both)
		}
		if covers(x, y) && !covered {
			t.Fatalf("covers(%q, %q), and there is a name of the second alone", x, y)
		}
	})
}

func slowMatch(pattern, s string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	if !strings.HasPrefix(s, head) {
		return false
	}
	for i := len(head); i <= len(s); i++ {
		if slowMatch(rest, s[i:]) {
			return true
		}
	}
	return false
}

// A pattern of many stars is no way to stop the machine.
func BenchmarkMatchName(b *testing.B) {
	pattern, name := strings.Repeat("a*", 63)+"b", strings.Repeat("a", 128)
	for b.Loop() {
		MatchName(pattern, name)
	}
}
