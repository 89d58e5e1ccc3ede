package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/auth"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/serve"
	"github.com/plimsoll-dev/plimsoll/core/telemetry"
)

// agents answers MCP clients while the engine runs: over HTTP where the serve block
// has mcp, with metrics beside it where it has metrics.
type agents struct {
	host     *host
	engine   *engine.Engine
	surface  *engine.Surface
	server   *mcp.Server
	recorder *telemetry.Telemetry
	metrics  *http.Server
	said     []func() // what to say once everything listens
	running  sync.WaitGroup
	failed   chan error
}

// welcome opens the surface and its listeners. With an error nothing listens.
func (h *host) welcome(ctx context.Context) (*agents, error) {
	p, diags := engine.LoadProject(h.load)
	if err := diags.Err(); err != nil {
		return nil, err
	}
	a := &agents{host: h, failed: make(chan error, 2)}
	var err error
	if a.recorder, err = p.Recorder(h.app.Version, func(err error) { h.events.say("problem", nil, "sending traces: %v", err) }); err != nil {
		return nil, err
	}
	o, err := h.options(p)
	if err != nil {
		return nil, err
	}
	o.Version = h.app.Version
	if a.recorder != nil {
		o.Recorder = a.recorder
	}
	h.recorder = o.Recorder
	if a.engine, err = engine.Open(ctx, o); err != nil {
		return nil, err
	}
	if a.surface, err = a.engine.Surface(ctx); err != nil {
		return nil, errors.Join(err, a.engine.Close())
	}
	if err := a.listen(p); err != nil {
		return nil, errors.Join(err, a.stop(ctx))
	}
	for _, text := range a.surface.Problems() {
		h.events.say("problem", nil, "%s", text)
	}
	return a, nil
}

func (a *agents) listen(p *engine.Project) error {
	h, s := a.host, p.Config.Serving()
	if s.MCP != nil {
		server, err := a.surface.Agents(h.app.Version, func(err error) { h.events.say("problem", nil, "%v", err) })
		if err != nil {
			return err
		}
		l, err := net.Listen("tcp", s.MCP.Listen)
		if err != nil {
			return fmt.Errorf("answering agents at %s: %w", s.MCP.Listen, err)
		}
		a.server = server
		a.running.Go(func() {
			if err := server.ServeHTTP(l); err != nil {
				a.failed <- err
			}
		})
		scheme := "http"
		if s.MCP.TLS != nil {
			scheme = "https"
		}
		url := fmt.Sprintf("%s://%s/mcp", scheme, l.Addr())
		a.say("agents", map[string]any{"url": url, "skills": len(p.Skills), "connectors": len(p.Config.Connectors)}, "answering agents at %s", url)
		for _, w := range s.MCP.Whole {
			a.say("agents", map[string]any{"url": url + "/" + w.Name, "connector": w.Name}, "connector %s whole at %s/%s", w.Name, url, w.Name)
		}
	}
	if s.Metrics == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.Metrics)
	if err != nil {
		return fmt.Errorf("showing metrics at %s: %w", s.Metrics, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.surface.Metrics(a.recorder))
	a.metrics = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	a.running.Go(func() {
		if err := a.metrics.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.failed <- err
		}
	})
	a.say("metrics", map[string]any{"url": fmt.Sprintf("http://%s/metrics", l.Addr())}, "metrics at http://%s/metrics", l.Addr())
	return nil
}

// say keeps an event until announce: nothing is told of an engine that does not
// come up.
func (a *agents) say(kind string, data map[string]any, format string, args ...any) {
	a.said = append(a.said, func() { a.host.events.say(kind, data, format, args...) })
}

// announce says where agents are answered.
func (a *agents) announce() {
	for _, say := range a.said {
		say()
	}
}

// follow takes changes of the files until ctx ends, by night as well: who lost a
// token must not keep its rights until a night is over.
func (a *agents) follow(ctx context.Context) {
	told := ""
	for pause(ctx, glance, nil) {
		err := a.surface.Refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		why := ""
		if err != nil {
			why = err.Error()
		}
		if why != "" && why != told {
			a.host.events.say("problem", nil, "agents still see the project as it was: %s", why)
		}
		told = why
	}
}

// stop lets calls end within ctx.
func (a *agents) stop(ctx context.Context) error {
	var errs []error
	if a.server != nil {
		if err := a.server.Shutdown(ctx); err != nil {
			a.host.events.say("problem", nil, "calls of agents took too long to end and were cut off: %v", err)
		}
	}
	if a.metrics != nil {
		errs = append(errs, a.metrics.Close())
	}
	a.running.Wait()
	if a.recorder != nil {
		if err := a.recorder.Close(ctx); err != nil {
			a.host.events.say("problem", nil, "sending the last traces: %v", err)
		}
	}
	if a.engine != nil {
		errs = append(errs, a.engine.Close())
	}
	return errors.Join(errs...)
}

// stdio answers one client over standard input and output, as a principal of the
// project. Where an engine runs, it runs there; else this process is one, without
// nights and listeners, so that commands find it: calls that wait for a person must
// be answered while the client waits.
func (c *command) stdio(ctx context.Context, as string) error {
	if err := c.elsewhere(ctx); err != nil {
		return err
	}
	if c.host != nil {
		return c.line(ctx, as)
	}
	p, err := c.load("")
	if err != nil {
		return err
	}
	app := c.App
	app.Out = c.Err // standard output is the client's
	h := &host{app: app, events: &events{c: &command{App: app, json: c.json}}, config: p}
	if h.load, err = c.loadOptions(); err != nil {
		return err
	}
	if h.state, err = h.take(ctx, c, p.Dir); err != nil {
		return err
	}
	h.state.KeepBackends()
	err = h.alone(ctx, c, as)
	return errors.Join(err, h.state.Close())
}

// alone serves one client and the commands of its project.
func (h *host) alone(ctx context.Context, c *command, as string) error {
	var err error
	h.socket, err = serve.Listen(serve.Config{Dir: filepath.Join(h.state.Dir(), engine.StateDir), Version: h.app.Version, Now: engine.Now, Run: h.run})
	if err != nil {
		return err
	}
	var rest sync.WaitGroup
	var failed error
	rest.Go(func() { failed = h.socket.Serve() })
	mail, noMail := context.WithCancel(ctx)
	rest.Go(func() { h.mail(mail) })
	c.host = h
	err = c.line(ctx, as)
	bound, over := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer over()
	err = errors.Join(err, h.socket.Stop(bound))
	noMail()
	rest.Wait()
	return errors.Join(err, failed)
}

// line serves the client on the engine that there is.
func (c *command) line(ctx context.Context, as string) error {
	e, x, err := c.surface(ctx)
	if err != nil {
		return err
	}
	defer e.Close()
	caller, err := c.caller(e, as)
	if err != nil {
		return err
	}
	server, err := x.Agents(c.Version, func(err error) { c.note("%v", err) })
	if err != nil {
		return err
	}
	in := c.In
	if c.kept != nil {
		in = c.kept.again() // what a client says is not kept for another engine
	}
	err = x.Line(auth.With(ctx, caller.Principal), server, caller.Principal, io.NopCloser(in), c.Out)
	bound, over := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer over()
	return errors.Join(err, server.Shutdown(bound))
}
