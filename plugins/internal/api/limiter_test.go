package api

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// starts runs n calls that each take a while and says when each began, in
// seconds since the first. The clock is the bubble's.
func starts(t *testing.T, l *Limiter, n int, tokens int64, took time.Duration, after func(i int)) []float64 {
	t.Helper()
	begin := time.Now()
	var mu sync.Mutex
	var out []float64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			release, err := l.Acquire(t.Context(), tokens)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			out = append(out, time.Since(begin).Seconds())
			mu.Unlock()
			time.Sleep(took)
			if after != nil {
				after(i)
			}
			release(-1)
		})
		synctest.Wait()
	}
	wg.Wait()
	return out
}

func TestConcurrencyIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := starts(t, NewLimiter(Limits{Concurrency: 2}), 6, 0, time.Second, nil)
		for i, at := range got {
			if want := float64(i / 2); at < want || at > want+0.1 {
				t.Errorf("call %d began at %v", i, at)
			}
		}
	})
}

func TestRequestsPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A bucket of 6, then one a second.
		got := starts(t, NewLimiter(Limits{RequestsPerMinute: 60}), 10, 0, 0, nil)
		if got[5] != 0 || got[6] < 0.9 || got[9] < 3.9 || got[9] > 4.2 {
			t.Errorf("%v", got)
		}
	})
}

func TestTokensPerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 600 a minute are 10 a second, and 60 at once. A call larger than the
		// bucket is late and not impossible.
		got := starts(t, NewLimiter(Limits{TokensPerMinute: 600}), 3, 160, 0, nil)
		if got[0] != 0 || got[1] < 9.9 || got[1] > 10.2 || got[2] < 25.8 || got[2] > 26.4 {
			t.Errorf("%v", got)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{TokensPerMinute: 600})
		release, err := l.Acquire(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		release(10) // it used far less than was thought
		if got := starts(t, l, 1, 1, 0, nil); got[0] != 0 {
			t.Errorf("what was not used is not given back: %v", got)
		}
	})
}

func TestTooMuchHoldsEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{Concurrency: 8})
		for range 4 {
			if _, err := l.Acquire(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		l.TooMuch(10 * time.Second)
		l.TooMuch(5 * time.Second) // one of the same round: it halves nothing again
		for range 4 {
			l.release(0, -1)
		}
		got := starts(t, l, 4, 0, time.Second, func(int) { l.Succeeded() })
		for i, want := range []float64{10, 10, 11, 11} {
			if got[i] < want || got[i] > want+0.1 {
				t.Errorf("%v: half of four at a time, after ten seconds", got)
			}
		}
		for range 200 {
			l.Succeeded()
		}
		if got := starts(t, l, 8, 0, time.Second, nil); got[7] > 0.1 {
			t.Errorf("the limit does not come back: %v", got)
		}
	})
}

func TestWaitsEndWithTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter(Limits{Concurrency: 1})
		if _, err := l.Acquire(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Acquire(ctx, 0); err == nil || backend.AsError(err).Code != backend.Cancelled {
			t.Error(err)
		}
		l.TooMuch(time.Hour)
		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		_, err := l.Acquire(ctx, 0)
		if e := backend.AsError(err); err == nil || e.Code != backend.RateLimited || e.RetryAfter != time.Hour || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func BenchmarkAcquire(b *testing.B) {
	l := NewLimiter(Limits{Concurrency: 64, RequestsPerMinute: 1 << 50, TokensPerMinute: 1 << 50})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			release, err := l.Acquire(context.Background(), 10)
			if err != nil {
				b.Error(err)
				return
			}
			release(10)
		}
	})
}
