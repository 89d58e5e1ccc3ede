package policytest

import (
	"bytes"
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/core/verdict/table"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// plain are the items of an evidence block: ties, as many as a proof takes, or
// losses where the candidate is to be proved worse.
func (m measure) plain(spec verdict.Spec) ([]verdict.Pair, error) {
	e, p := m.given.Evidence, spec.Params
	if e.N != nil && *e.N > p.N {
		return nil, unfit(m.test.Range, "n is %d, and the policy closes the test at %d items (max_items).", *e.N, p.N)
	}
	reach, ok := verdict.Reach(p)
	if !ok {
		reach = p.N
	}
	n := min(p.N, max(reach, p.Least()))
	worse := is(e.Disproved)
	switch {
	case e.N != nil:
		n = *e.N
	case worse:
		n = p.N
	case e.Proved != nil && !*e.Proved:
		n /= 2
	}
	if worse {
		return spread(config.GivenPairs{Losses: n}), nil
	}
	return spread(config.GivenPairs{Ties: n}), nil
}

func is(b *bool) bool { return b != nil && *b }

// spread lays items out evenly: none of a kind waits for its turn longer than
// its share says.
func spread(g config.GivenPairs) []verdict.Pair {
	counts := [4]int{g.Ties, g.Wins, g.Losses, g.Missing}
	total := counts[0] + counts[1] + counts[2] + counts[3]
	var placed [4]int
	out := make([]verdict.Pair, total)
	for i := range out {
		best, most := 0, math.MinInt
		for k, c := range counts {
			if due := (i+1)*c - placed[k]*total; placed[k] < c && due > most {
				best, most = k, due
			}
		}
		placed[best]++
		cur, cand := verdict.Million, verdict.Million
		switch best {
		case 1:
			cur = 0
		case 2:
			cand = 0
		}
		out[i] = verdict.Pair{Order: i, Item: fmt.Sprintf("made-up-%06d", i), Cur: &cur, Cand: &cand, Source: "code"}
		if best == 3 {
			out[i].Cand = nil
		}
	}
	return out
}

// scores are the items of a table.
func (m measure) scores() ([]verdict.Pair, error) {
	s := m.given.Scores
	if m.options.File == nil {
		return nil, unfit(s.Range, "%s cannot be read here.", s.File)
	}
	src, err := m.options.File(m.test.File, s.File)
	if err != nil {
		return nil, unfit(s.Range, "%s cannot be read: %v.", s.File, err)
	}
	t, err := table.Read(s.File, bytes.NewReader(src))
	if err != nil {
		return nil, unfit(s.Range, "%v.", err)
	}
	skill := s.Skill
	if skill == "" {
		if len(t.Skills) > 1 {
			return nil, unfit(s.Range, "%s has scores of %d skills: say which with skill.", s.File, len(t.Skills))
		}
		skill = t.Skills[0]
	}
	pairs, err := t.Pairs(skill, s.Current, s.Candidate, s.Seed)
	if err != nil {
		return nil, unfit(s.Range, "%v.", err)
	}
	return pairs, nil
}

// planted is the arm of outputs damaged on purpose.
func (m measure) planted() []verdict.Pair {
	if p := m.given.Evidence.Planted; p != nil && !*p {
		return spread(config.GivenPairs{Ties: plantedItems})
	}
	return spread(config.GivenPairs{Losses: plantedItems})
}

// recorded assesses an epoch of an evidence file by the terms of this policy.
func (m measure) recorded(spec verdict.Spec) (verdict.Assessment, error) {
	r := m.given.Recorded
	name := r.Skill
	if name == "" {
		name = m.test.Skill
	}
	if name == "" {
		return verdict.Assessment{}, unfit(r.Range, "The test names no skill: say here whose evidence is meant.")
	}
	log, err := m.house.Recorded(name)
	if err != nil {
		return verdict.Assessment{}, unfit(r.Range, "The evidence of %s: %v.", name, err)
	}
	var of *evidence.Opened
	var ids []string
	for _, e := range log.Epochs {
		ids = append(ids, e.ID())
		if r.Epoch == e.ID() || r.Epoch == "" && (m.test.Skill != name || e.Step == spec.Step) {
			of = e
		}
	}
	if of == nil {
		if r.Epoch != "" {
			return verdict.Assessment{}, unfit(r.Range, "The evidence of %s has no epoch %q.%s", name, r.Epoch, diag.DidYouMean(r.Epoch, ids))
		}
		return verdict.Assessment{}, unfit(r.Range, "There is no evidence of %s yet: it comes with the first night that measures it.", name)
	}
	o := *of
	p := spec.Params
	o.Fleet = nil // a rule over all skills is no part of a test of one
	o.Method, o.Margin, o.Alpha, o.Index = string(p.Method), p.Margin, p.Alpha, p.Epoch
	if !p.Method.Pool() {
		o.N = p.N
	}
	if m.given.Evidence.Content != "" {
		o.Content = spec.Content
	}
	o.Judged = o.Judged || m.given.Evidence.Judged
	return o.Assess(), nil
}
