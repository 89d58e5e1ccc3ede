package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// rotateKind is the entry in which a key names its successor.
const rotateKind = "audit.rotate"

// rotation is a change of keys that waits for its commit.
type rotation struct {
	record []byte
	next   *identity
}

type rotateData struct {
	From string `json:"from"` // verifier keys
	To   string `json:"to"`
}

// Rotate makes next the key of the log: it appends an entry in which the old key
// names the new one, and keeps the old key's checkpoint over just that entry, so
// that whoever trusts the old key can follow to the new one. After it returns,
// the old key signs nothing more and should be destroyed. For a key in a file use
// RotateFile.
func Rotate(ctx context.Context, s store.Store, l *Log, next Signer, at time.Time) error {
	id, err := newIdentity(l.config.Origin, next)
	if err != nil {
		return err
	}
	entry, err := l.stage(id, at)
	if err != nil {
		return err
	}
	defer l.unstage()
	if _, err := s.Commit(ctx, store.Batch{Entries: []store.Entry{entry}}); err != nil {
		return fmt.Errorf("rotating the audit key: %w", err)
	}
	return nil
}

// RotateFile rotates to a new key of the file's own making. The file holds both
// keys while the log moves over, so a crash at any moment leaves a key that the
// log takes (Config.Next); then the old one is gone.
func RotateFile(ctx context.Context, s store.Store, l *Log, k *KeyFile, at time.Time) error {
	next, err := NewSigner()
	if err != nil {
		return err
	}
	if k.Next != nil {
		// A rotation was cut short. The log says which of the two keys it took.
		if err := k.settle(l.Key()); err != nil {
			return err
		}
	}
	if err := k.write(k.Signer, next); err != nil {
		return err
	}
	k.Next = next
	if err := Rotate(ctx, s, l, next, at); err != nil {
		if errors.Is(err, store.ErrDoubt) {
			return err // either key may be the right one: keep both
		}
		return errors.Join(err, k.settle(l.Key()))
	}
	return k.settle(l.Key())
}

// settle keeps only the key with that verifier key.
func (k *KeyFile) settle(vkey string) error {
	for _, s := range []Signer{k.Signer, k.Next} {
		if s == nil {
			continue
		}
		id, err := newIdentity(k.Origin, s)
		if err != nil {
			return err
		}
		if id.vkey == vkey {
			if err := k.write(s); err != nil {
				return err
			}
			k.Signer, k.Next = s, nil
			return nil
		}
	}
	return fmt.Errorf("no key in %s is the log's key %s: put the right key file back from a backup", k.Path, vkey)
}

func (l *Log) stage(next *identity, at time.Time) (store.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signer == nil {
		return store.Entry{}, errNotLoaded
	}
	if l.staged != nil {
		return store.Entry{}, errors.New("another rotation of the audit key is under way")
	}
	if next.vkey == l.signer.vkey {
		return store.Entry{}, errors.New("the new audit key is the old one")
	}
	data, err := json.Marshal(rotateData{From: l.signer.vkey, To: next.vkey})
	if err != nil {
		return store.Entry{}, fmt.Errorf("rotating the audit key: %w", err)
	}
	entry := store.Entry{Time: at, Kind: rotateKind, Data: data}
	record, err := EncodeEntry(entry)
	if err != nil {
		return store.Entry{}, err
	}
	l.staged = &rotation{record: record, next: next}
	return entry, nil
}

func (l *Log) unstage() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.staged = nil
}

func (l *Log) isStaged(record []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.staged != nil && bytes.Equal(l.staged.record, record)
}

// turn signs, with the old key, the tree that ends in the rotation's entry, and
// hands over to the new key. l.mu is held.
func (l *Log) turn(s *sealed) ([]store.Put, error) {
	farewell, err := l.head(s).sign(s.signer)
	if err != nil {
		return nil, err
	}
	key := stateKey("key", store.Seq(int64(s.keys)))
	s.signer, s.keys = l.staged.next, s.keys+1
	return []store.Put{
		{Key: stateKey("rotation", store.Seq(s.tree.size)), Value: farewell},
		{Key: key, Value: []byte(s.signer.vkey)},
	}, nil
}

// follow tells which key a rotation hands over to: the record must name from as
// the old key. The caller has checked that from signed the tree that ends in it.
func follow(from string, data []byte) (to string, err error) {
	e, err := DecodeEntry(data)
	if err != nil {
		return "", err
	}
	if e.Kind != rotateKind {
		return "", fmt.Errorf("it is a %q entry, not the rotation of a key", e.Kind)
	}
	var d rotateData
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return "", fmt.Errorf("reading a rotation of the key: %w", err)
	}
	if d.From != from {
		return "", fmt.Errorf("it rotates from the key %s, but %s was in use", d.From, from)
	}
	if _, err := note.NewVerifier(d.To); err != nil {
		return "", fmt.Errorf("it rotates to %q, which is no key: %w", d.To, err)
	}
	return d.To, nil
}
