package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
)

func (c *command) runsCommand() *cobra.Command {
	var o engine.ImportOptions
	imp := &cobra.Command{
		Use: "import PATH ...", Short: "Make runs out of logs: agents' transcripts, OpenTelemetry spans, request logs, plain JSONL",
		Long: "Reads logs, files or folders of them, and keeps the calls of the project's skills as runs, marked\n" +
			"as imported: they count as traffic and as money, and say nothing of quality. What was asked and\n" +
			"answered is kept only with --content, after what looks like a secret was taken out. Importing\n" +
			"the same log again changes nothing, and one that has grown adds what is new, so that this may\n" +
			"run before every night. docs/adopt.md has the shapes.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, a := range args {
				o.Paths = append(o.Paths, c.at(homely(a)))
			}
			if o.Mapping != "" {
				o.Mapping = c.at(homely(o.Mapping))
			}
			return c.runsImport(cmd, o)
		},
	}
	imp.Flags().StringVar(&o.Mapping, "mapping", "", "`FILE` that says where things stand in plain JSONL (docs/adopt.md)")
	imp.Flags().BoolVar(&o.Content, "content", false, "keep what was asked and answered, so that runs can become items")
	imp.Flags().BoolVar(&o.DryRun, "dry-run", false, "show what would be imported, keep nothing")
	return group("runs", "Runs that agents made on their own", imp)
}

func (c *command) runsImport(cmd *cobra.Command, o engine.ImportOptions) error {
	e, err := c.open(cmd.Context(), "")
	if err != nil {
		return err
	}
	defer e.Close()
	x, err := e.ImportRuns(cmd.Context(), o)
	if err != nil {
		return err
	}
	twice, err := e.CountedTwice(x.Spend)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{
			"new": x.New, "grown": x.Grown, "known": x.Known, "inputs": x.Inputs, "no_input": x.NoInput, "written": x.Written && x.New+x.Grown > 0,
			"spend": x.Spend, "apart": x.Apart, "lines": x.Lines, "files": x.Logs, "prices_as_of": x.AsOf, "twice": twice,
		})
	}
	c.sayRead(x.Lines, x.Logs)
	verb := "Imported"
	if o.DryRun {
		verb = "Would import"
	}
	c.say("%s %s; %d gained calls, %d were there already.", verb, plural(x.New, "run", "runs"), x.Grown, x.Known)
	if o.Content && x.NoInput > 0 {
		c.say("%s no input of their own: what was said amid a conversation, or what the skill's schema does not take.", plural(x.NoInput, "run has", "runs have"))
	}
	rows := [][]string{{"SKILL", "MODEL", "CALLS", "TOKENS", "SPEND"}}
	for _, s := range x.Spend.BySkill() {
		rows = append(rows, []string{s.Skill, modelOf(s.Model), fmt.Sprint(s.Calls), tokensOf(s.Usage.Prompt() + s.Usage.Output), bill(s.Micro, s.Unsure, s.Unpriced)})
	}
	if x.Apart.Calls > 0 {
		var tokens int64
		for _, r := range x.Apart.Rows {
			tokens += r.Usage.Prompt() + r.Usage.Output
		}
		rows = append(rows, []string{c.dim("(no run)"), "", fmt.Sprint(x.Apart.Calls), tokensOf(tokens), bill(x.Apart.Micro, x.Apart.Unsure, x.Apart.Unpriced)})
	}
	if len(rows) > 1 {
		c.say("")
		columns(c.Out, rows)
	}
	c.showUnpriced(x.Spend)
	if x.Apart.Calls > 0 {
		c.say("%s in no run: of no skill, of several, of one that the project does not have, or without a time; %s of it.", plural(int(x.Apart.Calls), "call is", "calls are"), price.Format(x.Apart.Micro))
	}
	for _, t := range twice {
		c.note("%s has %s here from the time of the log: what is in both counts twice. Record runs or import them, not both.", t.Skill, plural(t.Runs, "run", "runs"))
	}
	switch {
	case o.DryRun:
		c.next("the same without --dry-run keeps them.")
	case x.Spend.Calls == 0:
		c.next("plimsoll skill list names the project's skills; docs/adopt.md says how one is found in a log.")
	case o.Content:
		c.next("plimsoll items from-logs SKILL makes items of them; plimsoll plan counts them as traffic.")
	default:
		c.next("plimsoll plan counts them as traffic. With --content they can become items.")
	}
	return nil
}
