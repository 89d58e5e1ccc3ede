package vllm

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// instance is a launched plan. Its lock also guards the fields of its children.
type instance struct {
	fleet    *fleet
	plan     backend.Plan
	doc      document
	started  time.Time
	children []*child
	tail     ring
	ctx      context.Context // until it is told to end
	cancel   context.CancelFunc
	over     chan struct{} // nothing of it runs, or what runs cannot be killed

	mu       sync.Mutex
	phase    backend.Phase
	since    time.Time
	served   bool   // it was ready once
	failure  string // why it failed; "" while it has not
	unwell   string // of a server that is attached to
	stopping bool
	ended    bool
	once     sync.Once
}

// ring are the last lines of all processes, in the order in which they came.
type ring struct {
	mu    sync.Mutex
	lines []string
}

func (r *ring) add(line string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines = append(r.lines, line); len(r.lines) > backend.MaxLog {
		r.lines = append(r.lines[:0], r.lines[1:]...)
	}
}

func (r *ring) last() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// begin starts the life of every process. Those that wait for others do so there.
func (i *instance) begin() {
	if i.doc.Runtime == "attach" {
		go i.attend()
		return
	}
	for _, c := range i.children {
		go c.live()
	}
}

// Waits of an instance. A probe that gets no answer in time is a miss.
const (
	readyEvery  = 250 * time.Millisecond
	healthEvery = 5 * time.Second
	probeTime   = 5 * time.Second
	misses      = 3 // in a row, before a server that was ready counts as one that is not
)

// attend asks a server that somebody else runs whether it is there.
func (i *instance) attend() {
	for {
		err := i.fleet.probe(i.ctx, i.doc.Endpoints[0]+"/health")
		i.mu.Lock()
		i.unwell = ""
		if err != nil {
			i.unwell = fmt.Sprintf("the server at %s does not answer: %v. Start it, or correct attach in the topology block", i.doc.Endpoints[0], err)
		}
		i.settle()
		i.mu.Unlock()
		select {
		case <-i.ctx.Done():
			return
		case <-time.After(healthEvery / 5):
		}
	}
}

// probe asks an address once; nil is an answer of 200.
func (f *fleet) probe(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", resp.Status)
	}
	return nil
}

// settle works the phase out of what its processes are. The caller holds the lock.
func (i *instance) settle() {
	phase := backend.Starting
	switch {
	case i.ended:
		phase = backend.Stopped
	case i.stopping:
		phase = backend.Stopping
	case i.failure != "":
		phase = backend.Failed
	case i.doc.Runtime == "attach":
		if i.unwell == "" {
			phase = backend.Ready
		} else if i.served {
			phase = backend.Failed
		}
	case !slices.ContainsFunc(i.children, func(c *child) bool { return c.phase != backend.Ready }):
		phase = backend.Ready
	case i.served && slices.ContainsFunc(i.children, func(c *child) bool { return c.phase == backend.Failed }):
		phase = backend.Failed
	}
	i.served = i.served || phase == backend.Ready
	if phase != i.phase {
		i.phase, i.since = phase, time.Now().UTC()
	}
}

// fail makes the instance one that failed. Before it has served anything, what was
// started for it is ended: it would only hold GPUs. Afterwards the rest goes on:
// other servers may still answer.
func (i *instance) fail(c *child, why string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	c.phase = backend.Failed
	if i.stopping {
		return
	}
	if i.failure == "" {
		i.failure = why
		if !i.served && len(i.children) > 1 {
			i.failure += ". The other processes were ended"
			i.cancel()
			go i.sweep(5 * time.Second)
		}
	}
	i.settle()
}

// status is how it is now.
func (i *instance) status() backend.Status {
	i.mu.Lock()
	defer i.mu.Unlock()
	s := backend.Status{Phase: i.phase, Since: i.since, Log: i.tail.last(), Message: i.message()}
	for _, c := range i.children {
		s.Processes = append(s.Processes, backend.Process{PID: int64(c.pid), Command: shown(c.spec), Phase: c.phase})
	}
	return s
}

// message is a sentence for a person. The caller holds the lock.
func (i *instance) message() string {
	switch {
	case i.failure != "":
		return i.failure
	case i.doc.Runtime == "attach":
		return i.unwell
	}
	var parts []string
	for _, c := range i.children {
		if c.note != "" && c.phase != backend.Ready || c.phase == backend.Failed {
			parts = append(parts, c.note)
		}
	}
	return strings.Join(parts, "; ")
}

func (i *instance) ending() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.stopping
}

// end begins to stop it, once; a later call can only shorten the grace.
func (i *instance) end(grace time.Duration) {
	i.mu.Lock()
	i.stopping = true
	i.settle()
	i.mu.Unlock()
	i.cancel()
	time.AfterFunc(grace, i.killAll)
	i.once.Do(func() {
		go func() {
			i.sweep(grace)
			i.mu.Lock()
			i.ended = len(i.stillThere()) == 0
			i.settle()
			i.mu.Unlock()
			for _, c := range i.children {
				c.log.close()
			}
			close(i.over)
		}()
	})
}

// sweep tells every process to end, in the reverse order of their start, and kills
// after grace. Each gets its share of grace before the next one is told, so that a
// proxy has let go of its engines; one that is deaf does not use up all of it.
func (i *instance) sweep(grace time.Duration) {
	end := time.NewTimer(grace)
	defer end.Stop()
	share := grace / time.Duration(max(2*len(i.children), 1))
	for _, c := range slices.Backward(i.children) {
		c.terminate(grace)
		select {
		case <-c.over:
		case <-time.After(share):
		}
	}
	for _, c := range i.children {
		select {
		case <-c.over:
		case <-end.C:
			i.killAll()
			end.Reset(0) // for the others, which have had their time too
		}
	}
	i.killAll()
	deadline := time.After(20 * time.Second) // of what not even SIGKILL ends, and of a container's own command
	for _, c := range i.children {
		select {
		case <-c.over:
		case <-deadline:
			return
		}
	}
}

func (i *instance) killAll() {
	for _, c := range i.children {
		c.kill()
	}
}

// left are the processes that run although all was done to end them.
func (i *instance) left() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.stillThere()
}

func (i *instance) stillThere() []string {
	var out []string
	for _, c := range i.children {
		if c.pid != 0 {
			out = append(out, fmt.Sprintf("%s (process %d)", c.spec.Name, c.pid))
		}
	}
	return out
}

// engine is a server that counts.
type engine struct{ name, url string }

func (i *instance) engines() []engine {
	var out []engine
	for _, x := range i.doc.Processes {
		if x.Role != "proxy" {
			out = append(out, engine{x.Name, metricsOf(x.Ready)})
		}
	}
	if i.doc.Runtime == "attach" {
		out = append(out, engine{i.doc.Name, metricsOf(i.doc.Endpoints[0])})
	}
	return out
}
