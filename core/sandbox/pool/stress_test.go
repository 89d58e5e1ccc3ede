package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/pool"
)

// instance checks from inside that it has one holder.
type instance struct {
	key       int
	holders   atomic.Int32
	discarded atomic.Bool
	uses      int // without a lock: the race detector sees two holders too
}

func TestManyHolders(t *testing.T) {
	const keys, perKey, running, workers = 7, 3, 8, 32
	before := runtime.NumGoroutine()
	var made, discarded, out atomic.Int64
	var outOf [keys]atomic.Int64
	p, err := pool.New(pool.Config[int, *instance]{
		PerKey: perKey, Running: running, IdleBytes: 60, MaxIdle: time.Second,
		Make: func(_ context.Context, key int) (*instance, error) {
			if rand.IntN(20) == 0 {
				return nil, errors.New("no luck")
			}
			made.Add(1)
			return &instance{key: key}, nil
		},
		Cost: func(i *instance) int64 { return int64(5 + i.uses%7) },
		Discard: func(i *instance) {
			if i.discarded.Swap(true) || i.holders.Load() != 0 {
				t.Error("discarded twice, or under its holder")
			}
			discarded.Add(1)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range 400 {
				key := rand.IntN(keys)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(3000))*time.Microsecond)
				get := p.Get
				if rand.IntN(10) == 0 {
					get = p.Fresh
				}
				loan, err := get(ctx, key)
				cancel()
				if err != nil {
					continue
				}
				i := loan.Value
				if i.key != key || i.holders.Add(1) != 1 || i.discarded.Load() {
					t.Error("lent to two, of another key, or after its end")
				}
				if out.Add(1) > running || outOf[key].Add(1) > perKey {
					t.Error("more are out than may be")
				}
				i.uses++
				runtime.Gosched()
				outOf[key].Add(-1)
				out.Add(-1)
				i.holders.Add(-1)
				p.Put(loan, rand.IntN(5) > 0)
				switch rand.IntN(100) {
				case 0:
					p.Drop(rand.IntN(keys))
				case 1:
					p.Trim(rand.Int64N(60))
				case 2:
					p.Tick(time.Unix(int64(rand.IntN(1000)), 0))
				}
			}
		})
	}
	all.Wait()
	if s := p.Stats(); s.Out != 0 || s.Waiting != 0 || s.IdleBytes > 60 || s.Made != made.Load() || s.Reused == 0 {
		t.Errorf("stats: %+v", s)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if made.Load() != discarded.Load() {
		t.Errorf("%d were made and %d discarded", made.Load(), discarded.Load())
	}
	if after := runtime.NumGoroutine(); after > before+2 {
		t.Errorf("from %d to %d goroutines", before, after)
	}
}

