package run_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// A place is held for the call and nothing else, and waiting for it is no time
// of the model: an arm that had to wait would look slower than it is.
func TestPlaceIsHeldForTheCallAlone(t *testing.T) {
	l := ladder()
	var held, taken atomic.Int32
	at := time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC)
	m := &models{answer: func(int, string, message.Request) (string, error) {
		if held.Load() != 1 {
			t.Errorf("%d places are held in a call, want 1", held.Load())
		}
		at = at.Add(70 * time.Millisecond)
		return "too long", nil
	}}
	x := run.Executor{
		Models: m, Blobs: &blobs{}, Now: func() time.Time { return at }, Sleep: func(context.Context, time.Duration) {},
		Place: func(_ context.Context, backend string) (func(), error) {
			if backend != "b-small" {
				t.Errorf("a place at %s, want b-small", backend)
			}
			at = at.Add(time.Hour)
			held.Add(1)
			taken.Add(1)
			return func() { held.Add(-1) }, nil
		},
	}
	r := request(l, 0)
	r.Ladders = nil
	rec, err := x.Do(t.Context(), plan(t, short), r)
	if err != nil {
		t.Fatal(err)
	}
	if taken.Load() != 2 || held.Load() != 0 {
		t.Errorf("%d places were taken and %d are held, want 2 and none", taken.Load(), held.Load())
	}
	if rec.MS != 140 || rec.Attempts[0].Calls[0].MS != 70 {
		t.Errorf("the run took %d ms and its first call %d, want 140 and 70", rec.MS, rec.Attempts[0].Calls[0].MS)
	}
}

// Who gets no place calls nobody and pays nothing.
func TestNoPlaceNoCall(t *testing.T) {
	m := &models{answer: func(int, string, message.Request) (string, error) {
		t.Error("a call without a place")
		return "", nil
	}}
	x := run.Executor{Models: m, Blobs: &blobs{}, Now: time.Now, Place: func(context.Context, string) (func(), error) { return nil, errors.New("the night ends") }}
	rec, err := x.Do(t.Context(), plan(t, short), request(ladder(), 0))
	if err != nil {
		t.Fatal(err)
	}
	if rec.Status != run.Missing || rec.Micro != 0 || rec.Unsure != 0 || !rec.Priced {
		t.Errorf("the run is %s and cost %d of which %d unsure, priced %v", rec.Status, rec.Micro, rec.Unsure, rec.Priced)
	}
}
