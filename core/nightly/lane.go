package nightly

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/core/evolve"
	"github.com/plimsoll-dev/plimsoll/core/report"
)

// lane is one skill's comparisons of tonight, one after the other: two steps of
// a skill are never measured together, and where one moves the others wait for
// the next night. It is touched by the night's own goroutine alone.
type lane struct {
	queue []entry
	at    int
	busy  bool // a batch of it is under way
	waits bool // for money that a batch under way has reserved
	moves bool // a step of the skill moves tonight

	c      *evolve.Comparison // of queue[at], nil before it is opened
	res    *evolve.Result     // concluded; a screen may still be due
	row    report.Row
	screen bool // due
	worth  int64
}

// entry is a candidate with its place in the ranking.
type entry struct {
	Candidate
	rank int
}

func (l *lane) over() bool     { return l.at >= len(l.queue) }
func (l *lane) entry() entry   { return l.queue[l.at] }
func (l *lane) opened() bool   { return l.c != nil }
func (l *lane) working() bool  { return !l.over() && l.opened() && !l.busy }
func (l *lane) hardware() bool { return len(hardware(l.entry().Candidate)) > 0 }

// next goes on to the skill's next comparison.
func (l *lane) next() {
	l.at++
	l.c, l.res, l.screen, l.worth = nil, nil, false, 0
}

// lanes puts the candidates of each skill behind each other, in their ranking.
func lanes(candidates []Candidate) []*lane {
	var out []*lane
	bySkill := map[string]*lane{}
	for i, c := range candidates {
		l := bySkill[c.Skill]
		if l == nil {
			l = &lane{}
			bySkill[c.Skill] = l
			out = append(out, l)
		}
		l.queue = append(l.queue, entry{c, i})
	}
	return out
}

// open makes the comparison of a lane's next candidate. One that cannot be made
// holds, and says why: it must not keep the others from moving.
func (n *night) open(ctx context.Context, l *lane) {
	e := l.entry()
	if n.options.Watch != nil {
		n.options.Watch(n.opened, n.candidates, e.Skill)
	}
	n.opened++
	if l.moves && !e.Policy.Fleet {
		n.keep(e, heldRow(e.Step, "another step of this skill moves tonight, and the two were never measured together", "the next night measures it beside the moved step"))
		l.next()
		return
	}
	subject, err := n.house.Subject(ctx, e.Step, e.Tier)
	if err != nil {
		n.broken(l, err)
		return
	}
	if n.options.DryRun {
		n.look(ctx, l, subject)
		return
	}
	left := n.left(e)
	if left < 0 {
		left = n.purse(e).limit
	}
	if l.c, err = n.bench.Open(subject, evolve.Budget{Left: left}); err != nil {
		n.broken(l, err)
		return
	}
	l.worth = n.worthOf(l)
	n.settle(ctx, l)
}

// worthOf is what the next batch of a lane is worth. Under the false-discovery
// rule a test that shares items with others keeps its estimate of before the
// night: see the package comment.
func (n *night) worthOf(l *lane) int64 {
	e := l.entry()
	if e.Policy.Fleet && e.Shared {
		return int64(e.worth())
	}
	return e.prospect(l.c.Assessment()).Worth
}

// broken lets a comparison hold, for a fault that a person has to mend.
func (n *night) broken(l *lane, err error) {
	e := l.entry()
	n.keep(e, heldRow(e.Step, err.Error(), ""))
	n.problems[e.rank] = err.Error()
	l.next()
}

// settle concludes a comparison for which nothing is due any more, and goes on
// to the skill's next one.
func (n *night) settle(ctx context.Context, l *lane) {
	if l.busy || l.over() || !l.opened() || l.screen || l.c.Due() {
		return
	}
	e := l.entry()
	if l.res == nil {
		res, err := l.c.Conclude(ctx)
		if err != nil {
			n.broken(l, err)
			return
		}
		l.res, l.row = res, n.row(e.Candidate, res)
		n.remark(e, res)
		if e.Policy.Fleet {
			n.entrants = append(n.entrants, entrant{lane: l, entry: e, c: l.c, res: res})
		} else if l.row.Decision == "downgrade" {
			l.moves = true
			n.moves = append(n.moves, ranked{e.rank, e.Down(n.options.AsOf, l.row.Reason, res.Record.Evidence)})
		}
		if worthScreening(l.row) && res.Veto == "" {
			l.screen = true
			return
		}
	}
	n.keep(e, l.row)
	l.next()
}

// keep takes a row into the report.
func (n *night) keep(e entry, r report.Row) { n.rows[e.rank] = r }

// look shows what evidence there is, and buys nothing.
func (n *night) look(ctx context.Context, l *lane, s evolve.Subject) {
	e := l.entry()
	res, err := n.bench.Look(ctx, s)
	if err != nil {
		n.broken(l, err)
		return
	}
	n.keep(e, n.row(e.Candidate, res))
	n.remark(e, res)
	n.looked = append(n.looked, looked{e, res})
	l.next()
}
