package verdict

import "slices"

// Guard is a test beside the main one: a gate or a dimension, by grid8 at its
// own margin. It does not have to prove anything: it holds when it is proved
// worse and is otherwise shown as proved or unknown.
type Guard struct {
	Name      string
	Kind      string // "gate", or the dimension's kind
	Margin    int64  // millionths
	N         int    // items where both arms were checked
	Gap       int64  // mean difference over those, millionths
	Current   int64  // mean over those: pass rate or score, millionths
	Candidate int64
	E         int64   // largest wealth against "worse by the margin", millionths
	EWorse    int64   // largest wealth against "not worse"
	Outcome   Outcome // Disproved is proved worse; Proved; Open is unknown
}

func (a *Assessment) guards(prefix, all []Pair) {
	p := a.Spec.Params
	for _, g := range a.Spec.Gates {
		guard := watch(g.Name, "gate", g.Margin, p, prefix, func(p Pair) (cur, cand *int64) {
			r := p.Gates[g.Name]
			return score(r.Cur), score(r.Cand)
		})
		a.Gates = append(a.Gates, guard)
		if guard.Outcome == Disproved {
			a.GatesWorse = append(a.GatesWorse, g.Name)
		}
		if !g.Never {
			continue
		}
		// Zero tolerance looks at everything known, duplicates and items past a
		// hole included; a failure does not have to wait for its turn.
		if slices.ContainsFunc(all, func(p Pair) bool {
			r := p.Gates[g.Name]
			return r.Cand != nil && !*r.Cand
		}) {
			a.NeverFailed = append(a.NeverFailed, g.Name)
		}
		if slices.ContainsFunc(prefix, func(p Pair) bool {
			return p.Cand != nil && !p.CandTimeout && p.Gates[g.Name].Cand == nil
		}) {
			a.NeverUnseen = append(a.NeverUnseen, g.Name)
		}
	}
	for _, d := range a.Spec.Dims {
		guard := watch(d.Name, d.Kind, d.Margin, p, prefix, func(p Pair) (cur, cand *int64) {
			r := p.Dims[d.Name]
			return r.Cur, r.Cand
		})
		a.Dims = append(a.Dims, guard)
		switch {
		case guard.Outcome != Disproved:
		case d.Kind == KindFormat:
			a.FormatGaps = append(a.FormatGaps, d.Name)
		default:
			a.ReasoningGaps = append(a.ReasoningGaps, d.Name)
		}
	}
	slices.Sort(a.GatesWorse)
	slices.Sort(a.NeverFailed)
	slices.Sort(a.NeverUnseen)
	slices.Sort(a.ReasoningGaps)
	slices.Sort(a.FormatGaps)
}

func score(passed *bool) *int64 {
	if passed == nil {
		return nil
	}
	v := int64(0)
	if *passed {
		v = Million
	}
	return &v
}

// watch runs both sides over the whole prefix; each keeps its largest wealth,
// which Ville's inequality allows, and worse wins over proved. The sides do not
// close each other, unlike the main test's: an early proof must not blind the
// guard. An item that one arm was not checked on counts as the worst against
// "worse" and as no difference against "not worse": there the main test's rule,
// the best, would let unchecked items cover up checked ones.
func watch(name, kind string, margin int64, p Params, prefix []Pair, of func(Pair) (cur, cand *int64)) Guard {
	g := Guard{Name: name, Kind: kind, Margin: margin}
	up := &gridNotWorse{m: newMixture(), margin: margin}
	down := &gridWorse{m: newMixture(), margin: margin}
	var cur, cand int64
	for _, pair := range prefix {
		x, y := of(pair)
		o := observe(x, y)
		if x == nil || y == nil {
			o.Worse = 0
		} else {
			g.N++
			cur += *x
			cand += *y
		}
		up.add(o.NotWorse)
		down.add(o.Worse)
		g.E, g.EWorse = max(g.E, up.e()), max(g.EWorse, down.e())
	}
	g.Current, g.Candidate, g.Gap = mean(cur, g.N), mean(cand, g.N), mean(cand-cur, g.N)
	switch {
	case g.EWorse >= need(float64(p.Alpha)/float64(Million)):
		g.Outcome = Disproved
	case g.E >= need(p.AlphaEff()):
		g.Outcome = Proved
	}
	return g
}

