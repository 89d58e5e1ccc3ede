package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// redoKey names the file of a large batch that is decided and not yet applied.
func redoKey() []byte { return store.Key(store.TableDriver, "", "redo") }

// commitLarge commits a batch that no transaction holds: all its writes go to a
// file, one small transaction that names the file decides, then the writes are
// applied in parts, and the last part removes the name. A crash in between is
// made good when the state opens. Readers wait meanwhile (view).
// Refusing such batches was the alternative; an import would then have to
// invent its own way to be whole.
func (d *DB) commitLarge(r *request) {
	if !r.state.CompareAndSwap(waiting, taken) {
		return
	}
	txn := d.db.NewTransaction(false)
	err := d.check(txn, r.checks)
	txn.Discard()
	if err != nil {
		r.finish(store.Receipt{}, err)
		return
	}
	writes := r.puts
	receipts, sealed, err := d.seal([]*request{r}, func(w write) error {
		writes = append(writes, w)
		return nil
	})
	if err == nil {
		err = d.decide(writes)
	}
	if sealed {
		d.config.Sealer.Settle(err == nil)
	}
	if err != nil {
		r.finish(store.Receipt{}, err)
		return
	}
	r.finish(receipts[0], nil)
}

// decide writes the file and its name, and applies it.
func (d *DB) decide(writes []write) error {
	sum, err := d.blobs.put(encodeWrites(writes))
	if err != nil {
		return err
	}
	d.apply.Lock()
	defer d.apply.Unlock()
	err = d.db.Update(func(txn *badger.Txn) error {
		return set(txn, write{key: redoKey(), value: sum, meta: inFile})
	})
	if err != nil {
		return d.fail(err)
	}
	if err := d.applyAll(writes); err != nil {
		return d.fail(err)
	}
	if err := d.blobs.remove(sum); err != nil {
		// The batch is there; a file left behind does no harm.
		logger{d.config.Warn}.Warningf("%v", err)
	}
	return nil
}

// applyAll applies writes in as many transactions as it takes; the last one
// removes the name of the file. Doing it twice does no harm.
func (d *DB) applyAll(writes []write) error {
	writes = append(writes[:len(writes):len(writes)], write{key: redoKey(), remove: true})
	for len(writes) > 0 {
		txn := d.db.NewTransaction(true)
		var size, n int64
		for _, w := range writes {
			if size += int64(len(w.key)+len(w.value)) + putCost; n > 0 && (size > d.limit.txnBytes || n == d.limit.txnCount) {
				break
			}
			if err := set(txn, w); err != nil {
				txn.Discard()
				return err
			}
			n++
		}
		if err := txn.Commit(); err != nil {
			return fmt.Errorf("applying a large batch: %w", err)
		}
		writes = writes[n:]
	}
	return nil
}

// redo applies the large batch that a crash interrupted, if there is one.
func (d *DB) redo() error {
	txn := d.view()
	data, err := d.read(txn, redoKey())
	txn.Discard()
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finishing an interrupted batch: %w", err)
	}
	writes, err := decodeWrites(data)
	if err != nil {
		return fmt.Errorf("finishing an interrupted batch: %w", err)
	}
	if err := d.applyAll(writes); err != nil {
		return fmt.Errorf("finishing an interrupted batch: %w", err)
	}
	return nil // its file stays behind: it is named by its content and does no harm
}

// encodeWrites: per write a flag byte (bit 0 remove, bit 1 in a file), then key
// and value with their lengths as uvarints.
func encodeWrites(writes []write) []byte {
	n := 0
	for _, w := range writes {
		n += len(w.key) + len(w.value) + 1 + 2*binary.MaxVarintLen32
	}
	out := make([]byte, 0, n)
	for _, w := range writes {
		flags := w.meta << 1
		if w.remove {
			flags |= 1
		}
		out = append(out, flags)
		out = append(binary.AppendUvarint(out, uint64(len(w.key))), w.key...)
		out = append(binary.AppendUvarint(out, uint64(len(w.value))), w.value...)
	}
	return out
}

func decodeWrites(data []byte) ([]write, error) {
	var writes []write
	for len(data) > 0 {
		w := write{meta: data[0] >> 1, remove: data[0]&1 == 1}
		if w.meta > inFile {
			return nil, fmt.Errorf("%w: write %d of a large batch has the flags %#x", store.ErrCorrupt, len(writes), data[0])
		}
		data = data[1:]
		for _, field := range []*[]byte{&w.key, &w.value} {
			n, width := binary.Uvarint(data)
			if width <= 0 || n > uint64(len(data)-width) {
				return nil, fmt.Errorf("%w: write %d of a large batch is cut off", store.ErrCorrupt, len(writes))
			}
			*field, data = data[width:width+int(n)], data[width+int(n):]
		}
		writes = append(writes, w)
	}
	return writes, nil
}
