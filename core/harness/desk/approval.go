package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Waiting is a call that a person is, or was, asked about.
type Waiting struct {
	access.Approval
	ID        string          // of the approval
	Call      string          // of the record in the audit log that asked
	Arguments json.RawMessage // nil once they were redacted
}

// kept is how the store has it.
type kept struct {
	Call     string          `json:"call"`
	Approval json.RawMessage `json:"approval"`
}

func (d *Desk) approvalKey(id string) []byte {
	return store.Key(store.TableApproval, d.host.Scope, id)
}

// stored reads an approval and the bytes that stand there, for a check that nobody
// changed them meanwhile.
func (d *Desk) stored(ctx context.Context, id string) (k kept, a access.Approval, raw []byte, err error) {
	raw, err = d.host.Store.Get(d.approvalKey(id))
	if err != nil {
		return k, a, nil, err
	}
	a, k, err = decodeKept(raw)
	if now := a.At(d.host.Now()); err == nil && now.State != a.State {
		return d.lapse(ctx, k, now, raw)
	}
	return k, a, raw, err
}

// lapse writes down that an approval's time ran out, so that no clock that is set
// back revives it.
func (d *Desk) lapse(ctx context.Context, k kept, a access.Approval, was []byte) (kept, access.Approval, []byte, error) {
	put, err := d.put(a, k.Call)
	if err != nil {
		return k, a, nil, err
	}
	_, err = d.host.Store.Commit(ctx, store.Batch{Checks: []store.Check{{Key: put.Key, Want: was}}, Puts: []store.Put{put}})
	return k, a, put.Value, err
}

func decodeKept(raw []byte) (a access.Approval, k kept, err error) {
	_, body, err := store.Unseal(raw)
	if err != nil {
		return a, k, err
	}
	if err := json.Unmarshal(body, &k); err != nil {
		return a, k, fmt.Errorf("reading an approval: %w", err)
	}
	a, err = access.DecodeApproval(k.Approval)
	return a, k, err
}

func (d *Desk) put(a access.Approval, call string) (store.Put, error) {
	body, err := a.Encode()
	if err != nil {
		return store.Put{}, err
	}
	raw, err := json.Marshal(kept{Call: call, Approval: body})
	return store.Put{Key: d.approvalKey(a.ID()), Value: store.Seal(1, raw)}, err
}

// approval is the one that a caller presents. One that does not exist is nil: the
// caller is asked again, and learns nothing about others'.
func (d *Desk) approval(ctx context.Context, id string) (*access.Approval, error) {
	_, a, _, err := d.stored(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &a, err
}

// approved is what a person said yes to and nobody has used; nil without one.
func (d *Desk) approved(ctx context.Context, r access.Request, decision access.Decision) (*access.Approval, error) {
	pending, err := access.NewApproval(r, decision)
	if err != nil {
		return nil, nil // what cannot be asked about was not approved; ask says why
	}
	a, err := d.approval(ctx, pending.ID())
	if err != nil || a == nil || a.State != access.Approved {
		return nil, err
	}
	return a, nil
}

// keep makes the changes that keep a pending approval and tell people of it. One
// that is open already stays as it is, and is told once.
func (d *Desk) keep(ctx context.Context, a access.Approval, call string, now time.Time) ([]store.Put, error) {
	_, old, _, err := d.stored(ctx, a.ID())
	switch {
	case err == nil && old.Open(now):
		return nil, nil
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	put, err := d.put(a, call)
	if err != nil {
		return nil, err
	}
	puts := []store.Put{put}
	if d.host.Asked != nil {
		told, err := d.host.Asked(a)
		if err != nil {
			return nil, err
		}
		puts = append(puts, told...)
	}
	return puts, nil
}

// use makes the change that uses an approval up. It holds only while the approval
// stands as it was read, so that two calls cannot use it at once.
func (d *Desk) use(ctx context.Context, r access.Request) (store.Batch, error) {
	k, a, raw, err := d.stored(ctx, r.Approval.ID())
	if err != nil {
		return store.Batch{}, err
	}
	used, err := a.Use(r)
	if err != nil { // it was free when the rules were asked
		return store.Batch{}, fmt.Errorf("using approval %s: %w: %w", r.Approval.ID(), store.ErrConflict, err)
	}
	put, err := d.put(used, k.Call)
	return store.Batch{Checks: []store.Check{{Key: put.Key, Want: raw}}, Puts: []store.Put{put}}, err
}

// Waiting lists the calls that wait for a person, the oldest first. With all, those
// that were answered too.
func (d *Desk) Waiting(all bool) ([]Waiting, error) {
	now := d.host.Now()
	var out []Waiting
	err := d.host.Store.Scan(store.Key(store.TableApproval, d.host.Scope), func(_, value []byte) error {
		a, k, err := decodeKept(value)
		if err != nil {
			return err
		}
		if a = a.At(now); all || a.State == access.Pending {
			out = append(out, Waiting{Approval: a, ID: a.ID(), Call: k.Call})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Arguments, err = d.arguments(out[i].Call); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out, func(a, b Waiting) int { return a.Asked.Compare(b.Asked) })
	return out, nil
}

// arguments are those of a call, while they are kept.
func (d *Desk) arguments(call string) (json.RawMessage, error) {
	raw, err := d.host.Store.Get(store.Key(store.TableRedactable, d.host.Scope, call, "arguments"))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, body, err := store.Unseal(raw)
	if err != nil {
		return nil, err
	}
	var k Kept
	if err := json.Unmarshal(body, &k); err != nil {
		return nil, fmt.Errorf("reading the arguments of call %s: %w", call, err)
	}
	return k.Value, nil
}

// Answer is a person's yes or no to a call that waits. It is written down before it
// counts.
func (d *Desk) Answer(ctx context.Context, id string, by access.Principal, yes bool, note string) (Waiting, error) {
	k, a, raw, err := d.stored(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Waiting{}, fmt.Errorf("no call waits as %s: plimsoll approve lists those that do", clip(line(id), 64))
	}
	if err != nil {
		return Waiting{}, err
	}
	now := d.host.Now()
	answered, err := a.Refuse(by, note, now)
	if yes {
		answered, err = a.Approve(by, now)
	}
	if err != nil {
		return Waiting{Approval: a.At(now), ID: id, Call: k.Call}, err
	}
	put, err := d.put(answered, k.Call)
	if err != nil {
		return Waiting{}, err
	}
	record := audit.Call{
		ID: d.host.NewID(), Action: audit.ActionApprove, Outcome: audit.OutcomeOK, Principal: a.Name, Connector: a.Connector, Tool: a.Tool, Skill: a.Skill,
		Definition: a.Definition, Rule: a.Rule, Approval: id, Approver: by.Name, Reason: note,
	}
	if !yes {
		record.Outcome = audit.OutcomeRejected
	}
	batch, err := d.journal.batch(&record, nil)
	if err != nil {
		return Waiting{}, err
	}
	batch.Checks, batch.Puts = []store.Check{{Key: put.Key, Want: raw}}, []store.Put{put}
	if err := d.journal.commit(ctx, batch); err != nil {
		return Waiting{}, err
	}
	return Waiting{Approval: answered, ID: id, Call: k.Call}, nil
}
