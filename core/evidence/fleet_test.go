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
