package vllm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// fleet are the instances that were launched.
type fleet struct {
	runDir   string
	restarts int
	http     *http.Client

	mu        sync.Mutex
	warden    *warden
	instances map[string]*instance
}

func newFleet(runDir string, restarts int) *fleet {
	return &fleet{
		runDir: runDir, restarts: restarts, instances: map[string]*instance{},
		// Without proxies of the environment: engines are on this machine.
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute}},
	}
}

func (f *fleet) find(id string) *instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.instances[id]
}

// Launch starts a plan. That its programs are there is checked before anything is
// started.
func (f *fleet) Launch(_ context.Context, p backend.Plan) (backend.Instance, error) {
	d, err := read(p)
	if err != nil {
		return backend.Instance{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.instances[p.ID]; i != nil {
		switch {
		case !i.same(p):
			return backend.Instance{}, backend.Errorf(backend.InvalidRequest, "%q runs already with another plan: stop it first", p.ID)
		case i.ending():
			return backend.Instance{}, backend.Errorf(backend.Unavailable, "%q is being stopped: launch it again once it has ended", p.ID)
		}
		return i.instance(), nil
	}
	i := &instance{fleet: f, plan: p, doc: d, started: time.Now().UTC(), since: time.Now().UTC(), phase: backend.Starting, over: make(chan struct{})}
	i.ctx, i.cancel = context.WithCancel(context.Background())
	if err := f.prepare(i); err != nil {
		i.cancel()
		return backend.Instance{}, err
	}
	f.instances[p.ID] = i
	i.begin()
	return i.instance(), nil
}

// prepare makes everything that an instance needs before its first process starts.
func (f *fleet) prepare(i *instance) error {
	if i.doc.Runtime == "attach" {
		return nil
	}
	if !launches {
		return backend.Errorf(backend.InvalidRequest, "engines are launched on Linux and macOS only: start the server yourself and set attach in the topology block")
	}
	for _, x := range i.doc.Processes {
		if _, ok := find(x.Command[0], environment(x.Env)); !ok {
			return backend.Errorf(backend.InvalidRequest, "the program %q of %s is not to be found: install it, or put its folder on PATH (a Python environment has to be active where plimsoll is started)", x.Command[0], x.Name)
		}
	}
	if f.warden == nil {
		f.warden = &warden{env: environment(nil)}
	}
	if err := f.warden.start(); err != nil {
		return backend.Errorf(backend.Unavailable, "%v", err)
	}
	dir, err := f.folder(i.plan.ID)
	if err != nil {
		return backend.Errorf(backend.Unavailable, "%v", err)
	}
	for _, x := range i.doc.Processes {
		j, err := newJournal(dir, x)
		if err != nil {
			return backend.Errorf(backend.Unavailable, "%v", err)
		}
		j.all = &i.tail
		note := x.Name + " is starting"
		if len(x.After) > 0 {
			note = fmt.Sprintf("%s waits for %s", x.Name, strings.Join(x.After, ", "))
		}
		i.children = append(i.children, &child{inst: i, spec: x, log: j, dir: dir, phase: backend.Starting, note: note, over: make(chan struct{})})
	}
	return nil
}

// folder for the logs of an instance.
func (f *fleet) folder(id string) (string, error) {
	if f.runDir == "" {
		dir, err := os.MkdirTemp("", "plimsoll-vllm-")
		if err != nil {
			return "", fmt.Errorf("making a folder for the engines' logs: %w", err)
		}
		return dir, nil
	}
	dir, err := filepath.Abs(f.runDir)
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", fmt.Errorf("making the folder of the logs of %q: %w", id, err)
	}
	return dir, nil
}

// Status says how an instance is.
func (f *fleet) Status(_ context.Context, id string) (backend.Status, error) {
	i := f.find(id)
	if i == nil {
		return backend.Status{Phase: backend.Stopped}, nil
	}
	return i.status(), nil
}

// Stop ends an instance: each process is told to end, in the reverse order of their
// start, and what is there after grace is killed.
func (f *fleet) Stop(ctx context.Context, id string, grace time.Duration) error {
	i := f.find(id)
	if i == nil {
		return nil
	}
	i.end(grace)
	select {
	case <-i.over:
	case <-ctx.Done():
		return ctx.Err()
	}
	if left := i.left(); len(left) > 0 {
		return backend.Errorf(backend.Unavailable, "%v do not end, not even when they are killed: a GPU's driver that hangs does that, and a restart of the machine helps", left)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.instances[id] == i {
		delete(f.instances, id)
	}
	return nil
}

// same tells whether p is the plan that i runs. The spaces of its JSON mean nothing.
func (i *instance) same(p backend.Plan) bool {
	var a, b bytes.Buffer
	if json.Compact(&a, i.plan.Document) != nil || json.Compact(&b, p.Document) != nil {
		return false
	}
	return i.plan.Model == p.Model && bytes.Equal(a.Bytes(), b.Bytes())
}

func (i *instance) instance() backend.Instance {
	return backend.Instance{ID: i.plan.ID, Endpoints: i.doc.Endpoints, Started: i.started}
}
