package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/core/topology/declared"
	"github.com/plimsoll-dev/plimsoll/core/topology/detect"
	"github.com/plimsoll-dev/plimsoll/core/topology/plan"
	"github.com/plimsoll-dev/plimsoll/core/topology/supervise"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/spf13/cobra"
)

// launching is what `topology up` was asked for.
type launching struct {
	model    string
	noWait   bool
	restarts int
	serves   string // see supervise.Order; with the plan
	machine  plan.Machine
}

func (c *command) topologyUpCommand() *cobra.Command {
	var l launching
	var supervisor bool
	cmd := &cobra.Command{
		Use: "up [TOPOLOGY]", Short: "Start the servers of a topology, and leave them running", Args: cobra.MaximumNArgs(1),
		Long: "Makes the plan of the topology, starts its processes or containers under a supervisor\nthat outlives this command, and waits until they take requests. Ctrl-C stops the\nwaiting, not the servers. Asked again, it waits for those that run.\n\nA backend block with topology = topology.NAME then calls them.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if supervisor {
				return c.superviseTopology(cmd.Context())
			}
			return c.topologyUp(cmd.Context(), strings.Join(args, ""), l)
		},
	}
	cmd.Flags().StringVar(&l.model, "model", "", "the model to serve, where the topology names none and there are several")
	cmd.Flags().BoolVar(&l.noWait, "no-wait", false, "return as soon as the servers are starting")
	cmd.Flags().IntVar(&l.restarts, "restarts", 0, "how often each process that ends by itself is started again")
	cmd.Flags().BoolVar(&supervisor, "as-supervisor", false, "")
	_ = cmd.Flags().MarkHidden("as-supervisor")
	return cmd
}

// superviseTopology is this program as a supervisor: no command for people. What it
// is to run comes on standard input.
func (c *command) superviseTopology(ctx context.Context) error {
	order, err := supervise.ReadOrder(c.In)
	if err != nil {
		return usage("%w; use plimsoll topology up", err)
	}
	root, err := filepath.Abs(c.at(c.dir))
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program's own file: %w", err)
	}
	err = supervise.Run(ctx, supervise.Config{
		Dir: supervise.Dir(filepath.Join(root, engine.StateDir), order.Name), Root: root, Order: order, Log: c.Err,
		Plugins: plugin.Config{
			Self: self, SelfArgs: func(name string) []string { return []string{engine.ServeArg, name} },
			Bundled: slices.Sorted(maps.Keys(c.Bundled)), Clock: engine.Now, Stderr: c.Err,
		},
	})
	if errors.Is(err, supervise.ErrTaken) {
		err = &problem{code: supervise.TakenCode, err: err}
	}
	return err
}

// launchPlan is the plan of a topology on this machine. It fills in l.serves.
func (c *command) launchPlan(ctx context.Context, name string, l *launching) (string, plan.Plan, error) {
	p, err := c.load("")
	if err != nil {
		return "", plan.Plan{}, err
	}
	set, diags := declared.Read(p.Config, declared.Files(p.Dir))
	if diags.HasErrors() {
		return "", plan.Plan{}, c.refuse(p, diags)
	}
	spec, err := set.Plan(name, l.model)
	if err != nil {
		return "", plan.Plan{}, usage("%w", err)
	}
	if spec.Instance, err = c.instanceID(spec.Topology.Name); err != nil {
		return "", plan.Plan{}, err
	}
	for _, t := range p.Config.Topologies {
		if t.Name == spec.Topology.Name && t.Attach == "" {
			if l.serves, err = p.Serves(t, spec.Model.Name); err != nil {
				return "", plan.Plan{}, err
			}
		}
	}
	if r := spec.Topology.Runtime; spec.Topology.Attach == "" && (r == "" || r == "process") {
		if spec.Machine, err = c.machineFor(ctx, spec.Topology.Name); err != nil {
			return "", plan.Plan{}, err
		}
		l.machine = spec.Machine
	}
	made, err := plan.Make(spec)
	return spec.Topology.Name, made, err
}

