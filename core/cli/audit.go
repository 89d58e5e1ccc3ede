package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/plimsoll-dev/plimsoll/core/audit/witness"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/spf13/cobra"
)

func (c *command) auditCommand() *cobra.Command {
	var from int64
	var call, proof string
	show := &cobra.Command{
		Use: "show", Short: "The entries of the audit log, or those of one call", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if proof != "" && call == "" {
				return usage("--proof goes with --call")
			}
			return c.withLog(cmd.Context(), func(l *engine.AuditLog) error {
				if call != "" {
					return c.auditCall(l, call, proof)
				}
				return c.auditShow(l, from)
			})
		},
	}
	show.Flags().Int64Var(&from, "from", 0, "index of the first entry")
	show.Flags().StringVar(&call, "call", "", "id of a call: who called what, by which rule, with which result")
	show.Flags().StringVar(&proof, "proof", "", "with --call: file for the proof that its last entry is in the log; the entry goes beside it, to FILE.entry")
	var old, witnesses []string
	var quorum int
	var key string
	verify := &cobra.Command{
		Use: "verify", Short: "Check the whole log: entries, hashes, signature",
		Long: "Checks every entry against the Merkle tree and the tree against its signed checkpoint.\nA checkpoint of an earlier night also finds a log that its own key holder rewrote; a\nverifier key that was kept elsewhere finds one that somebody else signed. With --witness\nthe log must contain what that witness cosigned last.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withLog(cmd.Context(), func(l *engine.AuditLog) error { return c.auditVerify(l, key, old, witnesses, quorum) })
		},
	}
	verify.Flags().StringArrayVar(&old, "checkpoint", nil, "file with an older checkpoint; may be repeated")
	verify.Flags().StringVar(&key, "key", "", "verifier key that was kept elsewhere (default: the state folder's)")
	verify.Flags().StringArrayVar(&witnesses, "witness", nil, "verifier key of a witness that must have cosigned the log; may be repeated")
	verify.Flags().IntVar(&quorum, "quorum", 0, "how many of the witnesses must have (default: all)")
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
	return group("audit", "Show, check and export the tamper-evident log", show, verify, export, rotate, c.witnessCommand())
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
	witnesses, err := l.Witnesses()
	if err != nil {
		return err
	}
	if !c.json {
		err := l.Each(from, func(i int64, line engine.EntryLine) error {
			_, err := fmt.Fprintln(c.Out, line.Text(i))
			return err
		})
		for _, w := range witnesses {
			c.say("%s", c.witnessLine(w))
		}
		return err
	}
	entries := []map[string]any{}
	err = l.Each(from, func(i int64, line engine.EntryLine) error {
		entries = append(entries, line.JSON(i))
		return nil
	})
	if err != nil {
		return err
	}
	return c.document(map[string]any{"entries": entries, "witnesses": witnessDocument(witnesses)})
}

func (c *command) witnessLine(w witness.Seen) string {
	return fmt.Sprintf("%s has cosigned the first %s on %s.", w.Name(), plural(int(w.Size), "entry", "entries"), w.Time.Format("2006-01-02 15:04:05 UTC"))
}

func witnessDocument(list []witness.Seen) []map[string]any {
	out := []map[string]any{}
	for _, w := range list {
		out = append(out, map[string]any{"witness": w.Key, "entries": w.Size, "time": w.Time})
	}
	return out
}

func (c *command) auditVerify(l *engine.AuditLog, key string, old, witnesses []string, quorum int) error {
	if quorum != 0 && len(witnesses) == 0 || quorum < 0 || quorum > len(witnesses) {
		return usage("--quorum counts the witnesses that --witness names: 1 to %d of them", len(witnesses))
	}
	var checkpoints [][]byte
	for _, f := range old {
		raw, err := os.ReadFile(c.at(f))
		if err != nil {
			return fmt.Errorf("reading a checkpoint: %w", err)
		}
		checkpoints = append(checkpoints, raw)
	}
	seen, err := c.seenBy(l, witnesses, quorum, checkpoints)
	if err != nil {
		return err
	}
	given := len(checkpoints)
	for _, s := range seen {
		checkpoints = append(checkpoints, s.Checkpoint)
	}
	res, err := l.Verify(key, checkpoints)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"valid": true, "entries": res.Checkpoint.Size, "key": l.Key(), "older_checkpoints": given, "witnesses": witnessDocument(seen)})
	}
	c.say("Verified: %s; every hash fits and the checkpoint is signed by %s.", plural(int(res.Checkpoint.Size), "entry", "entries"), l.Key())
	if given > 0 {
		c.say("It contains %s that was kept from earlier.", plural(given, "checkpoint", "checkpoints"))
	}
	for _, s := range seen {
		c.say("%s", c.witnessLine(s))
	}
	return nil
}

// seenBy finds what the witnesses cosigned, in the state and among the given
// checkpoints.
func (c *command) seenBy(l *engine.AuditLog, witnesses []string, quorum int, given [][]byte) ([]witness.Seen, error) {
	if len(witnesses) == 0 {
		return nil, nil
	}
	kept, err := l.Cosigned("")
	if err != nil {
		return nil, err
	}
	return witness.Quorum(append(kept, given...), witnesses, quorum)
}

func (c *command) auditExport(l *engine.AuditLog, dir string) error {
	if err := l.Export(dir); err != nil {
		return err
	}
	c.say("Exported to %s.", c.short(dir))
	c.next("anyone can check it with the program in core/audit/verifier, which imports nothing of plimsoll.")
	return nil
}
