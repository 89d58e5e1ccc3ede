package connector

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// Set is all connectors of a project. It is safe for concurrent use.
type Set struct {
	host   Host
	warden *wire.Warden
	by     map[string]*Connector
	order  []*Connector
	kick   chan struct{}
	life   context.Context
	end    context.CancelFunc
	wait   sync.WaitGroup
	once   sync.Once
}

// New checks the declarations and starts nothing. Errors of all of them come
// joined.
func New(h Host, configs ...Config) (*Set, error) {
	if h.Now == nil {
		return nil, errors.New("connector: Host.Now is needed")
	}
	if h.Lookup == nil {
		h.Lookup = os.LookupEnv
	}
	if h.Log == nil {
		h.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if h.Recorder == nil {
		h.Recorder = telemetry.Nothing()
	}
	if len(h.Key) == 0 {
		h.Key = make([]byte, 32)
		if _, err := rand.Read(h.Key); err != nil {
			return nil, fmt.Errorf("connector: making a key: %w", err)
		}
	}
	s := &Set{host: h, warden: &wire.Warden{}, by: map[string]*Connector{}, kick: make(chan struct{}, 1)}
	s.life, s.end = context.WithCancel(context.Background())
	var all []error
	for _, config := range configs {
		c, err := newConnector(s, config)
		if err != nil {
			all = append(all, err)
			continue
		}
		if s.by[config.Name] != nil {
			all = append(all, &Error{Kind: BadConfig, Connector: config.Name, Text: "there are two connectors of this name"})
			continue
		}
		s.by[config.Name] = c
		s.order = append(s.order, c)
	}
	if len(all) > 0 {
		s.end()
		return nil, errors.Join(all...)
	}
	slices.SortFunc(s.order, func(a, b *Connector) int { return strings.Compare(a.config.Name, b.config.Name) })
	s.wait.Add(1)
	go s.sweep()
	return s, nil
}

// Get finds a connector.
func (s *Set) Get(name string) (*Connector, bool) {
	c, ok := s.by[name]
	return c, ok
}

// All are the connectors in the order of their names.
func (s *Set) All() []*Connector { return slices.Clone(s.order) }

// Health is that of all, in the order of their names.
func (s *Set) Health() []Health {
	out := make([]Health, 0, len(s.order))
	for _, c := range s.order {
		out = append(out, c.Health())
	}
	return out
}

// Offer is a tool that is offered, and by whom.
type Offer struct {
	Connector *Connector
	Tool      Definition
	Stale     bool // its catalogue is the last good one
}

// Offered are all offered tools from the catalogues at hand, in the order of
// connectors and then of the server; it starts nothing. A public name that two
// connectors offer is offered by neither, and among the refusals.
func (s *Set) Offered() ([]Offer, []Refusal) {
	var all []Offer
	seen := map[string]string{}
	twice := map[string]bool{}
	var refused []Refusal
	for _, c := range s.order {
		list := c.Last()
		if list == nil {
			continue
		}
		for _, d := range list.Offered() {
			if other, ok := seen[d.Public]; ok {
				twice[d.Public] = true
				refused = append(refused, Refusal{Kind: "tool", Name: d.Public, Reason: fmt.Sprintf("connectors %s and %s both offer it: give one of them another prefix", other, c.Name())})
				continue
			}
			seen[d.Public] = c.Name()
			all = append(all, Offer{Connector: c, Tool: d, Stale: list.Stale})
		}
	}
	return slices.DeleteFunc(all, func(o Offer) bool { return twice[o.Tool.Public] }), refused
}

// Find tells which connector offers a public name, from the catalogues at hand:
// it starts nothing. A name that two connectors offer is an error.
func (s *Set) Find(public string) (*Connector, Definition, error) {
	var found *Connector
	var tool Definition
	for _, c := range s.order {
		list := c.Last()
		if list == nil {
			continue
		}
		d, ok := list.Tool(public)
		if !ok {
			continue
		}
		if found != nil {
			return nil, Definition{}, &Error{Kind: Unknown, Connector: c.Name(), Tool: public, Text: fmt.Sprintf("connector %s offers a tool of this name, too: give one of them another prefix", found.Name())}
		}
		found, tool = c, d
	}
	if found == nil {
		return nil, Definition{}, &Error{Kind: Unknown, Tool: public, Text: "no connector offers this tool"}
	}
	return found, tool, nil
}

// Close ends all servers and waits for them. Calls under way end as Closed.
func (s *Set) Close() error {
	s.once.Do(func() {
		s.end()
		var all sync.WaitGroup
		for _, c := range s.order {
			all.Add(1)
			go func() {
				defer all.Done()
				c.close()
			}()
		}
		all.Wait()
		s.wait.Wait()
		s.warden.Close()
	})
	return nil
}

// sweep stops what idles, asks for lists that are old, and ends what has waited
// too long. One goroutine does it for all connectors.
func (s *Set) sweep() {
	defer s.wait.Done()
	every := time.Second
	for _, c := range s.order {
		for _, d := range []time.Duration{c.config.Idle, c.config.Lifetime, c.config.Relist} {
			if d > 0 {
				every = min(every, max(10*time.Millisecond, d/4))
			}
		}
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-s.life.Done():
			return
		case <-tick.C:
		case <-s.kick:
		}
		for _, c := range s.order {
			c.sweep()
		}
	}
}

func (s *Set) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}
