package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// KeepFor is how long a message is tried before it is given up.
const KeepFor = 72 * time.Hour

// pauses between attempts, as Standard Webhooks proposes them; the last one
// repeats until KeepFor is over.
var pauses = []time.Duration{5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour}

// pause before the next attempt after so many; what the receiver asked for
// counts where it is longer, up to a day.
func pause(attempts int, asked time.Duration) time.Duration {
	return max(pauses[min(attempts, len(pauses))-1], min(asked, 24*time.Hour))
}

// Outbox delivers what was posted. One at a time may work on a store.
type Outbox struct {
	Store   store.Store
	Scope   string
	Targets map[string]Target
	Now     func() time.Time
	Send    SendFunc
	// Tell, if set, is told of every attempt. It must be safe for many goroutines.
	Tell func(Attempt)
}

// Attempt is what became of one try.
type Attempt struct {
	Target, ID, Event string
	Err               error     // nil: it arrived
	Dropped           bool      // it was given up
	Next              time.Time // of the next try, where it failed and was not given up
}

// Delivery is what a round came to.
type Delivery struct {
	Sent, Left, Dropped int
	Next                time.Time // when the first of those left is due; zero when none is left
}

// Deliver tries what is due. Targets are tried side by side, the messages of one
// in order: where one fails, those behind it wait, so that a receiver that is
// down is asked once and gets its messages in order. Failed attempts are no
// error; one of the store is.
func (o *Outbox) Deliver(ctx context.Context) (Delivery, error) {
	waiting, err := o.waiting()
	if err != nil {
		return Delivery{}, err
	}
	var mu sync.Mutex
	var all Delivery
	var errs []error
	var wg sync.WaitGroup
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		wg.Go(func() {
			d, err := o.target(ctx, name, waiting[name])
			mu.Lock()
			defer mu.Unlock()
			all.Sent, all.Left, all.Dropped = all.Sent+d.Sent, all.Left+d.Left, all.Dropped+d.Dropped
			if !d.Next.IsZero() && (all.Next.IsZero() || d.Next.Before(all.Next)) {
				all.Next = d.Next
			}
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// waiting lists the outbox by target, oldest first.
func (o *Outbox) waiting() (map[string][]letter, error) {
	out := map[string][]letter{}
	err := o.Store.Scan(store.Key(store.TableOutbox, o.Scope), func(key, value []byte) error {
		_, _, parts, err := store.ParseKey(key)
		if err != nil {
			return err
		}
		version, body, err := store.Unseal(value)
		if err != nil {
			return err
		}
		if version != schema {
			return fmt.Errorf("a message has schema %d, this plimsoll knows %d: use a newer plimsoll", version, schema)
		}
		var l letter
		if err := json.Unmarshal(body, &l); err != nil {
			return fmt.Errorf("%w: a message: %w", store.ErrCorrupt, err)
		}
		out[parts[0]] = append(out[parts[0]], l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the messages that are to be sent: %w", err)
	}
	return out, nil
}

func (o *Outbox) target(ctx context.Context, name string, letters []letter) (Delivery, error) {
	var d Delivery
	t, declared := o.Targets[name]
	for i, l := range letters {
		now := o.Now()
		switch {
		case !declared:
			if err := o.drop(ctx, name, l, "its notify block is gone"); err != nil {
				return d, err
			}
			d.Dropped++
			continue
		case now.Sub(l.At) > KeepFor:
			if err := o.drop(ctx, name, l, l.Why); err != nil {
				return d, err
			}
			d.Dropped++
			continue
		case l.Next.After(now), ctx.Err() != nil:
			d.Left, d.Next = len(letters)-i, l.Next
			return d, nil
		}
		err := o.Send(ctx, t, l.ID, now, l.Body)
		if err == nil {
			if err := o.settle(ctx, name, l, "notify.sent", nil); err != nil {
				return d, err
			}
			o.tell(Attempt{Target: name, ID: l.ID, Event: l.Event})
			d.Sent++
			continue
		}
		if ctx.Err() != nil { // stopped, which says nothing of the receiver
			d.Left, d.Next = len(letters)-i, now
			return d, nil
		}
		var f *Failure
		if !errors.As(err, &f) {
			f = &Failure{Why: err.Error()}
		}
		if f.Gone {
			if err := o.drop(ctx, name, l, f.Why); err != nil {
				return d, err
			}
			d.Dropped++
			continue
		}
		l.Attempts, l.Why = l.Attempts+1, f.Why
		l.Next = now.Add(pause(l.Attempts, f.After)).UTC()
		put, err := l.put(o.Scope, name)
		if err == nil {
			_, err = o.Store.Commit(ctx, store.Batch{Puts: []store.Put{put}})
		}
		if err != nil {
			return d, fmt.Errorf("keeping a message for another try: %w", err)
		}
		o.tell(Attempt{Target: name, ID: l.ID, Event: l.Event, Err: f, Next: l.Next})
		d.Left, d.Next = len(letters)-i, l.Next
		return d, nil
	}
	return d, nil
}

func (o *Outbox) tell(a Attempt) {
	if o.Tell != nil {
		o.Tell(a)
	}
}

// drop gives a message up, for good and on the record.
func (o *Outbox) drop(ctx context.Context, name string, l letter, why string) error {
	if err := o.settle(ctx, name, l, "notify.dropped", &why); err != nil {
		return err
	}
	o.tell(Attempt{Target: name, ID: l.ID, Event: l.Event, Err: &Failure{Why: why}, Dropped: true})
	return nil
}

// settle takes a message out of the outbox and writes down what became of it, in
// one commit. A crash before it sends the message again, under the same id.
func (o *Outbox) settle(ctx context.Context, name string, l letter, kind string, why *string) error {
	note := map[string]any{"target": name, "id": l.ID, "event": l.Event, "attempts": l.Attempts + 1}
	if why != nil {
		note["attempts"], note["why"] = l.Attempts, *why
	}
	raw, err := json.Marshal(note)
	if err != nil {
		return err
	}
	_, err = o.Store.Commit(context.WithoutCancel(ctx), store.Batch{
		Puts:    []store.Put{{Key: l.key(o.Scope, name), Delete: true}},
		Entries: []store.Entry{{Time: o.Now().UTC(), Kind: kind, Scope: o.Scope, Data: raw}},
	})
	if err != nil {
		return fmt.Errorf("writing down that a message was sent: %w", err)
	}
	return nil
}

// Waiting counts the messages of each target that were not sent yet.
func (o *Outbox) Waiting() (map[string]int, error) {
	all, err := o.waiting()
	out := map[string]int{}
	for name, letters := range all {
		out[name] = len(letters)
	}
	return out, err
}
