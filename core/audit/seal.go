package audit

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Load takes up the log where the last commit left it. It checks the signature
// of the checkpoint and that the stored hashes lead to its root, so that no
// entry is ever appended to a log that was changed behind its back.
func (l *Log) Load(r store.Reader) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	id, err := newIdentity(l.config.Origin, l.config.Signer)
	if err != nil {
		return err
	}
	raw, err := LastCheckpoint(r)
	if errors.Is(err, store.ErrNotFound) {
		l.signer, l.keys, l.fresh, l.tree = id, 1, true, tree{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the last checkpoint: %w", err)
	}
	origin, err := r.Get(stateKey("origin"))
	if err != nil {
		return fmt.Errorf("reading the origin of the audit log: %w", err)
	}
	if string(origin) != l.config.Origin {
		return fmt.Errorf("the audit log of this state is %q, the audit key speaks for %q: put the key file of this state back from a backup", origin, l.config.Origin)
	}
	keys, err := logKeys(r)
	if err != nil {
		return err
	}
	if id, err = l.currentKey(keys, id); err != nil {
		return err
	}
	c, _, err := OpenCheckpoint(raw, id.vkey)
	if err != nil {
		return fmt.Errorf("%w: %w: run `plimsoll audit verify`", store.ErrCorrupt, err)
	}
	t, err := loadTree(r, c.Size)
	if err != nil {
		return err
	}
	if t.root() != c.Root {
		return fmt.Errorf("%w: the hashes of the audit log do not lead to the root of its checkpoint at %d: run `plimsoll audit verify`", store.ErrCorrupt, c.Size)
	}
	l.signer, l.keys, l.fresh, l.tree, l.last = id, len(keys), false, t, raw
	return nil
}

// currentKey finds which of the configured keys the log names as its own.
func (l *Log) currentKey(keys []string, id *identity) (*identity, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: the audit log of this state names no key: run `plimsoll audit verify`", store.ErrCorrupt)
	}
	current := keys[len(keys)-1]
	if id.vkey == current {
		return id, nil
	}
	if l.config.Next != nil {
		next, err := newIdentity(l.config.Origin, l.config.Next)
		if err != nil {
			return nil, err
		}
		if next.vkey == current {
			return next, nil
		}
	}
	return nil, fmt.Errorf("the audit log is signed by the key %s, the key file holds %s: put the right key file back from a backup", current, id.vkey)
}

func logKeys(r store.Reader) ([]string, error) {
	var keys []string
	err := r.Scan(stateKey("key"), func(_, value []byte) error {
		keys = append(keys, string(value))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the keys of the audit log: %w", err)
	}
	return keys, nil
}

// loadTree reads the right edge of the tree of that size.
func loadTree(r store.Reader, size int64) (tree, error) {
	t := tree{size: size}
	var end int64
	for level := 63 - bits.LeadingZeros64(uint64(size)); level >= 0; level-- {
		if size>>level&1 == 0 {
			continue
		}
		end += 1 << level
		h, err := readHash(r, level, end-1)
		if err != nil {
			return tree{}, err
		}
		t.edge = append(t.edge, h)
	}
	return t, nil
}

// readHash reads the root of the complete subtree of 2^level leaves that ends in
// record last: it was stored with that record.
func readHash(r store.Reader, level int, last int64) (tlog.Hash, error) {
	raw, err := r.Get(hashKey(last))
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("reading the hashes of audit entry %d: %w", last, err)
	}
	if len(raw) < (level+1)*tlog.HashSize {
		return tlog.Hash{}, fmt.Errorf("%w: audit entry %d has hashes of %d bytes, level %d is missing", store.ErrCorrupt, last, len(raw), level)
	}
	return tlog.Hash(raw[level*tlog.HashSize : (level+1)*tlog.HashSize]), nil
}

// Encode returns the bytes of the record of an entry; see EncodeEntry.
func (l *Log) Encode(e store.Entry) ([]byte, error) {
	data, err := EncodeEntry(e)
	if err != nil {
		return nil, err
	}
	if e.Kind == rotateKind && !l.isStaged(data) {
		return nil, fmt.Errorf("audit entry %s: only audit.Rotate writes that kind", e.Kind)
	}
	return data, nil
}

// Seal appends records, and signs the head of the tree that they make.
func (l *Log) Seal(records [][]byte) (first int64, puts []store.Put, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signer == nil {
		return 0, nil, errNotLoaded
	}
	next := &sealed{tree: l.tree.clone(), signer: l.signer, keys: l.keys}
	puts = make([]store.Put, 0, 2*len(records)+3)
	if l.fresh {
		puts = append(puts,
			store.Put{Key: stateKey("origin"), Value: []byte(l.config.Origin)},
			store.Put{Key: stateKey("key", store.Seq(0)), Value: []byte(l.signer.vkey)})
	}
	done := make([]tlog.Hash, 0, 64)
	for _, data := range records {
		n := next.tree.size
		done = next.tree.add(tlog.RecordHash(data), done[:0])
		puts = append(puts,
			store.Put{Key: entryKey(n), Value: data},
			store.Put{Key: hashKey(n), Value: flatten(done)})
		if l.staged != nil && bytes.Equal(l.staged.record, data) {
			more, err := l.turn(next)
			if err != nil {
				return 0, nil, err
			}
			puts = append(puts, more...)
		}
	}
	if next.checkpoint, err = l.head(next).sign(next.signer); err != nil {
		return 0, nil, err
	}
	puts = append(puts, store.Put{Key: stateKey("checkpoint"), Value: next.checkpoint})
	l.pending = next
	return l.tree.size, puts, nil
}

func (l *Log) head(s *sealed) Checkpoint {
	return Checkpoint{Origin: l.config.Origin, Size: s.tree.size, Root: s.tree.root()}
}

// Settle makes the last Seal current, or forgets it.
func (l *Log) Settle(committed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.pending; p != nil && committed {
		l.tree, l.last, l.signer, l.keys, l.fresh = p.tree, p.checkpoint, p.signer, p.keys, false
	}
	l.pending = nil
}

func flatten(hashes []tlog.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}
