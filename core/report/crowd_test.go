package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// crowdNight is a night of 960 skills: 120 move, 200 are open, the rest holds.
func crowdNight() Night {
	n := Night{Version: Version, Project: "company", AsOf: time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC), Simulated: true}
	n.Totals = Totals{Skills: 960, Moved: 120, Inconclusive: 200, Held: 640, Trials: 30_000, Spent: 40_000_000, Priced: true, SavingMonth: new(int64(9e9))}
	for i := range 960 {
		r := Row{Skill: fmt.Sprintf("skill-%03d", i), Step: "main", Current: "large", Ladder: []string{"small", "large"}, Priced: true, Simulated: true, Of: 400}
		switch {
		case i < 120:
			r.Candidate, r.Decision, r.Applied, r.Reason, r.Items = "small", "downgrade", true, "proved not worse", 90
			r.SaveMonth, r.SavePer1k = new(int64(i)*1e6), new(int64(i)*1e3)
			r.Record = &verdict.Record{Rule: "proved"}
		case i < 320:
			r.Candidate, r.Decision, r.Reason, r.Items, r.Needed = "small", "inconclusive", "not proved yet", 40, 1+i%90
			r.SaveMonth, r.SavePer1k = new(int64(1e7)), new(int64(1e4))
			r.Record = &verdict.Record{Rule: "open"}
		case i < 640:
			r.Candidate, r.Decision, r.Reason, r.Items = "small", "hold", fmt.Sprintf("worse by more than 5 points: mean gap -%d points", i%50), 60
			r.Record = &verdict.Record{Rule: "disproved"}
		default:
			r.Decision, r.Reason = "hold", fmt.Sprintf("cooldown until 2026-07-%02d 02:00: it moved", i%28+1)
		}
		n.Rows = append(n.Rows, r)
	}
	return n
}

// A person reads a night of 960 skills on two screens, with everything that moved
// or waits counted; the page has every row, and folds what is long.
func TestCrowd(t *testing.T) {
	n := crowdNight()
	var out bytes.Buffer
	Terminal(&out, n, TerminalOptions{Width: 100})
	text := out.String()
	if lines := strings.Count(text, "\n"); lines > 100 {
		t.Errorf("%d lines for a night", lines)
	}
	for _, want := range []string{"Moved: 20 of 120", "skill-119", "Not decided yet: 10 of 200", "320 the candidate is worse", "320 cooldown until", "960 skills", "SIMULATED"} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "skill-000") {
		t.Error("the move that saves least is listed before others")
	}
	page, err := HTML(n)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 960 {
		if !bytes.Contains(page, fmt.Appendf(nil, "skill-%03d", i)) {
			t.Fatalf("the page lacks skill-%03d", i)
		}
	}
	if open, end := bytes.Count(page, []byte("<details")), bytes.Count(page, []byte("</details>")); open < 600 || open != end {
		t.Errorf("%d folds are opened and %d closed", open, end)
	}
	if bytes.Contains(page, []byte("<script")) {
		t.Error("the page has a script")
	}
	small := n
	small.Rows = n.Rows[:5]
	if page, err = HTML(small); err != nil || bytes.Contains(page, []byte("class=\"fold\"")) {
		t.Errorf("a small night is folded, or: %v", err)
	}
}
