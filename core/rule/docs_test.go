package rule

import (
	"os"
	"strings"
	"testing"
)

// The page for users names every function there is, and every member that a
// policy rule may read.
func TestDocsNameTheWholeLanguage(t *testing.T) {
	page, err := os.ReadFile("../../docs/gates.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range functions() {
		names = append(names, name)
	}
	names = append(names, predicateNames()...)
	for name, r := range policyScope().roots {
		names = append(names, name)
		for member := range r.group {
			names = append(names, member)
		}
	}
	for _, name := range names {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/gates.md does not name `%s`", name)
		}
	}
	for name := range clockFunctions() {
		if !strings.Contains(string(page), "`"+name+"(now)`") {
			t.Errorf("docs/gates.md does not name `%s(now)`", name)
		}
	}
}

// The page about access names every member that an access rule may read.
func TestDocsNameTheAccessScope(t *testing.T) {
	page, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range accessScope().roots {
		if r.group == nil && !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/access.md does not name `%s`", name)
		}
		for member := range r.group {
			if !strings.Contains(string(page), "`"+name+"."+member+"`") {
				t.Errorf("docs/access.md does not name `%s.%s`", name, member)
			}
		}
	}
}
