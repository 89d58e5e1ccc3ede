package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
)

// childEnv turns the test binary into a writer that runs until it is killed.
const childEnv = "PLIMSOLL_AUDIT_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := writeUntilKilled(dir, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func openFiles(dir string) (*Log, *badgerstore.DB, error) {
	k, err := OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		return nil, nil, err
	}
	log := New(Config{Signer: k.Signer, Next: k.Next, Origin: k.Origin})
	db, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(dir, "state"), Sealer: log, MemoryLimit: 16 << 20})
	return log, db, err
}

// writeUntilKilled commits from four goroutines, each record with its entry, and
// prints "<index> <name>" for every one that was acknowledged. Values of 20 KB
// make the memtables turn over, so that kills fall into flushes and compactions
// too; one in fifty is a file of its own.
func writeUntilKilled(dir string, w io.Writer) error {
	log, db, err := openFiles(dir)
	if err != nil {
		return err
	}
	start := log.Size()
	var mu sync.Mutex
	fail := make(chan error, 4)
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%d-%d-%d.", start, g, i) // the dot shows a line that is whole
				value := make([]byte, 20<<10)
				if i%50 == 49 {
					value = make([]byte, 100<<10)
				}
				copy(value, name)
				e := entry(i)
				e.Run = name
				r, err := db.Commit(context.Background(), store.Batch{
					Checks:  []store.Check{{Key: store.Key(store.TableRun, "default", name)}},
					Puts:    []store.Put{{Key: store.Key(store.TableRun, "default", name), Value: value}},
					Entries: []store.Entry{e},
				})
				if err != nil {
					fail <- err
					return
				}
				mu.Lock()
				_, err = fmt.Fprintln(w, r.First, name)
				mu.Unlock()
				if err != nil {
					fail <- err
					return
				}
			}
		}()
	}
	return <-fail
}

// Whatever the moment in which the process dies, what was acknowledged is there,
// with its entry, and the log verifies against the checkpoints of before.
func TestKill(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 8
	}
	dir := t.TempDir()
	acknowledged := map[string]int64{}
	var old [][]byte
	for round := range rounds {
		end := func(p *os.Process) {
			if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Error(err)
			}
		}
		if said := runWriter(t, dir, end, acknowledged); said != "" {
			t.Fatalf("round %d: the writer ended by itself: %s", round, said)
		}

		log, db, err := openFiles(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if _, err := Verify(db, Options{Key: log.Key(), Old: old}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for name, index := range acknowledged {
			checkAcknowledged(t, db, name, index)
		}
		checkNoOrphans(t, db)
		if c := log.Checkpoint(); len(c) > 0 {
			old = [][]byte{c}
		}
		// One state grows through all rounds, but checking all of it each time
		// would be quadratic: what has survived a later open is forgotten.
		clear(acknowledged)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("round %d of %d", round, rounds)
		}
	}
	log, db, err := openFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills, %d records", rounds, log.Size())
	if log.Size() == 0 {
		t.Error("no round got as far as a commit")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// runWriter starts the writer, calls end at a random moment from "while opening"
// to "after many commits", and notes what was acknowledged by then. It returns
// what the writer had to say.
func runWriter(t *testing.T, dir string, end func(*os.Process), acknowledged map[string]int64) string {
	t.Helper()
	writer := exec.Command(os.Args[0], "-test.run=^$")
	writer.Env = append(os.Environ(), childEnv+"="+dir)
	var stderr strings.Builder
	writer.Stderr = &stderr
	out, err := writer.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	time.AfterFunc(time.Duration(rand.IntN(250))*time.Millisecond, func() { end(writer.Process); close(ended) })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		index, name, ok := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseInt(index, 10, 64)
		if !ok || err != nil || strings.Count(name, "-") != 2 || !strings.HasSuffix(name, ".") {
			continue // the end cut the line
		}
		acknowledged[name] = n
	}
	err = writer.Wait()
	<-ended
	if err == nil {
		return "no error at all"
	}
	return stderr.String()
}

func checkAcknowledged(t *testing.T, db *badgerstore.DB, name string, index int64) {
	t.Helper()
	value, err := db.Get(store.Key(store.TableRun, "default", name))
	if err != nil || !strings.HasPrefix(string(value), name) {
		t.Errorf("the record %s was acknowledged and is lost: %v", name, err)
	}
	data, err := db.Get(entryKey(index))
	if err != nil {
		t.Errorf("entry %d was acknowledged and is lost: %v", index, err)
		return
	}
	if e, err := DecodeEntry(data); err != nil || e.Run != name {
		t.Errorf("entry %d is %q, not %q (%v)", index, e.Run, name, err)
	}
}

// checkNoOrphans: a record and its entry are there together or not at all,
// acknowledged or not.
func checkNoOrphans(t *testing.T, db *badgerstore.DB) {
	t.Helper()
	records, entries := 0, 0
	err := db.Scan(store.Key(store.TableRun, "default"), func(_, _ []byte) error { records++; return nil })
	if err == nil {
		err = db.Scan(store.Key(store.TableAuditEntry, ""), func(_, _ []byte) error { entries++; return nil })
	}
	if err != nil || records != entries {
		t.Errorf("%d records and %d entries, %v", records, entries, err)
	}
}
