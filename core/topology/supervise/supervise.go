// Package supervise keeps a launched topology running after the command that
// launched it has ended. A supervisor is a process of its own: it owns the serving
// backend, which owns the engines, and it answers how they are on a local socket.
//
// It makes no plans and reads no config: it is handed an Order. It decides nothing
// about engines either: which are started again, and why one failed, is the
// backend's business; only a backend that died is started again from here. When a
// supervisor is killed, so is everything that it started.
//
//	err := supervise.Start(ctx, supervise.Spawn{Self: exe, Args: args, Dir: dir, Order: order})
//	i, err := supervise.Read(dir)              // in any process: instance.json
//	report, err := supervise.Status(ctx, i)    // asks the supervisor
//	err = supervise.Stop(ctx, i, time.Minute)  // and nothing is left
//	err = supervise.Run(ctx, cfg)              // the supervisor's own process
package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Plugin is the serving backend that supervisors use.
const Plugin = "vllm"

// Order is what a supervisor is to run.
type Order struct {
	Name     string    `json:"name"` // of the topology, and of its folder
	Plan     plan.Plan `json:"plan"`
	Restarts int       `json:"restarts"` // of each process that ends by itself, 0..100
	// Asked is the model that was named when it was started; "": none had to be.
	Asked string `json:"asked,omitempty"`
	// Machine is what the plan took from this machine.
	Machine plan.Machine `json:"machine"`
	// Serves is the digest of what of the blocks decides on answers: core/engine
	// makes it and compares it.
	Serves string `json:"serves,omitempty"`
}

// Inherited are the variables that the backend is handed where they are set; see
// Inherited of plugins/vllm, which hands the same to engines and says why.
func Inherited() []string {
	return []string{"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "HF_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST"}
}

// Config is what Run needs.
type Config struct {
	Dir     string // of the instance
	Root    string // the project's folder, which the backend stands in
	Order   Order
	Plugins plugin.Config // Self, SelfArgs, Bundled, Clock and Stderr
	Log     io.Writer     // what happened, a line each
}

// ErrTaken is an instance that another supervisor has.
var ErrTaken = errors.New("another supervisor has this topology")

// TakenCode is the exit code of a supervisor that found ErrTaken: whoever started it
// then waits for the other one.
const TakenCode = 75

// Times of a supervisor.
const (
	lookEvery = 300 * time.Millisecond
	callTime  = 30 * time.Second
	// lastGrace is for engines whose supervisor is told to end by a signal.
	lastGrace = 20 * time.Second
	// portTime is how long the ports of a plan may take to be free again after its
	// backend died: its warden kills the engines at once.
	portTime = 20 * time.Second
)

// supervisor is a running one.
type supervisor struct {
	cfg     Config
	manager *plugin.Manager
	client  *plugin.Client
	plan    backend.Plan

	mu       sync.Mutex
	instance Instance
	log      []string
	written  string // the instance as it was written last

	stop    chan time.Duration // a grace
	ended   chan struct{}
	replies sync.WaitGroup // connections that are open
	deaths  int            // of backends since the plan was ready; keep alone has it
}

// Run supervises until it is asked to stop or ctx ends, and then ends everything.
// ErrTaken: somebody else does already. An order that is refused is written down
// as an instance that failed, and is an error.
func Run(ctx context.Context, cfg Config) error {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("making the topology's folder: %w", err)
	}
	if err := os.Chmod(cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("closing the topology's folder to others: %w", err)
	}
	held, err := lock(filepath.Join(cfg.Dir, lockName))
	if err != nil {
		return err
	}
	defer held.Close()
	if old, err := Read(cfg.Dir); err == nil {
		if err := Clear(cfg.Dir, old); err != nil {
			return err
		}
	}
	s := &supervisor{cfg: cfg, stop: make(chan time.Duration, 1), ended: make(chan struct{})}
	if err := s.begin(); err != nil {
		return err
	}
	l, err := listen(cfg.Dir)
	if err != nil {
		return errors.Join(err, s.manager.Close())
	}
	s.instance.Socket = l.Addr().String()
	if err := s.note(func(*Instance) {}); err != nil {
		return errors.Join(err, l.Close(), s.manager.Close())
	}
	accepted := make(chan struct{})
	go func() {
		defer close(accepted)
		s.answer(l)
	}()
	err = s.keep(ctx)
	if err == nil {
		err = tidy(cfg.Dir, s.instance)
	}
	close(s.ended) // whoever waits for the end is answered, then the process goes
	err = errors.Join(err, l.Close())
	<-accepted
	s.hangUp()
	return err
}

