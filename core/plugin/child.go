package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-plugin/runner"
)

// child is one plugin process. It replaces go-plugin's own runner, which always
// hands the host's stdin down: swapping os.Stdin around every launch was
// refused, because that is a global that other goroutines read. It also notices
// the end of the process itself, while go-plugin waits for its output to end,
// which a grandchild can hold open for ever.
type child struct {
	mu       sync.Mutex // guards cmd, started and killed
	cmd      *exec.Cmd
	started  bool
	killed   bool
	life     *os.File // write end of the life pipe; referenced here so that it is not collected and closed
	lifeRead *os.File
	out, err *os.File // read ends
	outW     *os.File
	errW     *os.File
	exited   chan struct{}
	state    string // how it ended; valid once exited is closed
	result   error
}

var _ runner.Runner = (*child)(nil)

// lingering is how long output may still come after the process has ended.
const lingering = 500 * time.Millisecond

// newChild prepares a process that stands in dir, where the relative paths of a
// user's config lead from; "" is the host's own folder.
func newChild(path string, args []string, dir string) (*child, error) {
	c := &child{exited: make(chan struct{})}
	var errs [3]error
	c.lifeRead, c.life, errs[0] = os.Pipe()
	c.out, c.outW, errs[1] = os.Pipe()
	c.err, c.errW, errs[2] = os.Pipe()
	if err := errors.Join(errs[:]...); err != nil {
		c.closeAll()
		return nil, fmt.Errorf("making the pipes of a plugin: %w", err)
	}
	c.cmd = exec.Command(path, args...)
	c.cmd.Dir = dir
	// The life pipe is the child's stdin, and not a numbered descriptor beside
	// it: Windows hands down nothing else. It carries no byte, and its end means
	// that the host is gone.
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = c.lifeRead, c.outW, c.errW
	ownGroup(c.cmd)
	return c, nil
}

// Start begins the process.
func (c *child) Start(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killed {
		return errors.New("the launch was given up")
	}
	err := c.cmd.Start()
	// A file that was written a moment ago can still be open in a process that
	// was forked meanwhile and has not reached its exec yet (go.dev/issue/22315).
	for i := 0; busy(err) && i < 20 && ctx.Err() == nil; i++ {
		time.Sleep(20 * time.Millisecond)
		again := exec.Command(c.cmd.Path, c.cmd.Args[1:]...)
		again.Dir = c.cmd.Dir
		again.Env, again.Stdin, again.Stdout, again.Stderr = c.cmd.Env, c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr
		ownGroup(again)
		c.cmd = again
		err = c.cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", c.cmd.Path, err)
	}
	c.started = true
	for _, f := range []*os.File{c.lifeRead, c.outW, c.errW} {
		_ = f.Close() // the child has them now
	}
	go c.reap(c.cmd)
	return nil
}

func (c *child) reap(cmd *exec.Cmd) {
	c.result = cmd.Wait()
	c.state = cmd.ProcessState.String()
	killGroup(cmd.Process.Pid) // what it started ends with it
	_ = c.life.Close()
	close(c.exited)
	time.AfterFunc(lingering, func() { _ = c.out.Close(); _ = c.err.Close() })
}

// Wait blocks until the process has ended.
func (c *child) Wait(ctx context.Context) error {
	select {
	case <-c.exited:
		return c.result
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Kill ends the process and what it started, at once.
func (c *child) Kill(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.started {
		if !c.killed {
			c.closeAll()
		}
		c.killed = true
		return nil
	}
	select {
	case <-c.exited:
		return nil
	default:
	}
	killGroup(c.cmd.Process.Pid)
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Diagnose has nothing to add: the launch error carries the plugin's output.
func (c *child) Diagnose(context.Context) string { return "" }

// Stdout is where the handshake comes from.
func (c *child) Stdout() io.ReadCloser { return c.out }

// Stderr is the plugin's own output.
func (c *child) Stderr() io.ReadCloser { return c.err }

// Name is the path.
func (c *child) Name() string { return c.cmd.Path }

// ID is the process id.
func (c *child) ID() string { return fmt.Sprint(c.pid()) }

// PluginToHost and HostToPlugin: both sides see the same addresses.
func (c *child) PluginToHost(network, addr string) (string, string, error) { return network, addr, nil }

// HostToPlugin is the identity too.
func (c *child) HostToPlugin(network, addr string) (string, string, error) { return network, addr, nil }

func (c *child) pid() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cmd.Process == nil {
		return 0
	}
	return c.cmd.Process.Pid
}

func (c *child) closeAll() {
	for _, f := range []*os.File{c.life, c.lifeRead, c.out, c.outW, c.err, c.errW} {
		if f != nil {
			_ = f.Close()
		}
	}
}
