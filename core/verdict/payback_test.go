package verdict

import "testing"

func TestAhead(t *testing.T) {
	m := Money{Spent: 1_000, CurrentPerRun: 500, CandidatePerRun: 100, RunsPerMonth: 300, Known: true, ItemsPerNight: 20}
	if p := m.Ahead(50, 600); p != (Prospect{Spent: 1_000, ToCome: 30_000, Runs: 78, Days: 8, Nights: 3, OK: true}) {
		t.Errorf("%+v", p)
	}
	m.RunsPerMonth, m.ItemsPerNight = 0, 0
	if p := m.Ahead(0, 600); p != (Prospect{Spent: 1_000, Runs: 3, OK: true}) {
		t.Errorf("nothing to come, no traffic known: %+v", p)
	}
	m.CandidatePerRun = 500
	if p := m.Ahead(50, 600); p.OK || p.Runs != 0 || p.ToCome != 30_000 {
		t.Errorf("nothing is saved: %+v", p)
	}
	m.Known = false
	if p := m.Ahead(-1, -1); p.OK || p.ToCome != 0 {
		t.Errorf("nothing known: %+v", p)
	}
}
