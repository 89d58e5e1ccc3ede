package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/trial"
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
	if diags.HasErrors() && c.json {
		return errors.Join(diag.WriteJSON(c.Out, diags), errSilent)
	}
	if len(diags) > 0 && !c.json {
		diag.WriteText(c.Err, diags, sources, diag.TextOptions{Color: c.Color})
		c.note("\n%s.", diag.Summary(diags))
	}
	if diags.HasErrors() {
		return errSilent
	}
	return each(logs, files)
}

func (c *command) verified(logs []*evidence.Log, files []string) error {
	for i, l := range logs {
		if err := c.genuine(l); err != nil {
			return fmt.Errorf("%s was edited: %w.\nRestore the file from version control", files[i], err)
		}
	}
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

// genuine compares a log with the pool of its skill, where the project is at
// hand: without it a file is checked by itself.
func (c *command) genuine(l *evidence.Log) error {
	o, err := c.loadOptions()
	if err != nil {
		return err
	}
	o.Only = l.Skill
	p, diags := engine.LoadProject(o)
	if diags.HasErrors() || len(p.Skills) == 0 {
		return nil
	}
	pool, diags := trial.Load(p.Skills[0].Dir, p.Skills[0].Contract.Items)
	if diags.HasErrors() {
		return nil
	}
	var errs []error
	for _, e := range l.Epochs {
		errs = append(errs, trial.Genuine(pool.Prove, e))
	}
	return errors.Join(errs...)
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
