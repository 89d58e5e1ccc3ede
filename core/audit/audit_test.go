package audit

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const origin = "plimsoll/0123456789abcdef"

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// fixedSigner is a key that is the same in every run.
func fixedSigner(n byte) Signer {
	return seedSigner{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize))}
}

func keyOf(t testing.TB, s Signer) string {
	t.Helper()
	vkey, err := VerifierKey(origin, s.Public())
	if err != nil {
		t.Fatal(err)
	}
	return vkey
}

func newLog() *Log { return New(Config{Signer: fixedSigner(1), Origin: origin}) }

func entry(n int) store.Entry {
	return store.Entry{
		Time: noon.Add(time.Duration(n) * time.Second), Kind: "run.done", Scope: "default",
		Skill: "humanizer", Step: "main", Run: fmt.Sprintf("run-%06d", n), Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n)),
	}
}

func openMemory(t testing.TB, log *Log) *badgerstore.DB {
	t.Helper()
	db, err := badgerstore.Open(badgerstore.Config{InMemory: true, Sealer: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func appendEntries(t testing.TB, s store.Store, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := s.Commit(context.Background(), store.Batch{Entries: []store.Entry{entry(i)}}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAppendAndVerify(t *testing.T) {
	log := newLog()
	db := openMemory(t, log)
	if r, err := Verify(db, Options{}); err != nil || r.Checkpoint.Size != 0 || r.Checkpoint.Root != emptyRoot {
		t.Fatalf("an empty log: %+v, %v", r, err)
	}
	var old [][]byte
	for _, size := range []int{1, 2, 3, 7, 8, 9, 40} {
		appendEntries(t, db, int(log.Size()), size)
		if log.Size() != int64(size) {
			t.Fatalf("size %d, want %d", log.Size(), size)
		}
		r, err := Verify(db, Options{Key: log.Key(), Old: old})
		if err != nil {
			t.Fatal(err)
		}
		if !r.Trusted || r.Old != len(old) || r.Checkpoint.Size != int64(size) || len(r.Keys) != 1 {
			t.Fatalf("result %+v", r)
		}
		old = append(old, log.Checkpoint())
	}
	var got []string
	err := Entries(db, 38, func(i int64, e store.Entry) error {
		got = append(got, fmt.Sprint(i, " ", e.Run))
		return nil
	})
	if err != nil || strings.Join(got, ",") != "38 run-000038,39 run-000039" {
		t.Fatalf("%q, %v", got, err)
	}
}

// The tree must be the one that tlog makes, hash by hash: proofs of any tool of
// that family depend on it.
func TestTreeIsTlog(t *testing.T) {
	var mine tree
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, x := range indexes {
			out[i] = stored[x]
		}
		return out, nil
	})
	for n := range int64(300) {
		data := fmt.Append(nil, n)
		want, err := tlog.StoredHashes(n, data, reader)
		if err != nil {
			t.Fatal(err)
		}
		got := mine.add(tlog.RecordHash(data), nil)
		if !bytes.Equal(flatten(got), flatten(want)) {
			t.Fatalf("record %d: hashes differ from tlog", n)
		}
		stored = append(stored, want...)
		root, err := tlog.TreeHash(n+1, reader)
		if err != nil || mine.root() != root {
			t.Fatalf("size %d: root %v, tlog %v, %v", n+1, mine.root(), root, err)
		}
	}
}

func TestProofs(t *testing.T) {
	log := newLog()
	db := openMemory(t, log)
	const size = 70
	appendEntries(t, db, 0, size)
	for i := range int64(size) {
		proof, err := Prove(db, i)
		if err != nil {
			t.Fatal(err)
		}
		data, err := db.Get(entryKey(i))
		if err != nil {
			t.Fatal(err)
		}
		index, c, err := CheckProof(proof, data, log.Key())
		if err != nil || index != i || c.Size != size {
			t.Fatalf("proof of %d: %d, %+v, %v", i, index, c, err)
		}
		if _, _, err := CheckProof(proof, append(data, ' '), log.Key()); err == nil {
			t.Fatalf("the proof of %d holds for other bytes", i)
		}
		if _, _, err := CheckProof(proof, data, keyOf(t, fixedSigner(9))); err == nil {
			t.Fatalf("the proof of %d holds under another key", i)
		}
		moved := bytes.Replace(proof, fmt.Appendf(nil, "index %d\n", i), fmt.Appendf(nil, "index %d\n", (i+1)%size), 1)
		if _, _, err := CheckProof(moved, data, log.Key()); err == nil {
			t.Fatalf("the proof of %d holds at another index", i)
		}
	}
	for _, bad := range []int64{-1, size} {
		if _, err := Prove(db, bad); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("a proof of entry %d: %v", bad, err)
		}
	}
}

// The bytes of entries, checkpoints and proofs are for ever: other programs and
// older exports read them.
func TestGolden(t *testing.T) {
	log := newLog()
	db := openMemory(t, log)
	appendEntries(t, db, 0, 5)
	data, err := db.Get(entryKey(3))
	if err != nil {
		t.Fatal(err)
	}
	proof, err := Prove(db, 3)
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%s\n--\n%s\n--\n%s", log.Key(), data, proof)
	path := filepath.Join("testdata", "formats.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the formats have changed:\n%s\nwant\n%s", got, want)
	}
}

func TestReopen(t *testing.T) {
	dir := t.TempDir()
	keyPath := filepath.Join(dir, "audit.key")
	var keys []string
	var old [][]byte
	for round := range 6 {
		k, err := OpenKey(keyPath)
		if err != nil {
			t.Fatal(err)
		}
		if k.Created != (round == 0) || k.Exposed {
			t.Fatalf("round %d: created %v, exposed %v", round, k.Created, k.Exposed)
		}
		log := New(Config{Signer: k.Signer, Next: k.Next, Origin: k.Origin})
		db, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(dir, "state"), Sealer: log})
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, log.Key())
		if log.Size() != int64(7*round) {
			t.Fatalf("round %d: size %d", round, log.Size())
		}
		appendEntries(t, db, 0, 7)
		old = append(old, log.Checkpoint())
		if _, err := Verify(db, Options{Key: keys[0], Old: old}); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if keys[0] != keys[5] {
		t.Fatalf("the key changed: %q", keys)
	}
	// Another key must not continue the log.
	other := New(Config{Signer: fixedSigner(7), Origin: originOf(keys[0])})
	if _, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(dir, "state"), Sealer: other}); err == nil || !strings.Contains(err.Error(), "put the right key file back") {
		t.Fatalf("a foreign key took up the log: %v", err)
	}
	other = New(Config{Signer: fixedSigner(7), Origin: "plimsoll/other"})
	if _, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(dir, "state"), Sealer: other}); err == nil || !strings.Contains(err.Error(), "from a backup") {
		t.Fatalf("a foreign origin took up the log: %v", err)
	}
}

