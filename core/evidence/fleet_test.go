package evidence_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

const hash = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func fleetEpoch(place, first int, weight int64, accepted int) string {
	return fmt.Sprintf(`{"v":1,"kind":"epoch","skill":"s","step":"main","epoch":1,"hash":%q,"opened":"2026-07-02T02:00:00Z","current":{"tier":"ladder.l.large","backend":"b","model":"l","reported":"l"},"candidate":{"tier":"ladder.l.small","backend":"b","model":"s","reported":"s"},"method":"grid8","margin":100000,"alpha":50000,"n":400,"pool":"p","content":"reference","source":"traffic","repeats":1,"fleet":{"policy":"team","place":%d,"first":%d,"weight":%d,"accepted":%d},"audit":{"origin":"o","index":0}}`+"\n", hash, place, first, weight, accepted)
}

func acceptance(at string, items int, bar int64) string {
	return fmt.Sprintf(`{"v":1,"kind":"event","skill":"s","step":"main","event":"accepted","at":%q,"acceptance":{"fleet":"team","epoch":"1-01234567","items":%d,"bar":%d,"before":3,"together":2}}`+"\n", at, items, bar)
}

// Two checkouts opened the epoch and accepted it: whatever the order of their
// lines, the lesser claim and the earlier acceptance count.
func TestFleetMerges(t *testing.T) {
	w := verdict.FleetWeight(2, 10, 1)
	lines := []string{
		fleetEpoch(2, 10, w, 5), fleetEpoch(2, 10, w, 4), fleetEpoch(2, 10, w/2, 9),
		acceptance("2026-07-04T02:00:00Z", 60, 500_000_000), acceptance("2026-07-03T02:00:00Z", 50, 400_000_000), acceptance("2026-07-03T02:00:00Z", 50, 450_000_000),
	}
	for shift := range lines {
		src := strings.Join(append(append([]string{}, lines[shift:]...), lines[:shift]...), "")
		log, diags := evidence.Parse("evidence/s.jsonl", []byte(src))
		if err := diags.Err(); err != nil {
			t.Fatal(err)
		}
		p := log.Epochs[0].Params()
		if p.Weight != w/2 || p.Accepted != 9 || p.FrozenAt != 50 || p.FrozenBar != 450_000_000 {
			t.Errorf("from line %d on: %+v", shift, p)
		}
	}
}

// A weight that was made up and an acceptance of nothing are found.
func TestFleetChecks(t *testing.T) {
	w := verdict.FleetWeight(2, 10, 1)
	for name, src := range map[string]string{
		"heavy":       fleetEpoch(2, 10, w+1, 0),
		"no place":    fleetEpoch(0, 10, w, 0),
		"no weight":   fleetEpoch(2, 10, 0, 0),
		"no items":    fleetEpoch(2, 10, w, 0) + acceptance("2026-07-04T02:00:00Z", 0, 500_000_000),
		"no bar":      fleetEpoch(2, 10, w, 0) + acceptance("2026-07-04T02:00:00Z", 5, 1),
		"other event": strings.Replace(acceptance("2026-07-04T02:00:00Z", 5, 500_000_000), `"accepted"`, `"moved"`, 1),
	} {
		if _, diags := evidence.Parse("evidence/s.jsonl", []byte(src)); diags.Err() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// An acceptance counts as a move from the move on, whatever the order of the
// lines: not before, not for a move of before it or to elsewhere, and one move is
// of one epoch.
func TestMovedFollowsAcceptance(t *testing.T) {
	w := verdict.FleetWeight(2, 10, 1)
	other := strings.ReplaceAll(hash, "0123", "4567")
	second := strings.ReplaceAll(strings.Replace(fleetEpoch(2, 10, verdict.FleetWeight(2, 10, 2), 0), hash, other, 1), `"epoch":1`, `"epoch":2`)
	tiers := `"from":"ladder.l.large","to":"ladder.l.small","acceptance"`
	at := func(day int) string { return fmt.Sprintf("2026-07-%02dT02:00:00Z", day) }
	first := func(day int) string {
		return strings.Replace(acceptance(at(day), 50, 400_000_000), `"acceptance"`, tiers, 1)
	}
	again := func(day int) string { return strings.Replace(first(day), "1-01234567", "2-45674567", 1) }
	moved := func(day int, to string) string {
		return fmt.Sprintf(`{"v":1,"kind":"event","skill":"s","step":"main","event":"moved","at":%q,"from":"ladder.l.large","to":%q}`+"\n", at(day), to)
	}
	const small, medium = "ladder.l.small", "ladder.l.medium"
	for name, tt := range map[string]struct {
		lines []string
		want  [2]bool
	}{
		"nothing followed": {[]string{first(3)}, [2]bool{}},
		"the same night":   {[]string{moved(3, small), first(3)}, [2]bool{true, false}},
		"a later night":    {[]string{first(3), moved(9, small)}, [2]bool{true, false}},
		"before it":        {[]string{first(3), moved(2, small)}, [2]bool{}},
		"to elsewhere":     {[]string{first(3), moved(3, medium)}, [2]bool{}},
		"of the later one": {[]string{first(3), again(5), moved(6, small)}, [2]bool{false, true}},
		"of each":          {[]string{first(3), moved(3, small), again(5), moved(5, small)}, [2]bool{true, true}},
		"told twice":       {[]string{first(3), moved(3, small), moved(4, small), again(5)}, [2]bool{true, false}},
	} {
		lines := append([]string{fleetEpoch(2, 10, w, 0), second}, tt.lines...)
		for shift := range lines {
			src := strings.Join(append(append([]string{}, lines[shift:]...), lines[:shift]...), "")
			log, diags := evidence.Parse("evidence/s.jsonl", []byte(src))
			if err := diags.Err(); err != nil {
				t.Fatal(err)
			}
			if got := [2]bool{log.Epochs[0].Moved, log.Epochs[1].Moved}; got != tt.want {
				t.Errorf("%s, from line %d on: moved %v, not %v", name, shift, got, tt.want)
			}
		}
	}
}
