package evidence

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Evidence that would prove a move proves none once a single pair of those that
// count is of a drafted item.
func TestDraftedItemsNeverPromote(t *testing.T) {
	whole := func(drafted int) *Opened {
		o := &Opened{Epoch: Epoch{V: Version, Kind: KindEpoch, Skill: "greet", Step: "main", Counter: 1, Method: "pool2", Margin: 100_000, Alpha: 50_000, N: 40, Content: verdict.ContentReference, Source: "authored", Repeats: 1}, Index: 1}
		score, bad := verdict.Million, int64(0)
		result := func(s *int64) Result { return Result{Score: s, Status: "ok"} }
		for i := range 40 {
			o.Pairs = append(o.Pairs, Pair{V: Version, Kind: KindPair, Order: i, Item: fmt.Sprintf("sha256:%064d", i), Source: Code, Current: result(&score), Candidate: result(&score), Drafted: i < drafted})
			o.Planted = append(o.Planted, Pair{V: Version, Kind: KindPlanted, Order: i, Item: fmt.Sprintf("sha256:%064d", i), Source: Code, Current: result(&score), Candidate: result(&bad)})
		}
		return o
	}
	if got := whole(0).Recompute(); got.Decision != verdict.Downgrade {
		t.Fatalf("without drafted items it holds as well: %s", got.Reason)
	}
	for _, n := range []int{1, 40} {
		got := whole(n).Recompute()
		if got.Decision == verdict.Downgrade || !strings.Contains(fmt.Sprint(got.Causes), "drafted by a model") {
			t.Errorf("with %d drafted items: %s, %v", n, got.Decision, got.Causes)
		}
	}
	// The mark is in the line, and lines without it keep their bytes.
	for drafted, want := range map[bool]bool{true: true, false: false} {
		raw, err := json.Marshal(Pair{Drafted: drafted})
		if err != nil || strings.Contains(string(raw), `"drafted"`) != want {
			t.Errorf("%s, %v", raw, err)
		}
	}
}
