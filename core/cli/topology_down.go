package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/topology/supervise"
	"github.com/spf13/cobra"
)

func (c *command) topologyDownCommand() *cobra.Command {
	grace := 30 * time.Second
	cmd := &cobra.Command{
		Use: "down [TOPOLOGY]", Short: "Stop a topology that was started, and check that nothing is left", Args: cobra.MaximumNArgs(1),
		Long: "Tells every process to end, in the reverse order of their start, kills what is there\nafter the grace, ends the supervisor and checks that nothing of it runs. After a crash\nit takes away what was left.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.topologyDown(cmd.Context(), strings.Join(args, ""), grace)
		},
	}
	cmd.Flags().DurationVar(&grace, "grace", grace, "how long the processes may take to end by themselves")
	return cmd
}

func (c *command) topologyDown(ctx context.Context, name string, grace time.Duration) error {
	if grace < 0 || grace > time.Hour {
		return usage("--grace %s: 0s to 1h", grace)
	}
	all, err := c.instances(ctx, name)
	if err != nil {
		return err
	}
	switch {
	case len(all) == 0:
		return c.notUp(name)
	case len(all) > 1:
		var names []string
		for _, f := range all {
			names = append(names, f.Name)
		}
		return usage("several topologies run, so that one has to be named: %s", strings.Join(names, ", "))
	}
	f := all[0]
	began := engine.Now()
	if f.Alive() {
		c.progress("Stopping %s: its processes have %s to end by themselves.", f.Name, grace)
		if err = supervise.Stop(ctx, f.Instance, grace); errors.Is(err, supervise.ErrGone) && !f.Alive() {
			err = nil // it ended in between: what it left is cleared below
		}
	}
	if err == nil && !f.Alive() {
		dir, bad := c.instanceDir(f.Name)
		if err = bad; err == nil {
			if left, gone := supervise.Read(dir); gone == nil {
				err = supervise.Clear(dir, left)
			} else if !errors.Is(gone, fs.ErrNotExist) {
				err = gone
			}
		}
	}
	if err != nil {
		return fmt.Errorf("topology %s could not be stopped: %w", f.Name, err)
	}
	if c.json {
		return c.document(map[string]any{"topology": f.Name, "stopped": true, "was": f.Phase, "gone": f.Gone})
	}
	what := "stopped"
	if f.Gone {
		what = "cleared away after its supervisor was killed"
	}
	c.say("Topology %s was %s in %s. Nothing of it runs.", f.Name, what, engine.Now().Sub(began).Round(100*time.Millisecond))
	c.next("plimsoll topology up %s starts it again.", f.Name)
	return nil
}

func (c *command) notUp(name string) error {
	if err := c.knownTopology(name); err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"topology": name, "stopped": false})
	}
	if name == "" {
		c.say("No topology runs: there is nothing to stop.")
	} else {
		c.say("Topology %s does not run: there is nothing to stop.", name)
	}
	c.next("plimsoll topology up %s", firstWord(name, "TOPOLOGY"))
	return nil
}
