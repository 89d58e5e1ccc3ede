package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/tier"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// placed is a project of these skills, each moved by the machine from large to
// small, with nothing that could call a model.
func placed(t *testing.T, names ...string) *Engine {
	t.Helper()
	e := bare(t)
	e.pools = map[string]*trial.Pool{}
	l := &config.Ladder{Name: "l"}
	for i, name := range []string{"small", "medium", "large"} {
		l.Tiers = append(l.Tiers, &config.Tier{Ladder: "l", Name: name, Index: i, Backend: &config.Backend{Name: "api", Plugin: "openai"}})
	}
	e.Project.Config = &config.Project{Ladders: []*config.Ladder{l}}
	var src string
	for _, name := range names {
		s := &skill.Skill{Name: name, Dir: filepath.Join(e.Project.Dir, name), Contract: &config.Contract{}}
		s.Binding.Ladder = l
		e.Project.Skills = append(e.Project.Skills, s)
		src += fmt.Sprintf("assignment %q \"main\" {\n  tier     = ladder.l.small\n  from     = ladder.l.large\n  since    = \"2026-06-30T02:00:00Z\"\n  evidence = \"evidence/%s.jsonl#1\"\n}\n\n", name, name)
	}
	write(t, e.policyPath(), src)
	reread(t, e)
	return e
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// reread takes the policy file as it is into the project, as a night's start does.
func reread(t *testing.T, e *Engine) *policyfile.File {
	t.Helper()
	_, file, err := e.freshPolicy()
	if err != nil {
		t.Fatal(err)
	}
	e.Project.Policy = desiredOf(file.Assignments())
	return file
}

// escalated puts a runtime override in force.
func escalated(t *testing.T, e *Engine, name, to string, since time.Time) {
	t.Helper()
	up := e.Project.Config.Ladders[0].Tier(to)
	raw, err := json.Marshal(tier.Override{Rung: rung(up), Since: since, Reason: "fuse"})
	if err != nil {
		t.Fatal(err)
	}
	key := store.Key(store.TableOverride, scope, name, "main")
	if _, err := e.store.Commit(t.Context(), store.Batch{Puts: []store.Put{{Key: key, Value: store.Seal(1, raw)}}}); err != nil {
		t.Fatal(err)
	}
}

// standsOn is where the policy file has a step.
func standsOn(t *testing.T, e *Engine, name string) string {
	t.Helper()
	a, _ := reread(t, e).Get(name, "main")
	return a.Tier.Tier
}

// A skill that the machine moved and whose evidence cannot be read stops no night:
// it is said, the others are written down, and nothing of it is lost.
func TestBrokenSkillStopsNoNight(t *testing.T) {
	for name, patch := range map[string]bool{"night": false, "patch": true} {
		t.Run(name, func(t *testing.T) {
			e := placed(t, "broken", "fine")
			write(t, filepath.Join(e.Project.Dir, EvidenceDir, "broken.jsonl"), "{damaged\n{\n")
			escalated(t, e, "broken", "medium", start)
			escalated(t, e, "fine", "medium", start)
			if patch { // somebody applied last night's
				src, err := os.ReadFile(e.policyPath())
				if err != nil {
					t.Fatal(err)
				}
				write(t, e.policyPath(), strings.ReplaceAll(string(src), "ladder.l.small", "ladder.l.medium"))
				reread(t, e)
			}
			n, err := e.night(t.Context(), NightOptions{Patch: patch})
			if err != nil {
				t.Fatal(err)
			}
			said := strings.Join(n.Problems, "\n")
			for _, want := range []string{"the move of broken/main could not be looked for", "the escalation of broken/main was not written down", "broken could not be measured"} {
				if !strings.Contains(said, want) {
					t.Errorf("no word of %q:\n%s", want, said)
				}
			}
			if strings.Contains(said, "fine") || standsOn(t, e, "fine") != "medium" {
				t.Errorf("fine stands on %s:\n%s", standsOn(t, e, "fine"), said)
			}
			if o, err := e.override("broken", "main"); err != nil || o == nil {
				t.Errorf("the escalation that was not written down is gone: %v", err)
			}
			if o, err := e.override("fine", "main"); err != nil || o != nil {
				t.Errorf("the escalation that was written down is still there: %v", err)
			}
		})
	}
}

// A skill whose items cannot be read when the watches are set up, after the moves
// were made, takes neither the report nor the watches of the others with it.
func TestBrokenItemsAfterTheMoves(t *testing.T) {
	e := placed(t, "broken", "fine")
	for _, s := range e.Project.Skills {
		s.Binding.Policy = &config.Policy{Name: "p", Margin: 0.05, Alpha: 0.05, Shadow: 1, Ladder: s.Binding.Ladder}
		s.Contract.Items = &config.Items{Prove: []string{"items.jsonl"}, Source: "authored", Repeats: 1}
		write(t, filepath.Join(s.Dir, "items.jsonl"), map[string]string{"broken": "{", "fine": `{"id": "a", "input": "1", "reference": "1"}` + "\n"}[s.Name])
		moved := fmt.Sprintf(`{"v":1,"kind":"event","skill":%q,"step":"main","event":"moved","at":"2026-06-30T02:00:00Z","from":"ladder.l.large","to":"ladder.l.small","reason":"proved"}`, s.Name)
		write(t, filepath.Join(e.Project.Dir, EvidenceDir, s.Name+".jsonl"), moved+"\n")
	}
	n, err := e.night(t.Context(), NightOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(n.Problems, "\n"); !strings.Contains(said, "the watch over broken/main was not set up") || strings.Contains(said, "fine") {
		t.Errorf("it says:\n%s", said)
	}
	if _, err := e.store.Get(watchKey("fine", "main")); err != nil {
		t.Errorf("the watch over fine: %v", err)
	}
}

// What is forgotten is the escalation that was written down, and not one that came
// after it: that one stays in force, and the next night writes it.
func TestNewerEscalationStays(t *testing.T) {
	e := placed(t, "digest")
	s := e.Project.Skills[0]
	escalated(t, e, "digest", "medium", start)
	m, err := e.folded(s, s.Steps()[0])
	if err != nil {
		t.Fatal(err)
	}
	escalated(t, e, "digest", "large", start.Add(time.Minute)) // between the fold and its record
	if _, refused, err := e.Apply(t.Context(), []nightly.Move{*m}); err != nil || len(refused) > 0 {
		t.Fatalf("%v: %v", refused, err)
	}
	if on := standsOn(t, e, "digest"); on != "medium" {
		t.Errorf("the policy file says %s", on)
	}
	if place, err := e.Place(s, s.Steps()[0]); err != nil || place.Tier.Name != "large" {
		t.Fatalf("it stands on %+v: %v", place.Tier, err)
	}
	if _, _, problems, err := e.fold(t.Context()); err != nil || len(problems) > 0 {
		t.Fatalf("%q: %v", problems, err)
	}
	if on := standsOn(t, e, "digest"); on != "large" {
		t.Errorf("after the next night the policy file says %s", on)
	}
	if o, err := e.override("digest", "main"); err != nil || o != nil {
		t.Errorf("what was written down is still there: %+v, %v", o, err)
	}
}
