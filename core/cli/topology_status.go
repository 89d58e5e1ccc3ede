package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/supervise"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/spf13/cobra"
)

func (c *command) topologyStatusCommand() *cobra.Command {
	lines := 5
	cmd := &cobra.Command{
		Use: "status [TOPOLOGY]", Short: "How the topologies are that were started", Args: cobra.MaximumNArgs(1),
		Long: "Shows every topology that was started here: its phase, its addresses, its processes,\nand the last lines of their logs. Why one failed is explained where the cause is known.\nIt ends with 1 when one has failed or its supervisor is gone.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.topologyStatus(cmd.Context(), strings.Join(args, ""), lines, cmd.Flags().Changed("log"))
		},
	}
	cmd.Flags().IntVar(&lines, "log", lines, "how many of the last lines of the logs to show, 0 to 200")
	return cmd
}

// standing is an instance and what is known of it now.
type standing struct {
	supervise.Report
	Gone bool                `json:"gone,omitempty"` // its supervisor was killed, or does not answer
	Left []supervise.Process `json:"left,omitempty"` // what runs although the supervisor is gone
}

// instances are those that were started here; name "" means all of them. One that
// cannot be read is an error beside the others, and hides only itself.
func (c *command) instances(ctx context.Context, name string) ([]standing, error) {
	state, err := filepath.Abs(c.stateDir())
	if err != nil {
		return nil, fmt.Errorf("finding the state folder: %w", err)
	}
	var all []supervise.Instance
	switch {
	case name == "":
		all, err = supervise.List(state)
	case filepath.Base(name) == name && name != "." && name != "..":
		i, bad := supervise.Read(supervise.Dir(state, name))
		if bad == nil {
			all = append(all, i)
		} else if !errors.Is(bad, fs.ErrNotExist) {
			err = bad
		}
	}
	var out []standing
	for _, i := range all {
		if f, ok := stand(ctx, supervise.Dir(state, i.Name), i); ok {
			out = append(out, f)
		}
	}
	return out, err
}

// lookTime is how long a supervisor may take to answer.
const lookTime = 10 * time.Second

// stand asks how i is; false: it has ended in this moment.
func stand(ctx context.Context, dir string, i supervise.Instance) (standing, bool) {
	f := standing{Report: supervise.Report{Instance: i}}
	if i.Alive() {
		short, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		r, err := supervise.Status(short, i)
		if err == nil {
			f.Report = r
			return f, true
		}
		if !errors.Is(err, supervise.ErrGone) || !supervise.Ended(ctx, i) {
			f.Gone, f.Message = true, fmt.Sprintf("Its supervisor (process %d) does not answer: %v.", i.PID, err)
			return f, true
		}
		if i, err = supervise.Read(dir); err != nil {
			return f, false
		}
		f.Instance = i
	}
	switch {
	case i.Alive(): // another one by now, which has just begun
	case i.Phase != backend.Failed: // one that was refused has said so and ended
		f.Gone, f.Left = true, i.Left()
		f.Message = fmt.Sprintf("Its supervisor (process %d) was killed, and its servers with it.", i.PID)
		if len(f.Left) > 0 {
			f.Message = fmt.Sprintf("Its supervisor (process %d) was killed, and %s of it still run.", i.PID, plural(len(f.Left), "process", "processes"))
		}
	}
	return f, true
}

func (c *command) topologyStatus(ctx context.Context, name string, lines int, asked bool) error {
	if lines < 0 || lines > backend.MaxLog {
		return usage("--log %d: 0 to %d", lines, backend.MaxLog)
	}
	all, unread := c.instances(ctx, name)
	if len(all) == 0 && unread == nil {
		if err := c.knownTopology(name); err != nil {
			return err
		}
	}
	bad := false
	for _, f := range all {
		bad = bad || f.Gone || f.Phase == backend.Failed
	}
	if c.json {
		if all == nil {
			all = []standing{}
		}
		doc := map[string]any{"topologies": all}
		if unread != nil {
			doc["unread"], bad = unread.Error(), true
		}
		if err := c.document(doc); err != nil || !bad {
			return err
		}
		return errSilent
	}
	if len(all) > 0 || unread == nil {
		c.showInstances(all, name, lines, asked)
	}
	switch {
	case unread != nil:
		return unread
	case bad:
		return errSilent
	}
	return nil
}

// knownTopology refuses a name that the project does not have.
func (c *command) knownTopology(name string) error {
	if name == "" {
		return nil
	}
	p, err := c.load("")
	if err != nil {
		return err
	}
	var names []string
	for _, t := range p.Config.Topologies {
		names = append(names, t.Name)
	}
	if !slices.Contains(names, name) {
		return usage("there is no topology %q.%s", name, diag.DidYouMean(name, names))
	}
	return nil
}

func (c *command) showInstances(all []standing, name string, lines int, asked bool) {
	if len(all) == 0 {
		what := "No topology was started here."
		if name != "" {
			what = fmt.Sprintf("Topology %s does not run.", name)
		}
		c.say("%s", what)
		c.next("plimsoll topology up %s", firstWord(name, "TOPOLOGY"))
		return
	}
	table := [][]string{{"TOPOLOGY", "MODEL", "PHASE", "SINCE", "ANSWERS AT"}}
	for _, f := range all {
		phase := string(f.Phase)
		if f.Gone {
			phase = "gone"
		}
		table = append(table, []string{f.Name, f.Model, phase, f.Since.UTC().Format(time.RFC3339), strings.Join(f.Endpoints, " ")})
	}
	columns(c.Out, table)
	for _, f := range all {
		c.showInstance(f, lines, asked)
	}
	c.nextFor(all)
}

func (c *command) showInstance(f standing, lines int, asked bool) {
	if f.Message != "" {
		c.say("\n%s: %s", c.bold(f.Name), explained(f.Message))
	}
	if f.Launches > 1 {
		c.say("\n%s: its backend died and was started again; the plan was launched %d times.", f.Name, f.Launches)
	}
	if len(f.Processes) > 0 {
		rows := [][]string{{"PROCESS", "ROLE", "PHASE", "PID", "LOG"}}
		for _, p := range f.Processes {
			pid, phase := "-", string(p.Phase)
			if p.PID != 0 {
				pid = fmt.Sprint(p.PID)
			}
			if f.Gone && !slices.ContainsFunc(f.Left, func(l supervise.Process) bool { return l.PID == p.PID }) {
				pid, phase = "-", "gone"
			}
			rows = append(rows, []string{p.Name, p.Role, phase, pid, c.short(p.Log)})
		}
		c.say("")
		columns(c.Out, rows)
	}
	// The lines of a server that is ready are its own business, unless asked for.
	if f.Phase == backend.Ready && !asked || lines == 0 || len(f.Log) == 0 {
		return
	}
	c.say("")
	for _, l := range f.Log[max(0, len(f.Log)-lines):] {
		c.say("  %s", c.dim(l))
	}
}

// nextFor is the most urgent thing to do.
func (c *command) nextFor(all []standing) {
	for _, f := range all {
		switch {
		case f.Gone:
			c.next("%s starts it again, %s takes away what is left.", upCommand(f.Instance), downCommand(f.Instance))
			return
		case f.Phase == backend.Failed:
			c.next("%s, when that is mended; all lines: plimsoll topology status %s --log 200.", upCommand(f.Instance), f.Name)
			return
		case f.Phase == backend.Starting:
			c.next("%s waits until it is ready.", upCommand(f.Instance))
			return
		}
	}
	c.next("%s, or %s.", benchCommand(all[0].Instance), downCommand(all[0].Instance))
}

func firstWord(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
