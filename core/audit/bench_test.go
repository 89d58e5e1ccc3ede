package audit

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

const million = 1_000_000

// million records, without a store under them, as an export.
func writeMillion(b *testing.B) (dir, key string) {
	b.Helper()
	dir = b.TempDir()
	signer := fixedSigner(1)
	key = keyOf(b, signer)
	id, err := newIdentity(origin, signer)
	if err != nil {
		b.Fatal(err)
	}
	var t tree
	leaves := make([]byte, 0, million*tlog.HashSize)
	var scratch []tlog.Hash
	err = writeFile(filepath.Join(dir, entriesFile), func(w *bufio.Writer) error {
		for i := range million {
			data, err := EncodeEntry(entry(i))
			if err != nil {
				return err
			}
			h := tlog.RecordHash(data)
			scratch = t.add(h, scratch[:0])
			leaves = append(leaves, h[:]...)
			if _, err := w.Write(append(data, '\n')); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	checkpoint, err := Checkpoint{Origin: origin, Size: t.size, Root: t.root()}.sign(id)
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{leavesFile: leaves, keysFile: []byte(key + "\n"), checkpointFile: checkpoint} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	return dir, key
}

// BenchmarkVerifyMillion checks an export of a million records. Target: 2 s. The
// floor in the same run is SHA-256 alone over the same bytes: one hash per record
// and one per inner node.
func BenchmarkVerifyMillion(b *testing.B) {
	dir, key := writeMillion(b)
	raw, err := os.ReadFile(filepath.Join(dir, entriesFile))
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	var node [65]byte
	for line := range bytes.Lines(raw) {
		sum := sha256.Sum256(line)
		copy(node[1:], sum[:])
		sum = sha256.Sum256(node[:])
		copy(node[33:], sum[:])
	}
	floor := time.Since(start)
	for b.Loop() {
		if _, err := VerifyExport(dir, Options{Key: key}); err != nil {
			b.Fatal(err)
		}
	}
	each := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(each.Seconds(), "s/million")
	b.ReportMetric(float64(each)/float64(floor), "x-sha256")
	b.ReportMetric(float64(len(raw))/million, "B/record")
}

// BenchmarkVerifyStore checks 100,000 records where they are kept.
func BenchmarkVerifyStore(b *testing.B) {
	const n = 100_000
	log := newLog()
	db, err := badgerstore.Open(badgerstore.Config{Dir: b.TempDir(), Sealer: log})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for i := 0; i < n; i += 1000 {
		var batch store.Batch
		for j := range 1000 {
			batch.Entries = append(batch.Entries, entry(i+j))
		}
		if _, err := db.Commit(context.Background(), batch); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := Verify(db, Options{Key: log.Key()}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((b.Elapsed()/time.Duration(b.N)).Seconds()*million/n, "s/million")
}

// BenchmarkGroupCommit appends from many callers and compares with one sync per
// record in the same run. Target: 20 times as many records per second.
func BenchmarkGroupCommit(b *testing.B) {
	db, err := badgerstore.Open(badgerstore.Config{Dir: b.TempDir(), Sealer: newLog()})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	commit := func(i int) {
		e := entry(i)
		if _, err := db.Commit(context.Background(), store.Batch{
			Puts:    []store.Put{{Key: store.Key(store.TableRun, "default", e.Run), Value: []byte(e.Run)}},
			Entries: []store.Entry{e},
		}); err != nil {
			b.Error(err)
		}
	}
	const alone = 300
	start := time.Now()
	for i := range alone {
		commit(i)
	}
	single := time.Since(start) / alone
	const callers, each = 512, 40
	for b.Loop() {
		var wg sync.WaitGroup
		for c := range callers {
			wg.Go(func() {
				for i := range each {
					commit(c*each + i)
				}
			})
		}
		wg.Wait()
	}
	grouped := b.Elapsed() / time.Duration(b.N*callers*each)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(time.Second)/float64(single), "records/s-alone")
	b.ReportMetric(float64(time.Second)/float64(grouped), "records/s-grouped")
	b.ReportMetric(float64(single)/float64(grouped), "x-one-sync-per-record")
}

// BenchmarkSeal is what the log costs beside a bare chain of hashes, which would
// also fix the order but give no proof of one record: groups of 64.
func BenchmarkSeal(b *testing.B) {
	log := newLog()
	if err := log.Load(shelf{}); err != nil {
		b.Fatal(err)
	}
	records := make([][]byte, 64)
	for i := range records {
		data, err := EncodeEntry(entry(i))
		if err != nil {
			b.Fatal(err)
		}
		records[i] = data
	}
	for b.Loop() {
		if _, _, err := log.Seal(records); err != nil {
			b.Fatal(err)
		}
		log.Settle(true)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(records)), "ns/record")
}

func BenchmarkEncodeEntry(b *testing.B) {
	e := entry(7)
	for b.Loop() {
		if _, err := EncodeEntry(e); err != nil {
			b.Fatal(err)
		}
	}
}
