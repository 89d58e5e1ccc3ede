package report

import (
	"slices"
	"strings"
	"testing"
)

func TestLaddersFromComparisons(t *testing.T) {
	row := func(current, candidate string) Row {
		return Row{Skill: current + candidate, Current: current, Candidate: candidate}
	}
	for _, c := range []struct {
		name string
		rows []Row
		want []string // "cheapest<...<dearest: number of rows"
		lost int
	}{
		{"a chain", []Row{row("opus", "sonnet"), row("haiku", "local"), row("sonnet", "haiku")}, []string{"local<haiku<sonnet<opus:3"}, 0},
		{"a row of the chain without candidate", []Row{row("opus", "sonnet"), row("sonnet", "")}, []string{"sonnet<opus:2"}, 0},
		{"two chains", []Row{row("a", "b"), row("x", "y")}, []string{"b<a:1", "y<x:1"}, 0},
		{"a fork leaves the order open", []Row{row("opus", "sonnet"), row("opus", "haiku")}, []string{"sonnet<opus:1", "haiku<opus:1"}, 0},
		{"a circle says nothing", []Row{row("a", "b"), row("b", "a")}, []string{"b<a:1", "a<b:1"}, 0},
		{"unknown", []Row{row("opus", "")}, nil, 1},
		{"no tier", []Row{row("", "")}, nil, 1},
		{"against itself", []Row{row("a", "a")}, nil, 1},
		{"said", []Row{{Current: "mid", Ladder: []string{"low", "mid", "high"}}}, []string{"low<mid<high:1"}, 0},
		{"said, but it stands elsewhere", []Row{{Current: "gone", Ladder: []string{"low", "high"}}}, nil, 1},
	} {
		got, lost := ladders(c.rows)
		var text []string
		for _, l := range got {
			text = append(text, strings.Join(l.tiers, "<")+":"+count(len(l.rows)))
		}
		if !slices.Equal(text, c.want) || len(lost) != c.lost {
			t.Errorf("%s: %v and %d lost, want %v and %d", c.name, text, len(lost), c.want, c.lost)
		}
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
