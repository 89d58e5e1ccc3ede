package nightly_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// epoch is a skill's first epoch.
func (h *house) epoch(skill int) *evidence.Opened {
	h.t.Helper()
	log, err := h.Read(fmt.Sprintf("skill-%03d", skill))
	if err != nil {
		h.t.Fatal(err)
	}
	return log.Epochs[0]
}

func (h *house) made() int {
	h.t.Helper()
	f, err := h.Fleet(h.t.Context(), h.policy.Name)
	if err != nil {
		h.t.Fatal(err)
	}
	return f.Accepted
}

// Only moves that were made count, and one that was not made is sought anew: with
// those that wait beside it, at the bar of that night.
func TestFleetCountsMovesThatWereMade(t *testing.T) {
	h := newHouse(t, 12, 74)
	h.policy.Fleet = true
	moved := h.night(nightly.Options{}).Totals.Moved
	if moved < 10 || h.made() != 0 {
		t.Fatalf("%d accepted, %d made", moved, h.made())
	}
	// All of them again: none was made, and nothing is bought or written for it.
	files := h.files()
	h.moves, h.applies = nil, func(string) bool { return true }
	h.bench.AsOf = h.bench.AsOf.Add(24 * time.Hour)
	if n := h.night(nightly.Options{}); n.Totals.Moved != moved || n.Totals.Trials != 0 || len(h.moves) != moved {
		t.Fatalf("the next night moves %d of %d, and buys %d", n.Totals.Moved, moved, n.Totals.Trials)
	}
	if h.made() != moved || strings.Count(h.files(), `"accepted"`) != strings.Count(files, `"accepted"`) {
		t.Errorf("%d of %d moves count", h.made(), moved)
	}
}

// What was accepted together does not move in a smaller set: a member that the
// policy file does not take leaves before anything is accepted, and one that is
// gone later takes the others' bar with it.
func TestFleetSetIsNotThinned(t *testing.T) {
	h := newHouse(t, 12, 74)
	h.policy.Fleet = true
	h.edited = map[string]bool{"skill-003": true, "skill-007": true}
	n := h.night(nightly.Options{})
	if n.Totals.Moved == 0 || len(h.moves) != n.Totals.Moved {
		t.Fatalf("%d moved: no test of a set", n.Totals.Moved)
	}
	for i := range 12 {
		o := h.epoch(i)
		if i == 3 || i == 7 {
			if o.Acceptance != nil {
				t.Errorf("skill %d was accepted, and could not move", i)
			}
		} else if o.Acceptance == nil || o.Acceptance.Together != n.Totals.Moved {
			t.Errorf("skill %d: %+v, and %d move", i, o.Acceptance, n.Totals.Moved)
		}
	}
	// Most of the set is gone: the bar of those that are left is out of reach.
	h.moves, h.edited = nil, map[string]bool{}
	for i := range 10 {
		h.edited[fmt.Sprintf("skill-%03d", i)] = true
	}
	if n := h.night(nightly.Options{}); n.Totals.Moved != 0 || len(h.moves) != 0 {
		t.Errorf("%d of a set of 10 moved alone", n.Totals.Moved)
	}
}

// A patch proposes only what may be applied in part: whoever clears the bar of a
// set of one. Those that are applied lower the bar of the rest.
func TestFleetPatch(t *testing.T) {
	h := newHouse(t, 12, 74)
	h.policy.Fleet = true
	if n := h.night(nightly.Options{Patch: true}); n.Totals.Moved != 0 || len(h.moves) != 0 {
		t.Fatalf("a patch proposes %d moves that clear their bar only together", n.Totals.Moved)
	}
	if strings.Contains(h.files(), `"accepted"`) && h.epoch(0).Acceptance != nil {
		t.Error("something was accepted")
	}

	h = newHouse(t, 8, 120) // enough items for each alone
	h.policy.Fleet = true
	n := h.night(nightly.Options{Patch: true})
	if n.Totals.Moved != 8 {
		t.Fatalf("a patch proposes %d of 8", n.Totals.Moved)
	}
	proposed := slices.Clone(h.moves)
	for _, m := range proposed {
		if a := h.epoch(int(m.Skill[8] - '0')).Acceptance; a.Together != 1 || a.Before != 0 {
			t.Errorf("%s: %+v", m.Skill, a)
		}
	}
	// Half of it is applied, and the other half is proposed again as it was.
	for _, m := range proposed[:4] {
		h.moved(m)
	}
	if h.made() != 4 {
		t.Errorf("%d moves count, and 4 were made", h.made())
	}
	h.moves = nil
	h.edited = map[string]bool{}
	for _, m := range proposed[:4] {
		h.edited[m.Skill] = true
	}
	h.night(nightly.Options{Patch: true})
	if !slices.EqualFunc(h.moves, proposed[4:], func(a, b nightly.Move) bool { return a.Skill == b.Skill && a.Evidence == b.Evidence }) {
		t.Errorf("the next patch has %d moves, not the 4 that are left", len(h.moves))
	}
}

