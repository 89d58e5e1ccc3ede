package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func key(parts ...string) []byte { return store.Key(store.TableRun, "default", parts...) }

func mustPut(t testing.TB, db *DB, k []byte, v []byte) {
	t.Helper()
	if _, err := db.Commit(context.Background(), store.Batch{Puts: []store.Put{{Key: k, Value: v}}}); err != nil {
		t.Fatal(err)
	}
}

func mustClose(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, Config{Dir: dir, Now: func() time.Time { return noon }})
	_, err := Open(Config{Dir: dir})
	want := fmt.Sprintf("%s is in use by %s (pid %d, since 2026-11-21T12:00:00Z): wait for it, or stop it", dir, filepath.Base(os.Args[0]), os.Getpid())
	if !errors.Is(err, store.ErrInUse) || err.Error() != want {
		t.Fatalf("got %v\nwant %s", err, want)
	}
	mustPut(t, db, key("a"), []byte("still working"))
	mustClose(t, db)
	mustClose(t, db) // closing again does nothing
	mustClose(t, mustOpen(t, Config{Dir: dir}))

	// A lock file that a killed process left behind holds nobody up, whatever
	// stands in it.
	for _, left := range []string{"", "{", `{"pid":1,"host":"elsewhere","program":"plimsoll"}`} {
		if err := os.WriteFile(filepath.Join(dir, "lock"), []byte(left), 0o600); err != nil {
			t.Fatal(err)
		}
		mustClose(t, mustOpen(t, Config{Dir: dir}))
	}
}

