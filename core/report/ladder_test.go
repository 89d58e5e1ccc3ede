package report

import (
	"slices"
	"strings"
	"testing"
)

func TestLadders(t *testing.T) {
	claude, local := []string{"haiku", "sonnet", "opus"}, []string{"small", "big"}
	got, lost := ladders([]Row{
		{Current: "opus", Candidate: "sonnet", Ladder: claude},
		{Current: "big", Ladder: local},
		{Current: "haiku", Ladder: claude},
		{Current: "gone", Ladder: local},
		{Current: "big", Candidate: "gone", Ladder: local},
		{Current: "opus"},
	})
	var text []string
	for _, l := range got {
		text = append(text, strings.Join(l.tiers, "<")+":"+count(len(l.rows)))
	}
	if !slices.Equal(text, []string{"haiku<sonnet<opus:2", "small<big:1"}) || len(lost) != 3 {
		t.Errorf("%v and %d lost", text, len(lost))
	}
}

// Every row is drawn, or counted in a sentence: none is silently left out.
func TestWaterlineCountsEveryRow(t *testing.T) {
	var rows []Row
	for i := range 97 {
		rows = append(rows, Row{Skill: count(i), Current: "opus", Ladder: []string{"haiku", "opus"}})
	}
	rows[3].Ladder = nil
	lines, rest := waterlines(rows, func(Row) string { return "" })
	drawn := 0
	for _, l := range lines {
		drawn += len(l.Rows)
	}
	if drawn != tracksMost-1 || len(rest) != 2 || !strings.HasPrefix(rest[0], "57 more steps are not drawn here: 57 on opus.") || !strings.HasPrefix(rest[1], "1 step stands") {
		t.Errorf("%d drawn and %q", drawn, rest)
	}
}
