package evolve

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Logged finds the production run that an item was sampled from, where its output
// is what a trial on the current tier would give: it started and ended on that
// tier, with everything that makes it as it is today. nil where it is not. It must
// not look at how the run ended.
type Logged func(trial.Item) (*run.Record, error)

// fromLog is the current side of an item from traffic, as it was logged: only the
// candidate's side is bought then. An item of several repeats is bought whole,
// since the log has it once, and so is one of a skill that drives its own flow,
// whose keys stood otherwise then than in a trial.
func (m *measurement) fromLog(ctx context.Context, it trial.Item, t *config.Tier) (*tried, error) {
	s := m.subject
	if s.Logged == nil || t != s.Current || m.subject.Pool.Repeats > 1 || s.Plan.Drives() {
		return nil, nil
	}
	rec, err := s.Logged(it)
	if err != nil || rec == nil || rec.Simulated != run.Simulated(t) {
		return nil, err
	}
	return m.logged(ctx, it, t, rec)
}