// hangUp waits until everybody has their answer. One who asks nothing or does not
// listen does not keep a supervisor.
func (s *supervisor) hangUp() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.replies.Wait()
	}()
	select {
	case <-done:
	case <-time.After(endTime / 2):
	}
}

// begin makes the instance and the backend, and starts nothing.
func (s *supervisor) begin() error {
	o := s.cfg.Order
	digest, err := Digest(o.Plan)
	if err != nil {
		return err
	}
	document, err := json.Marshal(o.Plan)
	if err != nil {
		return fmt.Errorf("handing over the plan: %w", err)
	}
	s.plan = backend.Plan{ID: o.Name, Model: o.Plan.Model, Document: document}
	now := s.cfg.Plugins.Clock().UTC()
	s.instance = Instance{
		Format: format, Name: o.Name, Model: o.Plan.Model, Engine: o.Plan.Engine + " " + o.Plan.Version, Runtime: o.Plan.Runtime, Digest: digest, Serves: o.Serves,
		Endpoints: o.Plan.Endpoints, PID: os.Getpid(), Born: born(os.Getpid()), Started: now, Phase: backend.Starting, Since: now,
		Asked: o.Asked, Restarts: o.Restarts, Machine: o.Machine,
	}
	for _, x := range o.Plan.Processes {
		if x.Port > 0 {
			s.instance.Ports = append(s.instance.Ports, x.Port)
		}
	}
	cfg := s.cfg.Plugins
	cfg.Root = s.cfg.Root
	// The backend of an instance is not one of those that `plugin list` tells of:
	// their health is kept in the state folder, which an engine may hold.
	cfg.StateDir = s.cfg.Dir
	if s.manager, err = plugin.New(cfg); err != nil {
		return err
	}
	spec := plugin.Spec{Backend: o.Name, Plugin: Plugin, Config: map[string]any{"run_dir": s.cfg.Dir, "restarts": int64(o.Restarts)}}
	for _, name := range Inherited() {
		if _, ok := os.LookupEnv(name); ok {
			spec.Env = append(spec.Env, name)
		}
	}
	s.client, err = s.manager.Client(spec)
	return errors.Join(err)
}

// keep launches, and watches until the end.
func (s *supervisor) keep(ctx context.Context) error {
	refused, err := s.launch(ctx)
	if refused {
		return s.giveUp(err)
	}
	if err != nil {
		s.deaths++
		if err := s.fail(err); err != nil {
			s.say(err.Error())
		}
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case grace := <-s.stop:
			return s.end(grace)
		case <-ctx.Done():
			return s.end(lastGrace)
		case <-tick.C:
			if err := s.look(ctx); err != nil {
				return s.giveUp(err)
			}
		}
	}
}

// launch has the backend start the plan. A plan that can never be launched is
// refused for good.
func (s *supervisor) launch(ctx context.Context) (refused bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if _, err = s.client.Launch(ctx, s.plan); err != nil {
		if typed := (*backend.Error)(nil); errors.As(err, &typed) {
			err = errors.New(typed.Message)
			refused = typed.Code == backend.InvalidRequest
		}
		var locked *plugin.RefusedError
		return refused || errors.As(err, &locked), err
	}
	s.say("launched the plan")
	return false, s.note(func(i *Instance) { i.Launches++ })
}

// Pauses between the launches of a plan whose backend dies again and again, and how
// often in a row that may be before something is taken to be wrong for good.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
	mostDeaths   = 10
)