// machineFor is what a plan may take from this machine. Of a topology that runs it is
// what its own plan took: to look again takes long, and would make it another plan.
func (c *command) machineFor(ctx context.Context, name string) (plan.Machine, error) {
	dir, err := c.instanceDir(name)
	if err != nil {
		return plan.Machine{}, err
	}
	if i, err := supervise.Read(dir); err == nil && i.Alive() && (i.Phase == backend.Ready || i.Phase == backend.Starting) {
		return i.Machine, nil
	}
	c.progress("Looking at this machine; vLLM may take up to a minute to say its version.")
	return detect.Look(ctx, detect.Config{Runner: detect.Programs{}, Env: c.lookup}).Facts(), nil
}

func (c *command) topologyUp(ctx context.Context, name string, l launching) error {
	if l.restarts < 0 || l.restarts > 100 {
		return usage("--restarts %d: 0 to 100", l.restarts)
	}
	name, made, err := c.launchPlan(ctx, name, &l)
	if err != nil {
		return err
	}
	switch made.Runtime {
	case "attach":
		return c.attached(name, made)
	case "kubernetes":
		return fmt.Errorf("topology %q is for Kubernetes, which is not started from here: plimsoll topology plan %s --out manifests, then kubectl apply -f manifests", name, name)
	}
	if !supervise.Supported {
		return fmt.Errorf("topologies are launched on Linux and macOS only: start the server yourself and set attach in topology %q", name)
	}
	dir, err := c.instanceDir(name)
	if err != nil {
		return err
	}
	i, began, err := c.launched(ctx, dir, name, made, l)
	if err != nil {
		return err
	}
	if i.Phase == backend.Failed {
		return c.upFailed(supervise.Report{Instance: i})
	}
	if l.noWait || !began && i.Phase == backend.Ready {
		return c.upStarted(i, began)
	}
	return c.upWait(ctx, i, made.Seconds)
}

func (c *command) instanceDir(name string) (string, error) {
	state, err := filepath.Abs(c.stateDir())
	if err != nil {
		return "", fmt.Errorf("finding the state folder: %w", err)
	}
	return supervise.Dir(state, name), nil
}

// instanceID tells the containers of an instance from those of other projects on
// this machine, which may have called a topology the same. It is the folder's, with
// links resolved: whichever way a project is reached, it is one project.
func (c *command) instanceID(name string) (string, error) {
	root, err := filepath.Abs(c.at(c.dir))
	if err != nil {
		return "", fmt.Errorf("finding the project's folder: %w", err)
	}
	if root, err = filepath.EvalSymlinks(root); err != nil {
		return "", fmt.Errorf("finding the project's folder: %w", err)
	}
	sum := sha256.Sum256([]byte(supervise.Dir(root, name)))
	return hex.EncodeToString(sum[:6]), nil
}

func (c *command) attached(name string, made plan.Plan) error {
	if c.json {
		return c.document(map[string]any{"topology": name, "attached": true, "endpoints": made.Endpoints})
	}
	c.say("Topology %s attaches to %s, which somebody else runs: nothing was started.", name, strings.Join(made.Endpoints, ", "))
	c.next("plimsoll topology bench --topology %s, or topology = topology.%s in a backend block.", name, name)
	return nil
}

