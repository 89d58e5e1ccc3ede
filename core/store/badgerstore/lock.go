package badgerstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// lock is the exclusive hold of a state folder: a lock of the operating system
// on the file "lock", which ends with its process however that ends. The file
// stays, and says who had it last. Badger's own lock is kept besides, but it
// tells neither who holds it nor, by its error value, that it is held at all.
type lock struct{ f *os.File }

// holder is the content of the lock file.
type holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Program string    `json:"program"`
	Since   time.Time `json:"since,omitzero"`
}

// errHeld is what tryLock returns when another process has the lock.
var errHeld = errors.New("held by another process")

func acquire(dir string, now func() time.Time) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explainWrite(dir, err)
	}
	if err := tryLock(f); err != nil {
		if errors.Is(err, errHeld) {
			err = inUse(dir, f)
		} else {
			err = fmt.Errorf("locking %s: %w", dir, err)
		}
		return nil, errors.Join(err, f.Close())
	}
	l := &lock{f}
	h := holder{PID: os.Getpid(), Program: filepath.Base(os.Args[0])}
	if h.Host, err = os.Hostname(); err != nil {
		h.Host = "unknown"
	}
	if now != nil {
		h.Since = now().UTC().Truncate(time.Second)
	}
	text, err := json.Marshal(h)
	if err != nil {
		return nil, errors.Join(err, l.release())
	}
	// In place, not by rename: the lock belongs to this very file.
	if err := errors.Join(f.Truncate(0), writeAt(f, append(text, '\n'))); err != nil {
		return nil, errors.Join(explainWrite(dir, err), l.release())
	}
	return l, nil
}

func writeAt(f *os.File, data []byte) error {
	_, err := f.WriteAt(data, 0)
	return err
}

func (l *lock) release() error {
	if l == nil || l.f == nil {
		return nil
	}
	f := l.f
	l.f = nil
	if err := f.Close(); err != nil {
		return fmt.Errorf("releasing the state folder: %w", err)
	}
	return nil
}

// inUse names the process that holds the lock, as far as its file tells.
func inUse(dir string, f *os.File) error {
	var h holder
	who := "another process"
	raw, err := io.ReadAll(io.NewSectionReader(f, 0, 4096))
	if err == nil && json.Unmarshal(raw, &h) == nil && h.PID > 0 {
		who = fmt.Sprintf("%s (pid %d", h.Program, h.PID)
		if here, err := os.Hostname(); err != nil || here != h.Host {
			who += " on " + h.Host
		}
		if !h.Since.IsZero() {
			who += ", since " + h.Since.Format(time.RFC3339)
		}
		who += ")"
	}
	return &fault{store.ErrInUse, fmt.Sprintf("%s is in use by %s: wait for it, or stop it", dir, who), nil}
}
