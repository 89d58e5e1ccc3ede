package rule

import "time"

// Policy is all that a policy rule may look at. Each member is reached by its
// snake_case name: evidence.proved, gap.mean, dims.reasoning_gaps, skill.tags.
//
// A number that is not known is NaN (gap.bound before any item, for example): a
// rule that reads it is an error, never a decision.
type Policy struct {
	Evidence Evidence
	Gap      Gap
	Dims     Dims
	Gates    Gates
	Skill    Skill
	Cost     Cost
	Latency  Latency
	History  History
	Now      time.Time // UTC; the rule reads it with day(now), weekday(now), hour(now)
}

// Evidence is what the test says about the candidate.
type Evidence struct {
	Proved    bool    // not worse by the margin, proved
	Disproved bool    // worse by the margin, proved
	N         int     // items that count
	Needed    int     // items expected still to be needed
	E         float64 // e-value of "not worse"
	EWorse    float64 // e-value of "worse"
	Threshold float64 // what E must reach
	Claim     string  // "future runs" or "this pool of N items"
	Epoch     int     // counts all epochs of the skill, from 1
}

// Gap is candidate minus current, as a fraction of the score (0.05 is 5
// points); positive when the candidate is better.
type Gap struct {
	Mean  float64
	Bound float64 // the largest loss that is not excluded
}

// Dims are the judged dimensions.
type Dims struct {
	Names         []string // all dimensions
	ReasoningGaps []string // proved worse, kind reasoning
	FormatGaps    []string // proved worse, kind format
}

// Gates are the checks on the candidate's outputs.
type Gates struct {
	Failing  []string // gates that failed on at least one item
	Worse    []string // gates proved worse than with the current tier
	PassRate float64  // 0..1
}

// Skill is what is being decided about.
type Skill struct {
	Name   string
	Step   string
	Tags   []string
	Class  string // of its data
	Policy string
}

// Cost is in USD.
type Cost struct {
	Current     float64 // per run on the current tier
	Candidate   float64 // per run on the candidate
	SavingMonth float64
	Known       bool // false when either tier has no price: the amounts are NaN then
}

// Latency compares the tiers.
type Latency struct {
	Ratio       float64 // p95 of the candidate over p95 of the current tier
	TimeoutRate float64 // of the candidate, 0..1
}

// History is what happened to the skill's step before.
type History struct {
	Moves               int
	Escalations         int
	DaysSinceMove       float64
	DaysSinceEscalation float64
}
