package evolve_test

import (
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// What a comparison claims to save, by what is known of its costs. A run on the
// large tier costs 1,000 x 10 + 100 x 10 = 11,000 micro-dollars, on the small one a
// tenth; the judge's call 1,000 x 3 + 10 x 10 = 3,100.
func TestSavingsThatAreClaimed(t *testing.T) {
	unpriced := config.Price{}
	for name, c := range map[string]struct {
		judged  bool
		change  func(*evolve.Subject)
		lost    func(model string, n int) bool
		known   bool
		saving  int64 // micro-dollars a run, at most; exact unless atLeast
		atLeast bool
	}{
		"both priced":          {known: true, saving: 9_900},
		"a judge costs no run": {judged: true, known: true, saving: 9_900},
		"candidate unpriced":   {change: func(s *evolve.Subject) { s.Candidate.Price = unpriced }},
		"current unpriced":     {change: func(s *evolve.Subject) { s.Current.Price = unpriced }},
		"both unpriced":        {change: func(s *evolve.Subject) { s.Current.Price, s.Candidate.Price = unpriced, unpriced }},
		"judge unpriced":       {judged: true, change: func(s *evolve.Subject) { s.Judge.Price = unpriced }},
		"free is a price":      {change: func(s *evolve.Subject) { s.Candidate.Price = config.Price{Known: true} }, known: true, saving: 11_000},
		// The bound of a lost call is 64,000 tokens of output: 58 times the run. It must
		// not look like a cost that the candidate saves.
		"current loses calls":   {lost: func(model string, n int) bool { return model == "large" && n%3 == 0 }, known: true, saving: 9_900, atLeast: true},
		"candidate loses calls": {lost: func(model string, n int) bool { return model == "small" && n%3 == 0 }, known: true, saving: 9_899, atLeast: true},
	} {
		t.Run(name, func(t *testing.T) {
			d, court := newCourt(t, fair)
			court.lost = c.lost
			s := subject(t, 80)
			if c.judged {
				s = judgedSubject(t, 80)
			}
			s.Runs = 1000
			if c.change != nil {
				c.change(&s)
			}
			res, err := d.bench.Measure(t.Context(), s, noLimit)
			if err != nil {
				t.Fatal(err)
			}
			m, rec := res.Money, res.Record
			if rec.N == 0 || m.Known != c.known || m.AtLeast != c.atLeast {
				t.Fatalf("%d pairs, %+v", rec.N, m)
			}
			if (rec.SavingsMonth != nil) != c.known || (rec.PaybackRuns != nil) != (c.known && *rec.SavingsMonth > 0) {
				t.Fatalf("the record claims %v a month, paid back after %v", rec.SavingsMonth, rec.PaybackRuns)
			}
			if !c.known {
				if res.Priced {
					t.Error("what was spent is called known")
				}
				return
			}
			if got := m.CurrentPerRun - m.CandidatePerRun; got > c.saving || !c.atLeast && got != c.saving || *rec.SavingsMonth != got*1000 {
				t.Errorf("claims %d a run and %d a month, want %d", got, *rec.SavingsMonth, c.saving)
			}
			if c.judged && m.Spent < int64(2*rec.N)*3_100+int64(rec.N)*12_100 {
				t.Errorf("the judge is not in what was spent: %d", m.Spent)
			}
		})
	}
}

// Hardware time is counted where a tier is priced by it, and nowhere else.
func TestHardwareTime(t *testing.T) {
	d, _ := newCourt(t, fair)
	d.bench.Runs.Now = time.Now
	s := subject(t, 60)
	s.Candidate.Price = config.Price{Known: true, GPUHour: 2_100_000}
	res, err := d.bench.Measure(t.Context(), s, noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if m := res.Money; !m.Known || m.CandidateGPU < 1 || m.CurrentGPU != 0 {
		t.Errorf("%+v", m)
	}
}
