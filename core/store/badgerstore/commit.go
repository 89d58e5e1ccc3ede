package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// request is a batch on its way to the committer.
type request struct {
	checks  []store.Check
	puts    []write
	records [][]byte // encoded audit entries
	size    int64    // what it takes in a transaction, in bytes
	count   int64

	state   atomic.Int32 // waiting, taken or left
	done    chan struct{}
	receipt store.Receipt
	err     error
}

const (
	waiting = iota
	taken   // the committer works on it: its caller must wait
	left    // its caller has gone: the committer skips it
)

// write is a put whose value is in its place: inline, or in a file already.
type write struct {
	key, value []byte
	meta       byte
	remove     bool
}

// Costs of one key in a transaction beside its bytes: Badger's own header, and
// the key and hash that a sealer adds to a record.
const (
	putCost    = 32
	recordCost = 256
)

// Commit applies the batch; see store.Store. A context that ends while the batch
// waits takes it back; once the committer has it, the answer is waited for.
func (d *DB) Commit(ctx context.Context, b store.Batch) (store.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return store.Receipt{}, err
	}
	if err := b.Validate(); err != nil {
		return store.Receipt{}, err
	}
	if err := d.enter(); err != nil {
		return store.Receipt{}, err
	}
	defer d.users.Done()
	r, err := d.request(b)
	if err != nil {
		return store.Receipt{}, err
	}
	select {
	case d.queue <- r:
	case <-ctx.Done():
		return store.Receipt{}, ctx.Err()
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, left) {
			return store.Receipt{}, ctx.Err()
		}
		<-r.done
	}
	return r.receipt, r.err
}

// request does in the caller's goroutine what needs no order: encoding, and
// writing large values to their files.
func (d *DB) request(b store.Batch) (*request, error) {
	r := &request{checks: b.Checks, done: make(chan struct{})}
	if len(b.Entries) > 0 && d.config.Sealer == nil {
		return nil, errors.New("the batch has audit entries, but the state was opened without an audit log")
	}
	for i, e := range b.Entries {
		data, err := d.config.Sealer.Encode(e)
		if err != nil {
			return nil, fmt.Errorf("audit entry %d of the batch: %w", i, err)
		}
		r.records = append(r.records, data)
		r.size += int64(min(len(data), inline)) + recordCost
		r.count += 2
	}
	if len(r.records) > 0 {
		r.size += 4096 // the checkpoint
		r.count += 4
	}
	writes, err := d.place(b.Puts)
	if err != nil {
		return nil, err
	}
	r.puts = writes
	for _, w := range writes {
		r.size += int64(len(w.key)+len(w.value)) + putCost
		r.count++
	}
	return r, nil
}

