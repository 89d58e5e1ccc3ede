package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/serve"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/spf13/cobra"
)

func (c *command) engineCommand() *cobra.Command {
	var overStdio bool
	var as string
	cmd := &cobra.Command{
		Use: "serve", Short: "Keep the engine running: agents over MCP, nights by schedule, commands over a local socket",
		Long: "Holds the project's state open until it is told to stop. Agents are answered, and\nnights begin, as the serve block says; every other command finds this process and runs\nin it, so that a run by day need not wait for a night. SIGTERM or Ctrl-C ends the batch\nthat is being measured and stops; a second one ends at once.\n\nWith --stdio it answers one MCP client over standard input and output and ends with it:\nfor clients that launch their server. Where an engine runs already, it does the work.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if overStdio {
				return c.stdio(cmd.Context(), as)
			}
			if as != "" {
				return usage("--as goes with --stdio: over HTTP callers prove who they are")
			}
			if c.host != nil {
				return usage("this is the engine already: a command that it runs cannot start another")
			}
			if c.asOf != "" {
				return usage("plimsoll serve goes by the clock: --as-of is for single commands")
			}
			return c.serve(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&overStdio, "stdio", false, "answer one MCP client over standard input and output")
	asFlag(cmd, &as)
	return cmd
}

// host is a running engine. Listeners of other kinds than the local socket are
// started in serve, beside the socket, and stopped with it.
type host struct {
	app    App // what every command of a client shares
	state  *engine.State
	socket *serve.Server
	events *events
	load   engine.LoadOptions // of nights: this process's own

	recorder telemetry.Recorder // of metrics and traces; nil without
	agents   *agents

	mu     sync.Mutex
	config *engine.Project // as it was last read without errors
	next   serve.Plan
}

func (c *command) serve(ctx context.Context) error {
	p, err := c.load("")
	if err != nil {
		return err
	}
	h := &host{app: c.App, events: &events{c: c}, config: p}
	if h.load, err = c.loadOptions(); err != nil {
		return err
	}
	if h.state, err = h.take(ctx, c, p.Dir); err != nil {
		return err
	}
	h.state.KeepBackends()
	err = h.serve(ctx)
	return errors.Join(err, h.state.Close())
}

// take opens the state. A command that has it is waited for; another engine is
// not.
func (h *host) take(ctx context.Context, c *command, dir string) (*engine.State, error) {
	for told, end := false, engine.Now().Add(10*time.Second); ; {
		state, err := engine.OpenState(dir)
		if !errors.Is(err, store.ErrInUse) {
			return state, err
		}
		client, other := serve.Find(c.stateDir(), c.Version, engine.Now())
		if client != nil {
			other = fmt.Errorf("an engine runs here already: pid %d, since %s. Commands in this folder run in it; stop it before you start another", client.Engine.PID, client.Engine.Since.Format(time.RFC3339))
			_ = client.Close() // it was only asked who it is
		}
		if other != nil {
			return nil, other
		}
		if engine.Now().After(end) {
			return nil, err
		}
		if !told {
			h.events.say("waiting", nil, "%v", err)
			told = true
		}
		if !pause(ctx, 100*time.Millisecond, nil) {
			return nil, ctx.Err()
		}
	}
}

// pause waits until a time is over or something wakes it; false when ctx ends.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	t := time.NewTimer(max(d, 0))
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return true
}