// launched starts a supervisor, unless one runs that has the same plan. One that has
// failed is ended first: whoever asks again has mended something.
func (c *command) launched(ctx context.Context, dir, name string, made plan.Plan, l launching) (i supervise.Instance, began bool, err error) {
	digest, err := supervise.Digest(made)
	if err != nil {
		return i, false, err
	}
	i, err = supervise.Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return i, false, err
	case i.Alive():
		now, err := c.askedOnce(ctx, i)
		if err != nil {
			return i, false, fmt.Errorf("topology %q: %w (process %d): plimsoll topology down %s ends it", name, err, i.PID, name)
		}
		i = now.Instance
		if i.Digest != digest || i.Serves != l.serves {
			return i, false, otherPlan(i, l.model)
		}
		if i.Phase != backend.Failed && i.Phase != backend.Stopping {
			if i.Restarts != l.restarts {
				c.progress("It runs with --restarts %d, which stays so: for another number, %s first.", i.Restarts, downCommand(i))
			}
			return i, false, nil
		}
		c.progress("%s %s; it is started again.", name, i.Phase)
		if _, err := supervise.End(ctx, dir, i, 10*time.Second); err != nil {
			return i, false, fmt.Errorf("ending what failed before: %w", err)
		}
	case i.Phase != backend.Failed:
		c.progress("The supervisor of %s was killed (process %d): what it left is taken away.", name, i.PID)
	}
	if err := c.portsTaken(name, made); err != nil {
		return i, false, err
	}
	self, err := os.Executable()
	if err != nil {
		return i, false, fmt.Errorf("finding this program's own file: %w", err)
	}
	root, err := filepath.Abs(c.at(c.dir))
	if err != nil {
		return i, false, err
	}
	i, err = supervise.Start(ctx, supervise.Spawn{
		Self: self, Args: []string{"-C", root, "topology", "up", "--as-supervisor"}, Dir: dir,
		Order: supervise.Order{Name: name, Plan: made, Restarts: l.restarts, Serves: l.serves, Asked: l.model, Machine: l.machine},
	})
	if err == nil && (i.Digest != digest || i.Serves != l.serves) {
		err = otherPlan(i, l.model)
	}
	return i, true, err
}

// portsTaken refuses a plan whose ports another topology of this project has: its
// servers would find out one by one, and not whose they are.
func (c *command) portsTaken(name string, made plan.Plan) error {
	state, err := filepath.Abs(c.stateDir())
	if err != nil {
		return fmt.Errorf("finding the state folder: %w", err)
	}
	all, _ := supervise.List(state) // what cannot be read is status's to tell
	for _, i := range all {
		for _, x := range made.Processes {
			if i.Name != name && i.Holds(x.Port) {
				return fmt.Errorf("topology %s was not started: topology %s has port %d, which %s needs.\nTo do: %s, or set port in topology %q", name, i.Name, x.Port, x.Name, downCommand(i), name)
			}
		}
	}
	return nil
}

// upCommand starts i as it was started, and benchCommand measures the same.
func upCommand(i supervise.Instance) string { return "plimsoll topology up " + i.Name + modelFlag(i) }

func benchCommand(i supervise.Instance) string {
	return "plimsoll topology bench --topology " + i.Name + modelFlag(i)
}

func downCommand(i supervise.Instance) string { return "plimsoll topology down " + i.Name }

func modelFlag(i supervise.Instance) string {
	if i.Asked == "" {
		return ""
	}
	return " --model " + i.Asked
}

func otherPlan(i supervise.Instance, model string) error {
	i.Asked = model // as it would be started now
	return fmt.Errorf("topology %q runs with another plan, since %s.\nTo start it as it is declared now: %s, then %s", i.Name, i.Started.Format(time.RFC3339), downCommand(i), upCommand(i))
}

// progress says something beside the result, unless a program reads it.
func (c *command) progress(format string, args ...any) {
	if !c.json {
		c.note(format, args...)
	}
}

func (c *command) upStarted(i supervise.Instance, began bool) error {
	if c.json {
		return c.document(map[string]any{"topology": i.Name, "began": began, "instance": i})
	}
	switch {
	case i.Phase == backend.Ready:
		c.say("Topology %s runs already, since %s.", i.Name, i.Started.Format(time.RFC3339))
		c.answersAt(i)
		return nil
	case began:
		c.say("Topology %s is starting.", i.Name)
	default:
		c.say("Topology %s runs already: it is %s.", i.Name, i.Phase)
	}
	c.next("plimsoll topology status %s says when it is ready.", i.Name)
	return nil
}

