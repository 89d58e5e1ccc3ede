package evidence

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

const million = 1_000_000

// check says what is impossible about a pair, or "".
func (p Pair) check() string {
	for _, r := range []Result{p.Current, p.Candidate} {
		if r.Score != nil && (*r.Score < 0 || *r.Score > million) {
			return fmt.Sprintf("a score of %d millionths is outside 0..1000000", *r.Score)
		}
		if r.Noise != nil && (*r.Noise < 0 || *r.Noise > million) {
			return fmt.Sprintf("a variance of %d millionths between repeats is outside 0..1000000", *r.Noise)
		}
		for name, s := range r.Dims {
			if s < 0 || s > million {
				return fmt.Sprintf("dimension %s has a score of %d millionths, outside 0..1000000", name, s)
			}
		}
		if min(r.MS, r.Cost, r.Judge, r.Unsure, r.GPU) < 0 {
			return "a time or a cost is negative"
		}
		if r.Judge > r.Cost || r.Unsure > r.Cost-r.Judge {
			return "a part of a cost is more than the whole"
		}
	}
	d := Difference(p.Current, p.Candidate)
	switch {
	case (d == nil) != (p.D == nil):
		return "D does not fit the scores: it is null exactly when a score is missing"
	case d != nil && *d != *p.D:
		return fmt.Sprintf("D is %d, but the scores differ by %d", *p.D, *d)
	case p.Order < 0:
		return "the order is negative"
	case !strings.HasPrefix(p.Item, "sha256:"):
		return "the item is not a sha256 digest"
	}
	return ""
}

// check says what is impossible about an event, or "".
func (ev Event) check() string {
	a := ev.Acceptance
	switch {
	case (a != nil) != (ev.Event == Accepted):
		return "an acceptance stands on an event accepted, and on no other"
	case a != nil && (a.Epoch == "" || a.Items < 1 || a.Bar < million || a.Before < 0 || a.Together < 1):
		return "an acceptance names an epoch, its items, its bar and the set that it was made in"
	}
	return ""
}

// check says what is impossible about a place under the false-discovery rule,
// or "".
func (f *Fleet) check() string {
	switch {
	case f == nil:
	case f.Place < 1 || f.First < 1 || f.Weight < 1 || f.Accepted < 0:
		return "a place under the false-discovery rule counts from 1 and has a weight"
	case f.Weight > verdict.FleetWeight(f.Place, f.First, 1):
		return fmt.Sprintf("a weight of %d is more than place %d of %d has", f.Weight, f.Place, f.First)
	}
	return ""
}

// check says what is impossible about an epoch, or "".
func (e Epoch) check() string {
	switch {
	case e.Skill == "" || e.Step == "":
		return "an epoch names its skill and step"
	case e.Counter < 1:
		return fmt.Sprintf("epoch counters start at 1, this one is %d", e.Counter)
	case !strings.HasPrefix(e.Hash, "sha256:"):
		return "the epoch's hash is not a sha256 digest"
	case e.Margin <= 0 || e.Margin >= million:
		return fmt.Sprintf("a margin of %d millionths is outside 0..1", e.Margin)
	case e.Alpha <= 0 || e.Alpha > million/2:
		return fmt.Sprintf("an alpha of %d millionths is outside 0..0.5", e.Alpha)
	case e.JudgeTerms != nil && !e.Judged:
		return "the epoch has terms of a judge and no judge"
	case e.JudgeTerms != nil && e.Repeats > 1:
		return "a judged score of several runs an item has no terms"
	case e.N < 1:
		return fmt.Sprintf("a deadline of %d items is no deadline", e.N)
	}
	return e.Fleet.check()
}
