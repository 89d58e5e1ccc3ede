// Package storetest is the conformance suite of core/store: what every driver
// promises, told in one place. A driver's own test calls Run; what is special to
// the driver (files, locks, crashes) it tests itself.
//
// It must not look behind the interface.
//
//	func TestDriver(t *testing.T) {
//		storetest.Run(t, func(t *testing.T, sealer store.Sealer) store.Store {
//			return open(t, sealer) // empty, closed by t.Cleanup
//		})
//	}
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Open makes an empty store with that sealer, which may be nil.
type Open func(t *testing.T, sealer store.Sealer) store.Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		run  func(t *testing.T, open Open)
	}{
		{"values come back as they were put", values},
		{"a scan is ordered, bounded and of one moment", scans},
		{"a failing check fails its batch whole", checks},
		{"the puts of a batch apply in order", order},
		{"wrong batches are refused", refusals},
		{"blobs are kept by digest", blobs},
		{"entries commit with their batch", entries},
		{"a failing sealer fails the batch whole", failingSealer},
		{"a batch of any size is whole", large},
		{"callers at once lose nothing", concurrency},
		{"one of many wins a check", race},
		{"a cancelled context commits nothing", cancelled},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

var at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func key(parts ...string) []byte { return store.Key(store.TableRun, "default", parts...) }

func commit(t *testing.T, s store.Store, b store.Batch) store.Receipt {
	t.Helper()
	r, err := s.Commit(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func put(k []byte, v string) store.Put { return store.Put{Key: k, Value: []byte(v)} }

func want(t *testing.T, s store.Store, k []byte, v string) {
	t.Helper()
	got, err := s.Get(k)
	if err != nil || string(got) != v {
		t.Fatalf("Get(%q) = %q, %v; want %q", k, got, err, v)
	}
}

func wantNone(t *testing.T, s store.Store, k []byte) {
	t.Helper()
	if got, err := s.Get(k); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Get(%q) = %d bytes, %v; want ErrNotFound", k, len(got), err)
	}
}

func values(t *testing.T, open Open) {
	s := open(t, nil)
	wantNone(t, s, key("none"))
	for _, size := range []int{0, 1, 4096, 64 << 10, 64<<10 + 1, 3 << 20} {
		v := bytes.Repeat([]byte{byte(size), 0, 7}, size)[:size]
		k := key("size", store.Seq(int64(size)))
		commit(t, s, store.Batch{Puts: []store.Put{{Key: k, Value: v}}})
		got, err := s.Get(k)
		if err != nil || !bytes.Equal(got, v) {
			t.Fatalf("a value of %d bytes came back with %d, %v", size, len(got), err)
		}
		if size > 0 {
			got[0] ^= 1
			if again, err := s.Get(k); err != nil || !bytes.Equal(again, v) {
				t.Fatalf("changing what Get returned changed the store (%v)", err)
			}
		}
		commit(t, s, store.Batch{Puts: []store.Put{put(k, "smaller")}})
		want(t, s, k, "smaller")
		commit(t, s, store.Batch{Puts: []store.Put{{Key: k, Delete: true}}})
		wantNone(t, s, k)
	}
}

func scans(t *testing.T, open Open) {
	s := open(t, nil)
	var puts []store.Put
	for _, part := range []string{"b", "a", "aa", "a\x00", ""} {
		puts = append(puts, put(key(part, "x"), part))
	}
	puts = append(puts, put(store.Key(store.TableRun, "other", "a"), "no"), put(store.Key(store.TableCall, "default", "a"), "no"))
	commit(t, s, store.Batch{Puts: puts})

	var got []string
	err := s.Scan(store.Key(store.TableRun, "default"), func(_, value []byte) error {
		got = append(got, string(value))
		if len(got) == 1 { // what commits meanwhile is not seen
			commit(t, s, store.Batch{Puts: []store.Put{put(key("c", "x"), "late")}})
		}
		return nil
	})
	if w := []string{"", "a", "a\x00", "aa", "b"}; err != nil || !slices.Equal(got, w) {
		t.Fatalf("scan gave %q, %v; want %q", got, err, w)
	}
	n := 0
	if err := s.Scan(key("a"), func(_, _ []byte) error { n++; return nil }); err != nil || n != 1 {
		t.Fatalf("scan of one part gave %d keys, %v", n, err)
	}
	n = 0
	if err := s.Scan(nil, func(_, _ []byte) error { n++; return store.Stop }); err != nil || n != 1 {
		t.Fatalf("a stopped scan gave %d keys, %v", n, err)
	}
	own := errors.New("own")
	if err := s.Scan(nil, func(_, _ []byte) error { return own }); !errors.Is(err, own) {
		t.Fatalf("the error of the function came back as %v", err)
	}
	err = s.Scan(key("b"), func(k, _ []byte) error {
		_, err := s.Get(k) // reading within a scan is allowed
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checks(t *testing.T, open Open) {
	s := open(t, nil)
	big := bytes.Repeat([]byte("big"), 40<<10)
	commit(t, s, store.Batch{Puts: []store.Put{put(key("a"), "1"), put(key("empty"), ""), {Key: key("big"), Value: big}}})
	for _, c := range []struct {
		name  string
		check store.Check
		ok    bool
	}{
		{"missing as wanted", store.Check{Key: key("none")}, true},
		{"there, not wanted", store.Check{Key: key("a")}, false},
		{"equal", store.Check{Key: key("a"), Want: []byte("1")}, true},
		{"different", store.Check{Key: key("a"), Want: []byte("2")}, false},
		{"missing, wanted", store.Check{Key: key("none"), Want: []byte("1")}, false},
		{"empty", store.Check{Key: key("empty"), Want: []byte{}}, true},
		{"empty, not wanted", store.Check{Key: key("empty")}, false},
		{"missing, empty wanted", store.Check{Key: key("none"), Want: []byte{}}, false},
		{"large, equal", store.Check{Key: key("big"), Want: big}, true},
		{"large, different", store.Check{Key: key("big"), Want: big[1:]}, false},
	} {
		mark := key("mark", c.name)
		_, err := s.Commit(context.Background(), store.Batch{Checks: []store.Check{c.check}, Puts: []store.Put{put(mark, "x")}})
		if c.ok {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", c.name, err)
		}
		wantNone(t, s, mark)
	}
}

func order(t *testing.T, open Open) {
	s := open(t, nil)
	commit(t, s, store.Batch{Puts: []store.Put{
		put(key("a"), "1"), {Key: key("a"), Delete: true}, put(key("a"), "2"),
		put(key("b"), "1"), {Key: key("b"), Delete: true},
	}})
	want(t, s, key("a"), "2")
	wantNone(t, s, key("b"))
	commit(t, s, store.Batch{}) // nothing is no error
}

func refusals(t *testing.T, open Open) {
	s := open(t, nil)
	good := put(key("good"), "1")
	for name, b := range map[string]store.Batch{
		"empty key":            {Puts: []store.Put{good, {Value: []byte("x")}}},
		"not a key":            {Puts: []store.Put{good, put([]byte("\x10\x07abc"), "x")}},
		"long key":             {Puts: []store.Put{good, put(key(string(make([]byte, store.MaxKey))), "x")}},
		"audit table":          {Puts: []store.Put{good, put(store.Key(store.TableAuditEntry, ""), "x")}},
		"driver table":         {Puts: []store.Put{good, put(store.Key(store.TableDriver, "", "schema"), "9")}},
		"delete with a value":  {Puts: []store.Put{good, {Key: key("a"), Value: []byte("x"), Delete: true}}},
		"check without a key":  {Puts: []store.Put{good}, Checks: []store.Check{{}}},
		"entries, no sealer":   {Puts: []store.Put{good}, Entries: []store.Entry{{Time: at, Kind: "x"}}},
		"entry without a kind": {Puts: []store.Put{good}, Entries: []store.Entry{{Time: at}}},
		"entry without a time": {Puts: []store.Put{good}, Entries: []store.Entry{{Kind: "x"}}},
	} {
		if _, err := s.Commit(context.Background(), b); err == nil {
			t.Errorf("%s: committed", name)
		}
		wantNone(t, s, key("good"))
	}
}

func blobs(t *testing.T, open Open) {
	s := open(t, nil)
	for _, size := range []int{0, 10, 64 << 10, 200 << 10} {
		data := bytes.Repeat([]byte("b"), size)
		digest, err := s.PutBlob(data)
		if err != nil || digest != store.Digest(data) {
			t.Fatalf("PutBlob of %d bytes: %q, %v", size, digest, err)
		}
		if again, err := s.PutBlob(data); err != nil || again != digest {
			t.Fatalf("putting it twice: %q, %v", again, err)
		}
		if got, err := s.GetBlob(digest); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("GetBlob of %d bytes: %d, %v", size, len(got), err)
		}
	}
	if _, err := s.GetBlob(store.Digest([]byte("never"))); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("a blob that was never put: %v", err)
	}
	if _, err := s.GetBlob("sha256:../../etc"); err == nil {
		t.Fatal("a digest that is none was taken")
	}
}

func entries(t *testing.T, open Open) {
	log := &Log{}
	s := open(t, log)
	for i := range 5 {
		r := commit(t, s, store.Batch{
			Puts:    []store.Put{put(key("run", store.Seq(int64(i))), "x")},
			Entries: []store.Entry{{Time: at, Kind: "one"}, {Time: at, Kind: "two"}},
		})
		if r.First != int64(2*i) || r.Count != 2 {
			t.Fatalf("batch %d has the receipt %+v", i, r)
		}
	}
	if r := commit(t, s, store.Batch{Puts: []store.Put{put(key("x"), "y")}}); r != (store.Receipt{}) {
		t.Fatalf("a batch without entries has the receipt %+v", r)
	}
	_, err := s.Commit(context.Background(), store.Batch{
		Checks: []store.Check{{Key: key("x")}}, Entries: []store.Entry{{Time: at, Kind: "no"}}})
	if !errors.Is(err, store.ErrConflict) {
		t.Fatalf("want ErrConflict, got %v", err)
	}
	log.wantCommitted(t, s, 10)
}

func failingSealer(t *testing.T, open Open) {
	log := &Log{}
	s := open(t, log)
	commit(t, s, store.Batch{Entries: []store.Entry{{Time: at, Kind: "good"}}})
	for _, kind := range []string{"fail encode", "fail seal"} {
		_, err := s.Commit(context.Background(), store.Batch{
			Puts: []store.Put{put(key(kind), "x")}, Entries: []store.Entry{{Time: at, Kind: kind}}})
		if !errors.Is(err, errSealer) {
			t.Errorf("%s: %v", kind, err)
		}
		wantNone(t, s, key(kind))
	}
	commit(t, s, store.Batch{Entries: []store.Entry{{Time: at, Kind: "good"}}})
	log.wantCommitted(t, s, 2)
}

func large(t *testing.T, open Open) {
	log := &Log{}
	s := open(t, log)
	const count = 40_000
	var b store.Batch
	for i := range count {
		b.Puts = append(b.Puts, store.Put{Key: key("large", store.Seq(int64(i))), Value: bytes.Repeat([]byte{byte(i)}, 200)})
	}
	b.Entries = []store.Entry{{Time: at, Kind: "import"}}
	b.Checks = []store.Check{{Key: key("large", store.Seq(0))}}
	stop, seen := make(chan struct{}), make(chan string, 1)
	go func() { // a reader sees all of it or nothing
		defer close(seen)
		for {
			n := 0
			if err := s.Scan(key("large"), func(_, _ []byte) error { n++; return nil }); err != nil {
				seen <- err.Error()
				return
			}
			if n != 0 && n != count {
				seen <- fmt.Sprintf("a reader saw %d of %d puts of one batch", n, count)
				return
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	r := commit(t, s, b)
	close(stop)
	if text := <-seen; text != "" {
		t.Fatal(text)
	}
	if r.Count != 1 {
		t.Fatalf("receipt %+v", r)
	}
	if _, err := s.Commit(context.Background(), b); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("the same large batch again: %v", err)
	}
	log.wantCommitted(t, s, 1)
}

func concurrency(t *testing.T, open Open) {
	log := &Log{}
	s := open(t, log)
	const writers, each = 8, 50
	var wg sync.WaitGroup
	var mu sync.Mutex
	receipts := map[int64]bool{}
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				r, err := s.Commit(context.Background(), store.Batch{
					Puts:    []store.Put{put(key("c", fmt.Sprint(w), fmt.Sprint(i)), "x")},
					Entries: []store.Entry{{Time: at, Kind: "c"}},
				})
				mu.Lock()
				if err != nil || receipts[r.First] {
					t.Errorf("writer %d: receipt %+v, %v", w, r, err)
				}
				receipts[r.First] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	n := 0
	if err := s.Scan(key("c"), func(_, _ []byte) error { n++; return nil }); err != nil || n != writers*each {
		t.Fatalf("%d of %d records are there, %v", n, writers*each, err)
	}
	log.wantCommitted(t, s, writers*each)
}

func race(t *testing.T, open Open) {
	s := open(t, nil)
	var wg sync.WaitGroup
	won := make(chan int, 16)
	for w := range 16 {
		wg.Go(func() {
			_, err := s.Commit(context.Background(), store.Batch{
				Checks: []store.Check{{Key: key("prize")}}, Puts: []store.Put{put(key("prize"), fmt.Sprint(w))}})
			if err == nil {
				won <- w
			} else if !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(won) != 1 {
		t.Fatalf("%d callers won", len(won))
	}
	want(t, s, key("prize"), fmt.Sprint(<-won))
}

func cancelled(t *testing.T, open Open) {
	s := open(t, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Commit(ctx, store.Batch{Puts: []store.Put{put(key("a"), "1")}}); !errors.Is(err, context.Canceled) {
		t.Fatalf("want context.Canceled, got %v", err)
	}
	wantNone(t, s, key("a"))
}
