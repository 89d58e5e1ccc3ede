package engine

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
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
	e := bare(t)
	e.Project.Policy = desiredOf(parse("a", "b", "c", "d", "e").Assignments())
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

// A step that was escalated while it was measured does not move down by what was
// measured, in the policy file and in a patch, and takes its set with it; one that
// began the night escalated does.
func TestEscalatedByNightStaysUp(t *testing.T) {
	for name, patch := range map[string]bool{"night": false, "patch": true} {
		t.Run(name, func(t *testing.T) {
			e := placed(t, "alone", "before", "by-night", "mate")
			src, err := os.ReadFile(e.policyPath())
			if err != nil {
				t.Fatal(err)
			}
			write(t, e.policyPath(), strings.ReplaceAll(string(src), "= ladder.l.small", "= ladder.l.medium"))
			reread(t, e)
			escalated(t, e, "before", "large", start.Add(-time.Hour))
			steps, err := e.Steps(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			escalated(t, e, "by-night", "large", start)
			var moves []nightly.Move
			for _, s := range steps {
				s.Policy = &config.Policy{}
				m := nightly.Candidate{Step: s, Tier: s.Ladder.Tier("small")}.Down(start, "proved", "evidence/x.jsonl#1")
				if m.Skill == "by-night" || m.Skill == "mate" {
					m.Set = "team"
				}
				moves = append(moves, m)
			}
			want := []string{"by-night/main", "mate/main"}
			refused, err := e.Refused(t.Context(), moves)
			if got := slices.Sorted(maps.Keys(refused)); err != nil || !slices.Equal(got, want) {
				t.Errorf("refused %v, not %v: %v", got, want, err)
			}
			apply := e.Apply
			if patch {
				apply, want = (&proposal{Engine: e}).Apply, want[:1] // of a proposal any part may be applied
			}
			diff, refused, err := apply(t.Context(), moves)
			if got := slices.Sorted(maps.Keys(refused)); err != nil || !slices.Equal(got, want) {
				t.Fatalf("applied, refused %v, not %v: %v", got, want, err)
			}
			if !strings.Contains(refused["by-night/main"], "escalated while this was measured") || strings.Count(diff, "+  tier") != len(moves)-len(want) {
				t.Errorf("%v\n%s", refused, diff)
			}
			if !patch && (standsOn(t, e, "by-night") != "medium" || standsOn(t, e, "alone") != "small") {
				t.Errorf("by-night stands on %s, alone on %s", standsOn(t, e, "by-night"), standsOn(t, e, "alone"))
			}
		})
	}
}

// What a person saves between the reading of the policy file and its writing
// stays, and the change is as if it had never been announced.
func TestHandEditIsNotLost(t *testing.T) {
	e := placed(t, "digest")
	before, file, err := e.freshPolicy()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := file.Get("digest", "main")
	a.Tier.Tier, a.Since = "large", start
	after := file.Set(a)
	by := string(before) + "# by hand\n"
	write(t, e.policyPath(), by)
	n := note{Kind: "policy.pin"}
	n.Event.Skill, n.Event.Step, n.Event.At = "digest", "main", start
	if err := e.writePolicy(t.Context(), before, after, []note{n}); !errors.Is(err, errEdited) {
		t.Fatalf("it says %v", err)
	}
	if now, err := os.ReadFile(e.policyPath()); err != nil || string(now) != by {
		t.Errorf("the file has\n%s\n%v", now, err)
	}
	if _, err := e.store.Get(intentKey()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the change is still announced: %v", err)
	}
	if err := os.Remove(e.policyPath()); err != nil { // nor is a file that a person took away made again
		t.Fatal(err)
	}
	if err := e.writePolicy(t.Context(), before, after, []note{n}); !errors.Is(err, errEdited) {
		t.Errorf("without the file it says %v", err)
	}
	if err := e.writePolicy(t.Context(), nil, after, []note{n}); err != nil || standsOn(t, e, "digest") != "large" {
		t.Errorf("a first policy file: %v", err)
	}
}
