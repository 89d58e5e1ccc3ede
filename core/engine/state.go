package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/backend"
	"github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/store/atomicfile"
	"github.com/plimsoll-dev/plimsoll/core/store/badgerstore"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// State is a project's state folder, held open. One engine may own it, or many
// may share it: plimsoll serve opens one for as long as it lives, and every
// command makes an engine of its own over it, from the files as they are then.
type State struct {
	dir   string // of the project
	store *badgerstore.DB
	log   *audit.Log
	key   *audit.KeyFile

	writing  sync.Mutex // one writer of skills' keys
	sampling sync.Mutex // one draw of a skill's traffic
	policy   sync.Mutex // one change of the policy file, from reading it to its record
	files    sync.Mutex // one append to the evidence
	turn     *turn      // one night
	mail     mail

	surfacing sync.Mutex // one change of the surface
	surface   *Surface   // what agents reach; nil until it is first asked for
	spilling  sync.Mutex // one long result in memory

	mu    sync.Mutex
	crews []*crew
	keep  bool // the plugins of the last engine stay up for the next one
}

// OpenState takes a project's state folder for this process alone. The error is
// store.ErrInUse while another process has it.
func OpenState(dir string) (*State, error) {
	s := &State{dir: dir, turn: newTurn(), mail: mail{posted: make(chan struct{}, 1)}}
	folder := filepath.Join(dir, StateDir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the state folder: %w", err)
	}
	if err := unlisted(folder); err != nil {
		return nil, err
	}
	var err error
	if s.key, err = audit.OpenKey(filepath.Join(folder, "audit.key")); err != nil {
		return nil, err
	}
	s.log = audit.New(audit.Config{Signer: s.key.Signer, Next: s.key.Next, Origin: s.key.Origin})
	if s.store, err = badgerstore.Open(badgerstore.Config{Dir: filepath.Join(folder, "state"), Sealer: s.log, Now: clock}); err != nil {
		return nil, err
	}
	// What long results an engine was keeping when it died is of no use to anybody.
	if err := os.RemoveAll(s.spills()); err != nil {
		return nil, errors.Join(fmt.Errorf("clearing %s: %w", s.spills(), err), s.store.Close())
	}
	return s, nil
}

// spills is where long results are gathered.
func (s *State) spills() string { return filepath.Join(s.dir, StateDir, "spill") }

// unlisted keeps a new state folder out of git, whatever the project's own
// .gitignore says: the key that signs the audit log and what runs were given
// stand in it. Once the key is there the file is a person's to change.
func unlisted(folder string) error {
	if _, err := os.Stat(filepath.Join(folder, "audit.key")); !errors.Is(err, fs.ErrNotExist) {
		return nil // a folder that cannot be read is said when the key is opened
	}
	ignore := filepath.Join(folder, ".gitignore")
	if _, err := os.Stat(ignore); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := atomicfile.Write(ignore, []byte("# Written by plimsoll: nothing here belongs in a repository.\n*\n"), 0o644); err != nil {
		return fmt.Errorf("keeping the state folder out of git: %w", err)
	}
	return nil
}

// KeepBackends leaves backends running between engines, as a server wants it: a
// call need not wait for a launch.
func (s *State) KeepBackends() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep = true
}

// Close ends plugins that were kept and releases the folder. Every engine over
// it must have been closed.
func (s *State) Close() error {
	var errs []error
	if s.surface != nil {
		errs = append(errs, s.surface.Close())
	}
	s.mu.Lock()
	crews := s.crews
	s.crews = nil
	s.mu.Unlock()
	for _, c := range crews {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, s.store.Close())...)
}

// crew are the processes of a set of backend blocks. Engines whose files declare
// the same share one; users counts them.
type crew struct {
	*plugin.Manager
	key   string
	users int
}

// hire finds the crew for these declarations, or makes one.
func (s *State) hire(declared []backend.Declared, cfg plugin.Config) (*crew, error) {
	key, err := canonjson.Digest(map[string]any{"backends": declared, "lock": cfg.Lock})
	if err != nil {
		return nil, fmt.Errorf("comparing the backends with those that run: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.crews {
		if c.key == key {
			c.users++
			return c, nil
		}
	}
	m, err := plugin.New(cfg)
	if err != nil {
		return nil, err
	}
	c := &crew{Manager: m, key: key, users: 1}
	s.crews = append(s.crews, c)
	return c, nil
}

// dismiss ends crews that nobody uses any more; where they are kept, all but the
// one that was used last.
func (s *State) dismiss(c *crew) error {
	s.mu.Lock()
	c.users--
	var ended, left []*crew
	for _, x := range s.crews {
		if x.users > 0 || s.keep && x == c {
			left = append(left, x)
			continue
		}
		ended = append(ended, x)
	}
	s.crews = left
	s.mu.Unlock()
	var errs []error
	for _, x := range ended {
		errs = append(errs, x.Close())
	}
	return errors.Join(errs...)
}

// auditPlugin writes down what happened to plugins. A launch has no decision's
// time: it carries the clock's.
func (s *State) auditPlugin(ev plugin.Event) {
	raw, err := json.Marshal(ev)
	if err != nil {
		return
	}
	// The event is told, not asked: a store that cannot be written fails the
	// run's own commit, with a better place to say so.
	_, _ = s.store.Commit(context.Background(), store.Batch{Entries: []store.Entry{{Time: clock().UTC(), Kind: "plugin." + ev.Kind, Scope: scope, Data: raw}}})
}
