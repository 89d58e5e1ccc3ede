package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Decision is what happens to the assignment.
type Decision string

// The decisions. Inconclusive holds too; it says that items would help.
const (
	Downgrade Decision = "downgrade"
	Hold      Decision = "hold"
	Undecided Decision = "inconclusive"
)

// Rules is what the policy's rules said about an Assessment.
type Rules struct {
	DowngradeWhen *bool    // nil: the policy has no such rule
	Err           string   // a rule could not be evaluated: holds
	Holds         []string // the reasons of the hold rules that matched
}

// Money is what the move costs and brings, in micro-dollars.
type Money struct {
	Spent           int64 // on this verification so far
	CurrentPerRun   int64
	CandidatePerRun int64
	RunsPerMonth    int64
	Known           bool // the three above are known; otherwise nothing is promised
	// AtLeast: some cost is a bound. Then CurrentPerRun is the least and
	// CandidatePerRun the most that it may be, so that a saving is at least that.
	AtLeast bool
	// Hardware milliseconds a run, where a tier is priced by GPU hour.
	CurrentGPU, CandidateGPU int64
	ItemsPerNight            int // what the budget buys in a night; 0 is unknown
	// CacheRegret is what the move loses once: the prompt that the current tier has in
	// its cache is written to the candidate's.
	CacheRegret int64
}

// Record is the verdict record. Numbers of quality are integers in millionths,
// money is in micro-dollars, null is unknown.
type Record struct {
	Skill         string   `json:"skill"`
	Step          string   `json:"step"`
	Current       string   `json:"current"`
	Candidate     string   `json:"candidate"`
	Decision      Decision `json:"decision"`
	Outcome       Outcome  `json:"outcome"` // of the test; "" is open
	Claim         string   `json:"claim"`
	HeadlineGap   int64    `json:"headline_gap"` // mean D over the items that the test counted, missing scores read as the null at stake reads them
	ReasoningGaps []string `json:"reasoning_gaps"`
	FormatGaps    []string `json:"format_gaps"`
	Reason        string   `json:"reason"`
	Recommend     string   `json:"recommend"`
	N             int      `json:"n"`            // items completed
	Deadline      int      `json:"max_items"`    // of the epoch
	ItemsNeeded   *int     `json:"items_needed"` // still; null when no more items of this epoch would do
	NightsNeeded  *int     `json:"nights_needed"`
	EValue        int64    `json:"e_value"`   // 1e15 is a billion or certainty
	EWorse        int64    `json:"e_worse"`   // likewise
	Threshold     int64    `json:"threshold"` // 1/alpha_eff: proved at e_value >= threshold
	Bound         *int64   `json:"bound"`     // the loss is at most this, at any look
	OneLook       int64    `json:"one_look"`  // Bonett-Price 95 % lower bound on the gap, for one look only
	Margin        int64    `json:"margin"`
	Alpha         int64    `json:"alpha"`
	Method        Method   `json:"method"`
	Epoch         int      `json:"epoch"`
	Spent         int64    `json:"spent"`
	SavingsMonth  *int64   `json:"est_savings_month"`
	PaybackRuns   *int64   `json:"payback_runs"`           // until Spent and CacheRegret are saved
	CacheRegret   int64    `json:"cache_regret,omitempty"` // lost once by the move
	Latency       *Pace    `json:"latency,omitempty"`      // beside the quality; nil where no times are known
	Evidence      string   `json:"evidence"`               // where the pairs are; the caller fills it in
	Rule          string   `json:"rule"`                   // the code of what decided, see Cause
	Causes        []Cause  `json:"causes"`                 // everything that stands against a downgrade
}

// Pace is how long both tiers take: the 95th percentiles in milliseconds, their
// ratio (candidate over current, millionths; 0 unknown) and runs over the
// deadline.
type Pace struct {
	Items             int   `json:"items"`
	Current           int64 `json:"current_p95_ms"`
	Candidate         int64 `json:"candidate_p95_ms"`
	Ratio             int64 `json:"ratio"`
	CurrentTimeouts   int   `json:"current_timeouts,omitempty"`
	CandidateTimeouts int   `json:"candidate_timeouts,omitempty"`
}

// pace is the latency as the record tells it, nil where nothing is known of it.
func (l Latency) pace() *Pace {
	if l.Items == 0 && l.CurrentTimeouts+l.CandidateTimeouts == 0 {
		return nil
	}
	return &Pace{l.Items, l.Current, l.Candidate, l.Ratio, l.CurrentTimeouts, l.CandidateTimeouts}
}

