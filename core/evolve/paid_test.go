package evolve_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// full is a store that keeps so many trials and no more.
type full struct {
	store.Store
	room atomic.Int64
}

func (f *full) Commit(ctx context.Context, b store.Batch) (store.Receipt, error) {
	if slices.ContainsFunc(b.Entries, func(e store.Entry) bool { return e.Kind == "trial" }) && f.room.Add(-1) < 0 {
		return store.Receipt{}, errors.New("the disk is full")
	}
	return f.Store.Commit(ctx, b)
}

// What was bought before something failed was paid for, and counts against the
// night's budget.
func TestWhatWasBoughtBeforeAFailureIsPaid(t *testing.T) {
	d := newDesk(t, right)
	disk := &full{Store: d.store}
	disk.room.Store(3)
	d.bench.Store = disk
	c, err := d.bench.Open(subject(t, 60), noLimit)
	if err != nil {
		t.Fatal(err)
	}
	b := c.Next(4)
	for _, trial := range b.Trials() {
		trial.Do(t.Context())
		trial.Save(t.Context())
	}
	if err := c.Keep(t.Context(), b); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Fatalf("got %v", err)
	}
	if want := int64(4 * 12_100); c.Spent() != want { // all calls were made, kept or not
		t.Errorf("spent %d, want %d", c.Spent(), want)
	}
}
