package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/connector/lock"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/lint"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/spf13/cobra"
)

func (c *command) connectorCommand() *cobra.Command {
	return group("connector", "MCP servers whose tools agents reach: list, diff, approve, test",
		c.connectorList(), c.connectorDiff(), c.connectorApprove(), c.connectorTest())
}

// surface opens what agents reach. The caller closes the engine.
func (c *command) surface(ctx context.Context) (*engine.Engine, *engine.Surface, error) {
	e, err := c.open(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	x, err := e.Surface(ctx)
	if err != nil {
		_ = e.Close() // the first error is the one to show
		return nil, nil, err
	}
	return e, x, nil
}

func (c *command) connectorList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Every connector: how it is, what was approved of it", Args: cobra.NoArgs,
		Long: "Shows every connector of the project. It starts none: what is offered is what was\napproved, and that stands in the lock file.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			e, x, err := c.surface(cmd.Context())
			if err != nil {
				return err
			}
			defer e.Close()
			return c.listConnectors(x.Connectors())
		},
	}
}

func (c *command) listConnectors(list []engine.ConnectorState) error {
	if c.json {
		return c.document(map[string]any{"connectors": list})
	}
	if len(list) == 0 {
		c.say("The project has no connectors. docs/connectors.md shows the block.")
		return nil
	}
	rows := [][]string{{"CONNECTOR", "STATE", "TOOLS", "SERVER", "WHY"}}
	next := ""
	for _, s := range list {
		state := string(s.Health.State)
		if s.Lock != lock.OK {
			state = string(s.Lock)
			if next == "" {
				next = "plimsoll connector diff " + s.Name
			}
		}
		why := s.Why
		if why == "" {
			why = s.Health.Reason
		}
		rows = append(rows, []string{s.Name, state, fmt.Sprint(s.Tools), printable(s.Health.Server), clip(printable(why), 60)})
	}
	columns(c.Out, rows)
	if next == "" {
		next = "plimsoll skill search WORDS finds among their tools"
	}
	c.next("%s", next)
	return nil
}

func (c *command) connectorDiff() *cobra.Command {
	var full bool
	cmd := &cobra.Command{
		Use: "diff CONNECTOR", Short: "What a server offers now against what was approved", Args: cobra.ExactArgs(1),
		Long: "Asks the server what it offers, and shows what is not as it was approved: in words,\nas a diff, and with what the linter finds in it. Exit code 1 when something differs.",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, x, err := c.surface(cmd.Context())
			if err != nil {
				return err
			}
			defer e.Close()
			l, err := x.Look(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if err := c.looked(x, l, full); err != nil {
				return err
			}
			if l.Report.State != lock.OK {
				c.next("plimsoll connector approve %s --seen %s", args[0], l.Report.Set)
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "every definition of a server that nobody approved yet, too")
	return cmd
}

// looked shows a connector to whoever has to approve it.
func (c *command) looked(x *engine.Surface, l *engine.Looked, full bool) error {
	findings := x.Lint(l)
	if c.json {
		return c.document(map[string]any{
			"connector": l.Connector.Name, "state": l.Report.State, "reason": l.Report.Reason, "offered": l.Report.Set, "approved": l.Report.Locked,
			"changes": l.Difference.Changes, "diff": l.Difference.Unified, "findings": findings, "server": l.Health.Server, "revision": l.Catalogue.Revision, "refused": l.Catalogue.Refused,
		})
	}
	c.say("%s  %s, revision %s, %s", c.bold(l.Connector.Name), printable(l.Health.Server), l.Catalogue.Revision, plural(len(l.Report.Tools), "tool", "tools"))
	switch l.Report.State {
	case lock.OK:
		c.say("As it was approved: %s", l.Report.Set)
	case lock.Unapproved:
		c.say("Nobody has approved it yet: nothing of it can be found or called.")
	default:
		c.say("%s", l.Report.Reason)
	}
	for _, r := range l.Catalogue.Refused {
		c.say("  not offered  %s %s: %s", r.Kind, printable(r.Name), printable(r.Reason))
	}
	if l.Report.State == lock.Unapproved && !full {
		rows := [][]string{}
		for _, d := range l.Catalogue.Offered() {
			rows = append(rows, []string{"  " + printable(d.Name), clip(printable(engine.Describes(d.Raw)), 90)})
		}
		columns(c.Out, rows)
		c.findings(findings)
		c.say("Every definition as it is: --full")
		return nil
	}
	for _, ch := range l.Difference.Changes {
		mark := "  "
		if ch.Widens {
			mark = c.red("! ")
		}
		at := ch.Tool
		if ch.Path != "" {
			at += " " + ch.Path
		}
		c.say("%s%s: %s", mark, at, ch.Text)
	}
	c.findings(findings)
	if l.Difference.Unified != "" {
		c.say("\n%s", strings.TrimRight(l.Difference.Unified, "\n"))
	}
	return nil
}

func (c *command) findings(list []lint.Finding) {
	for _, f := range list {
		what := string(f.Severity)
		if f.Severity == lint.Block {
			what = c.red(what)
		}
		c.say("%s  %s  %s: %s %s", what, f.Rule, printable(f.Where()), printable(f.Message), f.Fix)
	}
}

func (c *command) connectorApprove() *cobra.Command {
	var seen string
	cmd := &cobra.Command{
		Use: "approve CONNECTOR", Short: "Pin what a server offers, after you have looked at it", Args: cobra.ExactArgs(1),
		Long: "Writes the digest of every definition that the server offers into the lock file.\nFrom then on it offers exactly that, or nothing. --seen is what connector diff\nprinted: a server that offers something else by now is refused.",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, x, err := c.surface(cmd.Context())
			if err != nil {
				return err
			}
			defer e.Close()
			l, err := x.Approve(cmd.Context(), args[0], seen)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"connector": args[0], "approved": l.Report.Set, "tools": len(l.Report.Tools)})
			}
			c.say("%s of %s: %s", plural(len(l.Report.Tools), "tool", "tools"), args[0], l.Report.Set)
			if seen == "" {
				c.findings(x.Lint(l))
				c.note("You approved without --seen: what the server offered in this moment. plimsoll connector diff shows it first.")
			}
			c.say("Commit %s and %s.", engine.LockFile, lock.BookName)
			c.next("plimsoll skill search WORDS, or plimsoll connector test %s", args[0])
			return nil
		},
	}
	cmd.Flags().StringVar(&seen, "seen", "", "digest of the set that you looked at, as connector diff prints it")
	return cmd
}

