package engine

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// What was accepted together moves together: a block that a person changed takes
// all moves of its set with it, and nothing else.
func TestRefusedTakesItsSet(t *testing.T) {
	parse := func(reasons ...string) *policyfile.File {
		var src string
		for i, r := range reasons {
			src += fmt.Sprintf("assignment \"s%d\" \"main\" {\n  tier   = ladder.l.large\n  reason = %q\n}\n\n", i, r)
		}
		file, diags := policyfile.Parse(PolicyFile, []byte(src))
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		return file
	}
	moves := []nightly.Move{
		{Skill: "s0", Step: "main", Set: "team"}, {Skill: "s1", Step: "main", Set: "team"},
		{Skill: "s2", Step: "main", Set: "other"}, {Skill: "s3", Step: "main"}, {Skill: "s4", Step: "main"},
	}
	e := &Engine{Tools: &Tools{Project: &Project{Policy: desiredOf(parse("a", "b", "c", "d", "e").Assignments())}}}
	for name, tt := range map[string]struct {
		now  *policyfile.File
		want []string
	}{
		"as it was":        {parse("a", "b", "c", "d", "e"), nil},
		"one of a set":     {parse("a", "by hand", "c", "d", "e"), []string{"s0/main", "s1/main"}},
		"a set of one":     {parse("a", "b", "by hand", "d", "e"), []string{"s2/main"}},
		"one without sets": {parse("a", "b", "c", "by hand", "e"), []string{"s3/main"}},
		"all":              {parse("1", "2", "3", "4", "5"), []string{"s0/main", "s1/main", "s2/main", "s3/main", "s4/main"}},
	} {
		got := slices.Sorted(maps.Keys(e.refused(tt.now, moves)))
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: refused %v, not %v", name, got, tt.want)
		}
	}
}
