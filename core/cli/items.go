package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/adopt/items"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

func (c *command) itemsCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list SKILL", Short: "The items of a skill, by pool; prove items are counted, not shown", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.itemsList(args[0]) },
	}
	return group("items", "The items that skills are measured on", list, c.itemsAddCommand(), c.itemsImportCommand(), c.itemsFromLogsCommand(), c.itemsDraftCommand())
}

// itemSkill loads a project with one skill, and its items.
func (c *command) itemSkill(name string) (*engine.Project, *skill.Skill, *trial.Pool, error) {
	p, err := c.load(name)
	if err != nil {
		return nil, nil, nil, err
	}
	s, err := p.Skill(name)
	if err != nil {
		return nil, nil, nil, err
	}
	pool, diags := trial.Load(s.Dir, s.Contract.Items)
	if diags.HasErrors() {
		return nil, nil, nil, c.refuse(p, diags)
	}
	return p, s, pool, nil
}

func (c *command) itemsList(name string) error {
	p, s, pool, err := c.itemSkill(name)
	if err != nil {
		return err
	}
	burned, err := p.LabelledItems(s, pool)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{
			"source": pool.Source, "prove": len(pool.Prove), "pool": trial.Digest(pool.Prove), "tune": pool.Tune, "burned": slices.Sorted(maps.Keys(burned)),
		})
	}
	c.say("%s to prove with (%s); what they hold stays unseen, so that they stay evidence.", plural(len(pool.Prove), "item", "items"), pool.Source)
	if n := len(burned); n > 0 {
		names := slices.Sorted(maps.Keys(burned))
		c.say("%s burned, since a person labelled outputs of them: %s. They are no fresh evidence any more; move them to tune.", plural(n, "of them is", "of them are"), clip(strings.Join(names, ", "), 120))
	}
	c.say("%s to tune on:", plural(len(pool.Tune), "item", "items"))
	for _, it := range pool.Tune {
		mark := ""
		if it.Drafted != "" {
			mark = "  (drafted on " + it.Drafted + ")"
		}
		c.say("  %s  %s%s", it.ID, clip(string(it.Input), 90), mark)
	}
	return nil
}

// poolFlag checks --pool.
func poolFlag(pool string) error {
	if pool != engine.Prove && pool != engine.Tune {
		return usage("--pool %q: items are to prove with or to tune on, so write prove or tune.%s", pool, diag.DidYouMean(pool, []string{engine.Prove, engine.Tune}))
	}
	return nil
}

func (c *command) itemsAddCommand() *cobra.Command {
	var input, reference, compare, id, pool string
	cmd := &cobra.Command{
		Use: "add SKILL --input FILE", Short: "Add one item: an input, and what is right for it",
		Long: "Writes an item beside those that the skill has. FILE is JSON, or text. Without --reference\nthe item measures only where the skill has a dimension, or quality = \"gates\".",
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if input == "" {
				return usage("plimsoll items add needs --input FILE")
			}
			if err := poolFlag(pool); err != nil {
				return err
			}
			ways := []string{trial.Exact, trial.JSON, trial.Number}
			if compare != "" && !slices.Contains(ways, compare) {
				return usage("--compare %q: an output is compared exact, json or number.%s", compare, diag.DidYouMean(compare, ways))
			}
			if compare != "" && reference == "" {
				return usage("--compare %s needs --reference FILE to compare with", compare)
			}
			it := trial.Item{ID: id, Compare: compare}
			var err error
			if it.Input, err = c.readJSON(input); err != nil {
				return err
			}
			if reference != "" {
				if it.Reference, err = c.readJSON(reference); err != nil {
					return err
				}
				if compare == "" {
					it.Compare = trial.Exact
					if it.Reference[0] == '{' || it.Reference[0] == '[' {
						it.Compare = trial.JSON
					}
				}
			}
			if it.ID == "" {
				it.ID = strings.TrimSuffix(filepath.Base(input), filepath.Ext(input))
				if input == "-" {
					it.ID = "added"
				}
			}
			return c.addItems(args[0], pool, []trial.Item{it}, false, nil)
		},
	}
	cmd.Flags().StringVarP(&input, "input", "i", "", "file with the input, - for standard input")
	cmd.Flags().StringVar(&reference, "reference", "", "file with what is right")
	cmd.Flags().StringVar(&compare, "compare", "", "exact, json or number (default: json for objects and lists, else exact)")
	cmd.Flags().StringVar(&id, "id", "", "its id (default: the file's name)")
	cmd.Flags().StringVar(&pool, "pool", engine.Prove, "prove or tune")
	return cmd
}

