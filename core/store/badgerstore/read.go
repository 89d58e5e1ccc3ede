package badgerstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// view starts a read of one moment. A batch that needs several transactions
// holds apply meanwhile, so a view sees all of it or nothing; the lock is only
// needed to take the time stamp.
func (d *DB) view() *badger.Txn {
	d.apply.RLock()
	defer d.apply.RUnlock()
	return d.db.NewTransaction(false)
}

// Get returns a copy of the value at key, or store.ErrNotFound.
func (d *DB) Get(key []byte) ([]byte, error) {
	if err := d.enter(); err != nil {
		return nil, err
	}
	defer d.users.Done()
	txn := d.view()
	defer txn.Discard()
	return d.read(txn, key)
}

func (d *DB) read(txn *badger.Txn, key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, store.ErrNotFound
	}
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, explainRead(key, err)
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		return nil, explainRead(key, err)
	}
	if item.UserMeta() == inFile {
		return d.blobs.get(value)
	}
	if value == nil {
		value = []byte{}
	}
	return value, nil
}

// Scan calls fn for every key with the prefix in order; see store.Store.
func (d *DB) Scan(prefix []byte, fn func(key, value []byte) error) error {
	if err := d.enter(); err != nil {
		return err
	}
	defer d.users.Done()
	err := d.scan(prefix, fn)
	if errors.Is(err, store.Stop) {
		return nil
	}
	return err
}

func (d *DB) scan(prefix []byte, fn func(key, value []byte) error) error {
	txn := d.view()
	defer txn.Discard()
	opt := badger.DefaultIteratorOptions
	opt.Prefix = prefix
	it := txn.NewIterator(opt)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		err := item.Value(func(value []byte) error {
			if item.UserMeta() == inFile {
				var err error
				if value, err = d.blobs.get(value); err != nil {
					return err
				}
			}
			if err := fn(item.Key(), value); err != nil {
				return &fromCaller{err}
			}
			return nil
		})
		var own *fromCaller
		if errors.As(err, &own) {
			return own.error
		}
		if err != nil {
			return explainRead(item.Key(), err)
		}
	}
	return nil
}

// fromCaller keeps the error of a scan's function apart from the database's.
type fromCaller struct{ error }

// PutBlob keeps data under its digest; see store.Store.
func (d *DB) PutBlob(data []byte) (string, error) {
	digest := store.Digest(data)
	key := store.Key(store.TableBlob, "", digest)
	if old, err := d.Get(key); err == nil && store.Digest(old) == digest {
		return digest, nil
	} else if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrCorrupt) {
		return "", err
	}
	// A blob belongs to no request that could be cancelled: its bytes are named
	// by their digest, and keeping them twice is keeping them once.
	batch := store.Batch{Puts: []store.Put{{Key: key, Value: data}}}
	if _, err := d.Commit(context.Background(), batch); err != nil {
		return "", fmt.Errorf("keeping the blob %s: %w", digest, err)
	}
	return digest, nil
}

// GetBlob returns the blob with that digest, checked against it.
func (d *DB) GetBlob(digest string) ([]byte, error) {
	if err := store.CheckDigest(digest); err != nil {
		return nil, err
	}
	data, err := d.Get(store.Key(store.TableBlob, "", digest))
	if err != nil {
		return nil, fmt.Errorf("the blob %s: %w", digest, err)
	}
	if store.Digest(data) != digest {
		return nil, fmt.Errorf("%w: the blob %s has other bytes than its name says: restore a backup", store.ErrCorrupt, digest)
	}
	return data, nil
}