// Latency compares how long the two arms take on the same items.
type Latency struct {
	Items             int   // items where both times are known
	Current           int64 // p95, milliseconds (nearest rank)
	Candidate         int64
	Ratio             int64 // candidate over current, millionths; 0 unknown
	CurrentTimeouts   int   // of the prefix
	CandidateTimeouts int
	Slow              bool // above the spec's factor: holds
}

func latency(prefix []Pair, factor int64) Latency {
	var l Latency
	var cur, cand []int64
	for _, p := range prefix {
		if p.CurMS > 0 && p.CandMS > 0 {
			cur, cand = append(cur, p.CurMS), append(cand, p.CandMS)
		}
		if p.CurTimeout {
			l.CurrentTimeouts++
		}
		if p.CandTimeout {
			l.CandidateTimeouts++
		}
	}
	l.Items = len(cur)
	if l.Items == 0 {
		return l
	}
	l.Current, l.Candidate = p95(cur), p95(cand)
	ratio := float64(l.Candidate) / float64(l.Current)
	l.Ratio = millionths(min(ratio, 1e6))
	l.Slow = l.Ratio > factor && l.Candidate-l.Current > noticeable
	return l
}

// noticeable is the least difference of p95 that counts, in milliseconds. Where
// both arms answer within a blink their ratio is the machine's noise.
const noticeable = 100

func p95(ms []int64) int64 {
	slices.Sort(ms)
	return ms[(95*len(ms)+99)/100-1]
}

// Planted is what became of outputs damaged on purpose.
type Planted struct {
	Items  int
	Gap    int64 // mean difference, damaged minus real, millionths
	EWorse int64 // largest wealth against "not worse", millionths
	Seen   bool  // found worse by the margin, at the policy's alpha
}

// seen runs E' over the planted arm. A missing score is read in the damage's
// favour: a check that cannot score the damaged output has not seen it.
func seen(s Spec, planted []Pair) Planted {
	var out Planted
	w := &gridWorse{m: newMixture(), margin: s.Params.Margin}
	var sum int64
	for _, p := range Merge(planted) {
		o := p.Observe()
		w.add(o.Worse)
		sum += o.Worse
		out.Items++
		out.EWorse = max(out.EWorse, w.e())
	}
	out.Gap = mean(sum, out.Items)
	out.Seen = out.EWorse >= need(float64(s.Params.Alpha)/float64(Million))
	return out
}

// Recency asks whether the last reach-many items alone lean to worse.
type Recency struct {
	Items  int
	EWorse int64 // E' over them, millionths
	OK     bool  // below 1; false with no items
}

// recency lets early easy nights not prove a skill that got worse since. It
// guards a downgrade, so a missing score is read as against "worse by d".
func recency(p Params, prefix []Pair, reach int) Recency {
	if reach > 0 && len(prefix) > reach {
		prefix = prefix[len(prefix)-reach:]
	}
	obs := make([]Observation, len(prefix))
	for i, pair := range prefix {
		o := pair.Observe()
		obs[i] = Same(o.NotWorse)
	}
	r := Recency{Items: len(prefix), EWorse: EWorse(p.Margin, obs)}
	r.OK = r.Items > 0 && r.EWorse < Million
	return r
}

// EWorse is E' of the design: the wealth of grid8's worse side over these
// observations, in millionths, rounded down, saturating at EMax. Below 1 the
// observations do not lean to "worse by more than margin". The margin is in
// (0, 1), in millionths; outside it the answer is EMax, which holds.
func EWorse(margin int64, obs []Observation) int64 {
	if margin <= 0 || margin >= Million {
		return EMax
	}
	w := &gridWorse{m: newMixture(), margin: margin}
	for _, o := range obs {
		w.add(min(max(o.Worse, -Million), Million))
	}
	return w.e()
}
