package evolve

import (
	"fmt"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// open finds the epoch that this comparison continues, or makes the next one.
func (m *measurement) open() error {
	log, err := m.bench.Files.Read(m.subject.Skill)
	if err != nil {
		return err
	}
	m.log = log
	want, err := m.describe()
	if err != nil {
		return err
	}
	if m.epoch, err = m.find(want); err != nil {
		return err
	}
	if err := m.leave(); err != nil {
		return err
	}
	if m.epoch == nil {
		want.Counter = 1
		if n := len(log.Epochs); n > 0 {
			want.Counter = log.Epochs[n-1].Counter + 1
		}
		index := len(log.Epochs) + 1
		if f := m.subject.Fleet; f != nil {
			placed := *f
			placed.Weight = verdict.FleetWeight(f.Place, f.First, index)
			want.Fleet = &placed
		}
		m.epoch, m.fresh = &evidence.Opened{Epoch: want, Index: index}, true
	}
	m.order = trial.Order(m.subject.Pool.Prove, m.epoch.Seed())
	m.order = m.order[:min(len(m.order), m.epoch.N)]
	if err := trial.Genuine(m.subject.Pool.Prove, m.epoch); err != nil {
		return fmt.Errorf("%s was edited: %w. Restore the file from version control", m.bench.Files.Name(m.subject.Skill), err)
	}
	m.res.Epoch, m.res.EpochIndex = m.epoch.Epoch, m.epoch.Index
	m.dear, m.told = cheapest(m.epoch.Tried)
	return nil
}

// leave closes an epoch that was found open with two models' pairs in it, so that
// the next one begins. A look writes nothing, and shows what the night will do.
func (m *measurement) leave() error {
	if m.epoch == nil {
		return nil
	}
	who, was, is := m.mixed()
	if who == "" {
		return nil
	}
	if !m.look {
		if err := m.replaced(who, was, is); err != nil {
			return err
		}
	}
	m.epoch = nil
	return nil
}

// cheapest is the least price of a pair. It is not known without any, nor where a
// pair cost nothing and another something: then calls were lost for nothing. A night that goes on
// knows the price by it: it cuts its batches where an undisturbed night cuts them,
// and buys the same items. The dearest pair would be the wrong one to ask, and so
// would the median: where a backend went down, the calls that were lost cost
// their bounds, far above any price, and every later night would stop at once.
// The first batch corrects a price that is too low, as it does for a new epoch.
func cheapest(pairs []evidence.Pair) (least int64, known bool) {
	var most int64
	for i, p := range pairs {
		cost := p.Current.Paid() + p.Candidate.Paid()
		if i == 0 || cost < least {
			least = cost
		}
		most = max(most, cost)
	}
	return least, least > 0 || len(pairs) > 0 && most == 0
}

// find is the latest epoch of this comparison, when nothing that makes it has
// changed and nothing that happened has closed it.
func (m *measurement) find(want evidence.Epoch) (*evidence.Opened, error) {
	for _, e := range slices.Backward(m.log.Epochs) {
		if e.Step != want.Step || e.Candidate.Tier != want.Candidate.Tier {
			continue
		}
		if e.Closed != "" {
			return nil, nil
		}
		if e.Hash == want.Hash {
			return e, nil
		}
		if kept, err := m.keeps(e); err != nil || !kept {
			return nil, err
		}
		return e, nil
	}
	return nil, nil
}

// describe gives the epoch's terms and the hash over everything that makes it.
func (m *measurement) describe() (evidence.Epoch, error) {
	s := m.subject
	n := s.Terms.MaxItems
	if s.Terms.Method.Pool() {
		// The claim is about the pool, so the pool is the deadline. A policy that
		// allows fewer items buys fewer nights at a time, not a smaller claim.
		n = len(s.Pool.Prove)
	}
	e := evidence.Epoch{
		V: evidence.Version, Kind: evidence.KindEpoch, Skill: s.Skill, Step: s.Step, Opened: m.bench.AsOf,
		Current: arm(s.Current), Candidate: arm(s.Candidate),
		Method: string(s.Terms.Method), Margin: s.Terms.Margin, Alpha: s.Terms.Alpha, N: max(n, 1),
		Pool: trial.Digest(s.Pool.Prove), Content: s.Measure.Content(s.Pool.Prove), Source: s.Pool.Source,
		Gates: s.Terms.Gates, Dims: s.Terms.Dims, Repeats: s.Pool.Repeats,
	}
	s.judgedBy(&e)
	tiers := map[string]string{}
	for step, t := range s.Tiers {
		if step != s.Step {
			tiers[step] = t.Ref() + " " + t.Model
		}
	}
	parts := map[string]any{
		"skill": s.Skill, "step": s.Step, "code": s.Plan.Hash, "parts": s.Parts,
		"current":   []string{e.Current.Tier, e.Current.Backend, e.Current.Model},
		"candidate": []string{e.Candidate.Tier, e.Candidate.Backend, e.Candidate.Model},
		"others":    tiers, "sampling": s.Plan.Sampling, "retries": s.Plan.Retries,
		"method": e.Method, "margin": e.Margin, "alpha": e.Alpha, "n": e.N, "pool": e.Pool, "repeats": s.Pool.Repeats,
		"judge": e.Judge, "gates": e.Gates, "dims": e.Dims, "content": e.Content, "source": e.Source,
	}
	if e.JudgeTerms != nil { // likewise
		parts["judge_terms"] = e.JudgeTerms
	}
	if s.Fleet != nil { // where it was not set, epochs of before it existed go on
		parts["fleet"] = s.Fleet.Policy
	}
	hash, err := canonjson.Digest(parts)
	if err != nil {
		return e, fmt.Errorf("hashing the epoch of %s: %w", s.Skill, err)
	}
	e.Hash = hash
	return e, nil
}

// cannot says why no item should be bought, or "".
func (m *measurement) cannot() string {
	s := m.subject
	if m.epoch.Content == "" {
		return "nothing here measures content"
	}
	if len(s.Pool.Prove) == 0 {
		return "there are no items"
	}
	if m.epoch.Content == "dimension" {
		if why := s.unjudgeable(); why != "" {
			return why
		}
	}
	if err := s.Plan.MaySee(s.Candidate.Backend.Name); err != nil {
		return err.Error()
	}
	if run.Simulated(s.Candidate) != run.Simulated(s.Current) {
		return "a simulated model can never be the evidence for a real tier"
	}
	p := m.epoch.Params()
	if n, ok := verdict.ReachOf(m.epoch.Spec()); !ok {
		return fmt.Sprintf("out of reach: at this margin and level %s needs %d items on all ties, and there are %d", p.Method, n, p.N)
	}
	return ""
}

func arm(t *config.Tier) evidence.Arm {
	return evidence.Arm{Tier: t.Ref(), Backend: t.Backend.Name, Model: t.Model, Simulated: run.Simulated(t)}
}
