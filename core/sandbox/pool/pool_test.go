package pool_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/pool"
)

// thing counts its holders, which may be one at most.
type thing struct {
	key       string
	number    int
	weight    int64
	discarded bool
}

type shop struct {
	mu        sync.Mutex // the pool makes and discards several at a time
	made      int
	discarded []int
	fail      error
}

func (s *shop) config() pool.Config[string, *thing] {
	return pool.Config[string, *thing]{
		PerKey: 2, Running: 3, IdleBytes: 100, MaxIdle: time.Minute,
		Make: func(_ context.Context, key string) (*thing, error) {
			if s.fail != nil {
				return nil, s.fail
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.made++
			return &thing{key: key, number: s.made, weight: 30}, nil
		},
		Cost: func(t *thing) int64 { return t.weight },
		Discard: func(t *thing) {
			if t.discarded {
				panic("discarded twice")
			}
			t.discarded = true
			s.mu.Lock()
			defer s.mu.Unlock()
			s.discarded = append(s.discarded, t.number)
		},
	}
}

func open(t *testing.T, c pool.Config[string, *thing]) *pool.Pool[string, *thing] {
	t.Helper()
	p, err := pool.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func get(t *testing.T, p *pool.Pool[string, *thing], key string) pool.Loan[string, *thing] {
	t.Helper()
	l, err := p.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// impatient is a context that ends while a Get waits.
func impatient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestBounds(t *testing.T) {
	s := &shop{}
	p := open(t, s.config())
	a, b := get(t, p, "x"), get(t, p, "x")
	if _, err := p.Get(impatient(t), "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a third of x: %v", err)
	}
	c := get(t, p, "y")
	if _, err := p.Get(impatient(t), "z"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a fourth of all: %v", err)
	}
	p.Put(a, true)
	again := get(t, p, "x")
	if again.Value != a.Value || !again.Reused {
		t.Fatalf("the kept thing was not lent again: %+v", again)
	}
	p.Put(again, true)
	fresh, err := p.Fresh(t.Context(), "x")
	if err != nil || fresh.Value == a.Value || fresh.Reused {
		t.Fatalf("Fresh gave a kept thing: %+v, %v", fresh, err)
	}
	p.Put(fresh, false)
	p.Put(b, true)
	p.Put(c, true)
	if got := p.Stats(); got.Out != 0 || got.Idle != 3 || got.IdleBytes != 90 || got.Made != 4 || got.Reused != 1 || got.Discarded != 1 || got.Waiting != 0 {
		t.Fatalf("stats: %+v", got)
	}
}

func TestLongestUnusedGoesFirst(t *testing.T) {
	s := &shop{}
	p := open(t, s.config())
	for _, key := range []string{"a", "b", "c"} {
		p.Put(get(t, p, key), true)
	}
	p.Put(get(t, p, "a"), true) // a is younger than b now
	p.Put(get(t, p, "d"), true) // 120 bytes: one must go
	if !slices.Equal(s.discarded, []int{2}) {
		t.Fatalf("discarded %v, want b's", s.discarded)
	}
	heavy := get(t, p, "e")
	heavy.Value.weight = 101
	p.Put(heavy, true) // heavier than all that may be kept: it goes, the others stay
	if got := p.Stats(); !heavy.Value.discarded || got.Idle != 3 {
		t.Fatalf("stats: %+v", got)
	}
	if n := p.Trim(30); n != 2 || p.Stats().Idle != 1 {
		t.Fatalf("Trim discarded %d", n)
	}
	light := get(t, p, "f")
	light.Value.weight = 0
	p.Put(light, true)
	if err := p.Close(t.Context()); err != nil || p.Stats().Idle != 0 || !light.Value.discarded {
		t.Fatalf("Close left %+v: %v", p.Stats(), err)
	}
}

func TestAge(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	s := &shop{}
	p := open(t, s.config())
	p.Put(get(t, p, "early"), true) // before the pool knows any time
	steps := []struct {
		after time.Duration
		put   string
		gone  int
	}{
		{0, "a", 0},
		{30 * time.Second, "b", 0},
		{time.Minute, "", 2},      // early and a
		{30 * time.Second, "", 0}, // a clock that goes back changes nothing
		{89 * time.Second, "", 0},
		{90 * time.Second, "", 1},
	}
	for _, step := range steps {
		if got := p.Tick(noon.Add(step.after)); got != step.gone {
			t.Errorf("after %s: %d went, want %d", step.after, got, step.gone)
		}
		if step.put != "" {
			p.Put(get(t, p, step.put), true)
		}
	}
}

func TestDrop(t *testing.T) {
	s := &shop{}
	p := open(t, s.config())
	out, kept, other := get(t, p, "x"), get(t, p, "x"), get(t, p, "y")
	p.Put(kept, true)
	p.Put(other, true)
	p.Drop("x")
	p.Drop("never seen")
	if !kept.Value.discarded || out.Value.discarded || other.Value.discarded {
		t.Fatal("Drop discards what is kept of its key, and nothing else")
	}
	p.Put(out, true)
	if !out.Value.discarded {
		t.Fatal("a thing of before Drop was kept")
	}
	later := get(t, p, "x")
	p.Put(later, true)
	if later.Value.discarded || later.Reused {
		t.Fatalf("after Drop x is a key like any other: %+v", later)
	}
}

func TestMakeFails(t *testing.T) {
	s := &shop{fail: errors.New("no")}
	c := s.config()
	p := open(t, c)
	for range 10 { // more than the bounds: a failure gives its slot back
		if _, err := p.Get(t.Context(), "x"); !errors.Is(err, s.fail) {
			t.Fatalf("got %v", err)
		}
	}
	c.Make = func(context.Context, string) (*thing, error) { panic("oh") }
	p = open(t, c)
	for range 10 {
		func() {
			defer func() {
				if recover() != "oh" {
					t.Error("the panic was lost")
				}
			}()
			_, _ = p.Get(impatient(t), "x")
		}()
	}
	if got := p.Stats(); got.Out != 0 {
		t.Fatalf("stats: %+v", got)
	}
}

func TestPutTwice(t *testing.T) {
	s := &shop{}
	p := open(t, s.config())
	first := get(t, p, "x")
	p.Put(first, true)
	second := get(t, p, "x")
	if second.Value != first.Value {
		t.Fatal("want the same thing again")
	}
	for _, bad := range []pool.Loan[string, *thing]{first, {}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a loan that is over was put back, and the pool did not mind")
				}
			}()
			p.Put(bad, true)
		}()
	}
	if got := p.Stats(); got.Out != 1 || got.Idle != 0 {
		t.Fatalf("the second holder lost the thing: %+v", got)
	}
}

