package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Log is a sealer without cryptography: it numbers the entries and checks that
// the driver keeps to the order of the calls. Entries of the kinds "fail encode"
// and "fail seal" fail there.
type Log struct {
	mu      sync.Mutex
	loaded  bool
	open    bool // Seal was called, Settle was not
	size    int64
	pending int64
}

var _ store.Sealer = (*Log)(nil)

var errSealer = errors.New("the sealer fails as asked")

func sizeKey() []byte { return store.Key(store.TableAuditState, "", "size") }

// Load reads the number of entries.
func (l *Log) Load(r store.Reader) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded {
		return errors.New("Load was called twice")
	}
	l.loaded = true
	raw, err := r.Get(sizeKey())
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	l.size, err = strconv.ParseInt(string(raw), 10, 64)
	return err
}

// Encode keeps the kind.
func (l *Log) Encode(e store.Entry) ([]byte, error) {
	if e.Kind == "fail encode" {
		return nil, errSealer
	}
	return []byte(e.Kind), nil
}

// Seal numbers the records.
func (l *Log) Seal(records [][]byte) (int64, []store.Put, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded || l.open {
		return 0, nil, fmt.Errorf("Seal out of order: loaded %v, unsettled %v", l.loaded, l.open)
	}
	l.open, l.pending = true, l.size
	var puts []store.Put
	for _, r := range records {
		if string(r) == "fail seal" {
			return 0, nil, errSealer
		}
		puts = append(puts, store.Put{Key: store.Key(store.TableAuditEntry, "", store.Seq(l.pending)), Value: r})
		l.pending++
	}
	puts = append(puts, store.Put{Key: sizeKey(), Value: []byte(strconv.FormatInt(l.pending, 10))})
	return l.size, puts, nil
}

// Settle makes the last Seal count.
func (l *Log) Settle(committed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.open {
		panic("Settle without Seal")
	}
	l.open = false
	if committed {
		l.size = l.pending
	}
}

// wantCommitted checks that the store has just that many entries, in a row.
func (l *Log) wantCommitted(t *testing.T, s store.Store, n int64) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.loaded || l.open || l.size != n {
		t.Fatalf("the sealer: loaded %v, unsettled %v, %d entries; want %d", l.loaded, l.open, l.size, n)
	}
	var next int64
	err := s.Scan(store.Key(store.TableAuditEntry, ""), func(key, _ []byte) error {
		_, _, parts, err := store.ParseKey(key)
		if err != nil {
			return err
		}
		if got, err := store.ParseSeq(parts[0]); err != nil || got != next {
			return fmt.Errorf("entry %d stands where %d should (%w)", got, next, err)
		}
		next++
		return nil
	})
	if err != nil || next != n {
		t.Fatalf("%d entries are committed, %v; want %d", next, err, n)
	}
}