func (c *command) upFailed(r supervise.Report) error {
	if c.json {
		return errors.Join(c.document(map[string]any{"topology": r.Name, "ready": false, "instance": r.Instance, "log": r.Log}), errSilent)
	}
	return fmt.Errorf("topology %s could not be started.\n%s\n\nThen: %s. All lines: plimsoll topology status %s --log 200", r.Name, explained(r.Message), upCommand(r.Instance), r.Name)
}

// upStopped tells who waits for a start that somebody else ended it.
func (c *command) upStopped(name string) error {
	if c.json {
		return errors.Join(c.document(map[string]any{"topology": name, "ready": false, "stopped": true}), errSilent)
	}
	return fmt.Errorf("topology %s was stopped meanwhile, by another plimsoll topology down or up", name)
}

// explained gives what to do a line of its own.
func explained(message string) string {
	return strings.NewReplacer(" To do: ", "\nTo do: ", " Its log says: ", "\nIts log says: ").Replace(message)
}

// askedOnce is how i is, asked of a supervisor that may be mute.
func (c *command) askedOnce(ctx context.Context, i supervise.Instance) (supervise.Report, error) {
	short, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r, err := supervise.Status(short, i)
	if err != nil && ctx.Err() == nil && short.Err() != nil {
		err = supervise.ErrGone
	}
	return r, err
}

// upLost ends the waiting for a supervisor that answers no more. One that ended in
// order has written down why, or was told to by somebody else.
func (c *command) upLost(ctx context.Context, i supervise.Instance, why error) error {
	dir, err := c.instanceDir(i.Name)
	if err != nil {
		return err
	}
	if !supervise.Ended(ctx, i) {
		return fmt.Errorf("topology %s: %w (process %d); its log is in %s.\nplimsoll topology down %s ends it", i.Name, why, i.PID, dir, i.Name)
	}
	now, err := supervise.Read(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && now.PID != i.PID:
		return c.upStopped(i.Name)
	case err != nil:
		return err
	case now.Phase == backend.Failed:
		return c.upFailed(supervise.Report{Instance: now})
	}
	return fmt.Errorf("topology %s: its supervisor (process %d) was killed, and its servers with it; its log is in %s.\n%s starts it again", i.Name, i.PID, dir, upCommand(i))
}

// upWait follows the start to its end.
func (c *command) upWait(ctx context.Context, i supervise.Instance, seconds int) error {
	shown := launchProgress{c: c, limit: seconds}
	defer shown.clear()
	for {
		r, err := c.askedOnce(ctx, i)
		switch {
		case ctx.Err() != nil:
			shown.clear()
			return fmt.Errorf("stopped waiting; topology %s goes on starting.\nplimsoll topology status %s says how it is, plimsoll topology down %s ends it", i.Name, i.Name, i.Name)
		case err != nil:
			shown.clear()
			return c.upLost(ctx, i, err)
		}
		shown.lines(r.Log)
		switch r.Phase {
		case backend.Ready:
			shown.clear()
			return c.upReady(r)
		case backend.Stopping, backend.Stopped:
			shown.clear()
			return c.upStopped(i.Name)
		case backend.Failed:
			shown.clear()
			return c.upFailed(r)
		}
		shown.line(r, engine.Now())
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (c *command) upReady(r supervise.Report) error {
	if c.json {
		return c.document(map[string]any{"topology": r.Name, "ready": true, "instance": r.Instance})
	}
	c.say("Topology %s is ready: %s on %s, %s, after %s.", r.Name, r.Model, r.Engine, plural(len(r.Processes), "process", "processes"), r.Since.Sub(r.Started).Round(100*time.Millisecond))
	c.answersAt(r.Instance)
	return nil
}

// answersAt ends a command about servers that are ready.
func (c *command) answersAt(i supervise.Instance) {
	for _, e := range i.Endpoints {
		c.say("  %s/v1", strings.TrimSuffix(e, "/v1"))
	}
	c.next("topology = topology.%s in a backend block, or %s. To end it: %s.", i.Name, benchCommand(i), downCommand(i))
}
