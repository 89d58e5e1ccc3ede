package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// ends is how many ends may wait to be written down. One more, and its caller
// waits, too.
const ends = 256

// lull is how long an end may wait for what is written next, and goes with it.
// Written at once, its sync stood before the beginning of the caller's next call:
// appends took 2.2 ms on a disk that syncs in 1.3 ms (2026-11-21). It is less than a command
// takes to start, so that who asks for a call by its id finds its end. A call that
// ended this little before the power went is one that nobody saw end.
const lull = 10 * time.Millisecond

// many is how many ends are written without waiting for more.
const many = 64

// endTime bounds the writing of ends, which no caller waits for.
const endTime = 30 * time.Second

// journal writes calls into the audit log.
//
// What reaches out is written down twice under one id: before the act, and the
// caller waits until that is safe on the disk; and when it has ended, which
// nobody waits for, because a sync costs more than all the rest of a call. A
// journal that cannot write an end lets nothing begin any more.
type journal struct {
	host   Host
	slots  chan struct{}
	wait   sync.WaitGroup
	broken atomic.Pointer[error]

	lull time.Duration

	mu    sync.Mutex
	ended []end
	due   *time.Timer // of the first of them
	lost  []end       // that could not be written
}

// end is how a call ended, on its way into the log.
type end struct {
	id    string
	batch store.Batch
}

func newJournal(h Host) *journal {
	return &journal{host: h, slots: make(chan struct{}, ends), lull: lull}
}

// close writes what is not written yet.
func (j *journal) close() {
	j.flush()
	j.wait.Wait()
}

// sound is an error while ends cannot be written down. What could not be written is
// tried again first: a disk that was full for a while is no reason to stay shut.
func (j *journal) sound() error {
	if j.broken.Load() == nil {
		return nil
	}
	j.mu.Lock()
	lost := j.lost
	j.lost = nil
	j.mu.Unlock()
	if len(lost) > 0 {
		if err := j.write(lost); err != nil {
			return err
		}
		j.broken.Store(nil)
		return nil
	}
	if err := j.broken.Load(); err != nil { // somebody else is trying
		return *err
	}
	return nil
}

// Sound is an error while calls cannot be written down, and so do not happen.
func (d *Desk) Sound() error { return d.journal.sound() }

// call begins the record of what a caller asks for.
func (d *Desk) call(c mcp.Caller, action audit.Action) audit.Call {
	client := c.Client.Name
	if c.Client.Version != "" {
		client += "/" + c.Client.Version
	}
	return audit.Call{ID: d.host.NewID(), Action: action, Principal: c.Principal.Name, Auth: c.Principal.Kind, Client: client, Session: c.Session, Traceparent: c.Traceparent}
}

// note writes down what is over already: a search, a description, a refusal.
// extra belongs to the same moment.
func (j *journal) note(ctx context.Context, c audit.Call, arguments any, extra ...store.Put) error {
	if err := j.sound(); err != nil {
		return err
	}
	batch, err := j.batch(&c, arguments)
	if err != nil {
		return err
	}
	batch.Puts = append(batch.Puts, extra...)
	return j.together(ctx, batch)
}

// begin writes an act down before it happens. with belongs to the same moment: an
// approval that is used up by it.
func (j *journal) begin(ctx context.Context, c *audit.Call, arguments any, with store.Batch) error {
	if err := j.sound(); err != nil {
		return err
	}
	c.Outcome = audit.OutcomeBegun
	batch, err := j.batch(c, arguments)
	if err != nil {
		return err
	}
	mark, err := json.Marshal(mark{ID: c.ID, Action: c.Action, Principal: c.Principal, Connector: c.Connector, Tool: c.Tool, Skill: c.Skill})
	if err != nil {
		return err
	}
	batch.Puts = append(batch.Puts, store.Put{Key: j.markKey(c.ID), Value: store.Seal(1, mark)})
	batch.Checks = append(batch.Checks, with.Checks...)
	batch.Puts = append(batch.Puts, with.Puts...)
	batch.Entries = append(batch.Entries, with.Entries...)
	return j.together(ctx, batch)
}

// together writes a batch with the ends that wait, in one commit: two would share
// the disk, and the caller would wait for both. A batch with checks may be refused,
// and goes alone.
func (j *journal) together(ctx context.Context, b store.Batch) error {
	if len(b.Checks) > 0 {
		return j.commit(ctx, b)
	}
	ended := j.take()
	if len(ended) == 0 {
		return j.commit(ctx, b)
	}
	all := joined(ended)
	all.Puts, all.Entries = append(all.Puts, b.Puts...), append(all.Entries, b.Entries...)
	err := j.commit(ctx, all)
	if err != nil { // the ends are nothing of this caller's, who may have gone
		if err := j.write(ended); err != nil {
			j.host.Problem("%v", err)
		}
	}
	for range ended {
		<-j.slots
	}
	return err
}

// mark is what is left of a call whose engine ended before it did.
type mark struct {
	ID        string       `json:"id"`
	Action    audit.Action `json:"action"`
	Principal string       `json:"principal,omitempty"`
	Connector string       `json:"connector,omitempty"`
	Tool      string       `json:"tool,omitempty"`
	Skill     string       `json:"skill,omitempty"`
}

func (j *journal) markKey(id string) []byte {
	return store.Key(store.TableIntent, j.host.Scope, "call", id)
}

