package badgerstore

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// fault is an error of a kind that callers know, in words of its own.
type fault struct {
	kind  error
	text  string
	cause error // may be nil
}

func (f *fault) Error() string {
	if f.cause == nil {
		return f.text
	}
	return f.text + " (" + f.cause.Error() + ")"
}

func (f *fault) Unwrap() []error {
	if f.cause == nil {
		return []error{f.kind}
	}
	return []error{f.kind, f.cause}
}

// explainWrite says what a failed write to the folder means.
func explainWrite(dir string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return &fault{store.ErrFull, dir + ": the disk is full: nothing was written; free some space and try again", err}
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return &fault{store.ErrReadOnly, dir + " cannot be written: make it writable for this user, or keep the state in another folder", err}
	}
	return fmt.Errorf("writing the state in %s: %w", dir, err)
}

// Badger's errors do not wrap their cause (y.Wrap formats it with %+v), so the
// text has to tell.
var (
	damageWords   = []string{"checksum", "crc", "MANIFEST", "manifest", "bad magic", "corrupt", "truncat", "failed to read index", "not a sstable"}
	readOnlyWords = []string{"permission denied", "read-only file system", "Access is denied"}
	fullWords     = []string{"no space left", "not enough space"}
)

func contains(err error, words []string) bool {
	text := err.Error()
	for _, w := range words {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

func explainOpen(dir string, err error) error {
	switch {
	case contains(err, readOnlyWords):
		return &fault{store.ErrReadOnly, dir + " cannot be written: make it writable for this user, or keep the state in another folder", err}
	case contains(err, fullWords):
		return &fault{store.ErrFull, dir + ": the disk is full: free some space and try again", err}
	case contains(err, damageWords):
		return &fault{store.ErrCorrupt, dir + " is damaged: keep a copy of it, then restore a backup", err}
	}
	return fmt.Errorf("opening the state in %s: %w", dir, err)
}

func explainRead(key []byte, err error) error {
	if errors.Is(err, store.ErrCorrupt) {
		return fmt.Errorf("reading %q: %w", key, err)
	}
	if contains(err, damageWords) {
		return &fault{store.ErrCorrupt, fmt.Sprintf("the state is damaged at %q: keep a copy of it, then restore a backup", key), err}
	}
	return fmt.Errorf("reading %q: %w", key, err)
}

func explainCommit(dir string, err error) error {
	text := "the commit may or may not have happened: the disk failed while it was written; open the state again to see"
	if dir != "" {
		text = dir + ": " + text
	}
	return &fault{store.ErrDoubt, text, err}
}
