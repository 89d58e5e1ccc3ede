package engine

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/plimsoll-dev/plimsoll/core/adopt"
	casebook "github.com/plimsoll-dev/plimsoll/core/adopt/items"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// newRun is a run without calls. Which version of the skill ran is not known, so it
// has no hash; no gate looked at it, so it has no check.
func newRun(t *adopt.Turn) (*run.Record, error) {
	id, err := importID(t)
	if err != nil {
		return nil, err
	}
	return &run.Record{
		ID: id, Scope: scope, Skill: t.Skill, Started: t.Started, Status: run.Imported, Imported: t.Shape,
		Why:      "imported from a log: no gate looked at it",
		Attempts: []run.Attempt{{ID: id + "/a1", Status: run.Imported}},
	}, nil
}

// importID names a run by its time and its first call.
func importID(t *adopt.Turn) (string, error) {
	var id ulid.ULID
	if err := id.SetTime(ulid.Timestamp(t.Started)); err != nil {
		return "", fmt.Errorf("naming an imported run: %w", err)
	}
	sum := sha256.Sum256([]byte("imported\x00" + t.Skill + "\x00" + t.Key()))
	if err := id.SetEntropy(sum[:10]); err != nil {
		return "", fmt.Errorf("naming an imported run: %w", err)
	}
	return id.String(), nil
}

// extend adds a turn's calls to a run, and what is known now of those that it has:
// an answer that was being written when the log was read, a cost that had no price.
// Nothing that was kept is taken away. It tells whether the run changed.
func (x *importing) extend(rec *run.Record, t *adopt.Turn) (changed bool, err error) {
	s := x.skills[t.Skill]
	a := &rec.Attempts[0]
	for _, c := range t.Calls {
		is := x.call(s, rec.ID, c)
		i := slices.IndexFunc(a.Calls, func(was run.Call) bool { return was.ID == is.ID })
		switch {
		case i < 0:
			a.Calls, changed = append(a.Calls, is), true
		case more(is.Usage, a.Calls[i].Usage), is.Priced && !a.Calls[i].Priced:
			a.Calls[i], changed = is, true
		}
	}
	rec.Start, rec.End = map[string]string{}, map[string]string{}
	var costs []price.Cost
	for _, c := range a.Calls {
		costs = append(costs, price.Cost{Micro: c.Micro, Known: c.Priced, Upper: c.Upper, Unsure: c.Unsure})
		if c.Tier == "" {
			continue
		}
		if rec.Start[c.Step] == "" {
			rec.Start[c.Step] = c.Tier
		}
		rec.End[c.Step] = c.Tier
	}
	a.Tiers = rec.Start
	total := price.Sum(costs...)
	rec.Micro, rec.Unsure, rec.Priced = total.Micro, total.Unsure, total.Known
	rec.MS = max(rec.MS, t.Ended.Sub(rec.Started).Milliseconds())
	if !x.o.Content {
		return changed, nil
	}
	kept, err := x.content(rec, s, t)
	return changed || kept, err
}

func (x *importing) call(s *skill.Skill, id string, c transcript.Call) run.Call {
	cost := x.spend.Cost(c)
	out := run.Call{
		ID: id + "/" + c.Key, Step: s.Steps()[0].Name, Model: c.Model, Reported: c.Model, Usage: c.Usage,
		Micro: cost.Micro, Priced: cost.Known, Upper: cost.Upper, Unsure: cost.Unsure,
	}
	if tier := tierOfModel(s, x.e.Project, c.Model); tier != nil {
		out.Tier = tier.Ref()
	}
	return out
}

// more tells whether any count of a is above that of b.
func more(a, b message.Usage) bool {
	return a.Input > b.Input || a.CachedInput > b.CachedInput || a.CacheWrite > b.CacheWrite || a.CacheWrite1h > b.CacheWrite1h || a.Output > b.Output || a.Reasoning > b.Reasoning
}

// content keeps what was asked, where that is the whole task, and what was
// answered last. It tells whether there is more than before.
func (x *importing) content(rec *run.Record, s *skill.Skill, t *adopt.Turn) (kept bool, err error) {
	in, out := asJSON(t.Input()), asJSON(t.Output())
	if in != nil {
		if in, err = fitting(s, in); err != nil {
			return false, err
		}
	}
	keep := func(to *string, raw []byte) error {
		digest := "would be kept"
		if !x.o.DryRun {
			var err error
			if digest, err = x.e.store.PutBlob(raw); err != nil {
				return err
			}
		} else if *to != "" {
			return nil
		}
		kept = kept || *to != digest
		*to = digest
		return nil
	}
	if rec.Input == "" && in != nil {
		if err := keep(&rec.Input, in); err != nil {
			return false, err
		}
	}
	// An answer of an earlier part is not the run's, once a later one is there.
	if out != nil && (rec.Result == "" || t.Ended.Sub(rec.Started).Milliseconds() >= rec.MS) {
		if err := keep(&rec.Result, out); err != nil {
			return false, err
		}
	}
	if rec.Input != "" {
		x.out.Inputs++
	} else {
		x.out.NoInput++
	}
	return kept, nil
}

// fitting is an input that the skill's schema allows, nil for another.
func fitting(s *skill.Skill, raw []byte) ([]byte, error) {
	check, err := casebook.CheckInput(s.InputSchema, nil)
	if err != nil {
		return nil, fmt.Errorf("skill %s: %w", s.Name, err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, err
	}
	if check(v) != "" {
		return nil, nil
	}
	return raw, nil
}

// asJSON is a text as JSON: itself where it is an object or a list, else a string;
// nil for no text.
func asJSON(text string) []byte {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	if (text[0] == '{' || text[0] == '[') && json.Valid([]byte(text)) {
		return []byte(text)
	}
	raw, err := json.Marshal(text)
	if err != nil { // no string fails
		return nil
	}
	return raw
}

// tierOfModel finds the tier that has a model: on the skill's own ladder, else the
// only one in the project; nil where none or several have it.
func tierOfModel(s *skill.Skill, p *Project, model string) *config.Tier {
	var found []*config.Tier
	for _, l := range p.Config.Ladders {
		for _, t := range l.Tiers {
			if t.Model != model {
				continue
			}
			if l == Ladder(s) {
				return t
			}
			found = append(found, t)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return nil
}