// maxImport bounds a file of cases.
const maxImport = 256 << 20

func (c *command) itemsImportCommand() *cobra.Command {
	var format, pool string
	var dry bool
	cmd := &cobra.Command{
		Use: "import SKILL FILE", Short: "Take items from an evaluation set: promptfoo, inspect_ai, lm-evaluation-harness",
		Long: "Reads promptfoo JSON (a config with its tests, or a result file), an eval log of inspect_ai\nas JSON, or samples_*.jsonl of lm-evaluation-harness. Each input becomes one item; expected\nvalues that are one value become references, compared exactly. What cannot be an item is\nlisted with the reason. Nothing is redacted: the file was written to be kept.",
		Args: cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := poolFlag(pool); err != nil {
				return err
			}
			if format != "" && !slices.Contains(items.Formats(), format) {
				return usage("--format %q: there are %s.%s", format, strings.Join(items.Formats(), ", "), diag.DidYouMean(format, items.Formats()))
			}
			f, err := os.Open(c.at(args[1]))
			if err != nil {
				return fmt.Errorf("reading cases: %w", err)
			}
			defer f.Close()
			src, err := io.ReadAll(io.LimitReader(f, maxImport+1))
			if err != nil {
				return fmt.Errorf("reading cases: %w", err)
			}
			if len(src) > maxImport {
				return fmt.Errorf("%s has more than %d MiB: split it", args[1], maxImport>>20)
			}
			if format == "" {
				if format = items.Detect(src); format == "" {
					return fmt.Errorf("%s is in no format that this plimsoll knows (%s). Say which with --format; YAML and packed logs have to be written as JSON first", args[1], strings.Join(items.Formats(), ", "))
				}
			}
			got, err := items.Read(format, src)
			if err != nil {
				return fmt.Errorf("%s: %w", args[1], err)
			}
			return c.addItems(args[0], pool, got.Items, dry, got)
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "promptfoo, inspect or lm-eval (default: what the file looks like)")
	cmd.Flags().StringVar(&pool, "pool", engine.Prove, "prove or tune")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be written, write nothing")
	return cmd
}

// addItems writes items and says what came of it.
func (c *command) addItems(name, pool string, add []trial.Item, dry bool, from *items.Imported) error {
	p, s, _, err := c.itemSkill(name)
	if err != nil {
		return err
	}
	done, err := p.AddItems(s, pool, add, dry)
	if err != nil {
		return err
	}
	bare := 0
	for _, it := range add {
		if len(it.Reference) == 0 {
			bare++
		}
	}
	if c.json {
		doc := map[string]any{"skill": s.Name, "pool": pool, "items": done, "without_reference": bare, "written": !dry}
		if from != nil {
			doc["again"], doc["skipped"], doc["notes"] = from.Again, append([]items.Skip{}, from.Skipped...), append([]items.Skip{}, from.Notes...)
		}
		return c.document(doc)
	}
	verb := "added to"
	if dry {
		verb = "would be added to"
	}
	c.say("%s %s the %s pool of %s.", plural(len(done.Added), "item", "items"), verb, pool, s.Name)
	for i, f := range done.Files {
		if i == 3 && len(done.Files) > 4 {
			c.say("  and %d more files", len(done.Files)-i)
			break
		}
		c.say("  %s", f)
	}
	if done.Known > 0 {
		c.say("%s there already.", plural(done.Known, "input was", "inputs were"))
	}
	if n := len(done.Elsewhere); n > 0 {
		c.say("%s refused, since the input stands in the other pool, and what people look at proves nothing: %s.", plural(n, "item was", "items were"), clip(strings.Join(done.Elsewhere, ", "), 120))
	}
	if from != nil {
		c.importedFrom(from)
	}
	if bare > 0 && len(done.Added) > 0 && len(s.Contract.Dimensions) == 0 && s.Contract.Quality != "gates" {
		c.say("%s no reference, and nothing else in %s measures content: declare a dimension, or say quality = \"gates\".", plural(bare, "of these has", "of these have"), s.Name)
	}
	if done.Block != "" {
		c.say("\nThey are read when this stands in its skill.hcl:\n\n%s", done.Block)
	}
	c.next("plimsoll explain %s", s.Name)
	return nil
}

// skipsShown is how many cases that are no items a screen lists; JSON has all.
const skipsShown = 10

