package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/connector/egress"
	"github.com/plimsoll-dev/plimsoll/core/connector/lock"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/lockfile"
)

// connect declares the project's connectors; none is started.
func (x *Surface) connect(p *Project) (*connector.Set, error) {
	var configs []connector.Config
	for _, c := range p.Config.Connectors {
		configs = append(configs, connectorOf(p.Dir, c))
	}
	return connector.New(connector.Host{
		Now: clock, Keep: keeper{x.state}, Spill: spiller{x.state}, Version: x.options.Version, Log: x.logger(), Recorder: x.record,
	}, configs...)
}

// startTime bounds a start: a package runner such as npx downloads on the first one.
const startTime = 2 * time.Minute

func connectorOf(dir string, c *config.Connector) connector.Config {
	out := connector.Config{
		Name: c.Name, Command: c.Command, Dir: dir, Env: c.Env, URL: c.URL, Headers: headersOf(c.Headers), Plaintext: c.Plaintext, CA: []byte(c.CA),
		Start: startTime, Prefix: c.Prefix, Tools: c.Tools, Rollback: c.Rollback, Revision: c.Revision, Timeout: c.Timeout, Idle: c.Idle, OutputLimit: c.OutputLimit, Concurrency: c.Concurrency,
	}
	for _, p := range c.Private {
		out.Private = append(out.Private, p.String())
	}
	if c.Idle == 0 {
		out.Idle = -1
	}
	if c.URL != "" {
		out.SessionLimit = 256 // connections; of a program they are processes
	}
	if c.Session != nil {
		out.Stateful, out.Lifetime, out.SessionLimit = true, c.Session.Lifetime, c.Session.Max
		if out.Lifetime == 0 {
			out.Lifetime = -1
		}
	}
	return out
}

func headersOf(list []*config.Header) []egress.Header {
	var out []egress.Header
	for _, h := range list {
		out = append(out, egress.Header{Name: h.Name, Prefix: h.Prefix, Env: h.Env, File: h.File, Value: h.Value})
	}
	return out
}

func (x *Surface) connector(name string) *connector.Connector {
	x.mu.Lock()
	defer x.mu.Unlock()
	c, _ := x.set.Get(name)
	return c
}

// ready holds a server against the lock before anything is asked of it, and again
// whenever its list is another one: servers need not announce a change.
func (x *Surface) ready(ctx context.Context, name string) error {
	c := x.connector(name)
	if c == nil {
		return fmt.Errorf("connector %s is not declared any more", name)
	}
	list, err := c.Catalogue(ctx)
	if err != nil {
		return err
	}
	r, err := x.hold(ctx, c, list)
	if err != nil {
		return err
	}
	switch {
	case r.State != lock.OK:
		return &connector.Error{Kind: connector.Quarantine, Connector: name, Text: r.Reason}
	case list.Stale:
		// An old list says nothing about what the server would do now.
		return &connector.Error{Kind: connector.Network, Connector: name, Text: "what it offers now cannot be held against what was approved: " + list.Reason}
	}
	return nil
}

// stale tells whether a server that should answer does not.
func (x *Surface) stale(name string) bool {
	c := x.connector(name)
	if c == nil {
		return true
	}
	state := c.Health().State
	return state == connector.Degraded || state == connector.Broken
}

// hold compares a list with what was approved, and shuts the server or opens it.
func (x *Surface) hold(ctx context.Context, c *connector.Connector, list *connector.Catalogue) (lock.Report, error) {
	r, changed := x.check(c, list)
	if !changed {
		return r, nil
	}
	if r.State == lock.Quarantined {
		if err := x.noteQuarantine(ctx, r); err != nil {
			return r, err
		}
	}
	return r, x.restock()
}

// check is hold without what follows from it; changed tells that the server's state
// is another one by it.
func (x *Surface) check(c *connector.Connector, list *connector.Catalogue) (r lock.Report, changed bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	before, known := x.reports[c.Name()]
	if x.checked[c.Name()] == list {
		return before, false
	}
	declared := x.project.Config.Connector(c.Name())
	if declared == nil { // taken out of the files since it was asked
		return lock.Report{Connector: c.Name(), State: lock.Unapproved, Reason: "it is not declared any more"}, false
	}
	r = lock.Check(c.Name(), x.locked, offered(declared, list))
	x.reports[c.Name()], x.checked[c.Name()] = r, list
	if r.State == lock.OK {
		c.Release()
	} else {
		c.Quarantine(r.Reason)
	}
	return r, !known && r.State != lock.OK || known && before.State != r.State
}