// TestOrder: those who wait are served as they came, and a waiter whose key is
// full does not stand in the way of one whose key is not.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{}
		p := open(t, s.config()) // two of a key, three in all
		x1, x2, y := get(t, p, "x"), get(t, p, "x"), get(t, p, "y")
		var served []string
		var mu sync.Mutex
		for _, who := range []struct{ name, key string }{{"1", "x"}, {"2", "y"}, {"3", "x"}, {"4", "z"}, {"5", "y"}} {
			go func() {
				l, err := p.Get(t.Context(), who.key)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				served = append(served, who.name)
				mu.Unlock()
				time.Sleep(time.Hour)
				p.Put(l, true)
			}()
			synctest.Wait() // it stands in the queue
		}
		if n := p.Stats().Waiting; n != 5 {
			t.Fatalf("%d wait", n)
		}
		check := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(served, want) {
				t.Fatalf("served %v, want %v", served, want)
			}
		}
		p.Put(y, true)
		check("2")              // the first waits for x, which is full
		time.Sleep(time.Minute) // each ends in a minute of its own
		p.Put(x1, true)
		check("2", "1")
		time.Sleep(time.Minute)
		p.Put(x2, true)
		check("2", "1", "3")
		time.Sleep(58*time.Minute + time.Second)
		check("2", "1", "3", "4")
		time.Sleep(time.Minute)
		check("2", "1", "3", "4", "5")
		time.Sleep(2 * time.Hour)
		if s := p.Stats(); s.Out != 0 || s.Waiting != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{}
		p := open(t, s.config())
		out, kept := get(t, p, "x"), get(t, p, "x")
		p.Put(kept, true)
		again := get(t, p, "x")
		waiting := make(chan error)
		go func() {
			_, err := p.Get(t.Context(), "x")
			waiting <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- p.Close(ctx) }()
		if err := <-waiting; !errors.Is(err, pool.ErrClosed) {
			t.Fatalf("who waits is told: %v", err)
		}
		if _, err := p.Get(t.Context(), "y"); !errors.Is(err, pool.ErrClosed) {
			t.Fatalf("who comes later is told: %v", err)
		}
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Close waited for nothing: %v", err)
		}
		p.Put(out, true)
		if !out.Value.discarded {
			t.Fatal("a closed pool kept what came back")
		}
		go func() { done <- p.Close(t.Context()) }()
		synctest.Wait()
		p.Put(again, true)
		if err := <-done; err != nil || len(s.discarded) != 2 {
			t.Fatalf("%v, discarded %v", err, s.discarded)
		}
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestAgainstModel plays one caller against a list that is plainly right.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &shop{}
		c := s.config()
		p, err := pool.New(c)
		if err != nil {
			t.Fatal(err)
		}
		type kept struct {
			*thing
			since time.Time
		}
		var idle []kept // the longest unused first
		var out []pool.Loan[string, *thing]
		var now time.Time
		gone := map[int]bool{}
		lose := func(n int) { gone[idle[n].number] = true; idle = append(idle[:n:n], idle[n+1:]...) }
		weight := func() (w int64) {
			for _, k := range idle {
				w += k.weight
			}
			return w
		}
		key := rapid.SampledFrom([]string{"a", "b", "c"})
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				k := key.Draw(t, "key")
				same := 0
				for _, l := range out {
					if l.Value.key == k {
						same++
					}
				}
				if same == c.PerKey || len(out) == c.Running {
					t.Skip("would wait")
				}
				l, err := p.Get(context.Background(), k)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, l)
				for n := len(idle) - 1; n >= 0; n-- {
					if idle[n].key == k {
						if idle[n].thing != l.Value || !l.Reused {
							t.Fatalf("got %+v, want the one that came back last", l.Value)
						}
						idle = append(idle[:n:n], idle[n+1:]...)
						return
					}
				}
				if l.Reused || l.Value.number != s.made {
					t.Fatalf("got %+v, want a new one", l.Value)
				}
			},
			"put": func(t *rapid.T) {
				if len(out) == 0 {
					t.Skip("nothing is out")
				}
				n := rapid.IntRange(0, len(out)-1).Draw(t, "which")
				l := out[n]
				out = append(out[:n:n], out[n+1:]...)
				l.Value.weight = rapid.SampledFrom([]int64{0, 10, 40, 100, 101}).Draw(t, "weight")
				keep := rapid.Bool().Draw(t, "keep")
				p.Put(l, keep)
				if !keep || l.Value.weight > c.IdleBytes {
					gone[l.Value.number] = true
					return
				}
				idle = append(idle, kept{l.Value, now})
				for weight() > c.IdleBytes {
					lose(0)
				}
			},
			"tick": func(t *rapid.T) {
				first := now.IsZero()
				if first {
					now = time.Unix(1000, 0)
				}
				now = now.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "seconds")) * time.Second)
				for n := range idle {
					if first {
						idle[n].since = now
					}
				}
				for len(idle) > 0 && now.Sub(idle[0].since) >= c.MaxIdle {
					lose(0)
				}
				p.Tick(now)
			},
			"trim": func(t *rapid.T) {
				to := rapid.Int64Range(-1, 100).Draw(t, "bytes")
				p.Trim(to)
				for len(idle) > 0 && weight() > to {
					lose(0)
				}
			},
			"": func(t *rapid.T) {
				got := p.Stats()
				if got.Out != len(out) || got.Idle != len(idle) || got.IdleBytes != weight() || got.IdleBytes > c.IdleBytes {
					t.Fatalf("%+v, want %d out, %d idle of %d bytes", got, len(out), len(idle), weight())
				}
				if len(gone) != len(s.discarded) {
					t.Fatalf("discarded %v, want %v", s.discarded, gone)
				}
				for _, n := range s.discarded {
					if !gone[n] {
						t.Fatalf("discarded %v, want %v", s.discarded, gone)
					}
				}
			},
		})
	})
}

// BenchmarkContended is what the one lock costs when every core wants it.
func BenchmarkContended(b *testing.B) {
	s := &shop{}
	c := s.config()
	c.PerKey, c.Running, c.IdleBytes = 64, 64, 1<<20
	c.Make = func(context.Context, string) (*thing, error) { return &thing{}, nil }
	p, err := pool.New(c)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l, err := p.Get(context.Background(), "x")
			if err != nil {
				b.Error(err)
				return
			}
			p.Put(l, true)
		}
	})
}
