package run

import (
	"errors"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// keeper writes the blobs of one run side by side: each is synced before it is
// acknowledged, and one after the other they would cost a run more than its
// gates do. Nothing may be recorded before wait has returned without an error.
type keeper struct {
	blobs Blobs
	wg    sync.WaitGroup
	mu    sync.Mutex
	errs  []error
}

// keep gives the digest at once.
func (k *keeper) keep(data []byte) string {
	k.wg.Go(func() {
		if _, err := k.blobs.PutBlob(data); err != nil {
			k.mu.Lock()
			k.errs = append(k.errs, err)
			k.mu.Unlock()
		}
	})
	return store.Digest(data)
}

func (k *keeper) wait() error {
	k.wg.Wait()
	return errors.Join(k.errs...)
}
