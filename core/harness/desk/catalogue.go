package desk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/connector/lock"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

// Entry is one skill or tool as the desk knows it.
type Entry struct {
	harness.Document
	Own         string             // a tool's name at its server
	Raw         json.RawMessage    // a tool's definition as its server wrote it
	Definition  string             // digest of that, or of the skill's folder
	Annotations access.Annotations // as a person pinned them
	Pinned      bool
	Shut        string // why a pinned tool cannot be called now: a sentence; "" when it can
	Hidden      bool   // no caller may know of it: a rollback that is not offered
	Strict      bool   // arguments that the schema does not name are refused
	Sanitise    bool   // hidden characters are taken out of results
	Rollback    string // own name of the tool that undoes a call that failed half way
	Skill       *Skill // of a skill
	method      bool   // a request to a whole server that is no tool call
}

// Skill is what the desk shows of a skill.
type Skill struct {
	Input, Output json.RawMessage // JSON Schemas; nil without one
	Mirror        mcp.Skill       // as the Skills extension lists it
	File          func(path string) ([]byte, error)
	Prompt        func(arguments map[string]string) (string, error)
}

// Catalogue is everything there is at one moment, with the rules over it. It
// never changes.
type Catalogue struct {
	meter   *access.Meter
	index   *harness.Index
	hybrid  *harness.Hybrid // nil: words alone
	options harness.Options
	entries map[string]*Entry // by name
	byID    map[string]*Entry
	owned   map[ownName]*Entry
	servers map[string]Server
	redact  redaction
	skills  []*Entry // in the order of their names

	mu    sync.Mutex
	views map[string]seen
}

// Parts of a catalogue.
type Parts struct {
	Meter   *access.Meter
	Index   *harness.Index  // of the documents of all entries that are not shut
	Hybrid  *harness.Hybrid // or nil
	Options harness.Options // Limit and Kind are the caller's
	Entries []*Entry
	Servers []Server
	Redact  []string // members of arguments that are kept as salted hashes only
}

// Server is a connector as the lock has it.
type Server struct {
	Name     string
	Prefix   string
	Set      string // digest of its approved tools; "" when nobody approved them
	Shut     string // why nothing of it can be used; "" when it can
	Sanitise bool   // hidden characters are taken out of all that it answers
}

// ownName is a tool as its server calls it.
type ownName struct{ connector, name string }

// Stock makes a catalogue. Two entries of one name are both left out, since a
// caller could not say which is meant: the texts say so to the operator.
func Stock(p Parts) (*Catalogue, []string) {
	c := &Catalogue{
		meter: p.Meter, index: p.Index, hybrid: p.Hybrid, options: p.Options, redact: redactionOf(p.Redact),
		entries: map[string]*Entry{}, byID: map[string]*Entry{}, owned: map[ownName]*Entry{}, servers: map[string]Server{}, views: map[string]seen{},
	}
	for _, s := range p.Servers {
		c.servers[s.Name] = s
	}
	var problems []string
	twice := map[string]*Entry{}
	for _, e := range p.Entries {
		if e.Hidden {
			c.owned[ownName{e.Connector, e.Own}] = e
			continue
		}
		if other := c.entries[e.Name]; other != nil || twice[e.Name] != nil {
			problems = append(problems, fmt.Sprintf("%s has the name of another skill or tool, %s, and neither is offered: give the connector a prefix of its own, or leave one of them out with tools", e.source(), e.Name))
			twice[e.Name] = e
			continue
		}
		c.entries[e.Name] = e
	}
	for name := range twice {
		delete(c.entries, name)
	}
	for _, e := range c.entries {
		c.byID[e.ID] = e
		if e.Skill != nil {
			c.skills = append(c.skills, e)
		} else {
			c.owned[ownName{e.Connector, e.Own}] = e
		}
	}
	slices.SortFunc(c.skills, func(a, b *Entry) int { return strings.Compare(a.Name, b.Name) })
	return c, problems
}

// source is where an entry comes from, in words.
func (e *Entry) source() string {
	if e.Skill != nil {
		return "skill " + e.Name
	}
	return "a tool of connector " + e.Connector
}

// Tools are those that callers could reach, by name.
func (c *Catalogue) Tools() []*Entry {
	var out []*Entry
	for _, name := range slices.Sorted(maps.Keys(c.entries)) {
		if e := c.entries[name]; e.Kind == harness.Tool {
			out = append(out, e)
		}
	}
	return out
}