func (c *command) connectorTest() *cobra.Command {
	var tool, arguments, as string
	cmd := &cobra.Command{
		Use: "test CONNECTOR", Short: "Start a server, list it, and call one of its tools if you name one", Args: cobra.ExactArgs(1),
		Long: "Starts the server and says what it is. With --call it calls a tool by the name that\nagents use, under the access rules, and written down like any call.",
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := c.argumentsFlag(arguments)
			if err != nil {
				return err
			}
			e, x, err := c.surface(cmd.Context())
			if err != nil {
				return err
			}
			defer e.Close()
			l, err := x.Look(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if tool == "" {
				return c.tested(x, l)
			}
			caller, err := c.caller(e, as)
			if err != nil {
				return err
			}
			called, err := x.Desk.CallTool(cmd.Context(), caller, mcp.CallTool{Tool: tool, Arguments: raw})
			if err != nil {
				return err
			}
			return c.called(called)
		},
	}
	cmd.Flags().StringVar(&tool, "call", "", "tool to call, by the name that agents use")
	cmd.Flags().StringVar(&arguments, "args", "{}", "its arguments as JSON, or @FILE")
	asFlag(cmd, &as)
	return cmd
}

func (c *command) tested(x *engine.Surface, l *engine.Looked) error {
	findings := x.Lint(l)
	if c.json {
		return c.document(map[string]any{"connector": l.Connector.Name, "health": l.Health, "state": l.Report.State, "reason": l.Report.Reason, "tools": toolNames(l), "findings": findings})
	}
	c.say("%s answers: %s, revision %s", l.Connector.Name, printable(l.Health.Server), l.Catalogue.Revision)
	for _, n := range toolNames(l) {
		c.say("  %s", printable(n))
	}
	c.findings(findings)
	if l.Report.State != lock.OK {
		c.say("%s", l.Report.Reason)
		c.next("plimsoll connector diff %s", l.Connector.Name)
		return nil
	}
	c.next("plimsoll connector test %s --call TOOL --args '{...}'", l.Connector.Name)
	return nil
}

func toolNames(l *engine.Looked) []string {
	out := []string{}
	for _, d := range l.Catalogue.Offered() {
		out = append(out, connector.PublicName(l.Connector.Prefix, d.Name))
	}
	return out
}

// called prints a tool's result: its texts for people, all of it as JSON.
func (c *command) called(called mcp.Called) error {
	if c.json {
		return c.document(map[string]any{"result": called.Result, "blob": called.Blob})
	}
	var res struct {
		Content []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		} `json:"content"`
		IsError bool `json:"isError"`
	}
	if err := json.Unmarshal(called.Result, &res); err != nil {
		return fmt.Errorf("reading the result: %w", err)
	}
	for _, part := range res.Content {
		if part.Type == "text" {
			for line := range strings.Lines(part.Text) {
				c.say("%s", printable(strings.TrimRight(line, "\r\n")))
			}
		} else {
			c.say("[%s]", printable(part.Type))
		}
	}
	if called.Blob != "" {
		c.note("The whole result is kept as %s.", called.Blob)
	}
	if res.IsError {
		return fmt.Errorf("the tool says that it failed")
	}
	return nil
}
