package mcp

import (
	"context"
	"crypto/rand"
	"iter"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// sessions are those of the older revisions. The SDK keeps the sessions
// themselves; this table binds each to the principal and the path that opened it,
// bounds their number, and ends the idle ones. An open stream is no idleness: a
// client that only listens stays.
type sessions struct {
	limits Limits
	record telemetry.Recorder
	now    func() time.Time

	mu  sync.Mutex
	all map[string]*entry
	of  map[string]int // by principal
}

// entry is one session.
type entry struct {
	table *sessions
	id    string
	path  string
	who   string
	born  time.Time

	// guarded by table.mu
	ss    *sdk.ServerSession // nil until initialize was read
	close func()
	refs  int // requests and streams
	idle  *time.Timer
	gone  bool
	// revision is what the client asked for at initialize.
	revision string
}

const (
	busySessions = "Too many sessions of yours are open. Close some, or wait until they end."
	busyAll      = "Too many sessions are open. Try again later."
)

func newSessions(l Limits, r telemetry.Recorder, now func() time.Time) *sessions {
	return &sessions{limits: l, record: r, now: now, all: map[string]*entry{}, of: map[string]int{}}
}

// open makes an entry with a fresh id of 130 random bits. It counts as busy until
// settle.
func (s *sessions) open(path string, p access.Principal) (e *entry, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := who(p)
	switch {
	case s.of[key] >= s.limits.Sessions:
		return nil, busySessions
	case len(s.all) >= s.limits.AllSessions:
		return nil, busyAll
	}
	e = &entry{table: s, id: rand.Text(), path: path, who: key, refs: 1, born: s.now()}
	s.all[e.id] = e
	s.of[key]++
	s.count()
	return e, ""
}

// count shows how many sessions there are. s.mu is held, so that the last one to
// change their number is the last one to tell it.
func (s *sessions) count() {
	s.record.Set(telemetry.Sessions, float64(len(s.all)), string(telemetry.HTTP))
}

// bind is told of the SDK's session once there is one.
func (e *entry) bind(ss *sdk.ServerSession) {
	e.table.mu.Lock()
	defer e.table.mu.Unlock()
	e.ss = ss
}

// closes says what to do when the session has ended.
func (e *entry) closes(f func()) {
	e.table.mu.Lock()
	gone := e.gone
	if !gone {
		e.close = f
	}
	e.table.mu.Unlock()
	if gone {
		f()
	}
}

// settle ends the opening: without a session there is nothing to keep.
func (s *sessions) settle(e *entry) {
	s.mu.Lock()
	failed := e.ss == nil
	s.mu.Unlock()
	if failed {
		s.ended(e.id)
		return
	}
	s.leave(e)
}

// enter finds the session of a request, if it is this principal's and this path's.
func (s *sessions) enter(id, path string, p access.Principal) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.all[id]
	if e == nil || e.path != path || e.who != who(p) {
		return nil, false
	}
	e.refs++
	if e.idle != nil {
		e.idle.Stop()
	}
	return sync.OnceFunc(func() { s.leave(e) }), true
}

func (s *sessions) leave(e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.refs--
	if e.refs > 0 || e.gone {
		return
	}
	if e.idle == nil {
		e.idle = time.AfterFunc(s.limits.Idle, func() { s.expire(e) })
		return
	}
	e.idle.Reset(s.limits.Idle)
}

// expire ends a session that nobody used, unless somebody just came.
func (s *sessions) expire(e *entry) {
	s.mu.Lock()
	ss, busy := e.ss, e.refs > 0 || e.gone
	s.mu.Unlock()
	if !busy && ss != nil {
		_ = ss.Close() // the SDK's event store is told, and so is ended
	}
}

// ended forgets a session. The SDK calls it through the event store.
func (s *sessions) ended(id string) {
	s.mu.Lock()
	e := s.all[id]
	if e == nil {
		s.mu.Unlock()
		return
	}
	delete(s.all, id)
	s.count()
	if e.ss != nil {
		s.record.Observe(telemetry.SessionDuration, max(0, s.now().Sub(e.born)).Seconds(), "", e.revision, string(telemetry.HTTP))
	}
	if s.of[e.who]--; s.of[e.who] == 0 {
		delete(s.of, e.who)
	}
	e.gone = true
	if e.idle != nil {
		e.idle.Stop()
	}
	done := e.close
	s.mu.Unlock()
	if done != nil {
		done()
	}
}

// closeAll ends every session, a few at a time so that a slow one holds up few.
func (s *sessions) closeAll() {
	s.mu.Lock()
	every := make([]*entry, 0, len(s.all))
	for _, e := range s.all {
		every = append(every, e)
	}
	s.mu.Unlock()
	var wait sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, e := range every {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			s.mu.Lock()
			ss := e.ss
			s.mu.Unlock()
			if ss != nil {
				_ = ss.Close()
			}
			s.ended(e.id)
		})
	}
	wait.Wait()
}

// replay is the SDK's event store with an ear for the end of a session.
type replay struct {
	store *sdk.MemoryEventStore
	ended func(id string)
}

func newReplay(most int, ended func(string)) *replay {
	store := sdk.NewMemoryEventStore(nil)
	store.SetMaxBytes(most)
	return &replay{store: store, ended: ended}
}

func (r *replay) Open(ctx context.Context, session, stream string) error {
	return r.store.Open(ctx, session, stream)
}

func (r *replay) Append(ctx context.Context, session, stream string, data []byte) error {
	return r.store.Append(ctx, session, stream, data)
}

func (r *replay) After(ctx context.Context, session, stream string, index int) iter.Seq2[[]byte, error] {
	return r.store.After(ctx, session, stream, index)
}

func (r *replay) SessionClosed(ctx context.Context, session string) error {
	// Called with the SDK's locks held: what closes an upstream must not wait there.
	go r.ended(session)
	return r.store.SessionClosed(ctx, session)
}
