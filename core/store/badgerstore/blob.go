package badgerstore

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
)

// inFile marks, in Badger's user byte, a value that is the SHA-256 of a file.
const inFile byte = 1

// blobs keeps large values by their SHA-256.
type blobs interface {
	put(data []byte) (sum []byte, err error)
	get(sum []byte) ([]byte, error)
	remove(sum []byte) error
}

// fileBlobs keeps them as blobs/<two digits>/<the other digits>.
type fileBlobs struct{ dir string }

func (b fileBlobs) path(sum []byte) string {
	name := hex.EncodeToString(sum)
	return filepath.Join(b.dir, name[:2], name[2:])
}

func (b fileBlobs) put(data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	path := b.path(sum[:])
	// A damaged file with the right name is written again rather than trusted.
	if _, err := b.get(sum[:]); err == nil {
		return sum[:], nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, explainWrite(b.dir, err)
	}
	if err := atomicfile.Write(path, data, 0o600); err != nil {
		return nil, explainWrite(b.dir, err)
	}
	return sum[:], nil
}

func (b fileBlobs) get(sum []byte) ([]byte, error) {
	if len(sum) != sha256.Size {
		return nil, fmt.Errorf("%w: a reference to a file has %d bytes: restore a backup", store.ErrCorrupt, len(sum))
	}
	data, err := os.ReadFile(b.path(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the file %s, which holds a large value, is missing: restore a backup", store.ErrCorrupt, b.path(sum))
	}
	if err != nil {
		return nil, fmt.Errorf("reading a large value: %w", err)
	}
	if got := sha256.Sum256(data); string(got[:]) != string(sum) {
		return nil, fmt.Errorf("%w: the file %s does not have the content that its name says: restore a backup", store.ErrCorrupt, b.path(sum))
	}
	return data, nil
}

func (b fileBlobs) remove(sum []byte) error {
	if err := os.Remove(b.path(sum)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a file that is no longer needed: %w", err)
	}
	return nil
}

// memBlobs keeps them in a map, for InMemory.
type memBlobs struct{ m sync.Map }

func (b *memBlobs) put(data []byte) ([]byte, error) {
	sum := sha256.Sum256(data)
	b.m.Store(sum, append([]byte(nil), data...))
	return sum[:], nil
}

func (b *memBlobs) get(sum []byte) ([]byte, error) {
	if len(sum) == sha256.Size {
		if data, ok := b.m.Load([sha256.Size]byte(sum)); ok {
			return append([]byte(nil), data.([]byte)...), nil
		}
	}
	return nil, fmt.Errorf("%w: a large value is missing", store.ErrCorrupt)
}

func (b *memBlobs) remove(sum []byte) error {
	b.m.Delete([sha256.Size]byte(sum))
	return nil
}
