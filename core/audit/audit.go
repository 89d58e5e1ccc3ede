// Package audit keeps the tamper-evident log: an RFC 6962 Merkle tree over
// entries in canonical JSON, with a signed checkpoint after every commit. The log
// is a [store.Sealer]: entries, hashes and checkpoint stand in the very commit
// of the records that they speak of. Checkpoints and proofs have the C2SP formats
// (tlog-checkpoint, tlog-proof), so that any verifier of that family reads them,
// and core/audit/verifier is one such program on x/mod and the standard library
// alone.
//
// It must not decide what is logged, and reads no clock: the time of an entry is
// the caller's. Secrets must not enter; [Redactable] puts a salted hash in their
// place. A log that its own key holder can rewrite proves little by itself: keep
// checkpoints elsewhere, and verify against the oldest one.
//
//	key, err := audit.OpenKey(".plimsoll/audit.key") // made on first use
//	log := audit.New(audit.Config{Signer: key.Signer, Next: key.Next, Origin: key.Origin})
//	db, err := badgerstore.Open(badgerstore.Config{Dir: ".plimsoll", Sealer: log})
//	receipt, err := db.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: now, Kind: "run.done"}}})
//	result, err := audit.Verify(db, audit.Options{Key: trusted, Old: [][]byte{lastNight}})
//
// What the log keeps, beside the entries and their hashes, in
// store.TableAuditState with an empty scope:
//
//	"origin"              the origin line, fixed at creation
//	"key", Seq(i)         the i-th verifier key ("origin+hash+base64")
//	"rotation", Seq(size) the last checkpoint of a key, whose tree of that size
//	                      ends in the entry that names the next key
//	"checkpoint"          the checkpoint of the last commit
//
// and in store.TableCosigned, with the verifier key of the witness and Seq(size),
// the checkpoints that witnesses have cosigned.
package audit

import (
	"errors"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Config is what a log needs to sign.
type Config struct {
	Signer Signer // the key of the log
	// Next is optional: the key of a rotation that may have been cut short. Load
	// takes it up when the log already names it as its key.
	Next   Signer
	Origin string // the origin line, such as "plimsoll/0f1e2d3c4b5a6978": no spaces, no '+'
}

// Log appends entries to the tree. It belongs to one store: the store's driver
// calls Load, Encode, Seal and Settle.
type Log struct {
	config Config

	mu      sync.Mutex // guards what follows; only the driver's committer changes it
	signer  *identity
	keys    int  // how many keys the log has had
	fresh   bool // nothing of this log is in the store yet
	tree    tree
	pending *sealed
	staged  *rotation
	last    []byte // the committed checkpoint
}

// sealed is what Settle makes current.
type sealed struct {
	tree       tree
	checkpoint []byte
	signer     *identity
	keys       int
}

var _ store.Sealer = (*Log)(nil)

var errNotLoaded = errors.New("the audit log is not loaded: the store's driver does that when it opens")

// New makes a log. What is wrong with the configuration shows in Load, that is
// when the store opens.
func New(c Config) *Log { return &Log{config: c} }

// Size is the number of committed entries.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tree.size
}

// Checkpoint is the last committed checkpoint, a signed note; nil while the log
// has no entries. Reports, bundles and backups carry it.
func (l *Log) Checkpoint() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]byte(nil), l.last...)
}

// Origin is the first line of every checkpoint of this log.
func (l *Log) Origin() string { return l.config.Origin }

// Key is the verifier key that checks the next checkpoint, "origin+hash+base64";
// empty before Load.
func (l *Log) Key() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.signer == nil {
		return ""
	}
	return l.signer.vkey
}

// LastCheckpoint reads the checkpoint of the last commit from a store; an error
// that is store.ErrNotFound says that the log has no entries.
func LastCheckpoint(r store.Reader) ([]byte, error) { return r.Get(stateKey("checkpoint")) }

func entryKey(n int64) []byte { return store.Key(store.TableAuditEntry, "", store.Seq(n)) }
func hashKey(n int64) []byte  { return store.Key(store.TableAuditHash, "", store.Seq(n)) }

func stateKey(parts ...string) []byte { return store.Key(store.TableAuditState, "", parts...) }

// tree is the right edge of a Merkle tree: the roots of its complete subtrees,
// largest first. Appending needs nothing else, so the log never reads while it
// writes; tlog.StoredHashes would read up to log2(n) hashes per record.
type tree struct {
	size int64
	edge []tlog.Hash
}

// add appends a leaf and returns the hashes that became complete with it, from
// the leaf up: what tlog calls the stored hashes of that record.
func (t *tree) add(leaf tlog.Hash, done []tlog.Hash) []tlog.Hash {
	done = append(done, leaf)
	for rest := t.size; rest&1 == 1; rest >>= 1 {
		left := t.edge[len(t.edge)-1]
		t.edge = t.edge[:len(t.edge)-1]
		leaf = tlog.NodeHash(left, leaf)
		done = append(done, leaf)
	}
	t.edge = append(t.edge, leaf)
	t.size++
	return done
}

// root is the RFC 6962 tree hash (section 2.1).
func (t *tree) root() tlog.Hash {
	if t.size == 0 {
		return emptyRoot
	}
	h := t.edge[len(t.edge)-1]
	for i := len(t.edge) - 2; i >= 0; i-- {
		h = tlog.NodeHash(t.edge[i], h)
	}
	return h
}

func (t *tree) clone() tree {
	return tree{size: t.size, edge: append(make([]tlog.Hash, 0, 64), t.edge...)}
}
