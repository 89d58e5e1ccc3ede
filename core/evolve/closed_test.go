package evolve_test

import (
	"bytes"
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// renamed is a desk whose small model answers under another id after some calls.
type renamed struct {
	*desk
	after int64
	small atomic.Int64
}

func (r *renamed) Generate(ctx context.Context, backend string, req message.Request) (message.Response, bool, error) {
	resp, lost, err := r.desk.Generate(ctx, backend, req)
	if req.Model == "small" && r.small.Add(1) > r.after {
		resp.Model = "small-v2"
	}
	return resp, lost, err
}

// The batch that closes the epoch may also be the one that proves. Nothing moves on
// it: some of what proves was answered by another model.
func TestAClosedEpochMovesNothing(t *testing.T) {
	s := subject(t, 100)
	plain := newDesk(t, right)
	proof, err := plain.bench.Measure(t.Context(), s, noLimit)
	if err != nil || proof.Record.Decision != verdict.Downgrade {
		t.Fatalf("%v %+v", err, proof)
	}
	bought := bytes.Count(plain.files.src["quiz"], []byte(`"kind":"pair"`))

	d := newDesk(t, right)
	d.bench.Runs.Models = &renamed{desk: d, after: int64(bought - 1)} // the last one of the last batch
	res, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if res.Assessment.Test.Outcome != verdict.Proved || res.Record.Decision != verdict.Hold || !strings.Contains(res.Record.Reason, "the epoch is closed") {
		t.Fatalf("%q and %s: %s", res.Assessment.Test.Outcome, res.Record.Decision, res.Record.Reason)
	}
	if res.Assessment.Planted.Items != 0 {
		t.Error("damage was planted in an epoch that is closed")
	}

	// Killed before it wrote down that the model changed.
	whole := d.files.src["quiz"]
	var kept []byte
	for line := range bytes.Lines(whole) {
		if !bytes.Contains(line, []byte(evidence.ModelChanged)) {
			kept = append(kept, line...)
		}
	}
	if len(kept) == len(whole) {
		t.Fatal("no event says that the model changed")
	}
	d.files.src["quiz"] = bytes.Clone(kept)
	if res, err = d.bench.Look(t.Context(), s); err != nil || res.EpochIndex != 2 || res.Record.Decision == verdict.Downgrade {
		t.Fatalf("a look: epoch %d, %s, %v", res.EpochIndex, res.Record.Decision, err)
	}
	if !bytes.Equal(d.files.src["quiz"], kept) {
		t.Fatal("a look wrote evidence")
	}
	if _, err = d.bench.Open(s, noLimit); err != nil || !bytes.Equal(d.files.src["quiz"], whole) {
		t.Fatalf("the next night does not write the event down again: %v\n%s", err, d.files.src["quiz"][len(kept):])
	}
	if res, err = d.bench.Measure(t.Context(), s, noLimit); err != nil || res.EpochIndex != 2 || res.Epoch.Candidate.Reported != "small-v2" {
		t.Fatalf("epoch %d of %s, %v", res.EpochIndex, res.Epoch.Candidate.Reported, err)
	}
}