// end writes down how an act ended, without keeping its caller.
func (j *journal) end(c audit.Call, extra ...store.Put) {
	c.Arguments = nil // they stand in its beginning
	batch, err := j.batch(&c, nil)
	if err != nil {
		j.host.Problem("%v", j.shut(c.ID, err))
		return
	}
	batch.Puts = append(append(batch.Puts, store.Put{Key: j.markKey(c.ID), Delete: true}), extra...)
	j.queue(c.ID, batch)
}

// queue has something written with the ends: an end, or what a use has taught.
func (j *journal) queue(id string, batch store.Batch) {
	j.slots <- struct{}{}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = append(j.ended, end{id, batch})
	switch len(j.ended) {
	case 1:
		j.wait.Add(1)
		j.due = time.AfterFunc(j.lull, func() {
			defer j.wait.Done()
			j.flush()
		})
	case many:
		j.wait.Go(j.flush)
	}
}

// flush writes the ends that wait, in one commit.
func (j *journal) flush() {
	ended := j.take()
	if len(ended) == 0 {
		return
	}
	err := j.write(ended)
	for range ended {
		<-j.slots
	}
	if err != nil {
		j.host.Problem("%v", err)
	}
}

// take leaves no end waiting: whoever calls it writes them.
func (j *journal) take() []end {
	j.mu.Lock()
	defer j.mu.Unlock()
	ended := j.ended
	j.ended = nil
	if j.due != nil && j.due.Stop() {
		j.wait.Done()
	}
	j.due = nil
	return ended
}

// joined is ends as one batch.
func joined(ended []end) store.Batch {
	var all store.Batch
	for _, e := range ended {
		all.Puts = append(all.Puts, e.batch.Puts...)
		all.Entries = append(all.Entries, e.batch.Entries...)
	}
	return all
}

// write writes ends in one commit. Without it nothing begins any more.
func (j *journal) write(ended []end) error {
	all := joined(ended)
	ctx, over := context.WithTimeout(context.Background(), endTime)
	defer over()
	if err := j.commit(ctx, all); err != nil {
		j.mu.Lock()
		j.lost = append(j.lost, ended...)
		j.mu.Unlock()
		return j.shut(ended[0].id, err)
	}
	return nil
}

// shut lets nothing begin any more, since an end is not in the log.
func (j *journal) shut(id string, err error) error {
	why := fmt.Errorf("the end of call %s could not be written into the audit log, so nothing more is called: %w", id, err)
	j.broken.Store(&why)
	return why
}

// batch is one entry, with its arguments kept beside the log under a salt.
func (j *journal) batch(c *audit.Call, arguments any) (store.Batch, error) {
	var b store.Batch
	if arguments != nil {
		raw, err := canonjson.Marshal(arguments)
		if err != nil {
			return b, err
		}
		field, salt, err := audit.Redactable(raw)
		if err != nil {
			return b, err
		}
		kept, err := json.Marshal(Kept{Salt: salt, Value: raw})
		if err != nil {
			return b, err
		}
		c.Arguments = field
		b.Puts = append(b.Puts, store.Put{Key: store.Key(store.TableRedactable, j.host.Scope, c.ID, "arguments"), Value: store.Seal(1, kept)})
	}
	c.Reason = clip(c.Reason, audit.MaxReason)
	entry, err := c.Entry(j.host.Scope, j.host.Now().UTC())
	if err != nil {
		return b, err
	}
	b.Entries = []store.Entry{entry}
	return b, nil
}

// Kept is what stands behind the salted hash of a call's arguments until it is
// deleted.
type Kept struct {
	Salt  []byte `json:"salt"`
	Value []byte `json:"value"`
}

func (j *journal) commit(ctx context.Context, b store.Batch) error {
	began := j.host.Now()
	_, err := j.host.Store.Commit(ctx, b)
	if err != nil {
		if !errors.Is(err, store.ErrConflict) { // that is another's, who was first
			j.host.Recorder.Add(telemetry.AuditFailures, 1)
		}
		return fmt.Errorf("writing it into the audit log: %w", err)
	}
	j.host.Recorder.Observe(telemetry.AuditDuration, j.host.Now().Sub(began).Seconds())
	return nil
}

// Settle writes the ends of calls that an engine began and did not live to see
// end. It is called once, before anything is served.
func (d *Desk) Settle(ctx context.Context) error {
	var lost []mark
	err := d.host.Store.Scan(store.Key(store.TableIntent, d.host.Scope, "call"), func(_, value []byte) error {
		_, raw, err := store.Unseal(value)
		if err != nil {
			return err
		}
		var m mark
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("reading a call that was begun: %w", err)
		}
		lost = append(lost, m)
		return nil
	})
	if err != nil {
		return err
	}
	for _, m := range lost {
		c := audit.Call{
			ID: m.ID, Action: m.Action, Outcome: audit.OutcomeLost, Principal: m.Principal, Connector: m.Connector, Tool: m.Tool, Skill: m.Skill,
			Reason: "the engine ended before the call did: whether it had an effect is not known",
		}
		batch, err := d.journal.batch(&c, nil)
		if err != nil {
			return err
		}
		batch.Puts = append(batch.Puts, store.Put{Key: d.journal.markKey(m.ID), Delete: true})
		if err := d.journal.commit(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}
