package engine

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// note is one change of the policy file: what is written into the audit log, and
// for a move into the evidence, so that any checkout knows what happened.
type note struct {
	Kind     string         `json:"kind"` // "policy.move", "policy.escalated", "policy.pin", "policy.unpin"
	Event    evidence.Event `json:"event"`
	Evidence string         `json:"evidence,omitempty"`
	Folded   string         `json:"folded,omitempty"` // digest of the override that an escalation writes down
}

// Apply writes moves to the policy file: announce, replace the file in one
// step, record. A block that a person changed since the night began is left as
// it is, and the move is refused with that reason.
func (e *Engine) Apply(ctx context.Context, moves []nightly.Move) (string, map[string]string, error) {
	e.state.policy.Lock()
	defer e.state.policy.Unlock()
	before, file, err := e.freshPolicy()
	if err != nil {
		return "", nil, err
	}
	refused := e.refused(file, moves)
	var notes []note
	var changed []policyfile.Assignment
	for _, m := range moves {
		if refused[m.Skill+"/"+m.Step] != "" {
			continue
		}
		now, _ := file.Get(m.Skill, m.Step)
		changed = append(changed, assigned(now, m))
		n, err := e.noteOf(m)
		if err != nil {
			return "", nil, err
		}
		notes = append(notes, n)
	}
	if len(notes) == 0 {
		return "", refused, nil
	}
	after := tidy(before, file.SetAll(changed))
	if _, diags := policyfile.Parse(PolicyFile, after); diags.HasErrors() {
		return "", nil, fmt.Errorf("the policy file would not be valid after these moves; nothing was written: %w", diags.Err())
	}
	if err := e.writePolicy(ctx, before, after, notes); errors.Is(err, errEdited) {
		for _, m := range moves {
			refused[m.Skill+"/"+m.Step] = cmp.Or(refused[m.Skill+"/"+m.Step], edited)
		}
		return "", refused, nil
	} else if err != nil {
		return "", nil, err
	}
	e.measureMoves(moves, refused)
	return policyfile.Diff(before, after, PolicyFile), refused, nil
}

// Refused tells of each move that the policy file would not take as it is now why.
func (e *Engine) Refused(_ context.Context, moves []nightly.Move) (map[string]string, error) {
	_, file, err := e.freshPolicy()
	if err != nil {
		return nil, err
	}
	return e.refused(file, moves), nil
}

// refused are the moves that something stands against, and with one of them all
// of its set: what was accepted together moves together.
func (e *Engine) refused(file *policyfile.File, moves []nightly.Move) map[string]string {
	out := map[string]string{}
	sets := map[string]string{}
	for _, m := range moves {
		if why := e.against(file, m); why != "" {
			out[m.Skill+"/"+m.Step] = why
			sets[m.Set] = m.Skill + "/" + m.Step
		}
	}
	delete(sets, "")
	for _, m := range moves {
		if who := sets[m.Set]; who != "" && out[m.Skill+"/"+m.Step] == "" {
			out[m.Skill+"/"+m.Step] = "it was accepted together with the move of " + who + ", which the policy file did not take"
		}
	}
	return out
}

// edited is why a move is refused that a person was quicker than.
const edited = "the policy file was changed by hand while this was measured"

// against says what stands against a move, or "": a person changed its block since
// the night began, or by day its step moved up. What was measured before that is
// about a tier that the step left for a reason.
func (e *Engine) against(file *policyfile.File, m nightly.Move) string {
	was, _ := e.Project.Policy.Get(m.Skill, m.Step)
	now, _ := file.Get(m.Skill, m.Step)
	if was.Hash != now.Hash {
		return edited
	}
	if m.Up {
		return ""
	}
	override, err := e.overrideDigest(m.Skill, m.Step)
	switch {
	case err != nil:
		return err.Error()
	case override != m.Override && override != "":
		return "it was escalated while this was measured"
	}
	return ""
}

// assigned is an assignment after a move.
func assigned(a policyfile.Assignment, m nightly.Move) policyfile.Assignment {
	a.Skill, a.Step = m.Skill, m.Step
	a.CooldownUntil = m.CooldownUntil
	if m.To != m.From {
		a.Tier, a.From = tierRef(m.To), tierRef(m.From)
		a.Since, a.Reason, a.Evidence = m.Since, m.Reason, m.Evidence
	}
	return a
}

// tidy formats what the machine wrote where people keep the file formatted; a
// file that is not formatted is left to its owners.
func tidy(before, after []byte) []byte {
	old, diags := config.Format(PolicyFile, before)
	if diags.HasErrors() || !bytes.Equal(old, before) {
		return after
	}
	formatted, diags := config.Format(PolicyFile, after)
	if diags.HasErrors() {
		return after
	}
	return formatted
}

// freshPolicy reads the file as it is at this moment.
func (e *Engine) freshPolicy() ([]byte, *policyfile.File, error) {
	src, err := os.ReadFile(e.policyPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("reading the policy file: %w", err)
	}
	file, diags := policyfile.Parse(PolicyFile, src)
	if err := diags.Err(); err != nil {
		return nil, nil, fmt.Errorf("the policy file was changed and cannot be read any more; nothing was written: %w", err)
	}
	return src, file, nil
}

func (e *Engine) policyPath() string { return filepath.Join(e.Project.Dir, PolicyFile) }

// noteOf says what a move is. One that goes up closes every open epoch of its
// step: what was measured before the escalation does not move it down again.
func (e *Engine) noteOf(m nightly.Move) (note, error) {
	n := note{Kind: "policy.move", Evidence: m.Evidence, Event: eventOf(m)}
	if m.Up {
		n.Kind, n.Folded = "policy.escalated", m.Override
		log, err := e.evidenceOf(m.Skill)
		if err != nil {
			return n, err
		}
		for _, ep := range log.Epochs {
			if ep.Step == m.Step && ep.Closed == "" {
				n.Event.Closes = append(n.Event.Closes, ep.ID())
			}
		}
	}
	return n, nil
}

// eventOf is a move as the evidence tells it, but for the epochs that it closes.
func eventOf(m nightly.Move) evidence.Event {
	ev := evidence.Event{
		V: evidence.Version, Kind: evidence.KindEvent, Skill: m.Skill, Step: m.Step, Event: evidence.Moved,
		At: m.Since, From: m.From.Ref(), To: m.To.Ref(), Reason: m.Reason,
	}
	if m.Up {
		ev.Event = evidence.Escalated
	}
	return ev
}

func (e *Engine) evidenceOf(skillName string) (*evidence.Log, error) {
	return e.files().Read(skillName)
}

// moves of a step that the machine made, oldest first.
func (e *Engine) moves(skillName, step string) ([]evidence.Event, error) {
	log, err := e.evidenceOf(skillName)
	if err != nil {
		return nil, err
	}
	var out []evidence.Event
	for _, ev := range log.Events {
		if ev.Step == step && ev.Event != evidence.ModelChanged {
			out = append(out, ev)
		}
	}
	return out, nil
}

func tierRef(t *config.Tier) policyfile.TierRef {
	return policyfile.TierRef{Ladder: t.Ladder, Tier: t.Name}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// unseal reads a record of schema 1, the only one there has been.
func unseal(value []byte, into any) error {
	schema, body, err := store.Unseal(value)
	if err != nil {
		return err
	}
	if schema != 1 {
		return fmt.Errorf("a record has schema %d, this plimsoll knows 1: use a newer plimsoll", schema)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	return nil
}
