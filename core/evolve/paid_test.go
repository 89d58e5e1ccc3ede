package evolve_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
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

// Tiers that cost nothing are bought by the batch, also where there is a budget: only
// while nothing was bought is the price not known.
func TestFreeTiersAreBoughtByTheBatch(t *testing.T) {
	down := true
	d := newDesk(t, func(model, input string) (string, error) {
		if down {
			return "", &run.CallError{Code: "unavailable", Message: "connection refused"}
		}
		return right(model, input)
	})
	s := subject(t, 60)
	free := config.Price{Known: true}
	s.Current.Price, s.Candidate.Price = free, free
	batch := func(c *evolve.Comparison, want int) {
		t.Helper()
		b := c.Next(c.Affordable(8, 1_000))
		if b.Items() != want {
			t.Fatalf("a batch of %d items, want %d", b.Items(), want)
		}
		for _, trial := range b.Trials() {
			trial.Do(t.Context())
			trial.Save(t.Context())
		}
		if err := c.Keep(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	open := func() *evolve.Comparison {
		t.Helper()
		c, err := d.bench.Open(s, noLimit)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open()
	batch(c, 1)
	if n := c.Affordable(8, 1_000); n != 1 { // what was not answered tells no price
		t.Fatalf("%d items after an outage", n)
	}
	down = false
	c = open()
	batch(c, 1)
	batch(c, 8)
	batch(open(), 8) // the next night knows it by the evidence
	if n := c.Affordable(8, 0); n != 0 {
		t.Fatalf("%d items with nothing left", n)
	}
}
