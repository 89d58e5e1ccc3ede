package load

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Shares from which something is said, or speaks against a run.
const (
	failedShare  = 0.10 // failed requests: what is left is another workload
	shorterShare = 0.01 // answers shorter than asked
	otherLength  = 0.10 // prompts whose length is not what was asked
	perChunk     = 1.5  // tokens a chunk
)

// judge writes down what speaks against the figures, each with its reason.
func (r *Run) judge() {
	bad := func(format string, args ...any) { r.Invalid = append(r.Invalid, fmt.Sprintf(format, args...)) }
	warn := func(format string, args ...any) { r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...)) }
	var fine []*Request
	for i := range r.Requests {
		if r.Requests[i].OK() {
			fine = append(fine, &r.Requests[i])
		}
	}
	r.failures(len(fine), bad, warn)
	if len(fine) == 0 {
		return
	}
	r.late(bad, warn)
	if r.Warmup == 0 {
		warn("there was no warm-up: first requests may have paid for compilation and connections")
	}
	r.tokens(fine, bad, warn)
	r.held(warn)
}

// failures by kind, the most frequent first.
func (r *Run) failures(fine int, bad, warn func(string, ...any)) {
	count, example := map[Kind]int{}, map[Kind]string{}
	for i := range r.Requests {
		q := &r.Requests[i]
		if q.OK() {
			continue
		}
		count[q.Kind]++
		if example[q.Kind] == "" {
			example[q.Kind] = q.Error
		}
	}
	failed := len(r.Requests) - fine
	if failed == 0 {
		return
	}
	var kinds []Kind
	for k := range count {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b Kind) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(string(a), string(b))
	})
	var parts []string
	for _, k := range kinds {
		parts = append(parts, fmt.Sprintf("%d %s (%s)", count[k], k, example[k]))
	}
	say := warn
	if float64(failed) > failedShare*float64(len(r.Requests)) {
		say = bad
	}
	say("%d of %d requests failed: %s", failed, len(r.Requests), strings.Join(parts, "; "))
}

// late compares the generator's own lag with what it measures.
func (r *Run) late(bad, warn func(string, ...any)) {
	what := func(s float64) string { return time.Duration(s * 1e9).Round(10 * time.Microsecond).String() }
	for _, l := range []struct {
		name string
		p99  float64
	}{{"sent", r.Lag.Send99}, {"read", r.Lag.Read99}} {
		if l.p99 > r.Lag.Allowed {
			bad("the generator was too slow: it %s late by %s at p99, and 10 %% of the median gap between chunks is %s. Run it on a machine with more free processor time, or at a lower rate", l.name, what(l.p99), what(r.Lag.Allowed))
		}
	}
	var slow []time.Duration
	for i := range r.Requests {
		if q := &r.Requests[i]; q.OK() && q.Reused && q.Wrote > q.Sent {
			slow = append(slow, q.Wrote-q.Sent)
		}
	}
	slices.Sort(slow)
	if p := quantile(slow, .99); p > max(r.Lag.Allowed, 0.001) {
		warn("handing a request to the kernel took %s at p99: that is in TTFT", what(p))
	}
}

// tokens says how they were counted, and where the answers are not as asked.
func (r *Run) tokens(fine []*Request, bad, warn func(string, ...any)) {
	var counted, byLength, shorter, other, buffered, long, tokens, chunks int
	models := map[string]bool{}
	for _, q := range fine {
		switch q.Counted {
		case ByChunks:
			counted++
		case ByLength:
			byLength++
		}
		if q.Output < q.Asked {
			shorter++
		}
		if q.Model != "" {
			models[q.Model] = true
		}
		tokens += q.Output
		chunks += len(q.Chunks)
		if len(q.Chunks) >= 8 {
			long++
			if q.Latency()-q.TTFT() < q.Latency()/100 {
				buffered++
			}
		}
	}
	for i, q := range fine {
		if asked := r.askedInput(q.N); r.Prompt.Measured && asked > 0 && i < len(fine) {
			if d := float64(q.Input)/float64(asked) - 1; d > otherLength || d < -otherLength {
				other++
			}
		}
	}
	n := len(fine)
	if counted > 0 {
		warn("%d of %d answers came without usage and ended before the asked length: their tokens are counted as chunks, which is too few where a chunk holds several", counted, n)
	}
	if byLength > 0 {
		warn("%d of %d answers came without usage: their tokens are taken as the asked length, at which they ended", byLength, n)
	}
	if !r.Prompt.Measured {
		warn("the server does not say how many tokens a prompt has: input tokens are those that were asked for")
	}
	if chunks > 0 && float64(tokens) > perChunk*float64(chunks) {
		warn("a chunk holds %.1f tokens on average: ITL is the gap between chunks, not between tokens", float64(tokens)/float64(chunks))
	}
	if float64(shorter) > shorterShare*float64(n) {
		warn("%d of %d answers are shorter than asked: the workload is lighter than declared", shorter, n)
	}
	if float64(other) > shorterShare*float64(n) {
		warn("%d of %d prompts differ by more than 10 %% from the asked length by the server's count", other, n)
	}
	for m := range models {
		warn("answers name the model %q, and %q was asked", m, r.Endpoint.Model)
	}
	if long > 0 && 2*buffered > long {
		bad("in %d of %d answers all chunks came at once: something between here and the engine buffers the stream, so that TTFT and TPOT are not the engine's", buffered, long)
	}
}

// askedInput is the prompt length that was asked of request n.
func (r *Run) askedInput(n int) int {
	if n < len(r.Workload.Trace) {
		return r.Workload.Trace[n].Input
	}
	if r.Workload.Spread > 0 {
		return 0
	}
	return r.Workload.Input
}

// held says where a cap of concurrency made the arrivals other than the rate's.
func (r *Run) held(warn func(string, ...any)) {
	if r.Pace.Concurrency == 0 || len(r.Workload.Trace) == 0 && r.Pace.burst() {
		return
	}
	n, most := 0, time.Duration(0)
	for i := range r.Requests {
		if q := &r.Requests[i]; q.Free > q.Scheduled {
			n++
			most = max(most, q.Free-q.Scheduled)
		}
	}
	if n*100 > len(r.Requests) {
		warn("the cap of %d at once held %d of %d requests back, by up to %s: TTFT counts from the send, so the wait is not in it", r.Pace.Concurrency, n, len(r.Requests), most.Round(time.Millisecond))
	}
}
