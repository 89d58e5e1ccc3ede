// Package badgerstore is the embedded driver of core/store: Badger with synced
// writes, one committer that gathers the batches of many callers into one write,
// checksums on every read, and values over 64 KB as content-addressed files.
//
// It must not know what a record means, and nothing else in Plimsoll imports
// Badger. One process at a time holds a folder; the others talk to it.
//
//	db, err := badgerstore.Open(badgerstore.Config{Dir: ".plimsoll", Sealer: log, Now: time.Now})
//	if errors.Is(err, store.ErrInUse) { ... } // the message names the process
//	defer db.Close()
//	receipt, err := db.Commit(ctx, batch)
//	err = db.Backup(ctx, w)
//
// The folder:
//
//	lock     held while the state is open; says by whom
//	db/      Badger
//	blobs/   values over 64 KB, by digest
//
// In a power cut, Badger's defaults lost every acknowledged record and reopened
// empty without an error, so SyncWrites is on and no option turns it off.
package badgerstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// DefaultMemory is the memory limit when Config has none, in bytes.
const DefaultMemory = 64 << 20

// Config is how a store is opened.
type Config struct {
	Dir      string // the state folder; made when missing
	InMemory bool   // no folder, no lock, nothing survives Close; for tests
	// Sealer is the audit log. Without one, batches with entries are refused.
	Sealer store.Sealer
	// MemoryLimit, in bytes, is shared out to the memtables and the caches; 0 is
	// DefaultMemory, the least is 16 MiB. The process takes more while it writes
	// in bulk, since the Go heap holds garbage beside: with the default, 2.7 MB
	// when opened, 300 MB at the peak of loading a million records, 120 MB live
	// after it (2026-11-21; Badger's own defaults take over 1 GB).
	MemoryLimit int64
	// Now is asked once, for the lock file's "since". Optional.
	Now func() time.Time
	// Warn takes what Badger has to say about errors. Optional.
	Warn func(message string)
	// free replaces what the file system says, in tests.
	free func(dir string) (bytes uint64, known bool)
}

// DB is an open store.
type DB struct {
	config Config
	db     *badger.DB
	blobs  blobs
	lock   *lock
	limit  limits

	queue chan *request
	done  chan struct{} // closed when the committer has ended

	mu     sync.Mutex
	closed bool
	users  sync.WaitGroup // calls under way

	apply  sync.RWMutex // held while a batch is applied in several transactions
	failed error        // the committer's own: after it nothing is written
}

var _ store.Store = (*DB)(nil)

// Open opens the state, and makes it on first use. Errors: store.ErrInUse names
// the process that has it, store.ErrReadOnly and store.ErrFull say what the disk
// lacks, store.ErrCorrupt what is damaged, store.ErrSchema which program is needed.
func Open(c Config) (*DB, error) { return open(c, plan{schema: schema, steps: migrations()}) }

func open(c Config, p plan) (*DB, error) {
	d, err := openRaw(c)
	if err != nil {
		return nil, err
	}
	if err := d.prepare(p); err != nil {
		return nil, errors.Join(err, d.shut())
	}
	d.start()
	return d, nil
}

// openRaw opens the files without looking at what they hold.
func openRaw(c Config) (*DB, error) {
	if c.MemoryLimit == 0 {
		c.MemoryLimit = DefaultMemory
	}
	if c.MemoryLimit < 16<<20 {
		return nil, fmt.Errorf("a memory limit of %d bytes for the state: the least is %d", c.MemoryLimit, 16<<20)
	}
	if c.InMemory == (c.Dir != "") {
		return nil, errors.New("the state needs either a folder or InMemory")
	}
	if c.free == nil {
		c.free = freeSpace
	}
	d := &DB{config: c, limit: newLimits(c.MemoryLimit), queue: make(chan *request, 1024), done: make(chan struct{})}
	if c.InMemory {
		d.blobs = &memBlobs{}
	} else if err := d.takeFolder(); err != nil {
		return nil, err
	}
	opt := d.limit.options(c)
	if !c.InMemory {
		if err := errors.Join(removeEmpty(opt.Dir), checkTables(opt.Dir, opt)); err != nil {
			return nil, errors.Join(err, d.lock.release())
		}
	}
	db, err := badger.Open(opt)
	if err != nil {
		return nil, errors.Join(explainOpen(c.Dir, err), d.lock.release())
	}
	d.db = db
	return d, nil
}

func (d *DB) takeFolder() error {
	dir := d.config.Dir
	for _, sub := range []string{dir, filepath.Join(dir, "db"), filepath.Join(dir, "blobs")} {
		if err := os.MkdirAll(sub, 0o700); err != nil {
			return explainWrite(dir, err)
		}
	}
	var err error
	if d.lock, err = acquire(dir, d.config.Now); err != nil {
		return err
	}
	if err := d.checkSpace(0); err != nil {
		return errors.Join(err, d.lock.release())
	}
	d.blobs = fileBlobs{dir: filepath.Join(dir, "blobs")}
	return nil
}

// prepare finishes what a crash left, moves old data forward and hands the log
// to the sealer, before anybody else reads.
func (d *DB) prepare(p plan) error {
	if err := d.checkRestored(); err != nil {
		return err
	}
	if err := d.redo(); err != nil {
		return err
	}
	if err := d.migrate(p); err != nil {
		return err
	}
	if d.config.Sealer == nil {
		return nil
	}
	if err := d.config.Sealer.Load(d); err != nil {
		return fmt.Errorf("opening the audit log: %w", err)
	}
	return nil
}

func (d *DB) start() { go d.committer() }

// Close waits for the calls under way, then closes the state. Calls that come
// later get store.ErrClosed. Closing again does nothing.
func (d *DB) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.closed = true
	d.mu.Unlock()
	d.users.Wait()
	close(d.queue)
	<-d.done
	return d.shut()
}

func (d *DB) shut() error {
	var err error
	if e := d.db.Close(); e != nil {
		err = fmt.Errorf("closing the state: %w", e)
	}
	return errors.Join(err, d.lock.release())
}

// enter counts a call, so that Close waits for it. A WaitGroup under a mutex and
// not an RWMutex: the function of a Scan may call Get, and a read lock within a
// read lock deadlocks as soon as Close waits.
func (d *DB) enter() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return store.ErrClosed
	}
	d.users.Add(1)
	return nil
}
