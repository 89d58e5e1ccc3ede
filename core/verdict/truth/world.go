package main

import (
	"math"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// The simulated fleet. All of it is made up; the prices are near those of two
// neighbouring tiers.
const (
	fleetSkills = 960
	fleetNights = 90
	nightBudget = 300 * 1_000_000 // micro-dollars, some three tenths of what the fleet spends a day
	nightMost   = 200             // items of one skill in one night
	batch       = 50              // items bought before tests are looked at
	history     = 30              // days of logged traffic on the first night
	horizon     = 365             // days within which measuring has to pay back
	backAfter   = 14              // nights until a moved skill that an edit made worse is taken back up
	together    = 50              // moves that are hoped to be accepted with the next one
	editOdds    = 1_000_000 / 180 // an edit of a skill, a night, in millionths
)

// world is how a fleet's truth is drawn.
type world struct {
	name string
	// truth is a skill's mean difference and its discordance, in millionths.
	truth func(r *random) (gap, discord int64)
}

// ordinary: 40 % of candidates do what the current tier does but for a few items,
// 10 % are better, 10 % lose less than the margin, 40 % are worse by the margin
// and more.
func ordinary() world {
	return world{name: "ordinary fleet", truth: func(r *random) (int64, int64) {
		switch x := r.below(100); {
		case x < 40:
			return int64(r.below(20_001)) - 10_000, 10_000 + int64(r.below(50_000))
		case x < 50:
			return int64(r.below(50_000)), 50_000 + int64(r.below(200_000))
		case x < 60:
			return -10_000 - int64(r.below(39_000)), 40_000 + int64(r.below(160_000))
		}
		gap := -margin - int64(min(120_000*exponential(r), 550_000))
		return gap, 50_000 + int64(r.below(150_000)) - gap
	}}
}

// hardest: 95 % of candidates are worse by exactly the margin, where each has
// its whole chance of being moved, and 5 % are as good. A rule that looks at one
// skill at a time keeps its promise here, and a quarter of its moves are wrong.
func hardest() world {
	return world{name: "95 % exactly at the margin", truth: func(r *random) (int64, int64) {
		if r.chance(50_000) {
			return 0, 50_000
		}
		return -margin, 100_000
	}}
}

// skill is one candidate of the fleet: its truth, its traffic and prices, and
// where its test stands.
type skill struct {
	gap, discord int64   // millionths
	runs         float64 // a day
	saving       int64   // micro-dollars a run
	item         int64   // micro-dollars to measure one item
	place        int     // among the tests ever opened, from 1
	epoch        int
	moved        bool
	back         int    // the night on which it goes back up; 0 none
	items        random // the stream that its items come from
	open         bool   // its test may take more items
	ended        verdict.Outcome
	params       verdict.Params
	test         *verdict.Test
	seen         []verdict.Observation
	tonight      int // items bought tonight
	worth        float64
	wealth       int64
	sum          int64 // of D
	square       float64
}

func (s *skill) safe() bool { return s.gap > -margin }

// runsADay has a median of 20 and a mean of 41; prices a median of 2 cents a
// run; the candidate costs .1 to .4 of it. Items are logged runs, so that only the
// candidate's side is bought, with a fifth on top for retries and judging.
func newSkill(w world, r *random, place int, seed uint64) skill {
	s := skill{place: place, items: random(seed<<10 ^ uint64(place)), runs: 20 * math.Exp(1.2*normal(r))}
	price := 20_000 * math.Exp(.8*normal(r))
	share := .1 + .3*float64(r.below(1001))/1000
	s.saving = int64(price * (1 - share))
	s.item = int64(price * share * 1.2)
	s.gap, s.discord = w.truth(r)
	return s
}

// observe is the skill's next item: won, lost or even. Its items come from a
// stream of its own, so that whatever happens to other skills changes none.
func (s *skill) observe() verdict.Observation {
	q := max(s.discord, s.gap, -s.gap)
	return ternary(&s.items, (q+s.gap)/2, (q-s.gap)/2)
}

// edit is a change of the skill by its people: one time in five the candidate's
// truth is another one, otherwise it moves by a point or so.
func (s *skill) edit(w world, r *random) {
	if r.below(5) == 0 {
		s.gap, s.discord = w.truth(r)
		return
	}
	if s.gap != -margin { // the hardest stay where they are
		s.gap = max(-900_000, min(s.gap+int64(10_000*normal(r)), 200_000))
	}
}

// normal is the sum of twelve uniforms less six: near enough to a normal for
// prices, and the same on every machine.
func normal(r *random) float64 {
	sum := int64(0)
	for range 12 {
		sum += int64(r.next() >> 33)
	}
	return float64(sum)/float64(1<<31) - 6
}

func exponential(r *random) float64 { return -math.Log((float64(r.next()>>11) + .5) / (1 << 53)) }