// Len is how many skills and tools there are.
func (c *Catalogue) Len() int { return len(c.entries) }

// own finds a tool by its server's name for it, or nil.
func (c *Catalogue) own(connector, name string) *Entry { return c.owned[ownName{connector, name}] }

// offered is own without what no caller may know of.
func (c *Catalogue) offered(connector, name string) *Entry {
	if e := c.own(connector, name); e != nil && !e.Hidden {
		return e
	}
	return nil
}

// reads are the requests to a whole server that change nothing but what the caller
// itself is told.
var reads = []string{
	"ping", "resources/read", "resources/list", "resources/templates/list", "prompts/get", "prompts/list", "completion/complete",
	"resources/subscribe", "resources/unsubscribe", "logging/setLevel", "skills/list", "skills/get", "resources/directory/read",
}

// method is a request to a whole server that is no tool call, as the gate sees it:
// a tool named after the method, read-only where the method is, which is as approved as the server's
// tools are.
func (c *Catalogue) method(connector, method string) *Entry {
	s, ok := c.servers[connector]
	if !ok {
		return nil
	}
	name := method
	if s.Prefix != "" {
		name = s.Prefix + "_" + method
	}
	var a access.Annotations
	if slices.Contains(reads, method) {
		yes := true
		a.ReadOnly = &yes
	}
	return &Entry{
		Document: harness.Document{ID: "method:" + name, Kind: harness.Tool, Name: name, Connector: connector}, Own: method,
		Definition: s.Set, Pinned: s.Shut == "" && s.Set != "", Annotations: a, Shut: s.Shut, method: true,
	}
}

// same tells whether a definition is the one that was approved.
func same(raw json.RawMessage, e *Entry) bool {
	digest, err := lock.Digest(raw)
	return err == nil && digest == e.Definition
}

// request asks the gate about an entry.
func request(e *Entry, c mcp.Caller, action access.Action, at time.Time) access.Request {
	r := access.Request{
		Action: action, Principal: c.Principal, Definition: e.Definition, Pinned: e.Pinned, Annotations: e.Annotations,
		At: at, Session: c.Session,
	}
	if e.Kind == harness.Skill {
		r.Skill = e.Name
	} else {
		r.Tool, r.Connector = e.Name, e.Connector
	}
	return r
}

// sees tells whether a caller may see an entry.
func (c *Catalogue) sees(e *Entry, caller mcp.Caller, action access.Action, at time.Time) bool {
	return c.meter.Decide(request(e, caller, action, at)).Visible()
}

// named finds an entry that a caller may see.
func (c *Catalogue) named(name string, caller mcp.Caller, action access.Action, at time.Time) (*Entry, bool) {
	e, ok := c.entries[name]
	if !ok || !c.sees(e, caller, action, at) {
		return nil, false
	}
	return e, true
}

// fresh is how long what a caller may see is taken from memory. Rules may speak
// of the time and of what a session did, so it is short; it saves deciding about
// thousands of names for each of several searches in a row. A call is decided
// anew always.
const fresh = time.Second

// callers bounds the views that are kept.
const callers = 256

// seen is what a caller may see, and since when.
type seen struct {
	view *harness.View
	at   time.Time
}

// view is what a caller searches.
func (c *Catalogue) view(caller mcp.Caller, at time.Time) *harness.View {
	if c.index == nil {
		return nil
	}
	p := caller.Principal
	key := strings.Join(append([]string{p.Scope, p.Kind, p.Name, caller.Session}, p.Roles...), "\x00")
	c.mu.Lock()
	known, ok := c.views[key]
	c.mu.Unlock()
	if age := at.Sub(known.at); ok && age >= 0 && age < fresh {
		return known.view
	}
	v := c.index.View(harness.Viewer{Principal: principal(caller), Allowed: func(d *harness.Document) bool {
		e, ok := c.byID[d.ID]
		return ok && c.sees(e, caller, access.Find, at)
	}})
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, old := range c.views {
		if len(c.views) < callers {
			break
		}
		if at.Sub(old.at) >= fresh || len(c.views) >= callers {
			delete(c.views, k)
		}
	}
	c.views[key] = seen{view: v, at: at}
	return v
}

// Evaluate runs trigger cases against everything there is.
func (c *Catalogue) Evaluate(sets []harness.Triggers) ([]harness.Evaluation, error) {
	if c.index == nil {
		return nil, nil
	}
	return harness.Evaluate(c.index.View(harness.Viewer{Allowed: harness.Everything}), sets, c.options)
}
