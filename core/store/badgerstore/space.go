package badgerstore

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// checkSpace refuses to write size bytes when the disk has no room for them and
// for what Badger may do next. Badger writes through memory maps of sparse
// files: on a full disk the kernel answers such a write by killing the process,
// so the question has to be asked before.
func (d *DB) checkSpace(size uint64) error {
	if d.config.InMemory {
		return nil
	}
	free, known := d.config.free(d.config.Dir)
	// Two write-ahead logs of two memtables each, and the tables made of them.
	need := uint64(6*d.limit.memtable) + 2*size
	if !known || free >= need {
		return nil
	}
	return &fault{store.ErrFull, fmt.Sprintf("%s: the disk has %d MiB left, the state needs %d MiB to write safely: nothing was written; free some space and try again",
		d.config.Dir, free>>20, (need+1<<20-1)>>20), nil}
}
