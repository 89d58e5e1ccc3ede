package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

// shelf is a store that anybody may change: what an attacker with the disk has.
type shelf map[string][]byte

func (s shelf) Get(key []byte) ([]byte, error) {
	if v, ok := s[string(key)]; ok {
		return v, nil
	}
	return nil, store.ErrNotFound
}

func (s shelf) Scan(prefix []byte, fn func(key, value []byte) error) error {
	for _, k := range slices.Sorted(maps.Keys(s)) {
		if bytes.HasPrefix([]byte(k), prefix) {
			if err := fn([]byte(k), s[k]); errors.Is(err, store.Stop) {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// shelve copies a store.
func shelve(t testing.TB, r store.Reader) shelf {
	t.Helper()
	s := shelf{}
	if err := r.Scan(nil, func(k, v []byte) error { s[string(k)] = slices.Clone(v); return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s shelf) edit(key []byte, change func([]byte) []byte) {
	s[string(key)] = change(slices.Clone(s[string(key)]))
}

// write makes the whole log anew, as the holder of that key can.
func write(t testing.TB, signer Signer, kinds ...string) shelf {
	t.Helper()
	log := New(Config{Signer: signer, Origin: origin})
	s := shelf{}
	if err := log.Load(s); err != nil {
		t.Fatal(err)
	}
	for i, kind := range kinds {
		e := entry(i)
		e.Kind = kind
		data, err := log.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		_, puts, err := log.Seal([][]byte{data})
		if err != nil {
			t.Fatal(err)
		}
		log.Settle(true)
		for _, p := range puts {
			s[string(p.Key)] = p.Value
		}
	}
	return s
}

func kinds(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("kind-%d", i)
	}
	return out
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[(at+len(b))%len(b)] ^= 1; return b }
}

const tampered = 21 // records

// tamper is one thing that may happen to a log, and what verification says.
type tamper struct {
	name        string
	do          func(t *testing.T, s shelf) shelf
	old         bool  // found by an older checkpoint only
	first, last int64 // the records that are named; -1 none
	says        string
}

func tampers() []tamper {
	other := fixedSigner(9)
	edit := func(key []byte, change func([]byte) []byte) func(*testing.T, shelf) shelf {
		return func(_ *testing.T, s shelf) shelf { s.edit(key, change); return s }
	}
	return []tamper{
		{"flip a bit of a record", edit(entryKey(5), flip(30)), false, 5, 5, "do not have the hash"},
		{"flip a bit of the first record", edit(entryKey(0), flip(0)), false, 0, 0, "do not have the hash"},
		{"flip a bit of the last record", edit(entryKey(20), flip(-1)), false, 20, 20, "do not have the hash"},
		{"empty a record", edit(entryKey(7), func([]byte) []byte { return nil }), false, 7, 7, "do not have the hash"},
		{"flip a bit of a leaf hash", edit(hashKey(5), flip(0)), false, 5, 5, "do not have the hash"},
		{"flip a bit of an inner hash", edit(hashKey(7), flip(2*tlog.HashSize)), false, 4, 7, "do not lead to the hash"},
		{"cut the hashes of a record", edit(hashKey(7), func(b []byte) []byte { return b[:40] }), false, 7, 7, "cut off"},
		{"drop a record", func(_ *testing.T, s shelf) shelf {
			delete(s, string(entryKey(9)))
			return s
		}, false, 9, 9, "missing"},
		{"drop the hashes of a record", func(_ *testing.T, s shelf) shelf {
			delete(s, string(hashKey(9)))
			return s
		}, false, 9, 9, "hashes are missing"},
		{"drop a record and close the gap", func(_ *testing.T, s shelf) shelf {
			for i := int64(9); i < 20; i++ {
				s[string(entryKey(i))] = s[string(entryKey(i+1))]
			}
			delete(s, string(entryKey(20)))
			return s
		}, false, 9, 9, "another record was put in its place"},
		{"swap two records", func(_ *testing.T, s shelf) shelf {
			a, b := string(entryKey(3)), string(entryKey(4))
			s[a], s[b] = s[b], s[a]
			return s
		}, false, 3, 3, "do not have the hash"},
		{"swap two records with their hashes", func(_ *testing.T, s shelf) shelf {
			for _, key := range []func(int64) []byte{entryKey, hashKey} {
				a, b := string(key(2)), string(key(4)) // both complete one hash
				s[a], s[b] = s[b], s[a]
			}
			return s
		}, false, 2, 3, "do not lead to the hash"},
		{"change a record and its leaf hash", func(_ *testing.T, s shelf) shelf {
			s.edit(entryKey(5), flip(10))
			h := tlog.RecordHash(s[string(entryKey(5))])
			s.edit(hashKey(5), func(b []byte) []byte { return append(h[:], b[tlog.HashSize:]...) })
			return s
		}, false, 4, 5, "do not lead to the hash"},
		{"change a record and all hashes over it", func(t *testing.T, s shelf) shelf {
			names := kinds(tampered)
			names[5] = "changed"
			forged := write(t, other, names...)
			for i := range int64(tampered) {
				s[string(entryKey(i))], s[string(hashKey(i))] = forged[string(entryKey(i))], forged[string(hashKey(i))]
			}
			return s
		}, false, 0, 20, "do not lead to the root"},
		{"truncate the tail", func(_ *testing.T, s shelf) shelf {
			for i := int64(15); i < tampered; i++ {
				delete(s, string(entryKey(i)))
				delete(s, string(hashKey(i)))
			}
			return s
		}, false, 15, 20, "missing at the end"},
		{"add records behind the end", func(t *testing.T, s shelf) shelf {
			more := write(t, other, kinds(tampered+2)...)
			for i := int64(tampered); i < tampered+2; i++ {
				s[string(entryKey(i))], s[string(hashKey(i))] = more[string(entryKey(i))], more[string(hashKey(i))]
			}
			return s
		}, false, 21, 22, "behind the signed end"},
		{"remove the checkpoint", func(_ *testing.T, s shelf) shelf {
			delete(s, string(stateKey("checkpoint")))
			return s
		}, false, 0, 20, "no checkpoint"},
		{"flip a bit of the root in the checkpoint", edit(stateKey("checkpoint"), flip(35)), false, -1, -1, ""},
		{"flip a bit of the signature", edit(stateKey("checkpoint"), flip(-5)), false, -1, -1, "not signed by its key"},
		{"put the checkpoint of before", func(t *testing.T, s shelf) shelf {
			before := write(t, fixedSigner(1), kinds(tampered-1)...)
			s[string(stateKey("checkpoint"))] = before[string(stateKey("checkpoint"))]
			return s
		}, false, 20, 20, "behind the signed end"},
		{"rename the log", edit(stateKey("origin"), func([]byte) []byte { return []byte("plimsoll/other") }), false, -1, -1, "speaks for"},
		{"put another key in the list", func(t *testing.T, s shelf) shelf {
			s[string(stateKey("key", store.Seq(0)))] = []byte(keyOf(t, other))
			return s
		}, false, -1, -1, "not signed by its key"},
		{"rewrite the whole log with another key", func(t *testing.T, _ shelf) shelf {
			return write(t, other, kinds(tampered)...)
		}, false, -1, -1, "not signed by the key"},
		{"rewrite the whole log with its own key", func(t *testing.T, _ shelf) shelf {
			names := kinds(tampered)
			names[2] = "changed"
			return write(t, fixedSigner(1), names...)
		}, true, 0, 11, "written anew"},
		{"fork after an older checkpoint", func(t *testing.T, _ shelf) shelf {
			names := kinds(tampered)
			names[14] = "changed"
			return write(t, fixedSigner(1), names...)
		}, true, 12, 17, "forked"},
		{"truncate and sign again", func(t *testing.T, _ shelf) shelf {
			return write(t, fixedSigner(1), kinds(15)...)
		}, true, 15, 17, "tail of the log was cut off"},
		{"remove everything", func(*testing.T, shelf) shelf { return shelf{} }, true, -1, -1, "the log is empty"},
	}
}

func oldCheckpoints(t *testing.T) [][]byte {
	t.Helper()
	var old [][]byte
	for _, n := range []int{18, 12} { // any order
		old = append(old, write(t, fixedSigner(1), kinds(n)...)[string(stateKey("checkpoint"))])
	}
	return old
}

func TestTamper(t *testing.T) {
	key := keyOf(t, fixedSigner(1))
	whole := write(t, fixedSigner(1), kinds(tampered)...)
	if r, err := Verify(whole, Options{Key: key, Old: oldCheckpoints(t)}); err != nil || r.Old != 2 {
		t.Fatalf("the log as it is: %+v, %v", r, err)
	}
	for _, test := range tampers() {
		t.Run(test.name, func(t *testing.T) {
			s := test.do(t, maps.Clone(whole))
			options := Options{Key: key}
			if test.old {
				// Without an older checkpoint, the holder of the key gets away with it.
				if _, err := Verify(s, options); err != nil && len(s) > 0 {
					t.Fatalf("found without an older checkpoint: %v", err)
				}
				options.Old = oldCheckpoints(t)
			}
			_, err := Verify(s, options)
			var f *Fault
			if !errors.As(err, &f) {
				t.Fatalf("not found: %v", err)
			}
			if f.First != test.first || f.Last != test.last || !strings.Contains(err.Error(), test.says) {
				t.Errorf("records %d to %d: %v\nwant records %d to %d, %q", f.First, f.Last, err, test.first, test.last, test.says)
			}
			for _, part := range []string{f.What, f.Means, f.Do} {
				if part == "" {
					t.Errorf("a fault has a part without words: %+v", f)
				}
			}
			// A log that was changed must not be continued either, unless its
			// own signature holds.
			log := newLog()
			if err := log.Load(s); err == nil && (test.says == "not signed by its key" || test.says == "not signed by the key") {
				t.Errorf("the log was taken up for writing")
			}
		})
	}
}

func TestTamperExport(t *testing.T) {
	log := newLog()
	db := openMemory(t, log)
	appendEntries(t, db, 0, 12)
	old := log.Checkpoint()
	appendEntries(t, db, 12, tampered)
	for _, test := range []struct {
		name string
		file string
		do   func(b []byte) []byte
		says string
	}{
		{"flip in a record", entriesFile, flip(500), "record 3 of the audit log: its bytes"},
		{"drop a line", entriesFile, func(b []byte) []byte { return b[bytes.IndexByte(b, '\n')+1:] }, "record 0 of the audit log: its bytes"},
		{"drop the last line", entriesFile, func(b []byte) []byte { return b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1] }, "record 20 of the audit log: it is missing"},
		{"add a line", entriesFile, func(b []byte) []byte { return append(b, "{}\n"...) }, "record 21 of the audit log: its hashes are missing"},
		{"flip in a hash", leavesFile, flip(32 * 7), "record 7 of the audit log: its bytes"},
		{"cut the hashes", leavesFile, func(b []byte) []byte { return b[:len(b)-1] }, "record 20 of the audit log: its hashes are missing"},
		{"another checkpoint", checkpointFile, func([]byte) []byte { return old }, "behind the signed end"},
		{"a broken checkpoint", checkpointFile, func([]byte) []byte { return []byte("x") }, "not a checkpoint"},
		{"no keys", keysFile, func([]byte) []byte { return nil }, "names no key"},
		{"another key", keysFile, func([]byte) []byte { return []byte(keyOf(t, fixedSigner(9)) + "\n") }, "not signed by its key"},
		{"one key too many", keysFile, func(b []byte) []byte { return append(b, keyOf(t, fixedSigner(9))+"\n"...) }, "lists 2 keys"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if _, err := Export(db, dir); err != nil {
				t.Fatal(err)
			}
			if r, err := VerifyExport(dir, Options{Key: log.Key(), Old: [][]byte{old}}); err != nil || r.Checkpoint.Size != tampered || !r.Trusted {
				t.Fatalf("%+v, %v", r, err)
			}
			path := filepath.Join(dir, test.file)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, test.do(data), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := VerifyExport(dir, Options{Key: log.Key()}); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("got %v, want %q", err, test.says)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if _, err := VerifyExport(dir, Options{}); err == nil || !strings.Contains(err.Error(), "not whole") {
				t.Fatalf("without %s: %v", test.file, err)
			}
		})
	}
	if _, err := Export(db, t.TempDir()+"/new"); err != nil {
		t.Fatal(err)
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Export(db, full); err == nil {
		t.Fatal("an export went into a folder that was not empty")
	}
}

func TestRotation(t *testing.T) {
	dir := t.TempDir()
	k, err := OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	open := func() (*Log, *badgerstore.DB) {
		t.Helper()
		k, err = OpenKey(k.Path)
		if err != nil {
			t.Fatal(err)
		}
		log := New(Config{Signer: k.Signer, Next: k.Next, Origin: k.Origin})
		db, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(dir, "state"), Sealer: log})
		if err != nil {
			t.Fatal(err)
		}
		return log, db
	}
	ctx := context.Background()
	log, db := open()
	var keys []string
	var old [][]byte
	for round := range 3 { // the first rotation comes before any other entry
		keys = append(keys, log.Key())
		if err := RotateFile(ctx, db, log, k, noon); err != nil {
			t.Fatal(err)
		}
		if log.Key() == keys[round] {
			t.Fatal("the key is still the old one")
		}
		appendEntries(t, db, 0, 3+round)
		old = append(old, log.Checkpoint())
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		log, db = open()
	}
	keys = append(keys, log.Key())
	// A crash after the file was written and before the log moved over, and one
	// after the log moved over and before the file was tidied.
	next, err := NewSigner()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.write(k.Signer, next); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	log, db = open()
	if log.Key() != keys[3] {
		t.Fatal("a rotation that did not happen changed the key")
	}
	if err := Rotate(ctx, db, log, k.Next, noon); err != nil {
		t.Fatal(err)
	}
	keys = append(keys, log.Key())
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	log, db = open()
	if log.Key() != keys[4] || k.Next == nil {
		t.Fatal("the log did not find its key beside the old one")
	}
	if err := RotateFile(ctx, db, log, k, noon); err != nil {
		t.Fatal(err)
	}
	keys = append(keys, log.Key())
	appendEntries(t, db, 0, 2)

	for i, key := range keys { // whoever trusts any of them follows to the last
		r, err := Verify(db, Options{Key: key, Old: old})
		if err != nil || !slices.Equal(r.Keys, keys) {
			t.Fatalf("key %d: %+v, %v", i, r, err)
		}
	}
	export := t.TempDir()
	if _, err := Export(db, export); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyExport(export, Options{Key: keys[0], Old: old}); err != nil {
		t.Fatal(err)
	}

	// Forgeries around a rotation.
	whole := shelve(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	for key := range whole {
		if _, _, parts, err := store.ParseKey([]byte(key)); err == nil && len(parts) == 2 && parts[0] == "rotation" {
			n, err := store.ParseSeq(parts[1])
			if err != nil {
				t.Fatal(err)
			}
			sizes = append(sizes, n)
		}
	}
	slices.Sort(sizes)
	if len(sizes) != 5 {
		t.Fatalf("rotations at %v", sizes)
	}
	at := func(i int) string { return string(stateKey("rotation", store.Seq(sizes[i]))) }
	for name, do := range map[string]func(s shelf){
		"a rotation removed":        func(s shelf) { delete(s, at(2)) },
		"a rotation moved":          func(s shelf) { s[at(1)] = s[at(2)] },
		"a rotation without a sign": func(s shelf) { s.edit([]byte(at(1)), flip(-5)) },
		"a key removed":             func(s shelf) { delete(s, string(stateKey("key", store.Seq(2)))) },
		"a rotation that is no entry": func(s shelf) {
			s[string(stateKey("rotation", store.Seq(sizes[2]+1)))] = s[at(2)]
		},
	} {
		s := maps.Clone(whole)
		do(s)
		if r, err := Verify(s, Options{Key: keys[0]}); err == nil {
			t.Errorf("%s: holds, %+v", name, r)
		}
	}
}