// offered are the definitions that the project lets through, as they came.
func offered(c *config.Connector, list *connector.Catalogue) []json.RawMessage {
	out := []json.RawMessage{}
	for _, d := range list.Tools {
		if c.Offers(d.Name) || d.Name == c.Rollback {
			out = append(out, d.Raw)
		}
	}
	return out
}

// noteQuarantine writes down that a server changed what a person had approved.
func (x *Surface) noteQuarantine(ctx context.Context, r lock.Report) error {
	raw, err := json.Marshal(map[string]any{"connector": r.Connector, "offered": r.Set, "approved": r.Locked, "reason": r.Reason})
	if err != nil {
		return err
	}
	_, err = x.state.store.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: clock().UTC(), Kind: "connector.quarantined", Scope: scope, Data: raw}}})
	if err != nil {
		return fmt.Errorf("writing down that connector %s changed: %w", r.Connector, err)
	}
	return nil
}

// Looked is a connector as a person looks at it before approving.
type Looked struct {
	Connector  *config.Connector
	Health     connector.Health
	Catalogue  *connector.Catalogue
	Report     lock.Report
	Difference lock.Difference
}

// Look asks a server what it offers now, and compares it with what was approved.
func (x *Surface) Look(ctx context.Context, name string) (*Looked, error) {
	declared := x.Project().Config.Connector(name)
	c := x.connector(name)
	if declared == nil || c == nil {
		return nil, x.unknown(name)
	}
	list, err := c.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	r, err := x.hold(ctx, c, list)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return &Looked{Connector: declared, Health: c.Health(), Catalogue: list, Report: r, Difference: lock.Diff(r, x.book)}, nil
}

// Approve pins what a server offers, if that is still what the person looked at.
func (x *Surface) Approve(ctx context.Context, name, seen string) (*Looked, error) {
	l, err := x.Look(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := x.pin(ctx, l, seen); err != nil {
		return nil, err
	}
	if c := x.connector(name); c != nil {
		if _, err := x.hold(ctx, c, l.Catalogue); err != nil {
			return nil, err
		}
	}
	return l, x.restock()
}

// pin writes what a server offers into the log, the book and the lock file.
func (x *Surface) pin(ctx context.Context, l *Looked, seen string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	name := l.Connector.Name
	locked, book, err := lock.Approve(name, x.locked, x.book, offered(l.Connector, l.Catalogue), seen)
	if err != nil {
		return err
	}
	text, err := book.Format()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(map[string]any{"connector": name, "before": l.Report.Locked, "after": l.Report.Set, "tools": len(l.Report.Tools)})
	if err != nil {
		return err
	}
	if _, err := x.state.store.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: clock().UTC(), Kind: "connector.approved", Scope: scope, Data: raw}}}); err != nil {
		return fmt.Errorf("writing down that connector %s is approved: %w", name, err)
	}
	// The book first: a digest without its definition could not be compared later.
	if err := atomicfile.Write(filepath.Join(x.project.Dir, lock.BookName), text, 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", lock.BookName, err)
	}
	if err := atomicfile.Write(filepath.Join(x.project.Dir, LockFile), lockfile.Format(locked), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", LockFile, err)
	}
	x.locked, x.book = locked, book
	x.recheck()
	x.stamp, err = x.project.stamp()
	return err
}

func (x *Surface) unknown(name string) error {
	var names []string
	for _, c := range x.Project().Config.Connectors {
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no connector %q: the project declares none. docs/connectors.md shows the block", name)
	}
	return fmt.Errorf("there is no connector %q; there are %v", name, names)
}

// readBook reads the approved definitions beside the lock file.
func (p *Project) readBook() (*lock.Book, error) {
	src, err := os.ReadFile(filepath.Join(p.Dir, lock.BookName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading %s: %w", lock.BookName, err)
	}
	book, _ := lock.ParseBook(src) // what is wrong in it is shown as not kept where it is asked for
	return book, nil
}