// place moves large values to files.
func (d *DB) place(puts []store.Put) ([]write, error) {
	writes := make([]write, 0, len(puts))
	for _, p := range puts {
		w := write{key: p.Key, value: p.Value, remove: p.Delete}
		if len(p.Value) > inline {
			if err := d.checkSpace(uint64(len(p.Value))); err != nil {
				return nil, err
			}
			sum, err := d.blobs.put(p.Value)
			if err != nil {
				return nil, err
			}
			w.value, w.meta = sum, inFile
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// committer is the one goroutine that writes. While it waits for the disk, the
// next batches queue up; it takes as many of them as fit into one transaction,
// and they share one sync.
func (d *DB) committer() {
	defer close(d.done)
	var carry *request // did not fit any more
	for {
		first := carry
		if carry = nil; first == nil {
			var open bool
			if first, open = <-d.queue; !open {
				return
			}
		}
		group, size, count := []*request{first}, first.size, first.count
	gather:
		for {
			select {
			case r, open := <-d.queue:
				if !open {
					break gather
				}
				if size+r.size > d.limit.txnBytes || count+r.count > d.limit.txnCount {
					carry = r
					break gather
				}
				group, size, count = append(group, r), size+r.size, count+r.count
			default:
				break gather
			}
		}
		d.commitGroup(group, size, count)
	}
}

func (d *DB) commitGroup(group []*request, size, count int64) {
	if err := d.ready(uint64(size)); err != nil {
		for _, r := range group {
			r.finish(store.Receipt{}, err)
		}
		return
	}
	if size > d.limit.txnBytes || count > d.limit.txnCount {
		d.commitLarge(group[0]) // gather makes groups of one of them
		return
	}
	txn := d.db.NewTransaction(true)
	defer txn.Discard()
	live, err := d.stage(txn, group)
	if len(live) == 0 {
		return
	}
	var receipts []store.Receipt
	sealed := false
	if err == nil {
		receipts, sealed, err = d.seal(live, func(w write) error { return set(txn, w) })
	}
	if err == nil {
		if err = txn.Commit(); err != nil {
			err = d.fail(err)
		}
	}
	if sealed {
		d.config.Sealer.Settle(err == nil)
	}
	for i, r := range live {
		if err != nil {
			r.finish(store.Receipt{}, err)
		} else {
			r.finish(receipts[i], nil)
		}
	}
}

// ready tells why nothing can be written now.
func (d *DB) ready(size uint64) error {
	if d.failed != nil {
		return fmt.Errorf("the state is not written any more since a commit failed: %w", d.failed)
	}
	return d.checkSpace(size)
}

// fail ends all writing: after a failed sync nobody knows what is on the disk,
// and a later success would claim that it does.
func (d *DB) fail(err error) error {
	d.failed = explainCommit(d.config.Dir, err)
	return d.failed
}

// stage checks each request against what the ones before it leave behind, and
// puts what passes into the transaction. What does not is answered here. An
// error spoils the whole transaction.
func (d *DB) stage(txn *badger.Txn, group []*request) (live []*request, err error) {
	for _, r := range group {
		if !r.state.CompareAndSwap(waiting, taken) {
			continue
		}
		if failed := d.check(txn, r.checks); failed != nil {
			r.finish(store.Receipt{}, failed)
			continue
		}
		live = append(live, r)
		for _, w := range r.puts {
			if err == nil {
				err = set(txn, w)
			}
		}
	}
	return live, err
}

func (d *DB) check(txn *badger.Txn, checks []store.Check) error {
	for i, c := range checks {
		value, err := d.read(txn, c.Key)
		switch missing := errors.Is(err, store.ErrNotFound); {
		case missing && c.Want == nil:
		case missing:
			return fmt.Errorf("%w: check %d of the batch wants a value at %q, there is none", store.ErrConflict, i, c.Key)
		case err != nil:
			return err
		case c.Want == nil:
			return fmt.Errorf("%w: check %d of the batch wants no value at %q, there is one", store.ErrConflict, i, c.Key)
		case !bytes.Equal(value, c.Want):
			return fmt.Errorf("%w: check %d of the batch wants another value at %q", store.ErrConflict, i, c.Key)
		}
	}
	return nil
}

// seal appends the entries of all requests to the audit log, hands its puts to
// write, and returns each request's receipt. sealed tells that Settle is due.
func (d *DB) seal(live []*request, write func(write) error) (receipts []store.Receipt, sealed bool, err error) {
	var records [][]byte
	receipts = make([]store.Receipt, len(live))
	for i, r := range live {
		if len(r.records) > 0 {
			receipts[i] = store.Receipt{First: int64(len(records)), Count: len(r.records)}
			records = append(records, r.records...)
		}
	}
	if len(records) == 0 {
		return receipts, false, nil
	}
	first, puts, err := d.config.Sealer.Seal(records)
	if err != nil {
		return nil, true, fmt.Errorf("appending to the audit log: %w", err)
	}
	writes, err := d.place(puts)
	if err != nil {
		return nil, true, err
	}
	for _, w := range writes {
		if err := write(w); err != nil {
			return nil, true, err
		}
	}
	for i := range receipts {
		if receipts[i].Count > 0 {
			receipts[i].First += first
		}
	}
	return receipts, true, nil
}

func set(txn *badger.Txn, w write) error {
	if w.remove {
		if err := txn.Delete(w.key); err != nil {
			return fmt.Errorf("staging a delete: %w", err)
		}
		return nil
	}
	if err := txn.SetEntry(badger.NewEntry(w.key, w.value).WithMeta(w.meta)); err != nil {
		return fmt.Errorf("staging a put: %w", err)
	}
	return nil
}

func (r *request) finish(receipt store.Receipt, err error) {
	r.receipt, r.err = receipt, err
	close(r.done)
}
