package config

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// PolicyTest is a `test` block of a file of policy tests. Nil members were not
// said.
type PolicyTest struct {
	Name          string
	File          string
	Policy        *Policy // nil: the skill's
	Skill         string  // "" is a made-up one
	SkillRange    diag.Range
	Step          string
	Tier          *Tier // where the step stands; nil is the top of the ladder
	Pinned        bool
	CooldownUntil time.Time
	Tags          []string // nil: the skill's
	Class         string
	Source        string // "": the skill's
	Moments       []*PolicyMoment
	Range         diag.Range
}

// PolicyMoment is one time of a test: what happens then, what was measured by
// then, and what the night must decide. A test without `at` blocks has one.
type PolicyMoment struct {
	At       time.Time
	Escalate string
	Pinned   *bool
	Tier     *Tier
	Edited   bool
	Given    PolicyGiven
	Expect   *PolicyExpect // nil: no night
	Range    diag.Range
}

// PolicyGiven is what was measured, as far as a test says it.
type PolicyGiven struct {
	Evidence GivenEvidence
	Pairs    *GivenPairs
	Scores   *GivenScores
	Recorded *GivenRecorded
	Gates    []GivenGate
	Dims     []GivenDimension
	Cost     GivenCost
	Latency  GivenLatency
	History  GivenHistory
}

// GivenEvidence is an `evidence` and a `gap` block. Nil follows from the rest.
type GivenEvidence struct {
	Proved, Disproved, Planted, Recent *bool
	N, Needed, Epoch                   *int
	E, EWorse, Mean, Bound             *float64
	Content                            string // reference, dimension, gates, none; "" is reference
	Judged                             bool
}

// GivenPairs are made-up items.
type GivenPairs struct{ Ties, Wins, Losses, Missing int }

// GivenScores names a table of scores.
type GivenScores struct {
	File, Current, Candidate, Skill, Seed string
	Range                                 diag.Range
}

// GivenRecorded names an epoch of an evidence file.
type GivenRecorded struct {
	Skill, Epoch string
	Range        diag.Range
}

// GivenGate is a gate that did not pass everywhere.
type GivenGate struct {
	Name         string
	Failures     int
	Worse, Never *bool
	Range        diag.Range
}

// GivenDimension is a dimension that may have lost.
type GivenDimension struct {
	Name  string
	Kind  string // "": the skill's, else reasoning
	Loss  float64
	Worse *bool
	Range diag.Range
}

// GivenCost is in micro-dollars.
type GivenCost struct {
	Current, Candidate, Spent, RunsPerMonth int64
	Known                                   bool
}

// GivenLatency is how long the candidate takes.
type GivenLatency struct {
	Ratio    float64
	Timeouts int
	Known    bool
}

// GivenHistory is what happened before the first night. Days count back from it.
type GivenHistory struct {
	Moves, Escalations       int
	DaysMove, DaysEscalation float64
}

// PolicyExpect is what must come of a night. Members that are empty are not
// looked at.
type PolicyExpect struct {
	Decision      string
	Because       []Said
	Reason        string
	Tier          *Tier
	Epoch         *int
	CooldownUntil time.Time
	Checks        []*Expr
	Ranges        map[string]diag.Range // by attribute
	Range         diag.Range
}

// Said is a word with its place.
type Said struct {
	Text  string
	Range diag.Range
}
