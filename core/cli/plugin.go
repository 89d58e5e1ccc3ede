package cli

import (
	"context"
	"maps"
	"slices"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/spf13/cobra"
)

func (c *command) pluginCommand() *cobra.Command {
	var start bool
	list := &cobra.Command{
		Use: "list", Short: "The backends, where they come from and how they are", Args: cobra.NoArgs,
		Long: "Shows for every backend block where its program comes from and what the last command\nthat called it left behind: whether it runs, how often it was started, whether it is\nheld back after failures, and what it printed last. With --start every backend is\nstarted and asked now.",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.pluginList(cmd.Context(), start) },
	}
	list.Flags().BoolVar(&start, "start", false, "start every backend and ask it how it is")
	lock := &cobra.Command{
		Use: "lock FOLDER", Short: "Record the digest of an external backend, for every platform in the folder",
		Long: "Records the binaries of an external backend in plimsoll.lock.hcl: NAME, or\nNAME_GOOS_GOARCH for several platforms, or an OCI image layout that holds them. Only what is recorded there runs, and only as\nlong as not one byte of it changes. The binary for this platform is started once, to\nask for its config schema.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.pluginLock(cmd.Context(), args[0]) },
	}
	verify := &cobra.Command{
		Use: "verify", Short: "Check the lock file's backends, the files they come from and the copies that run", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.pluginVerify() },
	}
	return group("plugin", "Backends as subprocesses: list, lock, verify", list, lock, verify)
}

func (c *command) pluginLock(ctx context.Context, dir string) error {
	p, err := c.load("")
	if err != nil {
		return err
	}
	locked, err := p.LockPlugin(ctx, dir, slices.Sorted(maps.Keys(c.Bundled)))
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"plugin": locked.Name, "version": locked.Version, "digests": locked.Digests})
	}
	c.say("Locked %s %s for %s in %s.", locked.Name, locked.Version, plural(len(locked.Digests), "platform", "platforms"), engine.LockFile)
	c.next("write plugin = %q in a backend block, and commit %s.", locked.Name, engine.LockFile)
	return nil
}

func (c *command) pluginVerify() error {
	p, err := c.load("")
	if err != nil {
		return err
	}
	v, err := p.VerifyPlugins()
	if err != nil {
		return err
	}
	if c.json {
		err := c.document(map[string]any{"valid": len(v.Problems) == 0, "checked": v.Files, "copies": v.Copies, "problems": v.Problems})
		if err == nil && len(v.Problems) > 0 {
			err = errSilent
		}
		return err
	}
	for _, problem := range v.Problems {
		c.note("%s %s", c.red("failed"), problem)
	}
	if len(v.Problems) > 0 {
		return errSilent
	}
	c.say("Verified: %s, %s.", plural(v.Files, "file", "files"), plural(v.Copies, "copy", "copies"))
	return nil
}

// serveCommand is how the binary becomes a first-party backend: the host starts
// itself with it. It is no command for people.
func (c *command) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use: engine.ServeArg + " NAME", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			factory, ok := c.Bundled[args[0]]
			if !ok {
				return usage("there is no bundled backend %q", args[0])
			}
			backend.Serve(args[0], factory)
			return nil
		},
	}
}

func (c *command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "The version of this program", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return c.document(map[string]any{"plimsoll": c.Version})
			}
			c.say("plimsoll %s", c.Version)
			return nil
		},
	}
}

func (c *command) doctorCommand() *cobra.Command {
	var offline bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check that everything a night needs is in place", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.doctor(cmd.Context(), offline) },
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "start no backend")
	return cmd
}

func (c *command) doctor(ctx context.Context, offline bool) error {
	e, err := c.open(ctx, "")
	if err != nil {
		return err
	}
	defer e.Close()
	findings := e.Doctor(ctx, offline)
	bad := false
	rows := [][]string{}
	for _, f := range findings {
		mark := "ok"
		if !f.OK {
			mark, bad = "PROBLEM", true
		}
		rows = append(rows, []string{mark, f.What, f.Detail})
	}
	if c.json {
		err = c.document(map[string]any{"ok": !bad, "findings": findings})
	} else {
		columns(c.Out, rows)
	}
	if err == nil && bad {
		err = errSilent
	}
	return err
}
