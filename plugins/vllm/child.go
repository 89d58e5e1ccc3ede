package vllm

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// child is one process of an instance, over all its starts. What is not fixed is
// guarded by the instance's lock.
type child struct {
	inst *instance
	spec process
	log  *journal
	dir  string
	over chan struct{} // it has ended and will not be started again

	phase  backend.Phase
	pid    int    // 0: none runs
	note   string // what it does or why it failed
	starts int
}

// live is the process's life: it waits for those it needs, starts, is watched, and
// is started again as often as was declared.
func (c *child) live() {
	defer close(c.over)
	i := c.inst
	if !c.awaitOthers() {
		c.set(backend.Stopped, "", 0)
		return
	}
	for {
		why := c.round()
		if i.ctx.Err() != nil {
			c.set(backend.Stopped, "", 0)
			return
		}
		i.mu.Lock()
		c.starts++
		again := c.starts <= i.fleet.restarts
		i.mu.Unlock()
		if !again {
			i.fail(c, why)
			return
		}
		c.set(backend.Starting, fmt.Sprintf("%s; it is started again (%d of %d times)", why, c.starts, i.fleet.restarts), 0)
		select {
		case <-i.ctx.Done():
		case <-time.After(min(time.Second<<min(c.starts-1, 5), 30*time.Second)):
		}
		if i.ctx.Err() != nil {
			c.set(backend.Stopped, "", 0)
			return
		}
	}
}

func (c *child) set(phase backend.Phase, note string, pid int) {
	i := c.inst
	i.mu.Lock()
	defer i.mu.Unlock()
	c.phase, c.note, c.pid = phase, note, pid
	i.settle()
}

// awaitOthers waits until those it starts after are ready; false: it never will.
func (c *child) awaitOthers() bool {
	i := c.inst
	for {
		i.mu.Lock()
		waiting := 0
		for _, name := range c.spec.After {
			for _, other := range i.children {
				if other.spec.Name == name && other.phase != backend.Ready {
					waiting++
				}
			}
		}
		i.mu.Unlock()
		if waiting == 0 {
			return i.ctx.Err() == nil
		}
		select {
		case <-i.ctx.Done():
			return false
		case <-time.After(readyEvery / 5):
		}
	}
}

// running is one start of a process.
type running struct {
	pid    int
	exited chan struct{}
	state  *os.ProcessState
}

// round is one start, to the end of the process; it says why it ended.
func (c *child) round() string {
	i := c.inst
	if err := c.portFree(); err != nil {
		return err.Error()
	}
	if err := c.nameFree(); err != nil {
		return err.Error()
	}
	began := time.Now()
	p, err := c.start()
	if err != nil {
		return fmt.Sprintf("%s could not be started: %v", c.spec.Name, err)
	}
	note := fmt.Sprintf("%s is starting, which may take up to %d s", c.spec.Name, c.spec.Seconds)
	if c.starts > 0 { // it alone writes it
		note = fmt.Sprintf("%s; it has ended before and is started again (%d of %d times)", note, c.starts, i.fleet.restarts)
	}
	c.set(backend.Starting, note, p.pid)
	// What is told to end between its start and here would not have been told.
	if i.ctx.Err() != nil {
		c.kill()
	}
	late := time.After(time.Duration(c.spec.Seconds) * time.Second)
	ready, missed := false, 0
	every := readyEvery
	for {
		select {
		case <-p.exited:
			return c.why(p, ready)
		case <-i.ctx.Done():
			<-p.exited
			return "it was told to end"
		case <-late:
			if !ready {
				kill(p.pid)
				<-p.exited
				return c.lateFor(time.Since(began))
			}
			continue
		case <-time.After(every):
		}
		err := c.probe(p)
		switch {
		case err == nil && !ready:
			ready, every = true, healthEvery
			c.set(backend.Ready, "", p.pid)
		case err == nil && missed > 0:
			missed = 0
			c.set(backend.Ready, "", p.pid)
		case err != nil && ready:
			if missed++; missed == misses {
				c.set(backend.Failed, fmt.Sprintf("%s runs and does not answer any more (%v): it may hang. To do: plimsoll topology down, then up", c.spec.Name, err), p.pid)
			}
		}
	}
}

