package load

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// quiet is a run of 20 requests against which nothing speaks: chunks 10 ms apart.
func quiet() *Run {
	run := &Run{Workload: Workload{Input: 50, Output: 20}, Warmup: 1, Prompt: Prompt{Measured: true}}
	for i := range 20 {
		r := Request{N: i, Sent: time.Duration(i) * time.Millisecond, Scheduled: time.Duration(i) * time.Millisecond, Input: 50, Asked: 20, Output: 20, Counted: ByUsage, Kind: Fine}
		for k := range 20 {
			r.Chunks = append(r.Chunks, r.Sent+time.Duration(10+10*k)*time.Millisecond)
		}
		run.Requests = append(run.Requests, r)
	}
	return run
}

// TestLag: a generator that is late by more than a tenth of the median gap makes
// its run invalid, whether it sends or reads late.
func TestLag(t *testing.T) {
	late := func(n int, d time.Duration) []time.Duration {
		out := make([]time.Duration, 300)
		for i := range n {
			out[i] = d
		}
		return out
	}
	for _, c := range []struct {
		name    string
		reads   []time.Duration
		send    time.Duration
		invalid string
	}{
		{"on time", late(0, 0), 0, ""},
		{"one pause", late(1, time.Second), 0, ""},
		{"just within", late(50, 990*time.Microsecond), 990 * time.Microsecond, ""},
		{"reads late", late(5, 1100*time.Microsecond), 0, "it read late by 1.1ms at p99"},
		{"sends late", late(0, 0), 2 * time.Millisecond, "it sent late by 2ms at p99"},
	} {
		run := quiet()
		for i := range run.Requests {
			run.Requests[i].Scheduled -= c.send
		}
		run.Lag = lag(run.Requests, slices.Clone(c.reads))
		run.judge()
		if got := strings.Join(run.Invalid, "\n"); (c.invalid == "") != run.Valid() || !strings.Contains(got, c.invalid) {
			t.Errorf("%s: %q, lag %+v", c.name, got, run.Lag)
		}
		if len(run.Warnings) > 0 {
			t.Errorf("%s: warnings %q", c.name, run.Warnings)
		}
	}
}

// TestLagOfOneToken: without gaps a tenth of the median TTFT is allowed.
func TestLagOfOneToken(t *testing.T) {
	run := quiet()
	for i := range run.Requests {
		run.Requests[i].Chunks = run.Requests[i].Chunks[:1]
	}
	if l := lag(run.Requests, nil); l.Allowed != 0.001 {
		t.Errorf("allowed %g s, TTFT is 10 ms", l.Allowed)
	}
}

// TestCapIsNoLag: waiting for a place is not the generator's lag.
func TestCapIsNoLag(t *testing.T) {
	run := quiet()
	for i := range run.Requests {
		run.Requests[i].Scheduled, run.Requests[i].Free = 0, run.Requests[i].Sent
	}
	if l := lag(run.Requests, nil); l.SendMx != 0 {
		t.Errorf("lag %+v", l)
	}
}

// TestCanary: it sees its own connection, and a lateness that can be.
func TestCanary(t *testing.T) {
	var late []time.Duration
	for long := 100 * time.Millisecond; len(late) == 0; long *= 2 { // a machine may be busy for that long
		if long > 10*time.Second {
			t.Fatal("nothing was heard")
		}
		c := startCanary(newClock())
		if c == nil {
			t.Skip("no connection to itself is possible here")
		}
		time.Sleep(long)
		late = c.stop()
	}
	for _, d := range late {
		if d <= 0 || d > time.Minute {
			t.Errorf("late by %s", d)
		}
	}
}
