package connector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// flight is a list that is being asked for; whoever wants one meanwhile waits
// for the same.
type flight struct {
	done chan struct{}
	cat  *Catalogue
	err  error
}

// Last is the catalogue at hand, nil when there is none: it starts nothing.
func (c *Connector) Last() *Catalogue {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at()
}

// at is the catalogue at hand, from the last run when there is none of this one.
func (c *Connector) at() *Catalogue {
	if c.cat == nil && !c.loaded {
		c.loaded = true
		c.cat = c.load()
	}
	return c.cat
}

// Catalogue is what the server offers: the one at hand while it is fresh, else
// asked for again, starting the server when it must. When that fails the last
// good one comes back, marked Stale with the reason; with none at all it is an
// error. It is never an empty list for a failure.
func (c *Connector) Catalogue(ctx context.Context) (*Catalogue, error) {
	c.mu.Lock()
	cat := c.at()
	fresh := cat != nil && !cat.Stale && !c.dirty && c.host.Now().Sub(cat.At) <= cat.TTL
	c.mu.Unlock()
	if fresh {
		return cat, nil
	}
	cat, err := c.Refresh(ctx)
	if cat != nil {
		return cat, nil
	}
	return nil, err
}

// Refresh asks the server now. Unlike Catalogue it returns an error when that
// fails, beside the last good catalogue.
func (c *Connector) Refresh(ctx context.Context) (*Catalogue, error) {
	c.mu.Lock()
	f := c.listing
	if f == nil && !c.closed {
		f = &flight{done: make(chan struct{})}
		c.listing = f
		c.wait.Add(1)
		go func() {
			defer c.wait.Done()
			c.relist(f)
		}()
	}
	last := c.at()
	c.mu.Unlock()
	if f == nil {
		return last, &Error{Kind: Closed, Connector: c.config.Name, Text: "Plimsoll is shutting down"}
	}
	select {
	case <-f.done:
		return f.cat, f.err
	case <-ctx.Done():
		if last != nil {
			last = last.stale("a new list did not come in time")
		}
		return last, c.gaveUp(ctx)
	}
}

func (c *Connector) relist(f *flight) {
	// A start and a list: bounded by both, not by whoever asked first.
	ctx, cancel := context.WithTimeout(c.life, c.config.Start+c.config.Timeout)
	defer cancel()
	c.mu.Lock()
	c.dirty = false
	c.mu.Unlock()
	cat, err := c.ask(ctx)
	c.mu.Lock()
	old := c.at()
	changed, keep := false, false
	if err != nil {
		f.err = c.fail("", err)
		if old != nil {
			f.cat = old.stale(oneLine(f.err))
			c.cat = f.cat
		}
	} else {
		f.cat = cat
		c.cat = cat
		changed = old == nil || !old.same(cat)
		if keep = changed || cat.At.Sub(c.keptAt) > keepEvery; keep {
			c.keptAt = cat.At
		}
	}
	c.listErr = f.err
	c.relisted = c.host.Now()
	c.listing = nil
	c.mu.Unlock()
	if err == nil {
		if keep {
			c.save(cat)
		}
		if changed && c.host.Change != nil {
			c.host.Change(c.config.Name, cat)
		}
	} else if c.life.Err() == nil {
		c.host.Log.Warn("connector's list failed", "connector", c.config.Name, "error", f.err.Error())
	}
	close(f.done)
}

// keepEvery is how old the kept time of an unchanged list may get: to keep every
// list would write each one for nothing but its time.
const keepEvery = time.Hour

