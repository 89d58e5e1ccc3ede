package mcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// Config is what a surface is made of. Desk and Now are needed.
type Config struct {
	Version string // of Plimsoll, told to clients
	Desk    Desk
	Library Library // none: no prompts, no resources, no Skills extension
	Wholes  Whole   // none: no connector is served whole
	Now     func() time.Time
	Log     *slog.Logger // nil discards; what clients send is never logged at Info

	// Auth stands in front of /mcp: it answers 401 or 403 itself, or passes on a
	// request whose context Principal finds a principal in. Nil passes all on.
	Auth      func(http.Handler) http.Handler
	Principal func(context.Context) (access.Principal, bool)
	// Open are paths that are answered without authentication, for instance
	// /.well-known/oauth-protected-resource.
	Open map[string]http.Handler
	TLS  *tls.Config // nil serves plain HTTP
	// Hosts are names a Host header may carry beside the address that the request
	// came to and, on loopback, localhost. Origins are the web pages that may call,
	// as "https://app.example.com". A request with another Origin is refused.
	Hosts, Origins []string
	// Ready says why the surface cannot answer yet, for /readyz.
	Ready  func(context.Context) error
	Limits Limits
	// Recorder measures requests and sessions; nil measures nothing.
	Recorder telemetry.Recorder
}

// Limits bound what clients can use up. A zero member takes its default.
type Limits struct {
	Body        int64         // bytes of one request; 4 MiB
	Header      int           // bytes of its header; 64 KiB
	Connections int           // open at once, of everybody; 4,096
	Requests    int           // running at once, of one principal, streams aside; 1,024
	Sessions    int           // open at once, of one principal, and as many streams; 2,048
	AllSessions int           // open at once, of everybody; 8,192
	Replay      int           // bytes kept so that a broken stream can be resumed; 32 MiB
	Idle        time.Duration // a session without a request or an open stream ends after; 30 min
	Read        time.Duration // a request has to be read within; 30 s
	Write       time.Duration // a client has to take one message within; 30 s
	KeepAlive   time.Duration // an idle connection is closed after; 2 min
}

func (l Limits) filled() Limits {
	or := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	after := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	if l.Body <= 0 {
		l.Body = 4 << 20
	}
	or(&l.Header, 64<<10)
	or(&l.Connections, 4096)
	or(&l.Requests, 1024)
	or(&l.Sessions, 2048)
	or(&l.AllSessions, 8192)
	or(&l.Replay, 32<<20)
	after(&l.Idle, 30*time.Minute)
	after(&l.Read, 30*time.Second)
	after(&l.Write, 30*time.Second)
	after(&l.KeepAlive, 2*time.Minute)
	return l
}

// Server is the surface. Make it with New, end it with Shutdown.
type Server struct {
	config Config
	limits Limits
	log    *slog.Logger

	points   map[string]endpoint // by path
	sessions *sessions
	flights  *flights
	now      http.Handler // 2026-07-28: stateless
	old      http.Handler // 2025-11-25 and older: sessions

	mu    sync.Mutex
	https []*http.Server
	base  context.Context
	end   context.CancelFunc
}

// endpoint is what one path serves: the meta surface, or a connector whole.
type endpoint interface {
	// session makes the SDK server of one client session. close is called once,
	// when the session has ended.
	session(ctx context.Context, v *visit, h Hello) (server *sdk.Server, close func(), err error)
	// request makes the SDK server of one stateless request.
	request(ctx context.Context, v *visit, h Hello, p *probe) (server *sdk.Server, close func(), err error)
}

// New makes a surface. It starts nothing.
func New(c Config) (*Server, error) {
	if c.Desk == nil || c.Now == nil {
		return nil, errors.New("mcp: a desk and a clock are needed")
	}
	if c.Principal == nil {
		return nil, errors.New("mcp: a way to find the principal of a request is needed")
	}
	if c.Recorder == nil {
		c.Recorder = telemetry.Nothing()
	}
	s := &Server{config: c, limits: c.Limits.filled(), log: c.Log, points: map[string]endpoint{}}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.base, s.end = context.WithCancel(context.Background())
	s.sessions = newSessions(s.limits, c.Recorder, c.Now)
	s.flights = newFlights(s.limits)
	meta, err := newMeta(c)
	if err != nil {
		return nil, err
	}
	s.points["/mcp"] = meta
	if c.Wholes != nil {
		for _, name := range c.Wholes.Names() {
			path := "/mcp/" + name
			if _, twice := s.points[path]; twice {
				return nil, fmt.Errorf("mcp: %s would be served twice", path)
			}
			s.points[path] = newWhole(c, name)
		}
	}
	s.now, s.old = s.transports()
	return s, nil
}
