package evolve_test

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

func terms(labels string, margin int64) *evidence.JudgeTerms {
	return &evidence.JudgeTerms{CodeMargin: 50_000, JudgeMargin: 50_000, Margin: margin, JLow: 1_000_000, Bias: 50_000 - margin, LabelAlpha: 10_000, TestAlpha: 40_000, How: verdict.Pairs, Labels: labels, Count: 400}
}

// An epoch under way keeps the terms that it was opened with while labels are
// added, and only while the labels that made them are still there.
func TestAnEpochKeepsItsTerms(t *testing.T) {
	d, _ := newCourt(t, fair)
	s := judgedSubject(t, 300)
	s.Terms.Margin = 100_000
	was := terms("sha256:first", 40_000)
	s.Jury.Terms = was
	first, err := d.bench.Measure(t.Context(), s, evolve.Budget{Left: 900_000})
	if err != nil {
		t.Fatal(err)
	}
	if first.Record.N == 0 || first.Assessment.Test.Outcome != verdict.Open {
		t.Fatalf("the first night: %d items, %q", first.Record.N, first.Record.Reason)
	}
	known := func(digest string) (*evidence.JudgeTerms, error) {
		if digest == was.Labels {
			again := *was
			return &again, nil
		}
		return nil, nil
	}

	// The labels that made the terms are gone: another epoch.
	s.Jury.Terms, s.Jury.Earlier = terms("sha256:second", 45_000), func(string) (*evidence.JudgeTerms, error) { return nil, nil }
	if res, err := d.bench.Look(t.Context(), s); err != nil || res.EpochIndex != 2 {
		t.Fatalf("labels lost: epoch %d, %v", res.EpochIndex, err)
	}
	// They are still there, among others: it goes on, at its own terms.
	s.Jury.Earlier = known
	res, err := d.bench.Look(t.Context(), s)
	if err != nil || res.EpochIndex != 1 || res.Epoch.JudgeTerms.Margin != was.Margin || res.Record.N != first.Record.N {
		t.Fatalf("labels added: epoch %d of %+v, %v", res.EpochIndex, res.Epoch.JudgeTerms, err)
	}
	// With all labels the judge may only hold: the epoch goes on, and holds.
	all := s.Jury.Terms
	s.Jury.Terms, s.Jury.Why = nil, "judge house is swayed by length"
	res, err = d.bench.Look(t.Context(), s)
	if err != nil || res.EpochIndex != 1 || res.Record.Decision != verdict.Hold || !strings.Contains(res.Record.Reason, s.Jury.Why) {
		t.Fatalf("labels that speak against it: epoch %d, %s, %v", res.EpochIndex, res.Record.Reason, err)
	}
	// Anything else that changes opens another epoch.
	s.Jury.Terms, s.Jury.Why = all, ""
	other := s
	other.Terms.Alpha = 40_000
	if res, err := d.bench.Look(t.Context(), other); err != nil || res.EpochIndex != 2 {
		t.Fatalf("another level: epoch %d, %v", res.EpochIndex, err)
	}
	// It proves on the terms of its line.
	last, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil || last.EpochIndex != 1 || last.Record.Decision != verdict.Downgrade || !strings.Contains(last.Record.Reason, "within 4 points of the judge's points") {
		t.Fatalf("epoch %d, %s, %v", last.EpochIndex, last.Record.Reason, err)
	}
}

// What was decided without a proof is not asked again at the old terms.
func TestAClosedEpochDoesNotKeepItsTerms(t *testing.T) {
	d, c := newCourt(t, fair)
	c.says = func(model, input string) string {
		if model == "small" && strings.HasSuffix(strings.TrimSpace(input), "3") {
			return "no idea"
		}
		return strings.Replace(input, "question", "answer", 1)
	}
	s := judgedSubject(t, 300)
	s.Terms.Margin = 100_000
	was := terms("sha256:first", 40_000)
	s.Jury.Terms = was
	first, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil || first.Record.Outcome != verdict.Inconclusive || first.Record.Rule != "part" {
		t.Fatalf("%s, %s, %v", first.Record.Outcome, first.Record.Reason, err)
	}
	s.Jury.Terms = terms("sha256:second", 45_000)
	s.Jury.Earlier = func(string) (*evidence.JudgeTerms, error) { return was, nil }
	if res, err := d.bench.Look(t.Context(), s); err != nil || res.EpochIndex != 2 {
		t.Fatalf("epoch %d, %v", res.EpochIndex, err)
	}
}
