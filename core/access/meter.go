package access

import (
	"cmp"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Bounds of what a Meter remembers.
const (
	// MaxKeys is how many principals, sessions or connectors a limit counts apart.
	MaxKeys = 1 << 16
	// MaxSessions is how many sessions have counters of their own.
	MaxSessions = 1 << 14
	// MaxSessionTools is how many distinct names of one session are remembered. To
	// forget one would be to let through what a rule refuses: when there are more, a
	// rule that reads session.tools cannot be evaluated for the session any more.
	MaxSessionTools = 128
	// SessionIdle is how long a session without a call is remembered.
	SessionIdle = 24 * time.Hour
)

// MeterOptions bound a Meter; zeros are the constants above.
type MeterOptions struct {
	Keys, Sessions int
}

// Meter counts calls: per session for rules, and per limit. Nobody can make it grow
// without end: when a table is full of keys whose time has not run out, further ones
// are counted together, as if they were one. They may be refused early then, never
// late.
//
// A limit counts in a sliding window of 16 steps: in no stretch of `within` are there
// more than `calls`, and a call is forgotten at most a sixteenth of it late. A clock
// that goes back forgets nothing: what was counted then counts as made now.
//
// Calls without a session are those of one session of their principal.
//
// It is safe for use by many goroutines: a call is counted before the rules are
// asked, and given back when they refuse.
type Meter struct {
	policy   *Policy
	mu       sync.Mutex
	now      time.Time // the latest that was seen
	sessions *table[session]
	limits   []*table[window] // as in policy
}

// session is what happened in one.
type session struct {
	calls, denied, asked int
	tools                []string
	lost                 bool // there were more tools
	started              time.Time
}

// NewMeter counts for a policy.
func NewMeter(p *Policy, o MeterOptions) *Meter {
	m := &Meter{policy: p, sessions: newTable[session](cmp.Or(o.Sessions, MaxSessions), SessionIdle)}
	if p != nil {
		for _, l := range p.limits {
			m.limits = append(m.limits, newTable[window](cmp.Or(o.Keys, MaxKeys), l.Within+l.Within/steps+1))
		}
	}
	return m
}

// Decide answers a request with what was counted so far, and counts it: as a call
// when it is allowed, else as denied or asked. Request.Counters is overwritten. What
// only looks is not counted.
func (m *Meter) Decide(r Request) Decision {
	if r.Action.Looks() || r.At.IsZero() {
		r.Counters = m.Counters(r)
		return m.policy.Decide(r)
	}
	m.mu.Lock()
	now := m.clock(r.At)
	s := m.sessions.get(sessionKey(r), now)
	r.Counters = m.counters(s, &r, now)
	reserved := len(r.Counters.Spent) == 0
	if reserved {
		s.calls++
		m.each(&r, now, func(_ config.AccessLimit, w *window) { w.add(now, 1) })
	}
	m.mu.Unlock()

	d := m.policy.Decide(r)

	m.mu.Lock()
	defer m.mu.Unlock()
	s = m.sessions.get(sessionKey(r), m.now)
	if d.Effect == Allow {
		if s.started.IsZero() {
			s.started = r.At.UTC()
		}
		s.called(r.name())
		return d
	}
	if reserved {
		s.calls = max(0, s.calls-1)
		m.each(&r, m.now, func(_ config.AccessLimit, w *window) { w.giveBack() })
	}
	if d.Effect == Ask {
		s.asked++
	} else {
		s.denied++
	}
	return d
}

// Continue answers a request that goes on with a call that was let through before:
// the rules are asked again, with its arguments, and nothing is counted or held
// against a limit a second time.
func (m *Meter) Continue(r Request) Decision {
	r.Counters = m.Counters(r)
	r.Counters.Spent = nil
	return m.policy.Decide(r)
}

// Counters are what a request would be decided with now.
func (m *Meter) Counters(r Request) Counters {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.At.IsZero() {
		return Counters{} // nothing is decided at no time
	}
	return m.counters(m.sessions.peek(sessionKey(r), m.clock(r.At)), &r, m.now)
}

// overtaken is how much older than another a call may be that is decided after it.
const overtaken = time.Minute

// clock is the time that is counted with. Calls overtake each other on their way
// here, and one that comes late is counted as made now: at its own time it would be
// forgotten too early. What is older than that comes from a clock that was set back.
func (m *Meter) clock(at time.Time) time.Time {
	if at.After(m.now) || m.now.Sub(at) > overtaken {
		m.now = at
	}
	return m.now
}

func (m *Meter) counters(s *session, r *Request, now time.Time) Counters {
	c := Counters{Calls: s.calls, Denied: s.denied, Asked: s.asked, Tools: s.tools[:len(s.tools):len(s.tools)], Lost: s.lost, Started: s.started}
	if r.Action.Looks() {
		return c
	}
	m.each(r, now, func(l config.AccessLimit, w *window) {
		if until, full := w.full(now, l.Calls); full {
			c.Spent = append(c.Spent, Spent{Limit: l.Name, Until: until})
		}
	})
	return c
}

// each visits the windows of the limits that a request falls under.
func (m *Meter) each(r *Request, now time.Time, do func(config.AccessLimit, *window)) {
	if m.policy == nil {
		return
	}
	var room [16]int
	for _, i := range m.policy.metered.find(r, room[:0]) {
		if l := &m.policy.limits[i]; matches(&l.Match, r) {
			w := m.limits[i].get(limitKey(l, r), now)
			w.width = max(1, int64(l.Within)/steps)
			do(*l, w)
		}
	}
}

// spent is the decision for a request that a limit refuses; of several the first by
// name, and the latest end.
func (p *Policy) spent(r *Request) Decision {
	first := r.Counters.Spent[0]
	d := Decision{Effect: Deny, Rule: first.Limit, Reason: "too many calls; wait and try again"}
	for _, s := range r.Counters.Spent {
		if s.Until.After(d.Until) {
			d.Until = s.Until
		}
	}
	if !d.Until.IsZero() {
		d.Reason = "too many calls; the next one fits at " + d.Until.UTC().Format(time.RFC3339)
	}
	for _, l := range p.limits {
		if l.Name == first.Limit {
			d.Range, d.Line = l.Range, l.Range.String()+": limit "+quote(l.Name)
		}
	}
	return d
}

func (r *Request) name() string {
	if r.Tool != "" {
		return r.Tool
	}
	return r.Skill
}

func sessionKey(r Request) string { return caller(&r) + "\x00" + r.Session }

func caller(r *Request) string {
	return r.Principal.Kind + "\x00" + r.Principal.scope() + "\x00" + r.Principal.Name
}

// limitKey is whose calls are counted together. A request without a session is
// counted with the others of its principal that have none.
func limitKey(l *config.AccessLimit, r *Request) string {
	switch l.Per {
	case "session":
		return sessionKey(*r)
	case "connector":
		return r.Connector
	}
	return caller(r)
}

func (s *session) called(name string) {
	switch {
	case s.lost || contains(s.tools, name):
	case len(s.tools) < MaxSessionTools:
		s.tools = append(s.tools, name)
	default:
		s.lost = true
	}
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