// ask lists everything. One list that fails fails the whole: a part would look
// like removed tools.
func (c *Connector) ask(ctx context.Context) (*Catalogue, error) {
	l, err := c.acquire(ctx, laneKey{}, false)
	if err != nil {
		return nil, err
	}
	defer func() { l.release(c.host.Now()) }()
	s := l.conn.Server()
	cat := &Catalogue{Connector: c.config.Name, Revision: s.Revision, Instructions: wire.Show(s.Instructions, 64<<10), At: c.host.Now().UTC(), TTL: c.config.Relist}
	var caps mcp.ServerCapabilities
	if len(s.Capabilities) > 0 {
		if err := json.Unmarshal(s.Capabilities, &caps); err != nil {
			return nil, &Error{Kind: Protocol, Connector: c.config.Name, Text: fmt.Sprintf("its capabilities cannot be read: %v", err)}
		}
	}
	cat.Capabilities = &caps
	var info mcp.Implementation
	if json.Unmarshal(s.Info, &info) == nil && info.Name != "" {
		cat.Server = &info
	}
	g := &gather{c: c, conn: l.conn, cat: cat}
	if caps.Tools != nil {
		cat.Tools, err = g.all(ctx, "tool", "tools/list", "tools", "name")
	}
	if err == nil && caps.Prompts != nil {
		cat.Prompts, err = g.all(ctx, "prompt", "prompts/list", "prompts", "name")
	}
	if err == nil && caps.Resources != nil {
		cat.Resources, err = g.all(ctx, "resource", "resources/list", "resources", "uri")
		if err == nil {
			cat.Templates, err = g.all(ctx, "template", "resources/templates/list", "resourceTemplates", "uriTemplate")
		}
	}
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.circuit.ok()
	c.mu.Unlock()
	cat.index(&c.config)
	return cat, nil
}

// gather collects pages within the bounds of a catalogue.
type gather struct {
	c     *Connector
	conn  wire.Conn
	cat   *Catalogue
	bytes int
}

// pageLimit is how large one page may be: 10,000 tools may come in one.
const pageLimit = 32 << 20

func (g *gather) all(ctx context.Context, kind, method, member, name string) ([]Definition, error) {
	refuse := func(k Kind, format string, a ...any) error {
		return &Error{Kind: k, Connector: g.c.config.Name, Text: method + ": " + fmt.Sprintf(format, a...)}
	}
	var out []Definition
	seen := map[string]bool{}
	cursor := ""
	for page := 0; ; page++ {
		if page >= MaxPages {
			return nil, refuse(Flood, "it has more than %d pages", MaxPages)
		}
		var params json.RawMessage
		if cursor != "" {
			params, _ = json.Marshal(map[string]string{"cursor": cursor})
		}
		pageCtx, cancel := context.WithTimeout(ctx, g.c.config.Timeout)
		req := wire.Request{Method: method, Params: params, Limit: pageLimit}
		end := g.c.measured(pageCtx, g.conn, "", &req)
		res, err := g.conn.Call(pageCtx, req)
		end(sizeOf(res), false, err)
		cancel()
		var f *wire.Fault
		if errors.As(err, &f) && f.Answer != nil && f.Answer.Code == wire.CodeNoMethod && page == 0 {
			return nil, nil // it says that it has no such list
		}
		if err != nil {
			return nil, g.c.fail("", err)
		}
		var v map[string]json.RawMessage
		var items []json.RawMessage
		if err := json.Unmarshal(res.Result, &v); err != nil {
			return nil, refuse(Protocol, "its answer is no object")
		}
		if err := json.Unmarshal(v[member], &items); err != nil {
			return nil, refuse(Protocol, "its answer has no list %q", member)
		}
		if page == 0 {
			g.ttl(v["ttlMs"])
		}
		if len(out)+len(items) > MaxTools {
			return nil, refuse(Flood, "it has more than %d entries", MaxTools)
		}
		for _, raw := range items {
			if g.bytes += len(raw); g.bytes > MaxCatalogue {
				return nil, refuse(Flood, "all its definitions together have more than %d bytes", MaxCatalogue)
			}
			d, why := define(raw, name)
			if why != "" {
				g.cat.Refused = append(g.cat.Refused, Refusal{Kind: kind, Name: wire.Show(d.Name, 128), Reason: why})
				continue
			}
			out = append(out, d)
		}
		next := ""
		if raw := v["nextCursor"]; len(raw) > 0 && string(raw) != "null" {
			if err := json.Unmarshal(raw, &next); err != nil || len(next) > 64<<10 {
				return nil, refuse(Protocol, "its cursor is no text, or a very long one")
			}
		}
		if next == "" {
			return out, nil
		}
		sum := sha256.Sum256([]byte(next))
		if key := string(sum[:]); seen[key] {
			return nil, refuse(Flood, "its cursors go round in a circle")
		} else {
			seen[key] = true
		}
		cursor = next
	}
}

