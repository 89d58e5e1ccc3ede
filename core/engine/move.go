package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/nightly"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
)

// intent announces a write of the policy file, so that a start after a crash can
// tell whether it happened.
type intent struct {
	At     time.Time  `json:"at"`
	Before string     `json:"before"` // digest of the file
	After  string     `json:"after"`
	Moves  []moveNote `json:"moves"`
}

// moveNote is one change as it is recorded.
type moveNote struct {
	Skill    string    `json:"skill"`
	Step     string    `json:"step"`
	From     string    `json:"from"`
	To       string    `json:"to"`
	Up       bool      `json:"up,omitempty"`
	At       time.Time `json:"at"`
	Reason   string    `json:"reason"`
	Evidence string    `json:"evidence,omitempty"`
}

// Apply writes moves to the policy file: announce, replace the file in one
// step, record. A block that a person changed since the night began is left as
// it is, and the move is refused with that reason.
func (e *Engine) Apply(ctx context.Context, moves []nightly.Move) (string, map[string]string, error) {
	before, file, err := e.freshPolicy()
	if err != nil {
		return "", nil, err
	}
	refused := map[string]string{}
	var notes []moveNote
	var changed []policyfile.Assignment
	for _, m := range moves {
		was, _ := e.Project.Policy.Get(m.Skill, m.Step)
		now, _ := file.Get(m.Skill, m.Step)
		if was.Hash != now.Hash {
			refused[m.Skill+"/"+m.Step] = "the policy file was changed by hand while this was measured"
			continue
		}
		a := now
		a.Skill, a.Step = m.Skill, m.Step
		a.Tier, a.From = tierRef(m.To), tierRef(m.From)
		a.Since, a.CooldownUntil = m.Since, m.CooldownUntil
		a.Reason, a.Evidence = m.Reason, m.Evidence
		changed = append(changed, a)
		notes = append(notes, moveNote{Skill: m.Skill, Step: m.Step, From: m.From.Ref(), To: m.To.Ref(), Up: m.To.Index > m.From.Index, At: m.Since, Reason: m.Reason, Evidence: m.Evidence})
	}
	if len(notes) == 0 {
		return "", refused, nil
	}
	after := tidy(before, file.SetAll(changed))
	if _, diags := policyfile.Parse(PolicyFile, after); diags.HasErrors() {
		return "", nil, fmt.Errorf("the policy file would not be valid after these moves; nothing was written: %w", diags.Err())
	}
	if err := e.writePolicy(ctx, before, after, notes); err != nil {
		return "", nil, err
	}
	return policyfile.Diff(before, after, PolicyFile), refused, nil
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

// writePolicy is intent, atomic rename, record.
func (e *Engine) writePolicy(ctx context.Context, before, after []byte, notes []moveNote) error {
	in := intent{At: e.asOf, Before: digestOf(before), After: digestOf(after), Moves: notes}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	key := store.Key(store.TableIntent, scope, "policy")
	if _, err := e.store.Commit(ctx, store.Batch{Puts: []store.Put{{Key: key, Value: store.Seal(1, raw)}}}); err != nil {
		return fmt.Errorf("announcing the policy change: %w", err)
	}
	if err := atomicfile.Write(e.policyPath(), after, 0o644); err != nil {
		return fmt.Errorf("writing the policy file: %w", err)
	}
	return e.recordMoves(ctx, in)
}

// recordMoves writes down that an announced change happened.
func (e *Engine) recordMoves(ctx context.Context, in intent) error {
	batch := store.Batch{Puts: []store.Put{{Key: store.Key(store.TableIntent, scope, "policy"), Delete: true}}}
	for _, n := range in.Moves {
		raw, err := json.Marshal(n)
		if err != nil {
			return err
		}
		batch.Entries = append(batch.Entries, store.Entry{Time: n.At, Kind: "policy.move", Scope: scope, Skill: n.Skill, Step: n.Step, Data: raw})
		batch.Puts = append(batch.Puts,
			store.Put{Key: store.Key(store.TableMeta, scope, "move", n.Skill, n.Step, store.At(n.At)), Value: store.Seal(1, raw)})
		if n.Up {
			// The policy file says it now: the runtime override has done its work.
			batch.Puts = append(batch.Puts, store.Put{Key: store.Key(store.TableOverride, scope, n.Skill, n.Step), Delete: true})
		}
	}
	if _, err := e.store.Commit(ctx, batch); err != nil {
		return fmt.Errorf("recording the policy change: %w", err)
	}
	return nil
}

// reconcile finishes or forgets a policy change that was announced before a
// crash: the file tells which.
func (e *Engine) reconcile(ctx context.Context) error {
	key := store.Key(store.TableIntent, scope, "policy")
	raw, err := e.store.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking for an unfinished policy change: %w", err)
	}
	var in intent
	if err := unseal(raw, &in); err != nil {
		return err
	}
	_, file, err := e.freshPolicy()
	if err != nil {
		return err
	}
	done := in
	done.Moves = nil
	for _, n := range in.Moves {
		if a, ok := file.Get(n.Skill, n.Step); ok && a.Tier.String() == n.To && a.Since.Equal(n.At) {
			done.Moves = append(done.Moves, n)
		}
	}
	return e.recordMoves(ctx, done)
}

// moves of a step that the machine made, oldest first.
func (e *Engine) moves(skill, step string) ([]moveNote, error) {
	var out []moveNote
	err := e.store.Scan(store.Key(store.TableMeta, scope, "move", skill, step), func(_, value []byte) error {
		var n moveNote
		if err := unseal(value, &n); err != nil {
			return err
		}
		out = append(out, n)
		return nil
	})
	return out, err
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