// pauseAfter is how long to wait with the next launch. The first one is at once: a
// backend that died after days was killed, most often.
func pauseAfter(deaths int) time.Duration {
	if deaths < 2 {
		return 0
	}
	return min(firstPause<<min(deaths-2, 10), longestPause)
}

// look asks the backend how the plan is, and launches it again when the backend
// is another one than the one that did. An error is the end of it: the plan cannot
// be launched any more.
func (s *supervisor) look(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	got, err := s.client.Status(ask, s.plan.ID)
	if err == nil && got.Phase != backend.Stopped {
		s.take(got)
		if got.Phase == backend.Ready {
			s.deaths = 0
		}
		return nil
	}
	if ctx.Err() != nil {
		return nil
	}
	why := "the backend that launched the plan died, and its engines with it"
	if err != nil {
		why = fmt.Sprintf("the backend that launched the plan died or does not answer: %v", err)
	}
	s.say(why)
	if s.deaths++; s.deaths > mostDeaths {
		return fmt.Errorf("%s; it was launched again %d times in a row without ever being ready, which is enough. To do: look at its log, %s", why, mostDeaths, filepath.Join(s.cfg.Dir, logName))
	}
	pause := pauseAfter(s.deaths)
	now := s.now()
	if err := s.note(func(i *Instance) {
		i.Message = why + "; the plan is launched again"
		if pause > 0 {
			i.Message += fmt.Sprintf(" after %s", pause)
		}
		i.Phase, i.Since, i.Processes = backend.Starting, now, without(i.Processes, backend.Starting)
	}); err != nil {
		s.say(err.Error())
	}
	if !s.pause(ctx, pause) {
		return nil
	}
	s.awaitPorts(ctx)
	refused, err := s.launch(ctx)
	if err != nil {
		s.say("launching it again: " + err.Error())
	}
	if refused {
		return fmt.Errorf("%s, and it cannot be launched again: %w", why, err)
	}
	return nil
}

