package verdict

// Able is what a number of items can prove, before any of them was tried.
type Able struct {
	// Start is how many items there have to be before a proof is possible at the
	// spec's margin: the smallest pool that may move anything, or the smallest
	// deadline in time for ties. 0: none in sight.
	Start int
	// Ties is how many of them a candidate takes that differs on none, at the number
	// of items there are, or at Start where there are fewer. One that loses some
	// takes more.
	Ties int
	// Finest is the smallest margin that the items there are could prove, rounded up
	// to a tenth of a point; 0: not even a loss of everything.
	Finest int64
}

// step of margins that Finest is looked for in: a tenth of a point.
const step = Million / 1000

// AbleWith says what so many items can prove. For a pool they are the pool, else
// the deadline; the spec's own N is not looked at. Of a judged score both parts
// have to prove, and the margin looked for is the whole one, split as the terms
// split it.
func AbleWith(s Spec, items int) Able {
	s = s.defaults()
	var a Able
	probe := s
	probe.Params.N = max(items, s.least(), 1)
	if a.Start = Deadline(probe.Params); s.Terms != nil {
		a.Start = deadlineOf(probe)
	}
	probe.Params.N = max(items, a.Start, 1)
	if n, ok := reachOf(probe); ok {
		a.Ties = max(n, probe.least())
	}
	if items < 1 || s.Params.Validate() != nil {
		return a
	}
	proves := func(margin int64) bool {
		p := s.scaled(margin)
		p.Params.N = items
		_, ok := reachOf(p)
		return ok && p.least() <= items
	}
	low, high := int64(0), Million/step // low does not prove; high is no margin, and only bounds the search
	for high-low > 1 {
		if mid := (low + high) / 2; proves(mid * step) {
			high = mid
		} else {
			low = mid
		}
	}
	if high < Million/step {
		a.Finest = high * step
	}
	return a
}

// scaled is the spec at another margin, with what labels leave in proportion.
func (s Spec) scaled(margin int64) Spec {
	old := s.Params.Margin
	s.Params.Margin = margin
	if s.Terms == nil {
		return s
	}
	t := *s.Terms
	t.Judge = max(1, t.Judge*margin/old)
	t.Code = max(1, margin-t.Judge)
	t.Margin = min(Million-1, floorDiv(t.Judge*t.JLow, Million)-t.Bias) // the bias stays
	s.Terms = &t
	return s
}