// probe asks whether it is ready; the end of the process is an answer too.
func (c *child) probe(p *running) error {
	ctx, cancel := context.WithCancel(c.inst.ctx)
	defer cancel()
	go func() {
		select {
		case <-p.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	return c.inst.fleet.probe(ctx, c.spec.Ready)
}

// portFree looks for another program on the port: an engine would find out only
// after it has loaded its weights.
func (c *child) portFree() error {
	u, err := url.Parse(c.spec.Ready)
	if err != nil || c.spec.Port == 0 {
		return nil
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil // of another interface this cannot be asked
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, fmt.Sprint(c.spec.Port)))
	if err == nil {
		return l.Close()
	}
	if !strings.Contains(err.Error(), "in use") {
		return nil // the engine will say it better
	}
	return fmt.Errorf("%s was not started: port %d is taken by another program. To do: end that program (ss -ltnp shows it), or set port in the topology block", c.spec.Name, c.spec.Port)
}

// start runs the command in a group of its own, with its output in the log.
func (c *child) start() (*running, error) {
	env := environment(c.spec.Env)
	program, ok := find(c.spec.Command[0], env)
	if !ok {
		return nil, fmt.Errorf("the program %q is not to be found any more", c.spec.Command[0])
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making the pipe of its log: %w", err)
	}
	cmd := c.inst.fleet.warden.command(c.spec, program)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, c.dir, w, w
	ownGroup(cmd)
	c.log.begin()
	err = c.inst.fleet.warden.run(cmd, c.spec)
	_ = w.Close()
	if err != nil {
		_ = r.Close()
		return nil, err
	}
	p := &running{pid: cmd.Process.Pid, exited: make(chan struct{})}
	said := make(chan struct{})
	go func() {
		defer close(said)
		c.log.follow(r)
	}()
	go c.reap(p, cmd, r, said)
	return p, nil
}

// lingering is how long the last output may still come after the end: something
// that left the group can hold the pipe open for ever.
const lingering = 500 * time.Millisecond

// reap waits for the end of a process and of everything in its group.
func (c *child) reap(p *running, cmd *exec.Cmd, r *os.File, said <-chan struct{}) {
	_ = cmd.Wait()
	p.state = cmd.ProcessState
	kill(p.pid)
	for range 200 {
		if gone(p.pid) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if c.made(p) { // the client has gone; its container need not have
		c.stopContainer(10 * time.Second)
	}
	c.inst.fleet.warden.forget(p.pid)
	select {
	case <-said:
	case <-time.After(lingering):
	}
	_ = r.Close()
	<-said
	i := c.inst
	i.mu.Lock()
	c.pid = 0
	i.mu.Unlock()
	close(p.exited)
}

// terminate asks it to end, as a container by the plan's own command.
func (c *child) terminate(grace time.Duration) {
	pid := c.running()
	switch {
	case pid == 0:
	case len(c.spec.Stop) > 0:
		go c.stopContainer(max(grace, time.Second))
	default:
		terminate(pid)
	}
}

func (c *child) kill() {
	if pid := c.running(); pid != 0 {
		kill(pid)
	}
}

func (c *child) running() int {
	c.inst.mu.Lock()
	defer c.inst.mu.Unlock()
	return c.pid
}

// why explains the end of a process that was not asked to end.
func (c *child) why(p *running, served bool) string {
	when := "before it was ready"
	if served {
		when = "while it served"
	}
	out := fmt.Sprintf("%s has ended %s (%s)", c.spec.Name, when, p.state)
	return out + c.because(p.state.ExitCode() == 137 || strings.Contains(p.state.String(), "killed"))
}

func (c *child) lateFor(d time.Duration) string {
	out := fmt.Sprintf("%s was not ready after %d s, and was ended", c.spec.Name, int(d.Seconds()))
	if _, ok := c.log.found(); ok {
		return out + c.because(false)
	}
	return out + c.because(false) + `. To do: set ready = "30m" in the topology block if it was still loading or compiling; otherwise look at its whole log`
}

// because is what the log says of the cause.
func (c *child) because(killed bool) string {
	if f, ok := c.log.found(); ok {
		return fmt.Sprintf(": %s. To do: %s. Its log says: %s", f.means, f.do, strings.TrimSpace(cut(f.line, 300)))
	}
	last := c.log.last(1)
	switch {
	case killed:
		return ": it was killed from outside, most often because the machine had no memory left. To do: look at dmesg for its name"
	case len(last) > 0:
		return fmt.Sprintf(". Nothing in its log is known; it ends with: %s", strings.TrimSpace(cut(last[0], 300)))
	}
	return ". It printed nothing"
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + " ..."
}
