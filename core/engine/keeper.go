package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/store"
)

// keeper keeps the last good catalogue of each connector in the state.
type keeper struct{ state *State }

func (k keeper) key(name string) []byte { return store.Key(store.TableConnector, scope, name) }

func (k keeper) Save(name string, data []byte) error {
	digest, err := k.state.store.PutBlob(data)
	if err != nil {
		return err
	}
	_, err = k.state.store.Commit(context.Background(), store.Batch{Puts: []store.Put{{Key: k.key(name), Value: store.Seal(1, []byte(digest))}}})
	return err
}

func (k keeper) Load(name string) ([]byte, error) {
	raw, err := k.state.store.Get(k.key(name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, digest, err := store.Unseal(raw)
	if err != nil {
		return nil, err
	}
	return k.state.store.GetBlob(string(digest))
}

// spiller keeps results that are too long for a caller. They are gathered in
// files; only one at a time is in memory, when it enters the store.
type spiller struct{ state *State }

func (s spiller) Create() (connector.Blob, error) {
	if err := os.MkdirAll(s.state.spills(), 0o700); err != nil {
		return nil, fmt.Errorf("keeping a long result: %w", err)
	}
	f, err := os.CreateTemp(s.state.spills(), "result-")
	if err != nil {
		return nil, fmt.Errorf("keeping a long result: %w", err)
	}
	return &spilled{state: s.state, file: f}, nil
}

type spilled struct {
	state *State
	file  *os.File
	once  sync.Once
}

func (b *spilled) Write(p []byte) (int, error) { return b.file.Write(p) }

func (b *spilled) Commit() (string, error) {
	defer b.Abort()
	b.state.spilling.Lock()
	defer b.state.spilling.Unlock()
	if _, err := b.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	var whole bytes.Buffer
	if _, err := whole.ReadFrom(b.file); err != nil {
		return "", fmt.Errorf("keeping a long result: %w", err)
	}
	return b.state.store.PutBlob(whole.Bytes())
}

func (b *spilled) Abort() {
	b.once.Do(func() {
		_ = b.file.Close()
		_ = os.Remove(b.file.Name()) // what is left behind is removed at the next start
	})
}
