package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

func TestJudgesAreReadAgainstPeople(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "verdict"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := "item,skill,human,kind,strict\na,x,1,1,0\nb,x,1,1,1\nc,x,0,1,0\nd,x,0,0,0\n"
	if err := os.WriteFile(filepath.Join(dir, "verdict", "livemcp_judges.csv"), []byte(file), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := readJudges(dir)
	if err != nil || len(got) != 2 || got[0] != (errs{"kind", million, million / 2}) || got[1] != (errs{"strict", million / 2, million}) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := readJudges(t.TempDir()); err == nil || !strings.Contains(err.Error(), "judges") {
		t.Errorf("without the file: %v", err)
	}
}

// A cell at the edge of unsafe moves rarely; one where the candidate is better
// moves with a strong judge and enough labels. Labels and judges are simulated.
func TestJudgedCells(t *testing.T) {
	make := func(both, won, lost int) passes {
		p := passes{name: "cell", gap: int64(won-lost) * million}
		for range both {
			p.items = append(p.items, [2]bool{true, true})
		}
		for range won {
			p.items = append(p.items, [2]bool{false, true})
		}
		for range lost {
			p.items = append(p.items, [2]bool{true, false})
		}
		return p
	}
	unsafe, better := make(80, 5, 15), make(88, 10, 2)
	const draws = 40
	got := strong.over([]passes{unsafe, better}, verdict.Pairs, 400, 2*margin, draws, 3)
	if got.rate[0] > .1 {
		t.Errorf("a cell that is worse by the margin moved in %.0f %% of draws", 100*got.rate[0])
	}
	if got.rate[1] < .8 {
		t.Errorf("a cell that is better moved in %.0f %% of draws", 100*got.rate[1])
	}
	if got.tries != draws || len(got.margins) == 0 || got.left() > 1 || middle(got.margins) == "none" || middle(nil) != "none" {
		t.Errorf("%d margins of %d calibrations of the cell that is better", len(got.margins), got.tries)
	}
	if n := got.found(true); n != got.rate[1] {
		t.Errorf("found %v of the cells that are not worse", n)
	}
}
