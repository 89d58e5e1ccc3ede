package audit

import (
	"errors"
	"fmt"
	"iter"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Verify reads the whole log and checks every record, every hash, the rotations
// of its keys and its checkpoint. The error is a *Fault that names the first bad
// record, or tells why the log could not be read. It needs no private key, and
// works while the log grows: it checks the log as of when it began.
func Verify(r store.Reader, o Options) (*Result, error) {
	h, err := readHead(r)
	if err != nil {
		return nil, err
	}
	size := int64(-1) // without a checkpoint no record may be there
	if h.checkpoint != nil {
		p, err := ParseCheckpoint(h.checkpoint)
		if err != nil {
			return nil, noRecord(fmt.Sprintf("its checkpoint cannot be read: %v", err), "It was changed, or the storage is damaged", doCompare)
		}
		size = p.Size
	}
	c, err := newChecker(h, o)
	if err != nil {
		return nil, err
	}
	if err := c.walk(r, size); err != nil {
		return nil, err
	}
	return c.finish(o)
}

// walk adds the records of the log. What stands behind size is only a fault when
// no later checkpoint covers it.
func (c *checker) walk(r store.Reader, size int64) error {
	next, stop := iter.Pull2(hashes(r))
	defer stop()
	err := r.Scan(store.Key(store.TableAuditEntry, ""), func(key, data []byte) error {
		n, err := indexOf(key)
		if err != nil {
			return err
		}
		if n != c.tree.size {
			return missing(c.tree.size)
		}
		if size >= 0 && n >= size {
			if grown, err := logSize(r); err == nil && grown > n {
				return store.Stop
			}
		}
		stored, err, ok := next()
		if err != nil {
			return err
		}
		if !ok || stored.index != n {
			return notHashed(n)
		}
		return c.add(data, stored.raw, true)
	})
	var f *Fault
	if err != nil && !errors.As(err, &f) {
		return fmt.Errorf("reading the audit log at record %d: %w", c.tree.size, err)
	}
	return err
}

type storedHashes struct {
	index int64
	raw   []byte
}

// hashes walks the hashes beside the records; looking each one up would take
// several times as long.
func hashes(r store.Reader) iter.Seq2[storedHashes, error] {
	return func(yield func(storedHashes, error) bool) {
		err := r.Scan(store.Key(store.TableAuditHash, ""), func(key, raw []byte) error {
			n, err := indexOf(key)
			if err != nil {
				return err
			}
			if !yield(storedHashes{n, raw}, nil) {
				return store.Stop
			}
			return nil
		})
		if err != nil {
			yield(storedHashes{}, err)
		}
	}
}

func indexOf(key []byte) (int64, error) {
	_, _, parts, err := store.ParseKey(key)
	if err != nil {
		return 0, err
	}
	if len(parts) != 1 {
		return 0, fmt.Errorf("%w: the audit key %q has %d parts", store.ErrCorrupt, key, len(parts))
	}
	return store.ParseSeq(parts[0])
}

func readHead(r store.Reader) (head, error) {
	h := head{rotations: map[int64][]byte{}}
	raw, err := LastCheckpoint(r)
	if errors.Is(err, store.ErrNotFound) {
		return h, nil
	}
	if err != nil {
		return h, fmt.Errorf("reading the last checkpoint: %w", err)
	}
	h.checkpoint = raw
	p, err := ParseCheckpoint(raw)
	if err != nil {
		return h, nil // the caller says so
	}
	origin, err := r.Get(stateKey("origin"))
	if err != nil {
		return h, fmt.Errorf("reading the origin of the audit log: %w", err)
	}
	h.origin = string(origin)
	err = r.Scan(stateKey("rotation"), func(key, value []byte) error {
		_, _, parts, err := store.ParseKey(key)
		if err != nil {
			return err
		}
		if len(parts) != 2 {
			return fmt.Errorf("%w: the audit key %q has %d parts", store.ErrCorrupt, key, len(parts))
		}
		size, err := store.ParseSeq(parts[1])
		if size <= p.Size {
			h.rotations[size] = append([]byte(nil), value...)
		}
		return err
	})
	if err != nil {
		return h, fmt.Errorf("reading the rotations of the audit key: %w", err)
	}
	if h.keys, err = logKeys(r); err != nil {
		return h, err
	}
	// A rotation that came after the checkpoint was read does not count.
	h.keys = h.keys[:min(len(h.keys), len(h.rotations)+1)]
	return h, nil
}
