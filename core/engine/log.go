package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

// AuditLog is a project's log, opened for reading alone. A log that was tampered
// with still opens this way: a store that would append to it refuses to.
type AuditLog struct {
	db     *badgerstore.DB
	key    string
	shared bool
}

// OpenAuditLog opens the log of a project that has a state folder.
func (p *Project) OpenAuditLog() (*AuditLog, error) {
	dir := filepath.Join(p.Dir, StateDir)
	if _, err := os.Stat(filepath.Join(dir, "state")); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no audit log yet: %s has no state. The first run or night makes it", p.Dir)
	}
	key, err := audit.OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		return nil, err
	}
	vkey, err := audit.VerifierKey(key.Origin, key.Signer.Public())
	if err != nil {
		return nil, err
	}
	db, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(dir, "state"), Now: clock})
	if err != nil {
		return nil, err
	}
	return &AuditLog{db: db, key: vkey}, nil
}

// AuditLog is the log of a state that is open already.
func (s *State) AuditLog() *AuditLog {
	return &AuditLog{db: s.store, key: s.log.Key(), shared: true}
}

// Close releases the state folder, unless the log is a part of an open state.
func (l *AuditLog) Close() error {
	if l.shared {
		return nil
	}
	return l.db.Close()
}

// Key is the verifier key that lies in the state folder. Whoever distrusts the
// folder gives Verify one that was kept elsewhere.
func (l *AuditLog) Key() string { return l.key }

// Verify checks the whole log. key is a verifier key kept elsewhere, "" takes
// the folder's own; old checkpoints find what its own key holder rewrote.
func (l *AuditLog) Verify(key string, old [][]byte) (*audit.Result, error) {
	if key == "" {
		key = l.key
	}
	return audit.Verify(l.db, audit.Options{Key: key, Old: old})
}

// Export writes entries, hashes, checkpoint and keys for a verifier that knows
// nothing of Plimsoll.
func (l *AuditLog) Export(dir string) error {
	_, err := audit.Export(l.db, dir)
	return err
}

// Each calls fn for every entry from an index on.
func (l *AuditLog) Each(from int64, fn func(index int64, line EntryLine) error) error {
	return audit.Entries(l.db, from, func(i int64, entry store.Entry) error { return fn(i, EntryLine{entry}) })
}

// RotateKey gives the log a new key and returns its public line. Whoever trusts
// the old one can follow to it.
func (e *Engine) RotateKey(ctx context.Context) (string, error) {
	if err := audit.RotateFile(ctx, e.store, e.log, e.key, e.asOf); err != nil {
		return "", err
	}
	return e.log.Key(), nil
}