// Cause is one thing that stands against a downgrade.
type Cause struct {
	Code   string `json:"code"` // evidence, content, drafted, disproved, part, gate, never, dimension, format, rule, hold, judge, open, reach, planted, latency, recency, floor, downgrade_when
	Reason string `json:"reason"`
}

// Decide draws the verdict. A downgrade takes a proof and that nothing at all
// stands against it; rules may only narrow.
func Decide(a Assessment, r Rules, m Money) Record {
	s := a.Spec
	rec := Record{
		Skill: s.Skill, Step: s.Step, Current: s.Current, Candidate: s.Candidate,
		Outcome: a.Test.Outcome, Claim: a.Claim, HeadlineGap: a.Test.MeanD,
		ReasoningGaps: orEmpty(a.ReasoningGaps), FormatGaps: orEmpty(a.FormatGaps),
		N: a.Items, Deadline: s.Params.N,
		EValue: a.Test.E, EWorse: a.Test.EWorse, Threshold: a.Test.Need,
		OneLook: a.OneLook, Margin: s.Params.Margin, Alpha: s.Params.Alpha,
		Method: s.Params.Method, Epoch: s.Params.Epoch, Spent: m.Spent, CacheRegret: max(m.CacheRegret, 0),
		Causes: []Cause{},
	}
	if a.Test.Outcome == Disproved { // the same missing scores, read the other way
		rec.HeadlineGap = a.Test.MeanWorse
	}
	rec.Latency = a.Latency.pace()
	if a.BoundOK {
		rec.Bound = new(a.Bound)
	}
	if n, ok := a.still(); ok {
		rec.ItemsNeeded = &n
		if m.ItemsPerNight > 0 {
			rec.NightsNeeded = new((n + m.ItemsPerNight - 1) / m.ItemsPerNight)
		}
	}
	rec.SavingsMonth, rec.PaybackRuns = m.Worth()

	final := a.against(r)
	rec.Causes = append(rec.Causes, final...)
	rec.Causes = append(rec.Causes, a.pending(r)...)
	switch {
	case len(rec.Causes) == 0 && a.Test.Outcome == Proved:
		rec.Decision, rec.Rule = Downgrade, "proved"
	case len(final) > 0 || a.Test.Outcome == Proved || !a.ReachOK:
		rec.Decision = Hold
	default:
		rec.Decision = Undecided
	}
	if rec.Decision != Downgrade {
		rec.Rule = rec.Causes[0].Code
	}
	rec.Reason = a.reason(rec)
	rec.Recommend = a.recommend(rec)
	return rec
}

// still is how many items a proof takes beyond those at hand.
func (a Assessment) still() (int, bool) {
	switch {
	case len(a.Problems) > 0:
		return 0, false
	case a.Test.Outcome == Open:
		return max(1, a.Needed.Mean-a.Items), a.Needed.OK
	}
	return a.Wants, a.Test.Outcome == Proved
}

// against lists what holds whatever more items would say.
func (a Assessment) against(r Rules) []Cause {
	var out []Cause
	add := func(code, format string, args ...any) {
		out = append(out, Cause{code, fmt.Sprintf(format, args...)})
	}
	for _, p := range a.Problems {
		add("evidence", "this evidence cannot be read: %s", p)
	}
	if !slices.Contains([]string{ContentReference, ContentDimension, ContentGates}, a.Spec.Content) {
		add("content", "nothing here measures content")
	}
	if len(a.Problems) > 0 {
		return out
	}
	if a.Synthetic > 0 {
		add("drafted", "%s of those that count were drafted by a model: they may screen and never prove", items(a.Synthetic))
	}
	for _, why := range a.worseParts() {
		add("part", "%s", why)
	}
	if a.Test.Outcome == Disproved {
		whose := ""
		if a.Spec.Judged { // without labels nobody knows what its points are worth
			whose = ", as the judge scores it"
		}
		add("disproved", "worse by more than %s%s: mean gap %s over %s", points(a.Spec.Params.Margin), whose, points(a.Test.MeanWorse), items(a.Test.N))
	}
	for _, g := range a.NeverFailed {
		add("never", "gate %s, which tolerates nothing, failed on the candidate", g)
	}
	for _, g := range a.Gates {
		if g.Outcome == Disproved {
			add("gate", "gate %s is passed less often: %s over %s, and %s is the margin", g.Name, points(g.Gap), items(g.N), points(g.Margin))
		}
	}
	for _, d := range a.Dims {
		if d.Outcome != Disproved {
			continue
		}
		code := "dimension"
		if d.Kind == KindFormat {
			code = "format"
		}
		add(code, "%s (%s) got worse by %s over %s, and %s is the margin", d.Name, d.Kind, points(-d.Gap), items(d.N), points(d.Margin))
	}
	if r.Err != "" {
		add("rule", "a rule of the policy cannot be evaluated: %s", r.Err)
	}
	for _, h := range r.Holds {
		add("hold", "%s", h)
	}
	if a.Spec.Judged && a.Spec.Terms == nil {
		add("judge", "%s", cmp.Or(a.Spec.JudgeWhy, "the score is judged and the judge is not calibrated, so it may only hold"))
	}
	return out
}

