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
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
	}
	switch {
	case err != nil && len(all) > 0:
		return fmt.Errorf("%w.\nWhat else runs has to be named: plimsoll topology down %s", err, strings.Join(names, ", or "))
	case err != nil:
		return err
	case len(all) == 0:
		return c.notUp(name)
	case len(all) > 1:
		return usage("several topologies run, so that one has to be named: %s", strings.Join(names, ", "))
	}
	f := all[0]
	began := engine.Now()
	forced, err := c.ended(ctx, f, grace)
	if err != nil {
		return fmt.Errorf("topology %s could not be stopped: %w", f.Name, err)
	}
	if c.json {
		return c.document(map[string]any{"topology": f.Name, "stopped": true, "was": f.Phase, "gone": f.Gone})
	}
	what := "stopped"
	switch {
	case forced:
		what = "ended by a signal, since its supervisor did not answer,"
	case f.Gone:
		what = "cleared away after its supervisor was killed"
	}
	c.say("Topology %s was %s in %s. Nothing of it runs.", f.Name, what, engine.Now().Sub(began).Round(100*time.Millisecond))
	c.next("%s starts it again.", upCommand(f.Instance))
	return nil
}

// ended ends a topology, and takes away what a supervisor left that was killed.
func (c *command) ended(ctx context.Context, f standing, grace time.Duration) (forced bool, err error) {
	dir, err := c.instanceDir(f.Name)
	if err != nil {
		return false, err
	}
	switch {
	case f.Alive() && f.Gone:
		c.progress("The supervisor of %s does not answer: it is told to end by a signal.", f.Name)
		forced, err = true, supervise.Force(ctx, dir, f.Instance, supervise.Patience)
	case f.Alive():
		c.progress("Stopping %s: its processes have %s to end by themselves.", f.Name, grace)
		forced, err = supervise.End(ctx, dir, f.Instance, grace)
	}
	if err != nil || f.Alive() {
		return forced, err
	}
	left, err := supervise.Read(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return forced, nil
	}
	if err == nil {
		err = supervise.Clear(dir, left)
	}
	return forced, err
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
