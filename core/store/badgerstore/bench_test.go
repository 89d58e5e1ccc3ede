package badgerstore

import (
	"context"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// BenchmarkOpenEmpty opens and closes a state without records: what every
// command pays that finds no running engine. Target: 50 ms.
func BenchmarkOpenEmpty(b *testing.B) {
	dir := b.TempDir()
	for b.Loop() {
		db, err := Open(Config{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func load(b *testing.B, db *DB, n int) {
	b.Helper()
	value := make([]byte, 200)
	for i := 0; i < n; i += 5000 {
		var batch store.Batch
		for j := range 5000 {
			for k := range value {
				value[k] = byte((i + j) * (k + 7) >> 3)
			}
			batch.Puts = append(batch.Puts, store.Put{Key: key("load", store.Seq(int64(i+j))), Value: append([]byte(nil), value...)})
		}
		if _, err := db.Commit(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenFull opens a state of 200,000 records of 200 bytes: most of it is
// the check of every table.
func BenchmarkOpenFull(b *testing.B) {
	dir := b.TempDir()
	db, err := Open(Config{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	load(b, db, 200_000)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	var opening time.Duration
	for b.Loop() {
		start := time.Now()
		db, err := Open(Config{Dir: dir})
		opening += time.Since(start)
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(opening.Milliseconds())/float64(b.N), "ms/open")
}

func BenchmarkGet(b *testing.B) {
	db, err := Open(Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	load(b, db, 100_000)
	i := 0
	for b.Loop() {
		if _, err := db.Get(key("load", store.Seq(int64(i*7919%100_000)))); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