func TestConfig(t *testing.T) {
	for name, spoil := range map[string]func(*pool.Config[string, *thing]){
		"PerKey":    func(c *pool.Config[string, *thing]) { c.PerKey = 0 },
		"Running":   func(c *pool.Config[string, *thing]) { c.Running = -1 },
		"IdleBytes": func(c *pool.Config[string, *thing]) { c.IdleBytes = -1 },
		"MaxIdle":   func(c *pool.Config[string, *thing]) { c.MaxIdle = -1 },
		"Make":      func(c *pool.Config[string, *thing]) { c.Make = nil },
		"Cost":      func(c *pool.Config[string, *thing]) { c.Cost = nil },
		"Discard":   func(c *pool.Config[string, *thing]) { c.Discard = nil },
	} {
		c := (&shop{}).config()
		spoil(&c)
		if _, err := pool.New(c); err == nil {
			t.Errorf("a wrong %s was accepted", name)
		}
	}
}

func BenchmarkGetPut(b *testing.B) {
	p, err := pool.New((&shop{}).config())
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		l, err := p.Get(ctx, "x")
		if err != nil {
			b.Fatal(err)
		}
		p.Put(l, true)
	}
}

func ExamplePool() {
	p, err := pool.New(pool.Config[string, *[]byte]{
		PerKey: 1, Running: 8, IdleBytes: 1 << 20,
		Make:    func(context.Context, string) (*[]byte, error) { return new([]byte), nil },
		Cost:    func(b *[]byte) int64 { return int64(cap(*b)) },
		Discard: func(*[]byte) {},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		loan, err := p.Get(context.Background(), "skill")
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(loan.Reused)
		p.Put(loan, true)
	}
	// Output:
	// false
	// true
}
