package badgerstore

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

var update = flag.Bool("update", false, "rewrite the golden database of the current schema")

// sample is what the golden databases hold.
func sample() []store.Put {
	var puts []store.Put
	for i := range 300 {
		puts = append(puts, store.Put{Key: key("run", store.Seq(int64(i))), Value: store.Seal(1, fmt.Appendf(nil, "run %d", i))})
	}
	return append(puts,
		store.Put{Key: key("empty"), Value: nil},
		store.Put{Key: key("large"), Value: bytes.Repeat([]byte("0123456789abcdef"), 5000)},
		store.Put{Key: store.Key(store.TableBlob, "", store.Digest([]byte("blob"))), Value: []byte("blob")})
}

func checkSample(t *testing.T, db *DB) {
	t.Helper()
	for _, p := range sample() {
		if got, err := db.Get(p.Key); err != nil || !bytes.Equal(got, p.Value) {
			t.Fatalf("%q has %d bytes, %v; want %d", p.Key, len(got), err, len(p.Value))
		}
	}
}

func goldenPath() string {
	return filepath.Join("testdata", fmt.Sprintf("schema%d.backup", schema))
}

func TestBackup(t *testing.T) {
	ctx := context.Background()
	db := mustOpen(t, Config{Dir: t.TempDir()})
	if _, err := db.Commit(ctx, store.Batch{Puts: sample()}); err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	if err := db.Backup(ctx, &backup); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(goldenPath(), backup.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	golden, err := os.ReadFile(goldenPath())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(golden, backup.Bytes()) {
		t.Errorf("the backup of the sample differs from %s: a change of the schema needs a new number and a migration", goldenPath())
	}
	dir := filepath.Join(t.TempDir(), "state")
	if err := Restore(ctx, bytes.NewReader(backup.Bytes()), Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	again := mustOpen(t, Config{Dir: dir})
	checkSample(t, again)
	var second bytes.Buffer
	if err := again.Backup(ctx, &second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(second.Bytes(), backup.Bytes()) {
		t.Error("the backup of what was restored is another one")
	}
	if err := Restore(ctx, bytes.NewReader(backup.Bytes()), Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("restoring over a state: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Backup(cancelled, &second); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled backup: %v", err)
	}
}

func TestDamagedBackup(t *testing.T) {
	golden, err := os.ReadFile(goldenPath())
	if err != nil {
		t.Fatal(err)
	}
	damage := map[string][]byte{
		"empty": nil, "cut in the header": golden[:5], "cut in half": golden[:len(golden)/2],
		"the last byte missing": golden[:len(golden)-1], "not a backup": []byte(strings.Repeat("x", 100)),
	}
	for _, at := range []int{len(backupHeader), len(golden) / 3, len(golden) - 40, len(golden) - 1} {
		b := bytes.Clone(golden)
		b[at] ^= 1
		damage[fmt.Sprintf("a bit flipped at %d", at)] = b
	}
	for name, data := range damage {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := Restore(context.Background(), bytes.NewReader(data), Config{Dir: dir}); err == nil {
				t.Fatal("restored")
			}
			if db, err := Open(Config{Dir: dir}); err == nil {
				mustClose(t, db)
				t.Fatal("an unfinished restore opens")
			} else if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "delete the folder") {
				t.Fatal(err)
			}
		})
	}
}

// The golden database of every old schema is moved forward. The second schema is
// the test's own: it keeps runs under another key.
func TestMigration(t *testing.T) {
	for old := 1; old <= schema; old++ {
		t.Run(fmt.Sprint("from schema ", old), func(t *testing.T) {
			golden, err := os.ReadFile(filepath.Join("testdata", fmt.Sprintf("schema%d.backup", old)))
			if err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "state")
			c := Config{Dir: dir}
			if err := Restore(context.Background(), bytes.NewReader(golden), c); err != nil {
				t.Fatal(err)
			}
			db := mustOpen(t, c)
			checkSample(t, db)
			mustClose(t, db)

			next := plan{schema: schema + 1, steps: append(migrations(), testStep(-1))}
			cut := plan{schema: schema + 1, steps: append(migrations(), testStep(100))}
			for range 3 { // cut short, again and again
				if _, err := open(c, cut); !errors.Is(err, errCut) {
					t.Fatalf("want the cut, got %v", err)
				}
			}
			for range 2 { // then moved, then found moved
				db, err = open(c, next)
				if err != nil {
					t.Fatal(err)
				}
				checkMoved(t, db)
				mustClose(t, db)
			}
			_, err = Open(c)
			if !errors.Is(err, store.ErrSchema) || !strings.Contains(err.Error(), "newer plimsoll") {
				t.Fatalf("an old program on a new state: %v", err)
			}
		})
	}
}

var errCut = errors.New("cut short")

func moved(k []byte) []byte {
	return append([]byte{byte(store.TableItem)}, k[1:]...)
}

// testStep moves the runs to another table; after so many of them it fails.
func testStep(limit int) migration {
	return migration{to: schema + 1, apply: func(m *mover) error {
		cut := limit
		return m.scan(key("run"), func(k, v []byte) error {
			if cut--; cut == 0 {
				return errors.Join(errCut, m.flush())
			}
			return errors.Join(m.put(moved(k), v), m.remove(k))
		})
	}}
}

func checkMoved(t *testing.T, db *DB) {
	t.Helper()
	for _, p := range sample() {
		k := p.Key
		if bytes.HasPrefix(k, key("run")) {
			if _, err := db.Get(k); !errors.Is(err, store.ErrNotFound) {
				t.Fatalf("%q is still there: %v", k, err)
			}
			k = moved(k)
		}
		if got, err := db.Get(k); err != nil || !bytes.Equal(got, p.Value) {
			t.Fatalf("%q has %d bytes, %v", k, len(got), err)
		}
	}
}

func TestNoWayForward(t *testing.T) {
	dir := t.TempDir()
	mustClose(t, mustOpen(t, Config{Dir: dir}))
	if _, err := open(Config{Dir: dir}, plan{schema: schema + 2}); !errors.Is(err, store.ErrSchema) {
		t.Fatalf("a gap in the migrations: %v", err)
	}
	db := mustOpen(t, Config{Dir: dir})
	mustPut(t, db, key("a"), nil)
	txn := db.db.NewTransaction(true)
	if err := errors.Join(set(txn, write{key: schemaKey(), remove: true}), txn.Commit()); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("a state without its schema: %v", err)
	}
}

func FuzzReadBackup(f *testing.F) {
	golden, err := os.ReadFile(goldenPath())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(golden[:400])
	f.Add([]byte(backupHeader + "\x01a\x01b\x00\x01"))
	f.Add([]byte(backupHeader + "\xff\xff\xff\xff\x0f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		err := readBackup(context.Background(), bytes.NewReader(data), func(k, _ []byte) error {
			if n++; len(k) == 0 {
				t.Fatal("an empty key")
			}
			return nil
		})
		if err == nil && len(data) < len(backupHeader)+34 {
			t.Fatal("a backup without a checksum was taken for whole")
		}
	})
}

func FuzzDecodeWrites(f *testing.F) {
	f.Add(encodeWrites([]write{{key: key("a"), value: []byte("1")}, {key: key("b"), remove: true}, {key: key("c"), value: make([]byte, 32), meta: inFile}}))
	f.Add([]byte{0, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		writes, err := decodeWrites(data)
		if err != nil {
			return
		}
		again, err := decodeWrites(encodeWrites(writes))
		if err != nil || len(again) != len(writes) {
			t.Fatalf("%d writes came back as %d, %v", len(writes), len(again), err)
		}
	})
}
