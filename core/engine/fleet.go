package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// fleet is a policy's false-discovery rule as the evidence files tell it: every
// file of the folder counts, those of skills that are gone included, so that any
// checkout counts the same.
type fleet struct {
	first    int            // skills on the night of the first test; 0 before it
	places   map[string]int // by skill
	taken    int            // the last place given away
	accepted int            // moves made
	given    int64
}

// fleets are the policies' fleets as this engine's night found them.
type fleets struct {
	mu       sync.Mutex
	byPolicy map[string]*fleet
}

// fleetOf reads a policy's fleet from all evidence.
func (e *Engine) fleetOf(ctx context.Context, policy string) (*fleet, error) {
	f := &fleet{places: map[string]int{}}
	entries, err := os.ReadDir(filepath.Join(e.Project.Dir, EvidenceDir))
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the evidence folder: %w", err)
	}
	for _, entry := range entries {
		skill, ok := strings.CutSuffix(entry.Name(), ".jsonl")
		if !ok || ctx.Err() != nil {
			continue
		}
		log, err := e.evidenceOf(skill)
		if err != nil {
			return nil, err
		}
		f.count(policy, skill, log)
	}
	return f, ctx.Err()
}

func (f *fleet) count(policy, skill string, log *evidence.Log) {
	for _, o := range log.Epochs {
		if o.Fleet == nil || o.Fleet.Policy != policy {
			continue
		}
		f.given += o.Fleet.Weight
		f.taken = max(f.taken, o.Fleet.Place)
		f.first = max(f.first, o.Fleet.First)
		if old, ok := f.places[skill]; !ok || o.Fleet.Place > old {
			f.places[skill] = o.Fleet.Place
		}
		if o.Moved { // and not one whose move was never made
			f.accepted++
		}
	}
}

// Fleet is what a policy's false-discovery rule has come to.
func (e *Engine) Fleet(ctx context.Context, policy string) (verdict.Fleet, error) {
	f, err := e.fleetOf(ctx, policy)
	if err != nil {
		return verdict.Fleet{}, fmt.Errorf("counting what %s has accepted: %w", policy, err)
	}
	return verdict.Fleet{Accepted: f.accepted, Given: f.given}, nil
}

// placeInFleet is where a skill's next epoch stands under its policy's rule, nil
// without one. The census is taken once for an engine: a night gives all its
// epochs the count of moves with which it began.
func (e *Engine) placeInFleet(ctx context.Context, skill string, p *config.Policy) (*evidence.Fleet, error) {
	if !p.Fleet {
		return nil, nil
	}
	e.fleets.mu.Lock()
	defer e.fleets.mu.Unlock()
	f := e.fleets.byPolicy[p.Name]
	if f == nil {
		var err error
		if f, err = e.fleetOf(ctx, p.Name); err != nil {
			return nil, err
		}
		if f.first == 0 {
			f.first = e.Project.under(p)
		}
		if e.fleets.byPolicy == nil {
			e.fleets.byPolicy = map[string]*fleet{}
		}
		e.fleets.byPolicy[p.Name] = f
	}
	if f.places[skill] == 0 {
		f.taken++
		f.places[skill] = f.taken
	}
	return &evidence.Fleet{Policy: p.Name, Place: f.places[skill], First: f.first, Accepted: f.accepted}, nil
}

// under counts the skills of a policy, at least one.
func (p *Project) under(policy *config.Policy) int {
	n := 0
	for _, s := range p.Skills {
		if s.Binding.Policy != nil && s.Binding.Policy.Name == policy.Name {
			n++
		}
	}
	return max(1, n)
}

// share marks the steps whose items another step has, too: those of one skill,
// and skills with an item in common.
func (e *Engine) share(steps []nightly.Step) error {
	owner := map[string]int{} // by item, the first step that has it
	for i, st := range steps {
		if st.Policy == nil || !st.Policy.Fleet || st.Blocked != "" {
			continue
		}
		s, err := e.Project.Skill(st.Skill)
		if err != nil {
			return err
		}
		pool, err := e.pool(s)
		if err != nil {
			return err
		}
		for _, it := range slices.Concat(pool.Prove, pool.Tune) {
			if first, ok := owner[it.Digest]; ok {
				steps[first].Shared, steps[i].Shared = true, true
			} else {
				owner[it.Digest] = i
			}
		}
	}
	return nil
}