func TestClosed(t *testing.T) {
	db := mustOpen(t, Config{InMemory: true})
	mustPut(t, db, key("a"), nil)
	err := db.Scan(nil, func(k, _ []byte) error {
		done := make(chan error)
		go func() { done <- db.Close() }() // waits for this scan
		for {
			if _, err := db.Get(k); errors.Is(err, store.ErrClosed) {
				break
			} else if err != nil {
				return err
			}
		}
		select {
		case err := <-done:
			return fmt.Errorf("closed under a scan: %w", err)
		default:
			return store.Stop
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Get(key("a")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Get: %v", err)
	}
	if _, err := db.Commit(context.Background(), store.Batch{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := db.PutBlob(nil); !errors.Is(err, store.ErrClosed) {
		t.Errorf("PutBlob: %v", err)
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	free := uint64(1 << 40)
	config := Config{Dir: dir, free: func(string) (uint64, bool) { return free, true }}
	db := mustOpen(t, config)
	mustPut(t, db, key("before"), []byte("1"))
	free = 10 << 20
	for name, value := range map[string][]byte{"small": nil, "large": make([]byte, inline+1)} {
		_, err := db.Commit(context.Background(), store.Batch{Puts: []store.Put{{Key: key(name), Value: value}}})
		if !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "has 10 MiB left") {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if v, err := db.Get(key("before")); err != nil || string(v) != "1" {
		t.Fatalf("reading on a full disk: %q, %v", v, err)
	}
	free = 1 << 40 // somebody made room: no restart is needed
	mustPut(t, db, key("after"), []byte("2"))
	mustClose(t, db)
	free = 0
	if _, err := Open(config); !errors.Is(err, store.ErrFull) {
		t.Fatalf("opening on a full disk: %v", err)
	}
	free = 1 << 40
	db = mustOpen(t, config)
	for k, want := range map[string]string{"before": "1", "after": "2"} {
		if v, err := db.Get(key(k)); err != nil || string(v) != want {
			t.Errorf("%s: %q, %v", k, v, err)
		}
	}
	if _, err := db.Get(key("small")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("what was refused is there: %v", err)
	}
}

func TestWrongFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"nothing": {}, "both": {Dir: t.TempDir(), InMemory: true}, "a file": {Dir: file},
		"too little memory": {Dir: t.TempDir(), MemoryLimit: 1 << 20},
	} {
		if db, err := Open(c); err == nil {
			mustClose(t, db)
			t.Errorf("%s: opened", name)
		}
	}
}

func TestDamage(t *testing.T) {
	fill := func(t *testing.T, dir string) {
		db := mustOpen(t, Config{Dir: dir})
		for i := range 200 {
			mustPut(t, db, key(store.Seq(int64(i))), bytes.Repeat([]byte(fmt.Sprint(i)), 50))
		}
		mustPut(t, db, key("large"), bytes.Repeat([]byte("large"), 30<<10))
		mustClose(t, db)
	}
	for name, pattern := range map[string]string{"a table": "db/*.sst", "a large value": "blobs/*/*", "the manifest": "db/MANIFEST"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fill(t, dir)
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(names) == 0 {
				t.Fatalf("no file %s: %v", pattern, err)
			}
			whole, err := os.ReadFile(names[0])
			if err != nil {
				t.Fatal(err)
			}
			for part := range 16 {
				at := part*(len(whole)-1)/16 + 1
				data := bytes.Clone(whole)
				data[at] ^= 1
				if err := os.WriteFile(names[0], data, 0o600); err != nil {
					t.Fatal(err)
				}
				err = readAll(dir)
				if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "backup") {
					t.Fatalf("a flipped bit in %s at %d of %d: %v", name, at, len(whole), err)
				}
			}
			for _, size := range []int{0, len(whole) / 2, len(whole) - 1} {
				if err := os.WriteFile(names[0], whole[:size], 0o600); err != nil {
					t.Fatal(err)
				}
				if err := readAll(dir); err == nil && name != "the manifest" {
					t.Fatalf("%s cut at %d of %d was taken for whole", name, size, len(whole))
				}
			}
		})
	}
}

func readAll(dir string) error {
	db, err := Open(Config{Dir: dir})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Scan(nil, func(_, _ []byte) error { return nil })
}

// A kill between making a log file and giving it its size.
func TestEmptyLogs(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, Config{Dir: dir})
	mustPut(t, db, key("a"), []byte("1"))
	mustClose(t, db)
	for _, name := range []string{"000900.vlog", "00900.mem"} {
		if err := os.WriteFile(filepath.Join(dir, "db", name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db = mustOpen(t, Config{Dir: dir})
	if v, err := db.Get(key("a")); err != nil || string(v) != "1" {
		t.Fatalf("%q, %v", v, err)
	}
}

func TestMissingLargeValue(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, Config{Dir: dir})
	data := make([]byte, inline+1)
	digest, err := db.PutBlob(data)
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "blobs", "*", "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("%q, %v", names, err)
	}
	if err := os.Remove(names[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := db.GetBlob(digest); !errors.Is(err, store.ErrCorrupt) || errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a missing file: %v", err)
	}
	// Putting the same blob again mends it.
	if _, err := db.PutBlob(data); err != nil {
		t.Fatal(err)
	}
	if got, err := db.GetBlob(digest); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
}

// A large batch that was decided before the crash is finished at the next open.
func TestRedo(t *testing.T) {
	dir := t.TempDir()
	db := mustOpen(t, Config{Dir: dir})
	mustPut(t, db, key("gone"), []byte("x"))
	writes := []write{{key: key("gone"), remove: true}}
	for i := range 20_000 {
		writes = append(writes, write{key: key("many", store.Seq(int64(i))), value: bytes.Repeat([]byte{byte(i)}, 100)})
	}
	sum, err := db.blobs.put(encodeWrites(writes))
	if err != nil {
		t.Fatal(err)
	}
	txn := db.db.NewTransaction(true)
	if err := errors.Join(set(txn, write{key: redoKey(), value: sum, meta: inFile}), set(txn, writes[1]), txn.Commit()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db) // as if killed after the decision and the first write
	db = mustOpen(t, Config{Dir: dir})
	n := 0
	err = db.Scan(key("many"), func(_, v []byte) error {
		if !bytes.Equal(v, bytes.Repeat([]byte{byte(n)}, 100)) {
			return fmt.Errorf("value %d is wrong", n)
		}
		n++
		return nil
	})
	if err != nil || n != 20_000 {
		t.Fatalf("%d values, %v", n, err)
	}
	for _, k := range [][]byte{key("gone"), redoKey()} {
		if _, err := db.Get(k); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q is still there: %v", k, err)
		}
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	db, err := openRaw(Config{InMemory: true}) // no committer yet: everything waits
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := db.Commit(ctx, store.Batch{Puts: []store.Put{{Key: key("a")}}})
		done <- err
	}()
	for len(db.queue) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	db.start()
	mustPut(t, db, key("b"), nil)
	if _, err := db.Get(key("a")); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a batch that was taken back is there: %v", err)
	}
	mustClose(t, db)
}

// Batches that wait together share one transaction, and one failing check among
// them fails alone.
func TestGroup(t *testing.T) {
	db, err := openRaw(Config{InMemory: true})
	if err != nil {
		t.Fatal(err)
	}
	const n = 40
	results := make([]chan error, n)
	for i := range n {
		results[i] = make(chan error, 1)
		b := store.Batch{Puts: []store.Put{{Key: key("last"), Value: []byte(fmt.Sprint(i))}}}
		if i > 0 { // each wants what the one before it left
			b.Checks = []store.Check{{Key: key("last"), Want: []byte(fmt.Sprint(i - 1))}}
		}
		if i == 20 {
			b.Checks[0].Want = []byte("something else")
			b.Puts[0].Value = []byte("never")
		}
		if i == 21 {
			b.Checks[0].Want = []byte("19")
		}
		go func() {
			_, err := db.Commit(context.Background(), b)
			results[i] <- err
		}()
		for len(db.queue) != i+1 {
			time.Sleep(100 * time.Microsecond)
		}
	}
	before := db.db.MaxVersion()
	db.start()
	for i, result := range results {
		if err := <-result; (i == 20) != errors.Is(err, store.ErrConflict) || i != 20 && err != nil {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	if v, err := db.Get(key("last")); err != nil || string(v) != fmt.Sprint(n-1) {
		t.Errorf("%q, %v", v, err)
	}
	if used := db.db.MaxVersion() - before; used > 2 {
		t.Errorf("%d batches took %d transactions", n, used)
	}
	mustClose(t, db)
}

// After a failed sync nothing more is written: a later success would be a claim
// about what nobody knows.
func TestDoubt(t *testing.T) {
	db := mustOpen(t, Config{InMemory: true})
	mustPut(t, db, key("a"), nil)
	if err := db.db.Close(); err != nil { // what a failing disk looks like from above
		t.Fatal(err)
	}
	commit := func() error {
		_, err := db.Commit(context.Background(), store.Batch{Puts: []store.Put{{Key: key("b")}}})
		return err
	}
	if err := commit(); !errors.Is(err, store.ErrDoubt) {
		t.Fatalf("a commit on a failing disk: %v", err)
	}
	if err := commit(); !errors.Is(err, store.ErrDoubt) || !strings.Contains(err.Error(), "not written any more") {
		t.Fatalf("the commit after it: %v", err)
	}
}