// pending lists what more items, or a repeated planted arm, could still cure.
func (a Assessment) pending(r Rules) []Cause {
	if len(a.Problems) > 0 || len(a.worseParts()) > 0 {
		return nil
	}
	var out []Cause
	add := func(code, format string, args ...any) {
		out = append(out, Cause{code, fmt.Sprintf(format, args...)})
	}
	if a.Test.Outcome == Open || a.Test.Outcome == Inconclusive {
		if !a.ReachOK {
			add("reach", "%s", a.outOfReach())
		}
		add("open", "%s", a.unproved())
		return out
	}
	if a.Test.Outcome == Disproved {
		return nil
	}
	if !a.Planted.Seen && !a.Spec.NoPlanted {
		if a.Planted.Items == 0 {
			add("planted", "no outputs damaged on purpose were scored, so nobody knows that this measurement sees damage")
		} else {
			add("planted", "the planted damage was not seen: %s damaged on purpose scored %s, and a test that cannot see damage proves nothing", items(a.Planted.Items), points(a.Planted.Gap))
		}
	}
	if a.Latency.Slow {
		add("latency", "the candidate is %s times as slow (p95 %d ms against %d ms), and %s is the limit", figure(a.Latency.Ratio), a.Latency.Candidate, a.Latency.Current, figure(a.Spec.LatencyFactor))
	}
	for _, g := range a.NeverUnseen {
		add("never", "gate %s tolerates nothing and was not checked on every output of the candidate", g)
	}
	if !a.Recency.OK {
		add("recency", "the last %s alone lean to worse (e %s)", items(a.Recency.Items), figure(a.Recency.EWorse))
	}
	if a.Compared == 0 {
		// Read against the candidate a missing score is no win, but a tie can be had
		// of nothing but missing scores, and few ties prove where much may be lost.
		add("floor", "none of %s has a score of both tiers, so nothing was compared", items(a.Items))
	}
	if a.Items < a.Floor {
		if a.Spec.Params.Method.Pool() && a.Spec.Params.N < a.Floor {
			add("floor", "a pool of %s is under the floor of %d: so few say nothing at a margin of %s", items(a.Spec.Params.N), a.Floor, points(a.Spec.Params.Margin))
		} else {
			add("floor", "%s measured, and nothing moves on fewer than the floor of %d", items(a.Items), a.Floor)
		}
	}
	if r.DowngradeWhen != nil && !*r.DowngradeWhen {
		add("downgrade_when", "the policy's downgrade_when is false")
	}
	return out
}

// Worth is the estimated saving a month and the runs after which the
// verification, and the warm cache that the move gives up, are paid for; nil
// where that is unknown or never.
func (m Money) Worth() (month, payback *int64) {
	if !m.Known {
		return nil, nil
	}
	saved := m.CurrentPerRun - m.CandidatePerRun
	month = new(times(saved, m.RunsPerMonth))
	if saved > 0 {
		payback = new((max(m.Spent, 0) + max(m.CacheRegret, 0) + saved - 1) / saved)
	}
	return month, payback
}

// times multiplies, staying at the ends of what JSON readers take exactly.
func times(a, b int64) int64 {
	const most = 1<<53 - 1
	if x := float64(a) * float64(b); x > most || x < -most {
		if x > 0 {
			return most
		}
		return -most
	}
	return a * b
}

func orEmpty(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func join(causes []Cause) string {
	out := make([]string, len(causes))
	for i, c := range causes {
		out[i] = c.Reason
	}
	return strings.Join(out, "; ")
}