// ttl takes the shortest time to live that a list gives, within bounds.
func (g *gather) ttl(raw json.RawMessage) {
	var ms float64
	if json.Unmarshal(raw, &ms) != nil || ms <= 0 {
		return
	}
	d := time.Duration(min(ms, 3.6e6)) * time.Millisecond
	g.cat.TTL = min(max(d, 10*time.Second), max(g.cat.TTL, time.Hour))
}

func define(raw json.RawMessage, member string) (Definition, string) {
	var v map[string]json.RawMessage
	if err := json.Unmarshal(raw, &v); err != nil {
		return Definition{}, "it is no object"
	}
	var name string
	if err := json.Unmarshal(v[member], &name); err != nil || name == "" {
		return Definition{}, fmt.Sprintf("it has no %s", member)
	}
	d := Definition{Name: name, Public: name, Raw: raw}
	limit := 256
	if member != "name" {
		limit = 8 << 10
	}
	switch {
	case len(raw) > MaxDefinition:
		return d, fmt.Sprintf("its definition has %d bytes, %d are allowed", len(raw), MaxDefinition)
	case len(name) > limit:
		return d, fmt.Sprintf("its %s has %d bytes, %d are allowed", member, len(name), limit)
	case wire.Show(name, len(name)) != name:
		return d, fmt.Sprintf("its %s has control or direction characters, or is no valid UTF-8", member)
	}
	return d, ""
}

// index names the tools and finds what cannot be offered.
func (cat *Catalogue) index(of *Config) {
	cat.own = make(map[string]int, len(cat.Tools))
	cat.offered = make(map[string]int, len(cat.Tools))
	count := map[string]int{}
	for i := range cat.Tools {
		count[cat.Tools[i].Name]++
	}
	public := map[string][]int{}
	for i := range cat.Tools {
		t := &cat.Tools[i]
		t.Public = PublicName(of.Prefix, t.Name)
		if count[t.Name] > 1 {
			cat.refuse("tool", t.Name, "the server lists this name more than once: nobody can say which one a call would reach")
			continue
		}
		cat.own[t.Name] = i
		if of.offers(t.Name) {
			public[t.Public] = append(public[t.Public], i)
		}
	}
	for i := range cat.Tools {
		same := public[cat.Tools[i].Public]
		switch {
		case len(same) == 0 || cat.own[cat.Tools[i].Name] != i:
		case len(same) == 1 && same[0] == i:
			cat.offered[cat.Tools[i].Public] = i
		case len(same) > 1:
			cat.refuse("tool", cat.Tools[i].Name, fmt.Sprintf("another tool of the server gets the same public name %s", cat.Tools[i].Public))
		}
	}
	for i := range cat.Prompts {
		cat.Prompts[i].Public = PublicName(of.Prefix, cat.Prompts[i].Name)
	}
}

func (cat *Catalogue) refuse(kind, name, reason string) {
	for _, r := range cat.Refused {
		if r.Kind == kind && r.Name == name {
			return
		}
	}
	cat.Refused = append(cat.Refused, Refusal{Kind: kind, Name: name, Reason: reason})
}

// offers tells whether Config.Tools lets a tool through. Patterns mean what they
// mean in the project's files.
func (c *Config) offers(name string) bool {
	return len(c.Tools) == 0 || slices.ContainsFunc(c.Tools, func(p string) bool { return config.MatchName(p, name) })
}

func (cat *Catalogue) stale(why string) *Catalogue {
	out := *cat
	out.Stale, out.Reason = true, why
	return &out
}

// same tells whether two lists offer the same bytes.
func (cat *Catalogue) same(other *Catalogue) bool {
	return cat.digest() == other.digest()
}

func (cat *Catalogue) digest() string {
	h := sha256.New()
	for i, list := range [][]Definition{cat.Tools, cat.Prompts, cat.Resources, cat.Templates} {
		for _, d := range list {
			fmt.Fprintf(h, "%d %d %d ", i, len(d.Name), len(d.Raw))
			h.Write([]byte(d.Name))
			h.Write(d.Raw)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
