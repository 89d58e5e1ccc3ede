package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/backend/fixture"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Outside is a run that somebody else's agent made, as it is told to us.
type Outside struct {
	Input, Output json.RawMessage
	Model         string         // a tier by its name or as ladder.L.T, or a tier's model id
	Files         string         // folder that the agent left, or empty
	Cost          *int64         // micro-dollars; nil: by Usage
	Usage         *message.Usage // nil: not known
	Took          time.Duration  // 0: not known, and so is the cost on a tier priced by the hour
}

// Taken is what became of it.
type Taken struct {
	*Ran
	Unseen string // what should not have seen the input, by the skill's data block; "" is nothing
}

// RecordOutside looks at an output by the skill's gates and keeps it as a run: it
// counts as traffic, feeds the fuse, and its input may be sampled. As the side of
// a pair it never stands: nobody here knows what made it.
func (e *Engine) RecordOutside(ctx context.Context, name string, o Outside) (*Taken, error) {
	s, err := e.Project.Skill(name)
	if err != nil {
		return nil, err
	}
	plan, err := e.Plan(ctx, s)
	if err != nil {
		return nil, err
	}
	if !json.Valid(o.Input) || !json.Valid(o.Output) {
		return nil, errors.New("input and output have to be JSON: an object, or a quoted string for plain text")
	}
	output, err := e.Project.withFolder(s, o.Output, o.Files)
	if err != nil {
		return nil, err
	}
	on, err := e.toldTier(s, o.Model)
	if err != nil {
		return nil, err
	}
	judged, err := plan.Judge(ctx, o.Input, output)
	if err != nil {
		return nil, err
	}
	id, err := ulid.New(ulid.Timestamp(clock()), ulid.DefaultEntropy())
	if err != nil {
		return nil, fmt.Errorf("making a run id: %w", err)
	}
	tiers := map[string]string{}
	for _, step := range s.Steps() {
		tiers[step.Name] = on.Ref()
	}
	call := run.Call{
		ID: id.String() + "/a1/c1", Step: s.Steps()[len(s.Steps())-1].Name, Tier: on.Ref(), Model: on.Model,
		MS: o.Took.Milliseconds(), Simulated: run.Simulated(on), Finish: message.FinishStop,
	}
	var cost price.Cost
	if o.Usage != nil {
		call.Usage = *o.Usage
		// Hardware by the hour costs something in any case, and without a time nobody
		// knows what.
		if rates := run.Rates(on.Price); rates.GPUHour == 0 || o.Took > 0 {
			cost = price.Of(rates, *o.Usage, o.Took)
		}
	}
	if o.Cost != nil {
		cost = price.Cost{Micro: *o.Cost, Known: true, GPU: cost.GPU}
	}
	call.Micro, call.Priced, call.Upper, call.Unsure = cost.Micro, cost.Known, cost.Upper, cost.Unsure
	call.GPU = int64((cost.GPU + time.Millisecond - 1) / time.Millisecond)
	rec := &run.Record{
		ID: id.String(), Scope: plan.Scope, Skill: s.Name, Hash: plan.Hash, Started: e.asOf, MS: call.MS, Status: run.OK,
		Start: tiers, End: tiers, Micro: call.Micro, Unsure: call.Unsure, GPU: call.GPU, Priced: call.Priced, Simulated: call.Simulated, Recorded: true,
		Output: judged.Output, Checked: judged.Result,
	}
	if !e.dated {
		rec.Started = clock().UTC()
	}
	if len(judged.Result.Failed) > 0 {
		rec.Status, rec.Why = run.Failed, "gates failed: "+judged.Result.Feedback()
	}
	if rec.Input, err = e.store.PutBlob(o.Input); err == nil {
		rec.Result, err = e.store.PutBlob(judged.Output)
	}
	if err != nil {
		return nil, fmt.Errorf("keeping what was recorded: %w", err)
	}
	rec.Attempts = []run.Attempt{{ID: id.String() + "/a1", Tiers: tiers, Calls: []run.Call{call}, Fixes: judged.Fixes, Checks: judged.Result.Checks, Status: rec.Status, Why: rec.Why}}
	if err := e.recordRun(ctx, s, rec); err != nil {
		return nil, err
	}
	taken := &Taken{Ran: &Ran{Record: rec}}
	if refused := plan.MaySee(on.Backend.Name); refused != nil {
		taken.Unseen = refused.Error()
		if err := e.noteRefusal(ctx, s, refused); err != nil {
			return taken, err
		}
	}
	taken.Escalated, err = e.fuse(ctx, s, rec)
	return taken, err
}

// toldTier finds the tier that somebody says a skill ran on.
func (e *Engine) toldTier(s *skill.Skill, told string) (*config.Tier, error) {
	place, err := e.Place(s, s.Steps()[0])
	if err != nil {
		return nil, err
	}
	var found []*config.Tier
	var names []string
	for _, t := range place.Ladder.Tiers {
		names = append(names, t.Name)
		if told == t.Name || told == t.Ref() || told == t.Model {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		var models []string
		for _, t := range place.Ladder.Tiers {
			models = append(models, fmt.Sprintf("%s (%s)", t.Name, t.Model))
		}
		return nil, fmt.Errorf("%q is no tier of ladder %s, and no model of one.%s It has %s. A model that is not there needs a tier of its own in the ladder", told, place.Ladder.Name, diag.DidYouMean(told, names), strings.Join(models, ", "))
	}
	return nil, fmt.Errorf("%q is the model of %d tiers of ladder %s; name the tier: %s", told, len(found), place.Ladder.Name, found[0].Name)
}

// withFolder adds the files of a folder that an agent left to an output, as the
// skill's runner would.
func (p *Project) withFolder(s *skill.Skill, output json.RawMessage, dir string) (json.RawMessage, error) {
	if dir == "" {
		return canonjson.Transform(output)
	}
	r := s.Binding.Runner
	if r == nil || len(r.Files) == 0 {
		return nil, fmt.Errorf("files are no part of the output of skill %s: name a runner in its block, and in the runner which files = [...] are", s.Name)
	}
	var before fixture.Folder
	if r.Fixture != "" {
		var err error
		if before, err = fixture.Read(filepath.Join(p.Dir, filepath.FromSlash(r.Fixture))); err != nil {
			return nil, fmt.Errorf("the fixture of runner %s: %w", r.Name, err)
		}
	}
	changes, err := fixture.Compare(before, dir)
	if err != nil {
		return nil, fmt.Errorf("the folder that the agent left: %w", err)
	}
	var files []run.File
	for _, c := range changes.Files {
		if !r.Takes(c.Path) {
			continue
		}
		f := run.File{Path: c.Path, Change: string(c.Kind)}
		if c.Kind != fixture.Removed {
			if f.Size = c.Size; c.Size <= backend.MaxFile {
				if f.Data, err = fixture.Open(dir, c.Path, c.Size); err != nil {
					return nil, fmt.Errorf("the folder that the agent left: %w", err)
				}
			}
		}
		files = append(files, f)
	}
	return run.WithFiles(output, files)
}
