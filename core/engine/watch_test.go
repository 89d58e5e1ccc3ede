package engine

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/watch"
)

// A step is held by pairs that lean to worse, and not by what a few unlucky ones
// come to while nothing changed.
func TestLeaning(t *testing.T) {
	d, err := verdict.NewDrift(50_000, 50_000)
	if err != nil {
		t.Fatal(err)
	}
	for i, diff := range []int64{-verdict.Million, 0, 0, -verdict.Million, 0} {
		d.Add(diff)
		if why := leaning(d.State()); why != "" {
			t.Errorf("after pair %d: %s", i+1, why)
		}
	}
	if d.State().M <= verdict.Million {
		t.Fatalf("M is %d: a bar of 1 would not have held the step either", d.State().M)
	}
	for range 5 {
		d.Add(-verdict.Million)
	}
	if why := leaning(d.State()); !strings.Contains(why, "lean to worse") || !strings.Contains(why, "over 10") {
		t.Errorf("five losses more, e %d: %q", d.State().M, why)
	}
}

// A run that is compared by day is not the item that evidence made of another run
// with its input.
func TestShadowIsNoItemOfTheDraw(t *testing.T) {
	e, s := busy(t, 3)
	logRuns(t, e, "r", `1`, `1`, `1`)
	pool := prove(t, e, s)
	got, err := e.shadowing(&watching{Watch: watch.Watch{Skill: "digest"}}, &evolve.Subject{Pool: pool}, pending{Run: "r00001"}, false)
	if err != nil {
		t.Fatal(err)
	}
	want, err := evolve.InputItem([]byte(`1`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Item.Digest != want.Digest || got.Item.Run != "" || got.Done.ID != "r00001" {
		t.Errorf("%+v of run %s", got.Item, got.Done.ID)
	}
	for _, it := range pool.Prove {
		if it.Digest == want.Digest {
			t.Error("two runs of one input are one item")
		}
	}
}
