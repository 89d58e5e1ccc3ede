package badgerstore

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// inline is the largest value that stands in the database itself, in bytes.
// Larger ones are files, so that compaction does not copy them again and again.
const inline = 64 << 10

// limits are the sizes that follow from the memory limit.
type limits struct {
	memtable   int64
	blockCache int64
	indexCache int64
	// One transaction: Badger refuses more than 15 % of a memtable.
	txnBytes int64
	txnCount int64
}

func newLimits(memory int64) limits {
	l := limits{
		// Two memtables, one filling and one being flushed, and the caches stay
		// under three quarters of the limit; the rest is for compaction.
		memtable:   min(memory/8, 64<<20),
		blockCache: memory / 4,
		indexCache: memory / 8,
	}
	// Badger's own bound is 15 % (options.go, checkAndSetOptions), with about 96
	// bytes per skiplist node; 12 % leaves room for what a sealer adds.
	l.txnBytes = l.memtable * 12 / 100
	l.txnCount = l.txnBytes / 100
	return l
}

func (l limits) options(c Config) badger.Options {
	dir := ""
	if !c.InMemory {
		dir = filepath.Join(c.Dir, "db")
	}
	return badger.DefaultOptions(dir).
		WithInMemory(c.InMemory).
		WithSyncWrites(true).
		WithChecksumVerificationMode(options.OnBlockRead). // and checkTables when opening
		WithDetectConflicts(false).                        // one committer checks for itself
		WithNumVersionsToKeep(1).
		WithMetricsEnabled(false). // they are global to the process
		WithMemTableSize(l.memtable).
		WithNumMemtables(2).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(6).
		WithNumCompactors(2).
		WithNumGoroutines(2).
		WithBlockCacheSize(l.blockCache).
		WithIndexCacheSize(l.indexCache).
		WithValueThreshold(inline + 1). // nothing goes to the value log, so it needs no collection
		WithValueLogFileSize(1 << 20).
		WithLogger(logger{c.Warn})
}

// logger passes on errors and warnings. What Badger tells about its progress
// concerns nobody here.
type logger struct{ warn func(string) }

func (l logger) Errorf(format string, args ...any)   { l.say(format, args) }
func (l logger) Warningf(format string, args ...any) { l.say(format, args) }
func (l logger) Infof(string, ...any)                {}
func (l logger) Debugf(string, ...any)               {}

func (l logger) say(format string, args []any) {
	if l.warn != nil {
		l.warn("badger: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}
