package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// plan is one request and what the script makes of it.
type plan struct {
	ask      ask
	fault    *Fault
	truth    *Truth
	admitted time.Time
	created  int64
	model    string
	tpot     time.Duration
	offsets  []time.Duration // of the chunks so far drawn, from admission
	next     func() time.Duration
	timers   *timers
}

// plan draws everything of request n at once, from the seed and n alone.
func (e *Engine) plan(n int, a ask, id string, arrived, admitted time.Time) *plan {
	s := e.script
	p := &plan{ask: a, fault: s.fault(n), admitted: admitted, created: admitted.Unix(), model: a.Model, timers: &e.timers}
	ttft := s.TTFT.draw(s.chance(n, 1)) + time.Duration(a.input)*time.Duration(s.PerInput)
	gaps := s.chance(n, 2)
	p.tpot = s.TPOT.draw(gaps)
	p.next = func() time.Duration {
		if s.PerChunk {
			return s.TPOT.draw(gaps)
		}
		return p.tpot
	}
	if n%2 == 1 {
		p.created += int64(time.Duration(s.ClockJump).Seconds())
	}
	if p.is("wrong-model") {
		p.model = "some/other-model"
	}
	p.offsets = []time.Duration{ttft}
	p.truth = &Truth{N: n, ID: id, Arrived: arrived.UnixNano(), Queued: p.admitted.Sub(arrived).Seconds(), TTFT: ttft.Seconds(), Input: a.input, record: s.RecordTimes, admitted: p.admitted}
	return p
}

func (p *plan) kind() string {
	if p.fault == nil {
		return ""
	}
	return p.fault.Kind
}

func (p *plan) is(kind string) bool { return p.kind() == kind }

// chunks that the answer takes; ChunkTokens is folded in by offset's caller.
func (p *plan) chunks() int { return p.ask.output }

// offset of token k's chunk from admission. Gaps are drawn as they are reached,
// so that a batch's slowdown is that of the moment.
func (p *plan) offset(e *Engine, k int) time.Duration {
	for len(p.offsets) <= k {
		gap := time.Duration(float64(p.next()) * e.stretch())
		p.offsets = append(p.offsets, p.offsets[len(p.offsets)-1]+gap)
	}
	return p.offsets[k]
}

// until waits for t, and tells whether the client is still there.
func (p *plan) until(r *http.Request, t time.Time) bool {
	if time.Until(t) <= 0 {
		return r.Context().Err() == nil
	}
	select {
	case <-p.timers.at(t):
		return true
	case <-r.Context().Done():
		return false
	}
}

// pause for a while, or until the client leaves when that is 0.
func (p *plan) pause(r *http.Request, d time.Duration) {
	if d == 0 {
		<-r.Context().Done()
		return
	}
	p.until(r, time.Now().Add(d))
}

// stream sends the chunks. Their times are absolute, counted from admission, so
// that lateness of one does not add to the next.
func (e *Engine) stream(w http.ResponseWriter, r *http.Request, p *plan) {
	s := e.script
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	if s.ClockJump != 0 && p.truth.N%2 == 1 {
		w.Header().Set("Date", time.Now().Add(time.Duration(s.ClockJump)).UTC().Format(http.TimeFormat))
	}
	out := http.NewResponseController(w)
	role, head, tail := p.shape()
	limit := p.ask.output
	if p.is("flood") {
		limit = 1 << 20
	}
	if p.is("empty") {
		limit = 0
	}
	var buf bytes.Buffer
	for sent := 0; sent < limit; {
		take := min(s.ChunkTokens, limit-sent)
		offset := p.offset(e, sent)
		if !p.is("burst") || sent+take == limit {
			if p.is("burst") {
				offset = p.offset(e, limit-1)
			}
			if !p.until(r, p.admitted.Add(offset)) {
				p.truth.End = "left"
				return
			}
		}
		if sent == 0 && role != nil {
			buf.Write(role)
			e.stamp(&buf, p, 0)
		}
		buf.Write(head)
		for range take {
			buf.WriteString(word)
		}
		buf.Write(tail)
		sent += take
		if sent == p.ask.output && !p.is("flood") {
			buf.WriteString(`"length"}]`)
		} else {
			buf.WriteString(`null}]`)
		}
		e.stamp(&buf, p, sent)
		if p.is("burst") && sent < limit {
			continue
		}
		p.truth.sent(offset)
		if _, err := w.Write(buf.Bytes()); err != nil || out.Flush() != nil {
			p.truth.End = "left"
			return
		}
		buf.Reset()
		p.truth.Tokens, p.truth.Last = sent, offset.Seconds()
		if p.fault != nil && sent >= p.fault.After && sent < limit && e.middle(w, r, out, p) {
			return
		}
	}
	e.end(w, out, p)
}

// stamp ends a chunk, with usage where every chunk has it.
func (e *Engine) stamp(buf *bytes.Buffer, p *plan, tokens int) {
	if e.script.Usage == UsageContinuous || p.ask.StreamOptions.ContinuousUsage && e.script.Usage != UsageNever {
		usage, _ := json.Marshal(p.usage(tokens))
		buf.WriteString(`,"usage":`)
		buf.Write(usage)
	}
	buf.WriteString("}\n\n")
}

// middle does the faults of a stream's middle, and tells whether it ends by one.
func (e *Engine) middle(w http.ResponseWriter, r *http.Request, out *http.ResponseController, p *plan) bool {
	say := func(text string) {
		fmt.Fprint(w, text)
		out.Flush() //nolint:errcheck // the client may be gone
	}
	switch p.kind() {
	case "stall":
		p.pause(r, time.Duration(p.fault.For))
		if p.fault.For > 0 {
			p.fault = nil // it comes once
			return false
		}
	case "cut":
		p.truth.End = "cut"
		panic(http.ErrAbortHandler)
	case "end":
	case "garbage":
		say("data: {\"choices\":[{\"index\":0,\"del\n\n")
	case "long-line":
		say("data: " + strings.Repeat("x", 4<<20) + "\n\n")
	case "error":
		say(`data: {"error":{"message":"EngineCore encountered an issue. See stack trace (above) for the root cause.","type":"InternalServerError","param":null,"code":500}}` + "\n\ndata: [DONE]\n\n")
	case "die":
		p.truth.End = "die"
		e.die()
		panic(http.ErrAbortHandler)
	default:
		return false
	}
	p.truth.End = p.kind()
	return true
}

// end of a stream that came through.
func (e *Engine) end(w http.ResponseWriter, out *http.ResponseController, p *plan) {
	usage := e.script.Usage == UsageAlways || e.script.Usage == UsageContinuous || e.script.Usage == UsageAsked && p.ask.StreamOptions.IncludeUsage
	if usage && !p.is("no-usage") && !p.is("empty") {
		w.Write(p.usageEvent(p.truth.Tokens)) //nolint:errcheck // the client may be gone
	}
	if !p.is("no-done") {
		fmt.Fprint(w, "data: [DONE]\n\n")
	}
	out.Flush() //nolint:errcheck // the client may be gone
	p.truth.End = "done"
}
