package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/spf13/cobra"
)

func (c *command) evidenceCommand() *cobra.Command {
	verify := &cobra.Command{
		Use: "verify [FILE ...]", Short: "Check evidence files: shape, scores, order; no state is needed",
		RunE: func(_ *cobra.Command, args []string) error { return c.evidence(args, c.verified) },
	}
	recompute := &cobra.Command{
		Use: "recompute [FILE ...]", Short: "Draw every verdict again from the evidence alone: the same bytes on any machine",
		Long: "Prints one canonical JSON line for every epoch, without the policy's rules, which may\nonly narrow a verdict, and without prices.",
		RunE: func(_ *cobra.Command, args []string) error { return c.evidence(args, c.recomputed) },
	}
	return group("evidence", "Check evidence files and recompute verdicts", verify, recompute)
}

func (c *command) evidence(files []string, each func([]*evidence.Log, []string) error) error {
	if len(files) == 0 {
		found, err := filepath.Glob(filepath.Join(c.dir, "evidence", "*.jsonl"))
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return errors.New("there is no evidence here yet: plimsoll nightly measures")
		}
		files = found
	}
	var logs []*evidence.Log
	var diags diag.List
	sources := map[string][]byte{}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("reading evidence: %w", err)
		}
		sources[f] = src
		log, more := evidence.Parse(f, src)
		diags = append(diags, more...)
		logs = append(logs, log)
	}
	if diags.HasErrors() {
		if c.json {
			diag.WriteJSON(c.Out, diags)
		} else {
			diag.WriteText(c.Err, diags, sources, diag.TextOptions{Color: c.Color})
			c.note("\n%s.", diag.Summary(diags))
		}
		return errSilent
	}
	return each(logs, files)
}

func (c *command) verified(logs []*evidence.Log, files []string) error {
	epochs, pairs := 0, 0
	for _, l := range logs {
		for _, e := range l.Epochs {
			epochs++
			pairs += len(e.Tried)
		}
	}
	if c.json {
		return c.document(map[string]any{"valid": true, "files": len(files), "epochs": epochs, "pairs": pairs})
	}
	c.say("Valid: %s, %s, %s.", plural(len(files), "file", "files"), plural(epochs, "epoch", "epochs"), plural(pairs, "pair", "pairs"))
	return nil
}

func (c *command) recomputed(logs []*evidence.Log, _ []string) error {
	for _, l := range logs {
		for _, e := range l.Epochs {
			raw, err := canonjson.Marshal(e.Recompute())
			if err != nil {
				return err
			}
			c.say("%s", raw)
		}
	}
	return nil
}

func (c *command) auditCommand() *cobra.Command {
	var from int64
	show := &cobra.Command{
		Use: "show", Short: "The entries of the audit log", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.auditShow(cmd.Context(), from) },
	}
	show.Flags().Int64Var(&from, "from", 0, "index of the first entry")
	var old []string
	verify := &cobra.Command{
		Use: "verify", Short: "Check the whole log: entries, hashes, signature",
		Long: "Checks every entry against the Merkle tree and the tree against its signed checkpoint.\nAn older checkpoint (a night's report carries one) also finds a log that its own key\nholder rewrote.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.auditVerify(cmd.Context(), old) },
	}
	verify.Flags().StringArrayVar(&old, "checkpoint", nil, "file with an older checkpoint; may be repeated")
	export := &cobra.Command{
		Use: "export FOLDER", Short: "Entries, hashes, checkpoint and key for any verifier", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.auditExport(cmd.Context(), args[0]) },
	}
	return group("audit", "Show, check and export the tamper-evident log", show, verify, export)
}

func (c *command) auditVerify(ctx context.Context, old []string) error {
	var checkpoints [][]byte
	for _, f := range old {
		raw, err := os.ReadFile(f)
		if err != nil {
			return fmt.Errorf("reading a checkpoint: %w", err)
		}
		checkpoints = append(checkpoints, raw)
	}
	e, err := c.open(ctx, "")
	if err != nil {
		return err
	}
	defer e.Close()
	res, err := e.VerifyAudit(checkpoints)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"valid": true, "entries": res.Checkpoint.Size, "key": e.AuditKey()})
	}
	c.say("Verified: %s; every hash fits and the checkpoint is signed by %s.", plural(int(res.Checkpoint.Size), "entry", "entries"), e.AuditKey())
	return nil
}

func (c *command) auditExport(ctx context.Context, dir string) error {
	e, err := c.open(ctx, "")
	if err != nil {
		return err
	}
	defer e.Close()
	if err := e.ExportAudit(dir); err != nil {
		return err
	}
	c.say("Exported to %s.", c.short(dir))
	c.next("anyone can check it with the program in core/audit/verifier, which imports nothing of plimsoll.")
	return nil
}
