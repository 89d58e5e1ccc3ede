package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/spf13/cobra"
)

func (c *command) auditCommand() *cobra.Command {
	var from int64
	show := &cobra.Command{
		Use: "show", Short: "The entries of the audit log", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withLog(cmd.Context(), func(l *engine.AuditLog) error { return c.auditShow(l, from) })
		},
	}
	show.Flags().Int64Var(&from, "from", 0, "index of the first entry")
	var old []string
	var key string
	verify := &cobra.Command{
		Use: "verify", Short: "Check the whole log: entries, hashes, signature",
		Long: "Checks every entry against the Merkle tree and the tree against its signed checkpoint.\nA checkpoint of an earlier night also finds a log that its own key holder rewrote; a\nverifier key that was kept elsewhere finds one that somebody else signed.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withLog(cmd.Context(), func(l *engine.AuditLog) error { return c.auditVerify(l, key, old) })
		},
	}
	verify.Flags().StringArrayVar(&old, "checkpoint", nil, "file with an older checkpoint; may be repeated")
	verify.Flags().StringVar(&key, "key", "", "verifier key that was kept elsewhere (default: the state folder's)")
	export := &cobra.Command{
		Use: "export FOLDER", Short: "Entries, hashes, checkpoint and key for any verifier", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.withLog(cmd.Context(), func(l *engine.AuditLog) error { return c.auditExport(l, c.at(args[0])) })
		},
	}
	rotate := &cobra.Command{
		Use: "rotate", Short: "Make a new signing key, which the old one vouches for", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, err := c.open(cmd.Context(), "")
			if err != nil {
				return err
			}
			defer e.Close()
			key, err := e.RotateKey(cmd.Context())
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"key": key})
			}
			c.say("The log is signed by %s from now on.", key)
			c.next("publish that line where this machine cannot change it.")
			return nil
		},
	}
	return group("audit", "Show, check and export the tamper-evident log", show, verify, export, rotate)
}

// withLog opens the log for reading: it needs no skill and no backend.
func (c *command) withLog(ctx context.Context, do func(*engine.AuditLog) error) error {
	if err := c.elsewhere(ctx); err != nil {
		return err
	}
	if c.host != nil {
		return do(c.host.state.AuditLog())
	}
	p, err := c.load("")
	if err != nil {
		return err
	}
	l, err := p.OpenAuditLog()
	if errors.Is(err, store.ErrInUse) {
		return c.inUse(ctx, err)
	}
	if err != nil {
		return err
	}
	defer l.Close()
	return do(l)
}

func (c *command) auditShow(l *engine.AuditLog, from int64) error {
	if !c.json {
		return l.Each(from, func(i int64, line engine.EntryLine) error {
			_, err := fmt.Fprintln(c.Out, line.Text(i))
			return err
		})
	}
	entries := []map[string]any{}
	err := l.Each(from, func(i int64, line engine.EntryLine) error {
		entries = append(entries, line.JSON(i))
		return nil
	})
	if err != nil {
		return err
	}
	return c.document(map[string]any{"entries": entries})
}

func (c *command) auditVerify(l *engine.AuditLog, key string, old []string) error {
	var checkpoints [][]byte
	for _, f := range old {
		raw, err := os.ReadFile(c.at(f))
		if err != nil {
			return fmt.Errorf("reading a checkpoint: %w", err)
		}
		checkpoints = append(checkpoints, raw)
	}
	res, err := l.Verify(key, checkpoints)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"valid": true, "entries": res.Checkpoint.Size, "key": l.Key(), "older_checkpoints": res.Old})
	}
	c.say("Verified: %s; every hash fits and the checkpoint is signed by %s.", plural(int(res.Checkpoint.Size), "entry", "entries"), l.Key())
	if len(old) > 0 {
		c.say("It contains %s that was kept from earlier.", plural(res.Old, "checkpoint", "checkpoints"))
	}
	return nil
}

func (c *command) auditExport(l *engine.AuditLog, dir string) error {
	if err := l.Export(dir); err != nil {
		return err
	}
	c.say("Exported to %s.", c.short(dir))
	c.next("anyone can check it with the program in core/audit/verifier, which imports nothing of plimsoll.")
	return nil
}
