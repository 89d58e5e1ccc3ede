// Package store is the contract of Plimsoll's state: one ordered space of keys,
// blobs by digest, and a single write that commits records together with their
// audit entries or not at all. It holds the contract, the key encoding and the
// list of tables; drivers live below it (store/badgerstore), and every driver
// passes store/storetest.
//
// It must not do I/O, read a clock or know what a record means.
//
//	key := store.Key(store.TableRun, "default", run.ID)
//	receipt, err := s.Commit(ctx, store.Batch{
//		Checks:  []store.Check{{Key: key}}, // must not exist yet
//		Puts:    []store.Put{{Key: key, Value: store.Seal(1, body)}},
//		Entries: []store.Entry{{Time: now, Kind: "run.done", Scope: "default", Run: run.ID}},
//	})
//
// # Keys
//
// A key is <table byte><length of scope><scope>, then the parts, each ended so
// that keys sort by their parts and Key(t, scope, "a") is a prefix of
// Key(t, scope, "a", "b") and of no other part that begins with "a". Numbers and
// times enter as big-endian parts: [Seq], [At]. The schema byte stands first in
// the value ([Seal], [Unseal]), not in the key, so that a record keeps its key
// when its shape moves on.
//
// # Tables and secondary indexes
//
// The parts that follow the scope, and for an index the table it points into.
// An index has an empty value; its last part is the id it finds. Whoever puts a
// record puts its index keys in the same batch.
//
//	TableRun             run
//	TableRunBySkill      skill, step, At(start), run        -> TableRun
//	TableRunByTime       At(start), run                     -> TableRun
//	TableAttempt         run, attempt
//	TableCall            run, attempt, call
//	TableItem            skill, pool, item
//	TableTrial           trial
//	TableTrialByEpoch    skill, step, epoch, tier, item, trial -> TableTrial
//	TablePair            pair
//	TablePairByEpoch     skill, step, epoch, At(time), pair -> TablePair
//	TableEpoch           skill, step, Seq(number)
//	TableDecision        skill, step, At(time)
//	TableOverride        skill, step
//	TableWatch           skill, step
//	TableShadow          skill, step, At(start), run
//	TableKey             skill, key
//	TableGrant           skill
//	TableLearned         document, run, digest of the query
//	TableVector          digest
//	TableConnector       connector
//	TableResult          digest, kind, principal            -> TableBlob
//	TableIntent          intent
//	TableLabel           judge, item, label
//	TableApproval        approval
//	TableBudget          name, day
//	TableOutbox          target, At(time), message
//	TableRedactable      run, name
//	TableBlob            digest                             (scope "")
//	TableCosigned        witness, Seq(size)                 (scope "")
package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Store is the state of one project. All methods may be called from several
// goroutines. Drivers also are an io.Closer.
type Store interface {
	// Get returns a copy of the value at key, or ErrNotFound.
	Get(key []byte) ([]byte, error)
	// Scan calls fn for every key that begins with prefix, in ascending order of
	// the key bytes, as of one moment: what commits meanwhile is not seen. key
	// and value are only valid until fn returns. fn must not commit to the same
	// store and wait for it. An error of fn ends the scan and is returned, save
	// Stop, which ends it without an error.
	Scan(prefix []byte, fn func(key, value []byte) error) error
	// PutBlob keeps data under its digest, "sha256:" and 64 hexadecimal digits,
	// and returns once it is safe. Equal data is kept once.
	PutBlob(data []byte) (digest string, err error)
	// GetBlob returns the data with that digest, checked against it:
	// ErrNotFound, or ErrCorrupt when the bytes are not those.
	GetBlob(digest string) ([]byte, error)
	// Commit applies the batch whole, or not at all, and returns once it is safe
	// on disk. The puts and entries of a batch become visible in one moment.
	// Without audit entries the receipt is zero. Errors: ErrConflict when a
	// check fails, ErrFull, ErrReadOnly, ErrClosed, or what is wrong with the
	// batch. After any error nothing of the batch is there, save when the error
	// is ErrDoubt.
	Commit(ctx context.Context, b Batch) (Receipt, error)
}

// Check is a precondition of a batch, tested in the moment of the commit.
type Check struct {
	Key  []byte
	Want []byte // the value that must stand there; nil: no value may; empty: an empty value must
}

// Put is one change. Puts of a batch apply in order, so the last one of a key wins.
type Put struct {
	Key    []byte // 1 to MaxKey bytes, as Key makes them, not in a reserved table
	Value  []byte // 0 to MaxValue bytes
	Delete bool   // remove the key; Value must be empty. Deleting what is not there is no error
}

// Entry is an audit entry to be appended in the same commit.
type Entry struct {
	Time  time.Time       // when it happened, as the caller saw it; stored in UTC
	Kind  string          // what happened, dotted and lower case: "run.done", "policy.write"
	Scope string          // the tenant
	Skill string          // optional
	Step  string          // optional
	Run   string          // optional run id
	Data  json.RawMessage // optional JSON; no secrets, see audit.Redactable. At most MaxEntry bytes
}

// Batch is what one Commit does: all checks hold, then all puts apply and all
// entries are appended in order.
type Batch struct {
	Checks  []Check
	Puts    []Put
	Entries []Entry
}

// Receipt says where the entries of a batch stand in the audit log: at the
// indexes First to First+Count-1, counted from 0.
type Receipt struct {
	First int64
	Count int
}

// Limits of one batch. What is larger belongs in blobs, or in several batches.
const (
	MaxKey   = 16 << 10 // bytes
	MaxValue = 1 << 30  // bytes
	MaxEntry = 1 << 20  // bytes of Entry.Data
)

// The errors that callers tell apart with errors.Is. Those that a driver returns
// say in full what happened and what to do.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("changed meanwhile")
	ErrInUse    = errors.New("the state is in use")
	ErrReadOnly = errors.New("the state cannot be written")
	ErrFull     = errors.New("the disk is full")
	ErrClosed   = errors.New("the state is closed")
	ErrCorrupt  = errors.New("the state is damaged")
	ErrSchema   = errors.New("the state has another schema")
	// ErrDoubt: the disk failed in the middle of a commit. Whether it is there
	// shows when the state is opened again; until then nothing more is written.
	ErrDoubt = errors.New("the commit may or may not have happened")
	// Stop, returned by the function of a Scan, ends the scan without an error.
	Stop = errors.New("stop the scan") //nolint:staticcheck // ST1012: it is no failure, and reads as what it does: return store.Stop
)