func (c *command) importedFrom(from *items.Imported) {
	if from.Again > 0 {
		c.say("%s the same as an earlier one.", plural(from.Again, "case was", "cases were"))
	}
	for _, part := range []struct {
		what  string
		skips []items.Skip
	}{{"No items", from.Skipped}, {"References left open", from.Notes}} {
		if len(part.skips) == 0 {
			continue
		}
		c.say("%s (%d):", part.what, len(part.skips))
		for _, x := range part.skips[:min(skipsShown, len(part.skips))] {
			c.say("  %s: %s", x.Where, printable(x.Why))
		}
		if left := len(part.skips) - skipsShown; left > 0 {
			c.say("  and %d more", left)
		}
	}
}

func (c *command) itemsFromLogsCommand() *cobra.Command {
	var n int
	var pool, redact string
	var dry bool
	cmd := &cobra.Command{
		Use: "from-logs SKILL", Short: "Take inputs of logged runs as items; what looks personal or secret is asked about first",
		Long: "Draws runs of the last 90 days by a fixed seed, so that an input of many runs is likely to be\namong them, and makes one item of each input. Items have no reference: they measure where the\nskill has a dimension, or quality = \"gates\". For a claim about future runs write traffic = N in\nthe skill's items block instead: nothing is copied then.\n\nInputs leave the state folder for the repository. Before that they are searched by rules, which\nare listed with what they found, and you are asked; --redact yes or no answers beforehand.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if n < 1 || n > 100_000 {
				return usage("--n %d is no number of items", n)
			}
			if err := poolFlag(pool); err != nil {
				return err
			}
			if redact != "" && redact != "yes" && redact != "no" {
				return usage("--redact %q: write yes or no", redact)
			}
			if redact == "" && c.json && !dry {
				return usage("--json cannot ask: add --redact yes, or --redact no when the inputs may stand in the repository as they are")
			}
			return c.itemsFromLogs(cmd.Context(), args[0], pool, n, redact, dry)
		},
	}
	cmd.Flags().IntVar(&n, "n", 100, "items at most")
	cmd.Flags().StringVar(&pool, "pool", engine.Prove, "prove or tune")
	cmd.Flags().StringVar(&redact, "redact", "", "yes: take out what the rules find; no: leave the inputs as they are (default: ask)")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "say what would be written, write nothing")
	return cmd
}

func (c *command) itemsFromLogs(ctx context.Context, name, pool string, n int, redact string, dry bool) error {
	found, total, bare, err := c.logged(ctx, name, n)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		switch {
		case total == 0:
			return fmt.Errorf("no runs of %s are logged in the last 90 days. Run it with plimsoll run, hand its runs over with plimsoll record, or read logs with plimsoll runs import --content", name)
		case bare == total:
			return fmt.Errorf("%s logged, and none has its input: import them with plimsoll runs import --content", plural(total, "run of "+name+" is", "runs of "+name+" are"))
		}
		return fmt.Errorf("%s logged, and every input is an item already", plural(total, "run of "+name+" is", "runs of "+name+" are"))
	}
	add, times := make([]trial.Item, 0, len(found)), 0
	for _, f := range found {
		add, times = append(add, f.Item), times+f.Times
	}
	clean, counts, err := engine.Redacted(add)
	if err != nil {
		return err
	}
	c.note("%s drawn from %s; %d of these had them.", plural(len(add), "input", "inputs"), plural(total, "logged run", "logged runs"), times)
	if bare > 0 {
		c.note("%s no input in the store and left out.", plural(bare, "run has", "runs have"))
	}
	c.note("Rules for what is taken out; names and addresses of people have no form, and stay:")
	for _, r := range items.Rules() {
		c.note("  %-7s %5d found  %s", r.Name, counts[r.Name], r.What)
	}
	if redact == "" && !dry {
		yes, err := c.ask("Take these out before the inputs are written into the skill's folder? (no writes nothing; --redact no writes them as they are)")
		if err != nil {
			return err
		}
		if !yes {
			return fmt.Errorf("nothing was written")
		}
		redact = "yes"
	}
	if redact != "no" {
		add = clean
	}
	return c.addItems(name, pool, add, dry, nil)
}

// logged draws inputs, and closes the state again: a person is asked next.
func (c *command) logged(ctx context.Context, name string, n int) ([]engine.LoggedItem, int, int, error) {
	e, err := c.open(ctx, name)
	if err != nil {
		return nil, 0, 0, err
	}
	defer e.Close()
	s, err := e.Project.Skill(name)
	if err != nil {
		return nil, 0, 0, err
	}
	return e.LoggedInputs(ctx, s, n)
}
