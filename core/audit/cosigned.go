package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Consistency returns the last checkpoint with the proof that the log of its
// first old entries is the beginning of it (RFC 6962, section 2.1.2): what a
// witness that has seen old entries wants. The proof is empty for 0 and for the
// whole log. An old size that the log does not have is an error.
func Consistency(r store.Reader, old int64) (proof tlog.TreeProof, checkpoint []byte, err error) {
	raw, err := LastCheckpoint(r)
	if err != nil {
		return nil, nil, fmt.Errorf("reading the last checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(raw)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case old < 0 || old > c.Size:
		return nil, nil, fmt.Errorf("the log has %d entries: there is no proof from %d to there", c.Size, old)
	case old == 0 || old == c.Size:
		return nil, raw, nil
	}
	if proof, err = tlog.ProveTree(c.Size, old, hashReader(r)); err != nil {
		return nil, nil, fmt.Errorf("proving that the first %d entries are those of before: %w", old, err)
	}
	return proof, raw, nil
}

// Contains checks that a checkpoint is one of this log: signed by a key that the
// log has or had, over the entries that stand there now. It reads a few hashes,
// and relies on them; Verify rebuilds them all.
func Contains(r store.Reader, checkpoint []byte) (Checkpoint, error) {
	keys, err := logKeys(r)
	if err != nil {
		return Checkpoint{}, err
	}
	c, _, err := OpenCheckpoint(checkpoint, keys...)
	if err != nil {
		return c, err
	}
	size, err := logSize(r)
	if err != nil {
		return c, err
	}
	if c.Size > size {
		return c, fmt.Errorf("the checkpoint covers %d entries and the log has %d: it is an old copy, or its end was cut off", c.Size, size)
	}
	root, err := tlog.TreeHash(c.Size, hashReader(r))
	if err != nil {
		return c, fmt.Errorf("reading the hashes of the first %d entries: %w", c.Size, err)
	}
	if root != c.Root {
		return c, fmt.Errorf("the checkpoint of %d entries is not of this log: it was forked or rewritten", c.Size)
	}
	return c, nil
}

// EntryBytes returns the entry at an index in the bytes that were hashed.
func EntryBytes(r store.Reader, index int64) ([]byte, error) {
	data, err := r.Get(entryKey(index))
	if err != nil {
		return nil, fmt.Errorf("audit entry %d: %w", index, err)
	}
	return data, nil
}

// Cosigned is the put that keeps a checkpoint with a witness's cosignature beside
// the log. Verify the cosignature first (core/audit/witness).
func Cosigned(witness string, checkpoint []byte) (store.Put, error) {
	c, err := ParseCheckpoint(checkpoint)
	if err != nil {
		return store.Put{}, err
	}
	return store.Put{Key: store.Key(store.TableCosigned, "", witness, store.Seq(c.Size)), Value: checkpoint}, nil
}

// EachCosigned calls fn for the checkpoints that Cosigned kept, those of one
// witness together and by size. An error of fn ends it and is returned, save
// store.Stop.
func EachCosigned(r store.Reader, fn func(witness string, checkpoint []byte) error) error {
	return r.Scan(store.Key(store.TableCosigned, ""), func(key, value []byte) error {
		_, _, parts, err := store.ParseKey(key)
		if err != nil {
			return err
		}
		if len(parts) != 2 {
			return fmt.Errorf("%w: the audit key %q has %d parts", store.ErrCorrupt, key, len(parts))
		}
		return fn(parts[0], append([]byte(nil), value...))
	})
}
