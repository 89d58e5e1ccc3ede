package cli

import (
	"context"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// promises of all steps of a skill that are watched after a move down.
func (c *command) promises(ctx context.Context, e *engine.Engine, name string) (map[string]*engine.Promise, error) {
	s, err := e.Project.Skill(name)
	if err != nil {
		return nil, err
	}
	out := map[string]*engine.Promise{}
	for _, step := range s.Steps() {
		p, err := e.Promise(ctx, s, step)
		if err != nil {
			return nil, err
		}
		if p != nil {
			out[step.Name] = p
		}
	}
	return out, nil
}

// explainWatch says what happens after a move down: who looks, how long a fall
// could go unnoticed, what it costs, and the fuse.
func (c *command) explainWatch(p *engine.Promise) {
	if p == nil {
		return
	}
	set, from := p.Setup, last(p.Watch.Former)
	how := fmt.Sprintf("%s of its runs are tried on %s too", shareOf(set.Share), from)
	if set.Canary {
		how = fmt.Sprintf("for %s of its runs an item is tried on %s and %s, as only references measure its content", shareOf(set.Share), last(p.Watch.Present), from)
	}
	c.say("  watched      %s", how)
	c.say("  drift        e %.1f of %.0f after %s, mean gap %s points", float64(p.State.M)/1e6, float64(p.State.Need)/1e6, plural(p.State.Pairs, "pair", "pairs"), points(p.State.MeanD))
	switch {
	case set.Runs == 0:
		c.say("  noticed      how soon a fall is noticed is not known: there are no runs yet")
	case set.Share == 0:
		c.say("  noticed      never: nothing is tried on the former tier")
	default:
		c.say("  noticed      a fall of 15 points %s, one of %s points %s, at %s a month", delay(set.Delay), points(2*p.Watch.Margin), delay(set.Double), plural(int(set.Runs), "run", "runs"))
		switch {
		case set.Reached:
		case set.Explicit:
			c.say("               that is not within the %s wanted: shadow asks for no larger share", plural(set.Within, "day", "days"))
		case set.Capped:
			c.say("               that is not within the %s wanted: a larger share would cost more than half of what the move saves", plural(set.Within, "day", "days"))
		default:
			c.say("               that is not within the %s wanted: this traffic cannot do better", plural(set.Within, "day", "days"))
		}
	}
	switch {
	case set.Runs == 0:
	case !set.Priced:
		c.say("  shadows      their cost is not known: a price is missing")
	default:
		c.say("  shadows      about %s a month", price.Format(set.Month))
	}
	switch f := set.Fuse; {
	case f.OK:
		c.say("  fuse         %s in a row move it up at once; a false trip in a year has a chance of at most %s", plural(f.Length, "failed run", "failed runs"), shareOf(f.FalseTrip))
	default:
		c.say("  fuse         none: its gates fail too often, or nothing is known of how often, for a row of failures to mean anything")
	}
}

func delay(d verdict.Delay) string {
	if !d.OK {
		return "cannot be noticed"
	}
	return fmt.Sprintf("within %s nine times in ten (%s on average)", plural(d.P90, "day", "days"), plural(d.Mean, "day", "days"))
}

// shareOf writes a share in millionths.
func shareOf(share int64) string {
	switch x := float64(share) / 1e4; {
	case x >= 10 || x == float64(int64(x)):
		return fmt.Sprintf("%.0f %%", x)
	case x >= 1:
		return fmt.Sprintf("%.1f %%", x)
	default:
		return fmt.Sprintf("%.2g %%", x)
	}
}

// explainPace puts latency beside quality.
func (c *command) explainPace(l *verdict.Pace) {
	if l == nil {
		return
	}
	if l.Items > 0 {
		c.say("  latency      p95 %d ms against %d ms, %.1f times", l.Candidate, l.Current, float64(l.Ratio)/1e6)
	}
	if l.CandidateTimeouts+l.CurrentTimeouts > 0 {
		c.say("  timeouts     %d against %d", l.CandidateTimeouts, l.CurrentTimeouts)
	}
}
