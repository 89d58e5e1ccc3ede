package verdict

import (
	"math"
	"slices"
)

// Slip is a fall in quality that a watch should notice: how the pairs looked
// before, how far the present tier falls, and how many pairs a day bring.
// Quality figures are in millionths.
type Slip struct {
	Margin, Alpha int64
	Drop          int64 // the mean of D falls by this much
	Gap           int64 // the mean of D before
	Discordance   int64 // the mean of |D| before
	Good          int   // shadow pairs before the fall
	RunsPerMonth  int64 // production runs in 30 days
	Share         int64 // of runs that are shadowed, (0, Million]
}

// Delay is how long a slip goes unnoticed, counted from its first day to the
// night that notices it.
type Delay struct {
	Mean, P90 int  // days, 1 is the night after the first day
	Pairs     int  // shadow pairs after the fall, mean
	OK        bool // false: out of reach, and the figures are 0
}

// DelayLimit is the longest delay in days that is called one. A fall that less
// than nine in ten watches notice within ten years is out of reach.
const DelayLimit = 3650

// The work is bounded: 12 ms after no good pairs to 50 ms after 4,000, and 20 to
// 71 ms on a busy machine, measured on 2026-11-21. The p90 of 400 falls has a
// standard error of about 3 % of itself. The alarm is asked for after every pair,
// where a night asks after batches: a handful of pairs, not days.
const (
	delayPasts = 40     // histories
	delayFalls = 10     // falls after each
	delayPairs = 4_000  // of history that are simulated: M's weights move by 1 nat from there to 7,000
	delayMost  = 20_000 // pairs of one fall
)

// Delay simulates the watch: the pairs are wins, ties and losses with the mean
// and the mean size of the skill's own differences (of all differences with
// these two figures the most widely spread, so that graded scores are noticed
// sooner than promised), runs are shadowed one by one with chance Share, and a
// night looks at the pairs of its day. The seed is fixed: the same slip has the
// same delay everywhere. A slip that leaves the present tier within the margin
// is what the policy allows and is never noticed: OK is false.
func (s Slip) Delay() Delay {
	if !s.possible() || s.Gap-s.Drop >= -s.Margin {
		return Delay{}
	}
	w := s.shape()
	days := make([]int, 0, delayPasts*delayFalls)
	var pairs, sum, late int
	for past := range delayPasts {
		before, r := w.past(uint64(past))
		for range delayFalls {
			day, n, ok := w.fall(before, &r)
			if !ok {
				if late++; late > delayPasts*delayFalls/10 {
					return Delay{}
				}
				day = DelayLimit
			}
			days = append(days, day)
			pairs += n
			sum += day
		}
	}
	slices.Sort(days)
	n := len(days)
	return Delay{Mean: (sum + n/2) / n, P90: days[n*9/10], Pairs: (pairs + n/2) / n, OK: true}
}

// ShareFor is the least share of runs, in millionths and in steps of a tenth of
// itself, that notices the slip within so many days nine times in ten. ok is
// false when this traffic cannot reach it with every run shadowed: the share is
// then Million, and Delay says what that gives.
func (s Slip) ShareFor(days int) (share int64, ok bool) {
	s.Share = Million
	if d := s.Delay(); !d.OK || d.P90 > days {
		return Million, false
	}
	low, high := int64(0), Million
	for high-low > max(high/10, 100) {
		s.Share = low + (high-low)/2
		if d := s.Delay(); d.OK && d.P90 <= days {
			high = s.Share
		} else {
			low = s.Share
		}
	}
	return high, true
}

func (s Slip) possible() bool {
	p := Params{Method: Grid8, Margin: s.Margin, Alpha: s.Alpha, N: 1}
	return p.Validate() == nil && s.RunsPerMonth > 0 && s.Share > 0 && s.Share <= Million &&
		s.Drop > 0 && s.Drop <= 2*Million && s.Good >= 0 && s.Discordance >= 0 && s.Discordance <= Million &&
		s.Gap >= -Million && s.Gap <= Million
}

// shape turns the slip into chances, in 2^-32.
func (s Slip) shape() *slipping {
	q := max(s.Discordance, s.Gap, -s.Gap)
	win, loss := (q+s.Gap)/2, (q-s.Gap)/2
	after := max(s.Gap-s.Drop, -Million)
	// Ties become losses first; where there are not enough, wins do.
	lossAfter := win - after
	winAfter := win
	if over := winAfter + lossAfter - Million; over > 0 {
		winAfter -= (over + 1) / 2
		lossAfter = winAfter - after
	}
	const unit = 1 << 32
	at := func(x int64) uint64 { return uint64(x) * unit / uint64(Million) }
	w := &slipping{
		drift: *newDrift(s.Margin, s.Alpha), good: min(s.Good, delayPairs),
		before: [2]uint64{at(win), at(win + loss)}, after: [2]uint64{at(winAfter), at(winAfter + lossAfter)},
		perDay: float64(s.RunsPerMonth) / 30,
	}
	if share := float64(s.Share) / float64(Million); share < 1 {
		w.skip = -1 / ln1p(-share)
	}
	return w
}

type slipping struct {
	drift         Drift
	good          int
	before, after [2]uint64 // wins below the first, losses below the second
	perDay        float64   // runs
	skip          float64   // -1/ln(1-share): runs to the next shadowed one; 0 when all are
}

// past is one history of good pairs. A false alarm in it begins a new watch, as
// it does in life.
func (w *slipping) past(seed uint64) (Drift, dice) {
	r, d := dice(seed), w.drift
	run, last := 0.0, -1
	for range w.good {
		today := w.next(&run, &r)
		if today != last {
			d.Night()
			last = today
		}
		if d.Add(odds3(&r, w.before)) {
			d, last = w.drift, -1
		}
	}
	return d, r
}

// fall is the day of the alarm, and the pairs, counted from a fall that comes
// with the first run of a day.
func (w *slipping) fall(d Drift, r *dice) (day, pairs int, ok bool) {
	run, last := 0.0, -1
	for pairs < delayMost {
		today := w.next(&run, r)
		if today >= DelayLimit {
			break
		}
		if today != last {
			d.Night()
			last = today
		}
		pairs++
		if d.Add(odds3(r, w.after)) {
			return today + 1, pairs, true
		}
	}
	return 0, pairs, false
}

// next is the day of the next shadowed run.
func (w *slipping) next(run *float64, r *dice) int {
	*run += w.gap(r)
	return int(math.Min((*run-1)/w.perDay, 1<<30))
}

// gap is how many runs it takes to the next shadowed one.
func (w *slipping) gap(r *dice) float64 {
	if w.skip == 0 {
		return 1
	}
	u := float64(r.next()>>11|1) * 0x1p-53
	return math.Max(1, math.Ceil(mul(-ln(u), w.skip)))
}

func odds3(r *dice, odds [2]uint64) int64 {
	switch x := r.next() >> 32; {
	case x < odds[0]:
		return Million
	case x < odds[1]:
		return -Million
	}
	return 0
}

// dice is SplitMix64 (Steele, Lea, Flood 2014): the same numbers everywhere.
type dice uint64

func (s *dice) next() uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