// pause waits; false: it is to end meanwhile.
func (s *supervisor) pause(ctx context.Context, d time.Duration) bool {
	select {
	case grace := <-s.stop:
		select {
		case s.stop <- grace: // for keep
		default: // somebody asked again meanwhile
		}
		return false
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// giveUp ends what is there of a plan that cannot be launched, and leaves why.
func (s *supervisor) giveUp(why error) error {
	err := errors.Join(s.manager.Close(), s.clean())
	return errors.Join(s.fail(why), err)
}

// without are processes of which those that have ended have no id any more.
func without(all []Process, phase backend.Phase) []Process {
	var out []Process
	for _, p := range all {
		if !same(p.PID, p.Born) {
			p.PID, p.Born, p.Phase = 0, "", phase
		}
		out = append(out, p)
	}
	return out
}

// take keeps what the backend said.
func (s *supervisor) take(got backend.Status) {
	err := s.note(func(i *Instance) {
		i.Phase, i.Since, i.Message = got.Phase, got.Since, got.Message
		if i.Since.IsZero() {
			i.Since = s.now()
		}
		var all []Process
		for n, x := range s.cfg.Order.Plan.Processes {
			p := Process{Name: x.Name, Role: string(x.Role), Log: filepath.Join(s.cfg.Dir, x.Name+".log"), Phase: got.Phase}
			if n < len(got.Processes) {
				p.PID, p.Phase, p.Command = int(got.Processes[n].PID), got.Processes[n].Phase, got.Processes[n].Command
				p.Born = born(p.PID)
			}
			all = append(all, p)
		}
		i.Processes = all
	})
	if err != nil {
		s.say(err.Error())
	}
	s.mu.Lock()
	s.log = got.Log
	s.mu.Unlock()
}

// note changes the instance and writes it down where it is another one then.
func (s *supervisor) note(change func(*Instance)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.instance.Phase
	change(&s.instance)
	raw, err := json.Marshal(s.instance)
	if err != nil || string(raw) == s.written {
		return err
	}
	if err := s.instance.write(s.cfg.Dir); err != nil {
		return err
	}
	s.written = string(raw)
	if s.instance.Phase != before {
		s.sayIt(fmt.Sprintf("%s. %s", s.instance.Phase, s.instance.Message))
	}
	return nil
}

// fail writes down that nothing was launched, and why.
func (s *supervisor) fail(why error) error {
	now := s.now()
	return errors.Join(why, s.note(func(i *Instance) {
		i.Phase, i.Since, i.Message, i.Processes = backend.Failed, now, why.Error(), without(i.Processes, backend.Failed)
	}))
}

// end stops everything, and checks that nothing is left.
func (s *supervisor) end(grace time.Duration) error {
	s.say(fmt.Sprintf("stopping, within %s", grace))
	ctx, cancel := context.WithTimeout(context.Background(), grace+callTime)
	defer cancel()
	now := s.now()
	err := s.note(func(i *Instance) { i.Phase, i.Since, i.Message = backend.Stopping, now, "" })
	if stopped := s.client.Stop(ctx, s.plan.ID, grace); stopped != nil {
		s.say("stopping: " + stopped.Error()) // with the backend its warden ends what is left
	}
	return errors.Join(err, s.manager.Close(), s.clean())
}

// clean waits until nothing of the plan runs, whose backend has gone: its warden
// kills what is there. After a while it is killed from here.
func (s *supervisor) clean() error {
	i := s.current()
	for n := range 400 {
		if len(i.Left()) == 0 {
			return nil
		}
		if n == 300 {
			for _, p := range i.Left() {
				killGroup(p.PID)
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	if left := i.Left(); len(left) > 0 {
		return fmt.Errorf("process %d (%s) does not end, not even when it is killed", left[0].PID, left[0].Name)
	}
	return nil
}

// answer serves the socket until it is closed.
func (s *supervisor) answer(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.replies.Add(1)
		go func() {
			defer s.replies.Done()
			serve(c, s.reply)
		}()
	}
}

func (s *supervisor) reply(r request) answer {
	if r.PID != 0 && r.PID != os.Getpid() {
		return answer{Gone: true}
	}
	switch r.Op {
	case "status":
		s.mu.Lock()
		defer s.mu.Unlock()
		return answer{Report: &Report{Instance: s.instance, Log: slices.Clone(s.log)}}
	case "metrics":
		ctx, cancel := context.WithTimeout(context.Background(), callTime)
		defer cancel()
		m, err := s.client.Metrics(ctx, s.plan.ID)
		if err != nil {
			return answer{Error: err.Error()}
		}
		all := maps.Clone(m.Gauges)
		if all == nil {
			all = map[string]float64{}
		}
		maps.Copy(all, m.Counters)
		return answer{Metrics: all}
	case "stop":
		if r.Grace < 0 {
			return answer{Error: "the grace is below zero"}
		}
		select {
		case s.stop <- r.Grace:
		default: // it is ending already
		}
		<-s.ended
		i := s.current()
		return answer{Report: &Report{Instance: i}}
	}
	return answer{Error: fmt.Sprintf("there is no question %q", r.Op)}
}

func (s *supervisor) current() Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.instance
}

func (s *supervisor) now() time.Time { return s.cfg.Plugins.Clock().UTC() }

func (s *supervisor) say(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sayIt(what)
}

func (s *supervisor) sayIt(what string) {
	if s.cfg.Log != nil {
		fmt.Fprintf(s.cfg.Log, "%s %s\n", s.now().Format(time.RFC3339), what)
	}
}

// awaitPorts waits until nothing listens on the plan's ports.
func (s *supervisor) awaitPorts(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, portTime)
	defer cancel()
	for _, x := range s.cfg.Order.Plan.Processes {
		for x.Port > 0 && ctx.Err() == nil {
			c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", fmt.Sprint(x.Port)))
			if err != nil {
				break
			}
			_ = c.Close()
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
}