// court is a judge whose every score costs 3,100 micro-dollars.
func court() *config.Tier {
	return &config.Tier{Ladder: "court", Name: "house", Model: "judge-1", Family: "glm", Backend: &config.Backend{Name: "court", Plugin: "openai"},
		Price: config.Price{Known: true, TokenPrice: config.TokenPrice{Input: 3_000_000, Output: 10_000_000}}}
}

// A planted arm that a judge scores is bought from the night's money like anything
// else: what is not there waits for another night, with and without the
// false-discovery rule.
func TestPlantedArmAsksThePurse(t *testing.T) {
	const arm = 10 * 3_100
	for name, h := range map[string]*house{"alone": newHouse(t, 2, 40), "fleet": newHouse(t, 6, 66)} {
		t.Run(name, func(t *testing.T) {
			h.policy.Fleet = name == "fleet"
			h.judge = court()
			skills := h.skills
			all := newHouse(t, h.skills, h.items)
			all.policy.Fleet, all.judge = h.policy.Fleet, court()
			all.policy.Budget = 1e12 // the first batch is one item where money is bounded
			whole := all.night(nightly.Options{}).Totals.Spent
			planted := 0
			for i := range skills {
				if len(all.epoch(i).Planted) > 0 {
					planted++
				}
			}
			if planted < 2 {
				t.Fatalf("%d planted arms without a bound: no test of money", planted)
			}
			// Enough for all items and one and a half arms.
			h.policy.Budget = whole - int64(planted)*arm + arm + arm/2
			n := h.night(nightly.Options{})
			if n.Totals.Spent > h.policy.Budget {
				t.Errorf("spent %d of %d", n.Totals.Spent, h.policy.Budget)
			}
			bought, waits := 0, 0
			for i := range skills {
				if len(h.epoch(i).Planted) > 0 {
					bought++
				}
			}
			for _, r := range n.Rows {
				if strings.Contains(r.Reason, "before planted damage could be tried") {
					waits++
				}
			}
			if bought != 1 || waits == 0 {
				for _, r := range n.Rows {
					t.Logf("%s %s %s", r.Skill, r.Decision, r.Reason)
				}
				t.Errorf("%d arms were bought, %d wait", bought, waits)
			}
			h.policy.Budget = -1
			if again := h.night(nightly.Options{}); again.Totals.Spent != whole-n.Totals.Spent {
				t.Errorf("the next night spends %d, and %d was left to do", again.Totals.Spent, whole-n.Totals.Spent)
			}
		})
	}
}

