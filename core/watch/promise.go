package watch

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Fall is the fall in quality that a watch is set up for: 15 points.
const Fall int64 = 150_000

// What is assumed where nothing is known yet.
const (
	// leastRuns keeps a fuse from being set for a traffic of nearly nothing, right
	// after a move, and tripping at the first failures of a busy day.
	leastRuns = 1_000 // a year
	// fewPairs is when a watch's own pairs say more of its discordance than the
	// trials of the proof.
	fewPairs = 30
)

// Known is what there is to go by when a watch is set up.
type Known struct {
	Proof        *evidence.Opened  // the epoch that allowed the move; nil where its lines are gone
	Lines        []evidence.Shadow // of this watch
	RunsPerMonth int64             // 0: not known
	Within       time.Duration     // the wanted delay
	Share        int64             // set by the policy; below 0 follows from Within
	FuseLength   int               // set by the policy; 0 is computed
	Canary       bool              // pairs are canaries: both sides are bought
}

// Setup is how a step is watched, and what that promises.
type Setup struct {
	Watch    string        `json:"watch"` // its ID
	Share    int64         `json:"share"` // of runs, millionths
	Explicit bool          `json:"explicit,omitempty"`
	Capped   bool          `json:"capped,omitempty"` // a larger share would cost more than half of what the move saves
	Reached  bool          `json:"reached"`          // the wanted delay can be kept at this traffic
	Within   int           `json:"within"`           // wanted, days
	Runs     int64         `json:"runs_per_month"`
	Good     int           `json:"pairs"` // shadow pairs when this was computed
	Canary   bool          `json:"canary,omitempty"`
	Delay    verdict.Delay `json:"delay"`  // of a fall by 15 points
	Double   verdict.Delay `json:"double"` // of a fall by twice the margin
	Fuse     verdict.Fuse  `json:"fuse"`
	// Month is what shadowing costs in 30 days at this traffic; Priced is false
	// where a cost is not known.
	Month  int64 `json:"cost_month"`
	Priced bool  `json:"priced"`
}

// Set computes the setup. It simulates up to a dozen delays of 20 to 71 ms each
// on a busy machine (verdict.Slip): it is done by a night, not by a run.
func (w Watch) Set(k Known) Setup {
	s := Setup{
		Watch: w.ID(), Within: days(k.Within), Runs: k.RunsPerMonth, Good: len(k.Lines), Canary: k.Canary,
		Explicit: k.Share >= 0, Share: max(k.Share, 0),
	}
	slip := verdict.Slip{Margin: w.Margin, Alpha: w.Alpha, Drop: Fall, Good: len(k.Lines), RunsPerMonth: k.RunsPerMonth, Share: s.Share}
	slip.Gap, slip.Discordance = k.differences()
	if !s.Explicit {
		if k.RunsPerMonth == 0 {
			// Nothing is known of the traffic: the first runs all count, and the next
			// night knows better.
			s.Share = verdict.Million
		} else {
			s.Share, _ = slip.ShareFor(s.Within)
		}
		if most, ok := k.affordable(); ok && s.Share > most {
			s.Share, s.Capped = most, true
		}
		slip.Share = s.Share
	}
	if s.Share > 0 {
		s.Delay = slip.Delay()
		slip.Drop = 2 * w.Margin
		s.Double = slip.Delay()
	}
	s.Reached = s.Delay.OK && s.Delay.P90 <= s.Within
	s.Fuse = k.fuse(w.Alpha)
	s.Month, s.Priced = k.cost(s.Share)
	return s
}

// Stale tells whether a setup speaks of another state of things: another watch
// or policy, traffic that changed by a quarter, pairs that grew by half.
func (s Setup) Stale(w Watch, k Known) bool {
	same := s.Watch == w.ID() && s.Explicit == (k.Share >= 0) && s.Within == days(k.Within) && s.Canary == k.Canary &&
		(k.FuseLength > 0) == s.Fuse.Explicit && (k.FuseLength == 0 || k.FuseLength == s.Fuse.Length)
	if !same || s.Explicit && s.Share != k.Share {
		return true
	}
	near := func(a, b int64) bool { return a == b || 4*max(a, b) <= 5*min(a, b) }
	return !near(s.Runs, k.RunsPerMonth) || 2*len(k.Lines) > 3*s.Good+10
}

func days(d time.Duration) int { return max(1, int((d+24*time.Hour-1)/(24*time.Hour))) }

// differences are the mean of D and of |D| while all was well: of the watch's
// own pairs once there are some, else of the trials that allowed the move.
func (k Known) differences() (gap, discordance int64) {
	var sum, abs, n int64
	add := func(d int64) { sum, abs, n = sum+d, abs+max(d, -d), n+1 }
	if len(k.Lines) >= fewPairs {
		for _, l := range k.Lines {
			add(l.Worse())
		}
	} else if k.Proof != nil {
		for _, p := range k.Proof.Tried {
			if p.D != nil {
				add(*p.D)
			}
		}
	}
	if n == 0 {
		return 0, 2 * Fall // nothing is known: more discordance than most skills show, so that no delay is promised too short
	}
	return sum / n, abs / n
}

// fuse takes the failure rate from the trials that allowed the move: a trial is
// what a run on that tier is.
func (k Known) fuse(alpha int64) verdict.Fuse {
	r := verdict.FuseRates{Alpha: alpha, Length: k.FuseLength, RunsPerYear: max(k.RunsPerMonth*365/30, leastRuns)}
	if k.Proof != nil {
		for _, p := range k.Proof.Tried {
			switch p.Candidate.Status {
			case "missing":
			case "ok":
				r.Runs++
			default:
				r.Runs, r.Failed = r.Runs+1, r.Failed+1
			}
		}
	}
	return r.Fuse()
}

// pair is what one comparison costs: of each chosen run the former side is bought
// and judged, of a canary both.
func (k Known) pair() (micro int64, known bool) {
	var sum, n int64
	add := func(former, present evidence.Result, canary bool) {
		sum += former.Cost + present.Judge
		if canary {
			sum += present.Cost - present.Judge
		}
		n++
		known = known && former.Priced && present.Priced
	}
	known = true
	for _, l := range k.Lines {
		add(l.Current, l.Candidate, l.Canary)
	}
	if n == 0 && k.Proof != nil {
		for _, p := range k.Proof.Tried {
			add(p.Current, p.Candidate, k.Canary)
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / n, known
}

// cost is a month of shadowing at the known traffic.
func (k Known) cost(share int64) (month int64, priced bool) {
	each, priced := k.pair()
	runs := float64(k.RunsPerMonth) * float64(share) / float64(verdict.Million)
	return int64(runs * float64(each)), priced
}

// affordable is the share at which shadowing costs half of what the move saves:
// a watch that cost as much as it guards would be a reason not to have moved. ok
// is false where the costs are not known.
func (k Known) affordable() (share int64, ok bool) {
	each, priced := k.pair()
	if !priced || each <= 0 || k.Proof == nil {
		return 0, false
	}
	var saved, n int64
	for _, p := range k.Proof.Tried {
		if !p.Current.Priced || !p.Candidate.Priced {
			return 0, false
		}
		saved += (p.Current.Cost - p.Current.Judge) - (p.Candidate.Cost - p.Candidate.Judge)
		n++
	}
	if n == 0 || saved <= 0 {
		return 0, false
	}
	return min(verdict.Million, int64(float64(saved)/float64(n)/2/float64(each)*float64(verdict.Million))), true
}