func originOf(vkey string) string {
	name, _, _ := strings.Cut(vkey, "+")
	return name
}

func TestConcurrentAppends(t *testing.T) {
	log := newLog()
	db := openMemory(t, log)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 40 {
				r, err := db.Commit(context.Background(), store.Batch{Entries: []store.Entry{entry(i), entry(i + 1)}})
				if err != nil || r.Count != 2 {
					t.Errorf("%+v, %v", r, err)
					return
				}
				if i%10 == 0 { // verifying while it grows
					if _, err := Verify(db, Options{Key: log.Key()}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if r, err := Verify(db, Options{Key: log.Key()}); err != nil || r.Checkpoint.Size != 640 {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestEntriesThatAreRefused(t *testing.T) {
	log := newLog()
	db := openMemory(t, log)
	for name, e := range map[string]store.Entry{
		"data that is no JSON":  {Time: noon, Kind: "k", Data: json.RawMessage(`{`)},
		"duplicate names":       {Time: noon, Kind: "k", Data: json.RawMessage(`{"a":1,"a":2}`)},
		"numbers that lose":     {Time: noon, Kind: "k", Data: json.RawMessage(`9007199254740993`)},
		"no UTF-8":              {Time: noon, Kind: "k", Scope: "\xff"},
		"a rotation by hand":    {Time: noon, Kind: rotateKind, Data: json.RawMessage(`{}`)},
		"a year out of RFC3339": {Time: noon.AddDate(9000, 0, 0), Kind: "k"},
	} {
		if _, err := db.Commit(context.Background(), store.Batch{Entries: []store.Entry{e}}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if log.Size() != 0 {
		t.Fatalf("size %d", log.Size())
	}
}

func TestLargeEntry(t *testing.T) {
	log := newLog()
	db := openMemory(t, log)
	data, err := json.Marshal(strings.Repeat("x", 900<<10))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Commit(context.Background(), store.Batch{Entries: []store.Entry{{Time: noon, Kind: "big", Data: data}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(db, Options{Key: log.Key()}); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := Export(db, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyExport(dir, Options{Key: log.Key()}); err != nil {
		t.Fatal(err)
	}
}

func TestRedactable(t *testing.T) {
	field, salt, err := Redactable([]byte("jane@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := Redactable([]byte("jane@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(field, again) || bytes.Contains(field, []byte("jane")) {
		t.Fatalf("%s and %s", field, again)
	}
	if !Reveals(field, salt, []byte("jane@example.com")) || Reveals(field, salt, []byte("joan@example.com")) ||
		Reveals(again, salt, []byte("jane@example.com")) || Reveals(field, nil, []byte("jane@example.com")) || Reveals([]byte("{"), salt, nil) {
		t.Fatal("Reveals does not tell values apart")
	}

	// The redaction: value and salt go, the record and its proof stay.
	log := newLog()
	db := openMemory(t, log)
	key := store.Key(store.TableRedactable, "default", "run-1", "recipient")
	e := entry(1)
	e.Data = json.RawMessage(`{"to":` + string(field) + `}`)
	if _, err := db.Commit(context.Background(), store.Batch{
		Puts: []store.Put{{Key: key, Value: append(salt, "jane@example.com"...)}}, Entries: []store.Entry{e}}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Commit(context.Background(), store.Batch{Puts: []store.Put{{Key: key, Delete: true}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(db, Options{Key: log.Key()}); err != nil {
		t.Fatal(err)
	}
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 20, 40)
		e := store.Entry{
			Time: time.Unix(rapid.Int64Range(-1<<33, 1<<36).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			Kind: "k" + text.Draw(t, "kind"), Scope: text.Draw(t, "scope"), Skill: text.Draw(t, "skill"),
			Step: text.Draw(t, "step"), Run: text.Draw(t, "run"),
		}
		if rapid.Bool().Draw(t, "has data") {
			data, err := json.Marshal(rapid.MapOf(text, rapid.Float64Range(-1e9, 1e9)).Draw(t, "data"))
			if err != nil {
				t.Fatal(err)
			}
			e.Data = data
		}
		raw, err := EncodeEntry(e)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeEntry(raw)
		if err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		again, err := EncodeEntry(back)
		if err != nil || !bytes.Equal(again, raw) || !back.Time.Equal(e.Time) || back.Kind != e.Kind || back.Run != e.Run {
			t.Fatalf("%+v came back as %+v (%v)", e, back, err)
		}
	})
}
