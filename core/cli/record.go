package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
	"github.com/spf13/cobra"
)

func (c *command) recordCommand() *cobra.Command {
	var input, output, model, files, cost, tokens string
	var took time.Duration
	cmd := &cobra.Command{
		Use: "record SKILL --input F --output F --model M", Short: "Take down a run that an agent of yours made",
		Long: "Looks at an output by the skill's gates and keeps it as a run, marked as recorded: it\ncounts as traffic, feeds the fuse, and its input may be sampled for evidence. Which model\nmade it, and at what cost, is what you say. Exit code 1 says that gates failed; the run is\nrecorded all the same.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if input == "" || output == "" || model == "" {
				return usage("plimsoll record needs --input FILE, --output FILE and --model TIER_OR_MODEL")
			}
			o := engine.Outside{Model: model, Files: c.folder(files), Took: took}
			var err error
			if o.Input, err = c.readJSON(input); err != nil {
				return err
			}
			if o.Output, err = c.readJSON(output); err != nil {
				return err
			}
			if o.Cost, err = toldCost(cost); err != nil {
				return err
			}
			if o.Usage, err = c.toldUsage(tokens); err != nil {
				return err
			}
			if took < 0 {
				return usage("--took is negative: %s", took)
			}
			e, err := c.open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer e.Close()
			taken, err := e.RecordOutside(cmd.Context(), args[0], o)
			if err != nil {
				return err
			}
			return c.recorded(taken)
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "", "file with the input: JSON, or text")
	cmd.Flags().StringVarP(&output, "output", "o", "", "file with the output: JSON, or text")
	cmd.Flags().StringVarP(&model, "model", "m", "", "what made it: a tier of the skill's ladder, or the model of one")
	cmd.Flags().StringVar(&files, "files", "", "folder that the agent left, where the skill's runner declares files")
	cmd.Flags().StringVar(&cost, "cost", "", "what it cost, in USD, such as 0.0125")
	cmd.Flags().StringVar(&tokens, "usage", "", `what it used, as JSON or a file with it: {"input": 1200, "cached_input": 0, "output": 300}`)
	cmd.Flags().DurationVar(&took, "took", 0, "how long it took, such as 12s")
	return cmd
}

func (c *command) recorded(t *engine.Taken) error {
	rec := t.Record
	if c.json {
		if err := c.document(map[string]any{"run": rec, "output": rec.Output, "escalated": t.Escalated, "unseen": t.Unseen}); err != nil {
			return err
		}
	} else {
		c.say("%s", runLine(rec))
		for _, check := range rec.Checked.Checks {
			c.checked(check)
		}
	}
	if t.Unseen != "" {
		c.note("It has happened, and should not have: %s", t.Unseen)
	}
	for _, step := range t.Escalated {
		c.note("The fuse moved step %s of %s up; it stays there for the policy's cooldown.", step, rec.Skill)
	}
	if rec.Status != run.OK {
		return fmt.Errorf("run %s is recorded, and did not pass: %s\nplimsoll explain %s shows it", rec.ID, rec.Why, rec.ID)
	}
	if !c.json {
		c.next("plimsoll explain %s", rec.Skill)
	}
	return nil
}

// toldCost reads an amount in USD exactly; finer than a micro-dollar there is
// nothing to keep it in.
func toldCost(s string) (*int64, error) {
	if s == "" {
		return nil, nil
	}
	if len(s) > 24 || strings.ContainsAny(s, "eE/_xX") {
		return nil, usage("--cost %q is no amount in USD; write it like 0.0125", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || r.Sign() < 0 {
		return nil, usage("--cost %q is no amount in USD; write it like 0.0125", s)
	}
	r.Mul(r, big.NewRat(1_000_000, 1))
	if !r.IsInt() || !r.Num().IsInt64() {
		return nil, usage("--cost %s cannot be kept exactly: give six decimals at most", s)
	}
	n := r.Num().Int64()
	return &n, nil
}

// toldUsage reads counts of tokens from JSON, or from a file that has it.
func (c *command) toldUsage(s string) (*message.Usage, error) {
	if s == "" {
		return nil, nil
	}
	raw := []byte(s)
	if !strings.HasPrefix(strings.TrimSpace(s), "{") {
		var err error
		if raw, err = os.ReadFile(c.at(s)); err != nil {
			return nil, usage("--usage: %w", err)
		}
	}
	var u message.Usage
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(&u)
	if err == nil && d.More() {
		err = errors.New("more than one document")
	}
	if err == nil && min(u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.Output, u.Reasoning) < 0 {
		err = errors.New("a count is negative")
	}
	if err != nil {
		return nil, usage(`--usage is not {"input": 1200, "cached_input": 0, "cache_write": 0, "output": 300}: %w`, err)
	}
	return &u, nil
}
