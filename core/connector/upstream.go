package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/connector/egress"
	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
)

// Connector is one upstream server. It is safe for concurrent use.
type Connector struct {
	config  Config
	set     *Set
	host    *Host
	client  *http.Client // for a URL
	address string       // of the URL
	port    int
	slots   chan struct{}
	wait    sync.WaitGroup
	life    context.Context
	end     context.CancelFunc

	mu         sync.Mutex
	closed     bool
	lanes      map[laneKey]*lane
	numbered   int
	circuit    circuit
	revision   string // as negotiated the last time
	started    bool   // the plain lane was up before
	server     string
	since      time.Time
	was        State
	quarantine string
	suspended  map[string]*suspended
	views      map[*Session]bool

	cat      *Catalogue
	loaded   bool // the kept catalogue was looked for
	dirty    bool // the server says that a list has changed
	relisted time.Time
	keptAt   time.Time // of the list that the Keeper has
	listing  *flight
	listErr  error
	stderr   string // of the session that ended last
}

// newConnector checks a declaration.
func newConnector(s *Set, config Config) (*Connector, error) {
	bad := func(format string, a ...any) error {
		return &Error{Kind: BadConfig, Connector: config.Name, Text: fmt.Sprintf(format, a...)}
	}
	switch {
	case config.Name == "":
		return nil, bad("a connector needs a name")
	case len(config.Command) == 0 && config.URL == "" || len(config.Command) > 0 && config.URL != "":
		return nil, bad("it needs either a command or a url")
	case len(config.Command) > 0 && config.Command[0] == "":
		return nil, bad("its command has no program")
	case !slices.Contains([]string{"", "auto", wire.Legacy, wire.Stateless}, config.Revision):
		return nil, bad("revision %q is none: use \"auto\", %q or %q", config.Revision, wire.Legacy, wire.Stateless)
	case len(config.Prefix) > 64:
		return nil, bad("its prefix is longer than 64 characters")
	}
	config.fill()
	c := &Connector{config: config, set: s, host: &s.host, slots: make(chan struct{}, config.Concurrency),
		lanes: map[laneKey]*lane{}, circuit: circuit{min: time.Second, max: 2 * time.Minute, trips: 5},
		since: s.host.Now(), was: Cold, suspended: map[string]*suspended{}, views: map[*Session]bool{}}
	c.life, c.end = context.WithCancel(s.life)
	c.address, c.port = place(config.URL)
	if config.URL != "" {
		client, err := egress.New(egress.Config{URL: config.URL, Headers: config.Headers, Private: config.Private, Plaintext: config.Plaintext,
			CA: config.CA, BodyLimit: -1, Answer: -1, Quiet: -1, Lookup: s.host.Lookup, Look: s.host.Look, Dial: s.host.Dial})
		if err != nil {
			return nil, bad("%v", err)
		}
		c.client = client
	}
	return c, nil
}

func (c *Config) fill() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&c.Timeout, 30*time.Second)
	set(&c.Start, 30*time.Second)
	set(&c.Idle, 10*time.Minute)
	set(&c.Relist, 5*time.Minute)
	set(&c.Lifetime, time.Hour)
	if c.OutputLimit <= 0 {
		c.OutputLimit = 1 << 20
	}
	if c.HardLimit <= 0 {
		c.HardLimit = 64 << 20
	}
	c.HardLimit = max(c.HardLimit, c.OutputLimit)
	if c.Concurrency <= 0 {
		c.Concurrency = 8
	}
	if c.SessionLimit <= 0 {
		c.SessionLimit = 16
	}
	if c.Revision == "auto" {
		c.Revision = ""
	}
}

// Name is the declared one.
func (c *Connector) Name() string { return c.config.Name }

// Config is the declaration with its defaults filled in.
func (c *Connector) Config() Config { return c.config }

// Quarantine shuts the connector: calls are refused with the reason, lists still
// work, so that the change can be looked at. Release opens it again.
func (c *Connector) Quarantine(reason string) {
	if reason == "" {
		reason = "the tool lock does not match"
	}
	c.mu.Lock()
	c.quarantine = reason
	c.mu.Unlock()
}

// Release ends a quarantine.
func (c *Connector) Release() {
	c.mu.Lock()
	c.quarantine = ""
	c.mu.Unlock()
}

// Stop ends the server; the next call starts it again. Calls under way end.
func (c *Connector) Stop() error {
	c.mu.Lock()
	lanes := c.lanes
	c.lanes = map[laneKey]*lane{}
	c.mu.Unlock()
	closeLanes(lanes)
	return nil
}

func (c *Connector) close() {
	c.mu.Lock()
	c.closed = true
	lanes := c.lanes
	c.lanes = map[laneKey]*lane{}
	for _, s := range c.suspended {
		s.cancel()
	}
	c.mu.Unlock()
	c.end()
	closeLanes(lanes)
	c.wait.Wait()
	if c.client != nil {
		c.client.CloseIdleConnections()
	}
}

