package connector

import (
	"regexp"
	"strings"
	"testing"
)

var nameForm = regexp.MustCompile(`^[A-Za-z0-9_./-]{1,128}$`)

func TestPublicName(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, x := range [][3]string{
		{"github", "issues_create", "github_issues_create"},
		{"", "a.b/c-d", "a.b/c-d"},
		{"p", strings.Repeat("x", 126), "p_" + strings.Repeat("x", 126)},
	} {
		if got := PublicName(x[0], x[1]); got != x[2] {
			t.Errorf("%q", got)
		}
	}
	a, b := PublicName("p", long+"a"), PublicName("p", long+"b")
	if a == b || len(a) != MaxName || a != PublicName("p", long+"a") {
		t.Errorf("%s %s", a, b)
	}
	if PublicName("p", "a b") == PublicName("p", "a_b") {
		t.Error("two names became one")
	}
}

func FuzzPublicName(f *testing.F) {
	f.Add("p", "a b", "a_b")
	f.Add("", strings.Repeat("é", 100), "x")
	f.Fuzz(func(t *testing.T, prefix, one, other string) {
		if one == "" || other == "" || len(prefix) > 64 {
			return
		}
		a, b := PublicName(prefix, one), PublicName(prefix, other)
		if !nameForm.MatchString(a) {
			t.Errorf("%q", a)
		}
		if one != other && a == b && !strings.HasSuffix(one, other[max(0, len(other)-9):]) && !strings.HasSuffix(other, one[max(0, len(one)-9):]) {
			t.Errorf("%q and %q both become %q", one, other, a)
		}
	})
}
