package verdict

import "fmt"

// Drift watches a step after its move down. Each shadow pair is one production
// run that was also tried on the former tier: D = present tier - former tier.
//
//	M = sum over nights j of delta_j E'_j,  delta_j = 1/(j(j+1))
//
// E'_j is grid8's worse process over the pairs since night j, and 1 before that
// night starts. Each E'_j is a supermartingale from 1 while the present tier is
// not worse by the margin, and the deltas sum to 1, so M is one too: the chance
// that it ever reaches 1/alpha, looked at after every pair for ever, is at most
// alpha (Ville). The restarts are what keeps it awake: one process from zero
// loses wealth on every good pair and has to win it all back first.
//
// Memory does not grow with the nights, and nothing is pruned for it. A bet of
// grid8 does not look at the past, so at one fraction f_k the wealths of all
// nights are multiplied by the same factor from the moment they have started:
// their weighted sum S_k is all that has to be kept, and
// M = mean over k of S_k + 1/(J+1), the second part being the nights to come.
//
// M is what the pairs so far come to, and an alarm is what it is now: a caller
// who looks at some moments only, after a batch say, looks at that same process
// at those moments. Within a night the order of pairs does not matter to M, so
// one who computes it anew from lines must not search their order for a crossing
// that nobody looked at: M after the last line is all that counts.
//
// A night is a batch of pairs: one without any changes nothing but would cost
// weight, so callers start only nights that have pairs. The zero value is not
// usable.
type Drift struct {
	margin int64
	need   int64
	sums   [8]float64 // S_k
	nights int        // J
	n      int
	sum    int64
	abs    int64
}

// DriftState is where the watch stands.
type DriftState struct {
	Nights      int   // that had pairs
	Pairs       int   // counted
	M           int64 // millionths, rounded down; EMax is a billion and more
	Need        int64 // 1/alpha in millionths, rounded up: escalate at M >= Need
	MeanD       int64 // millionths, missing scores read as the worse null reads them
	Discordance int64 // millionths: the mean of |D|
	Alarm       bool  // M >= Need, now
}

// NewDrift begins a watch. margin and alpha are in millionths, as in Params.
func NewDrift(margin, alpha int64) (*Drift, error) {
	if err := (Params{Method: Grid8, Margin: margin, Alpha: alpha, N: 1}).Validate(); err != nil {
		return nil, fmt.Errorf("watching for drift: %w", err)
	}
	return newDrift(margin, alpha), nil
}

func newDrift(margin, alpha int64) *Drift {
	return &Drift{margin: margin, need: need(float64(alpha) / float64(Million))}
}

// Night starts the next night: pairs that follow count in a process of its own,
// too.
func (d *Drift) Night() {
	d.nights++
	delta := 1 / float64(float64(d.nights)*float64(d.nights+1))
	for k := range d.sums {
		d.sums[k] += delta
	}
}

// Add counts one pair's difference, in millionths of [-1, 1], and says whether
// M is at its bar now. A pair before the first night starts it. A
// missing score is read as the worse null reads it (Observation.Worse), and a
// difference that cannot be is read as the good end: an alarm moves a tier, so
// nothing but a measured loss may raise it.
func (d *Drift) Add(diff int64) bool {
	if d.nights == 0 {
		d.Night()
	}
	if diff < -Million || diff > Million {
		diff = Million
	}
	ratio := -float64(diff+d.margin) / float64(Million+d.margin)
	for k, f := range fractions {
		d.sums[k] = mul(d.sums[k], 1+mul(f, ratio))
	}
	d.n++
	d.sum += diff
	d.abs += max(diff, -diff)
	return eMillionths(d.m()) >= d.need
}

// m is M. A sum that underflows on an endless row of wins is 0, which is less
// than it was: never a reason for an alarm.
func (d *Drift) m() float64 {
	s := &d.sums
	return (((s[0]+s[1])+(s[2]+s[3]))+((s[4]+s[5])+(s[6]+s[7])))/8 + 1/float64(d.nights+1)
}

// State reports where the watch stands.
func (d *Drift) State() DriftState {
	m := eMillionths(d.m())
	return DriftState{
		Nights: d.nights, Pairs: d.n, M: m, Need: d.need,
		MeanD: mean(d.sum, d.n), Discordance: mean(d.abs, d.n), Alarm: m >= d.need,
	}
}