func closeLanes(lanes map[laneKey]*lane) {
	var all sync.WaitGroup
	for _, l := range lanes {
		all.Add(1)
		go func() {
			defer all.Done()
			<-l.ready
			if l.conn != nil {
				_ = l.conn.Close()
			}
		}()
	}
	all.Wait()
}

// secrets are the values that must never be shown, by the name of their
// reference.
func (c *Connector) secrets() map[string]string {
	out := map[string]string{}
	for _, name := range c.config.Env {
		if v, ok := c.host.Lookup(name); ok {
			out[name] = v
		}
	}
	return out
}

func (c *Connector) mask(text string) string {
	for name, v := range c.secrets() {
		if len(v) >= 4 {
			text = strings.ReplaceAll(text, v, "["+name+"]")
		}
	}
	return egress.Mask(c.config.Headers, c.host.Lookup, text)
}

// open starts or reaches the server for one lane.
func (c *Connector) open(ctx context.Context, l *lane, hint string) (wire.Conn, error) {
	caps := l.key.caps
	if caps == "" {
		caps = everything
	}
	cfg := wire.Config{Now: c.host.Now, Name: c.host.Name, Version: c.host.Version, Revision: c.config.Revision, Hint: hint,
		Capabilities: json.RawMessage(caps), Hard: c.config.HardLimit, Create: c.create(),
		Notify: func(method string, params json.RawMessage) { c.notified(l, method, params) },
		Ask: func(ctx context.Context, from *wire.Request, method string, params json.RawMessage) (any, *wire.Answer) {
			return c.asked(ctx, l, from, method, params)
		}}
	if c.config.URL != "" {
		return wire.Dial(ctx, wire.Endpoint{URL: c.config.URL, Client: c.client, Mask: c.mask}, cfg)
	}
	return wire.Start(ctx, wire.Command{Argv: c.config.Command, Dir: c.config.Dir, Env: c.environment(), Hide: c.secrets(), Warden: c.set.warden}, cfg)
}

// baseEnv is what a program needs to run at all and to find its interpreter and
// its cache; it holds no secret. All else is named in Config.Env.
var baseEnv = []string{"PATH", "HOME", "TMPDIR", "LANG", "SystemRoot", "SystemDrive", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "PATHEXT", "COMSPEC"}

func (c *Connector) environment() []string {
	env := []string{}
	for _, name := range append(slices.Clone(baseEnv), c.config.Env...) {
		if v, ok := c.host.Lookup(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func (c *Connector) create() func() (wire.Blob, error) {
	if c.host.Spill == nil {
		return nil
	}
	return func() (wire.Blob, error) { return c.host.Spill.Create() }
}

// fail makes the error that callers see.
func (c *Connector) fail(tool string, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	e := &Error{Kind: Network, Connector: c.config.Name, Tool: tool, Text: c.mask(err.Error()), Err: err}
	var f *wire.Fault
	if errors.As(err, &f) {
		e.Kind = Kind(f.Kind)
		if f.Answer != nil {
			e.Code, e.Message, e.Data = f.Answer.Code, c.mask(wire.Show(f.Answer.Message, 2048)), f.Answer.Data
		}
	}
	if c.life.Err() != nil && e.Kind == Died {
		e.Kind, e.Text = Closed, "Plimsoll is shutting down"
		return e
	}
	e.Text += c.advice(e.Kind)
	return e
}

func (c *Connector) advice(k Kind) string {
	switch k {
	case NoStart:
		if c.config.URL != "" {
			return "; check url and header of this connector"
		}
		return "\n  try its command by hand: " + wire.Show(strings.Join(c.config.Command, " "), 200)
	case Died:
		return "\n  it is started again with the next call; whether this one had an effect is not known"
	case Timeout:
		return "; raise timeout of this connector if the tool is slow, or ask for less"
	case Protocol, Flood:
		return "; its session was ended, the next call starts another"
	case Unauthorised:
		return ""
	}
	return ""
}

// notified is told of what belongs to no call.
func (c *Connector) notified(l *lane, method string, params json.RawMessage) {
	c.mu.Lock()
	var views []*Session
	for v := range c.views {
		if v.lane == nil || v.lane == l {
			views = append(views, v)
		}
	}
	if list, ok := listOf(method); ok {
		c.dirty = true
		c.mu.Unlock()
		for _, v := range views {
			if v.o.Changed != nil {
				v.o.Changed(list)
			}
		}
		c.set.wake()
		return
	}
	c.mu.Unlock()
	for _, v := range views {
		v.notified(l, method, params)
	}
}

func listOf(method string) (string, bool) {
	switch method {
	case "notifications/tools/list_changed":
		return "tools", true
	case "notifications/prompts/list_changed":
		return "prompts", true
	case "notifications/resources/list_changed":
		return "resources", true
	}
	return "", false
}