// Under the false-discovery rule a test that shares its items goes on by its own
// results alone: what it bought is the same whatever the others saw of those
// items. Where nobody says that they share, it is not: money follows results.
func TestSharedItemsGoOnByThemselves(t *testing.T) {
	bought := func(shared, bad bool) []int {
		h := newHouse(t, 6, 120)
		h.policy.Fleet, h.common, h.shared = true, true, shared
		h.policy.Budget = 6 * 60 * 12_100
		h.bad = func(s int) bool { return bad && s != 1 }
		h.night(nightly.Options{})
		var out []int
		for i := range 6 {
			log, err := h.Read(fmt.Sprintf("skill-%03d", i))
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			if len(log.Epochs) > 0 {
				n = len(log.Epochs[0].Tried)
			}
			out = append(out, n)
		}
		return out
	}
	good, bad := bought(true, false), bought(true, true)
	if good[1] != bad[1] || good[1] == 0 || slices.Equal(good, bad) {
		t.Errorf("skill 1 tried %d items beside good ones and %d beside bad ones (%v, %v)", good[1], bad[1], good, bad)
	}
	if good, bad := bought(false, false), bought(false, true); good[1] == bad[1] {
		t.Errorf("without sharing skill 1 tries %d items whatever the others do: the test shows nothing (%v, %v)", good[1], good, bad)
	}
}

// uncounted is a house that cannot count the moves of one of its two policies.
type uncounted struct {
	*house
	policy string
}

func (u uncounted) Fleet(ctx context.Context, policy string) (verdict.Fleet, error) {
	if policy == u.policy {
		return verdict.Fleet{}, errors.New("the evidence of skill-001 is damaged")
	}
	return u.house.Fleet(ctx, policy)
}

func (u uncounted) Steps(ctx context.Context) ([]nightly.Step, error) {
	steps, err := u.house.Steps(ctx)
	other := *u.house.policy
	other.Name = "other"
	for i := range steps {
		if i%2 == 1 {
			steps[i].Policy = &other
		}
	}
	return steps, err
}

// A policy whose moves cannot be counted holds them and says why; the other
// policies move, and the night has its report.
func TestUncountedPolicyHolds(t *testing.T) {
	h := newHouse(t, 8, 120)
	h.policy.Fleet = true
	n, err := nightly.Run(t.Context(), uncounted{h, "other"}, h.bench, nightly.Options{AsOf: h.bench.AsOf})
	if err != nil {
		t.Fatal(err)
	}
	if len(n.Problems) != 1 || !strings.Contains(n.Problems[0], "policy other") || !strings.Contains(n.Problems[0], "skill-001 is damaged") {
		t.Errorf("problems %q", n.Problems)
	}
	if n.Totals.Moved != 4 || len(h.moves) != 4 {
		t.Errorf("%d moved, and 4 skills are of the policy that can be counted", n.Totals.Moved)
	}
	for _, m := range h.moves {
		if m.Set != "standard" {
			t.Errorf("%s of %s moved", m.Skill, m.Set)
		}
	}
}

// Evidence that cannot be written while a set is sought holds that skill alone;
// while the set is accepted it holds the set, which must not be thinned. Nothing
// is lost: the next night moves them.
func TestAcceptanceThatCannotBeWritten(t *testing.T) {
	all := newHouse(t, 12, 74)
	all.policy.Fleet = true
	most := all.night(nightly.Options{}).Totals.Moved
	for kind, want := range map[string]int{`"kind":"planted"`: most - 1, `"event":"accepted"`: 0} {
		h := newHouse(t, 12, 74)
		h.policy.Fleet = true
		h.full = func(skill string, lines []byte) bool {
			return skill == "skill-007" && bytes.Contains(lines, []byte(kind))
		}
		n := h.night(nightly.Options{})
		if n.Totals.Moved != want || len(h.moves) != want || want > 0 && want < 9 {
			t.Errorf("%s: %d of %d moved, not %d", kind, n.Totals.Moved, most, want)
		}
		if len(n.Problems) != 1 || !strings.Contains(n.Problems[0], "the disk is full") {
			t.Errorf("%s: problems %q", kind, n.Problems)
		}
		for _, r := range n.Rows {
			// Accepted or not, the row of one below a bar of its own stays as it was.
			if r.Skill == "skill-007" && (r.Decision == "downgrade" || want > 0 && !strings.Contains(r.Reason, "the disk is full")) {
				t.Errorf("%s: %s %s", kind, r.Decision, r.Reason)
			}
		}
		h.full, h.moves = nil, nil
		if h.night(nightly.Options{}); len(h.moves) != most {
			t.Errorf("%s: the next night moves %d of %d", kind, len(h.moves), most)
		}
	}
}