// serve runs until ctx ends, then lets what runs end in order.
func (h *host) serve(ctx context.Context) error {
	var err error
	h.socket, err = serve.Listen(serve.Config{Dir: filepath.Join(h.state.Dir(), engine.StateDir), Version: h.app.Version, Now: engine.Now, Run: h.run})
	if err != nil {
		return err
	}
	// Work outlives the signal: it is told to stop, and ended only when it does not.
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	if h.agents, err = h.welcome(work); err != nil {
		return errors.Join(err, h.socket.Stop(work))
	}
	said := h.socket.Announcement()
	h.events.say("serving", map[string]any{"pid": said.PID, "socket": said.Socket}, "serving %s (pid %d)", h.state.Dir(), said.PID)
	h.agents.announce()
	var nights, rest sync.WaitGroup
	failed := make(chan error, 1)
	rest.Go(func() {
		if err := h.socket.Serve(); err != nil {
			failed <- err
		}
	})
	nights.Go(func() { h.nights(ctx, work) })
	rest.Go(func() { h.agents.follow(ctx) })
	mail, noMail := context.WithCancel(work)
	rest.Go(func() { h.mail(mail) })
	if err := serve.Ready(os.LookupEnv); err != nil {
		h.events.say("problem", nil, "telling the service manager: %v", err)
	}

	select {
	case <-ctx.Done():
	case err = <-failed:
	case err = <-h.agents.failed:
	}
	patience := h.settings().Stop
	h.events.say("stopping", nil, "stopping; what runs has %v to end", patience)
	h.state.Drain()
	bound, over := context.WithTimeout(work, patience)
	defer over()
	var stopped sync.WaitGroup
	var unsocket error
	stopped.Go(func() { unsocket = h.socket.Stop(bound) })
	var unlisten error
	stopped.Go(func() { unlisten = h.agents.stop(bound) })
	ended := make(chan struct{})
	go func() { nights.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-bound.Done():
		h.events.say("problem", nil, "a batch took longer than %v and was cut off: what it had paid for and not written down is bought again", patience)
		end()
		<-ended
	}
	stopped.Wait()
	noMail()
	rest.Wait()
	h.lastMail()
	h.events.say("stopped", nil, "stopped")
	return errors.Join(err, unsocket, unlisten)
}

// run is a command of a client, in this process.
func (h *host) run(ctx context.Context, req serve.Command) int {
	app := h.app
	app.Args, app.In, app.Out, app.Err = req.Args, req.In, req.Out, req.Err
	app.Color, app.Live, app.Width = req.Color, req.Live, req.Width
	return execute(ctx, &command{App: app, host: h, cwd: req.Dir, lookup: req.Lookup})
}

// open makes an engine for a command from the files as they are now.
func (h *host) open(ctx context.Context, o engine.Options) (*engine.Engine, error) {
	here, err := os.Stat(h.state.Dir())
	if err != nil {
		return nil, fmt.Errorf("looking at the project: %w", err)
	}
	if there, err := os.Stat(o.Project.Dir); err != nil || !os.SameFile(here, there) {
		return nil, fmt.Errorf("this engine serves %s, and the command is about %s", h.state.Dir(), o.Project.Dir)
	}
	// Backends outlive the command that started them: what they print is the
	// engine's to show.
	o.State, o.Stderr, o.Recorder = h.state, h.app.Err, h.recorder
	return engine.Open(ctx, o)
}

// options of an engine for this process's own nights.
func (h *host) options(p *engine.Project) (engine.Options, error) {
	self, err := os.Executable()
	if err != nil {
		return engine.Options{}, fmt.Errorf("finding this program's own file: %w", err)
	}
	return engine.Options{Project: p, Self: self, Bundled: slices.Sorted(maps.Keys(h.app.Bundled)), Stderr: h.app.Err, State: h.state}, nil
}

// project is the config as it was last read without errors.
func (h *host) project() *engine.Project {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.config
}

func (h *host) settings() *config.Serve { return h.project().Config.Serving() }

// reread takes changes of the config files. While they have errors, what was
// read before holds, and it is said once.
func (h *host) reread(broken *string) {
	p, diags := engine.ReadConfig(h.load)
	if err := diags.Err(); err != nil || p.Empty() {
		why := "there are no .hcl files any more"
		if err != nil {
			why = err.Error()
		}
		if why != *broken {
			h.events.say("problem", nil, "the config files cannot be read, and what stood in them before holds: %s", why)
		}
		*broken = why
		return
	}
	*broken = ""
	h.mu.Lock()
	defer h.mu.Unlock()
	h.config = p
}
