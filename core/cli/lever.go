package cli

import (
	"context"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/report"
	"github.com/spf13/cobra"
)

func (c *command) leversCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "levers [SKILL]", Short: "What can be saved beside the model: form, prompts, tools; nothing is changed",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			only := ""
			if len(args) == 1 {
				only = args[0]
			}
			return c.withLevers(cmd.Context(), only, func(found *engine.Levers) error {
				if c.json {
					return c.document(map[string]any{"levers": append([]report.Lever{}, found.Rows()...), "form": found.Forms, "prefixes": found.Prefixes, "idle": found.Idle})
				}
				c.listLevers(found)
				return nil
			})
		},
	}
	cmd.AddCommand(c.leversShowCommand(), c.leversToolsCommand())
	return cmd
}

func (c *command) leversShowCommand() *cobra.Command {
	var patch string
	cmd := &cobra.Command{
		Use: "show SKILL", Short: "One skill's levers in full, and its patch",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.patchable(patch); err != nil {
				return err
			}
			return c.withLevers(cmd.Context(), args[0], func(found *engine.Levers) error {
				text := ""
				for _, f := range found.Forms {
					text += f.Patch
				}
				if err := c.writePatch(patch, text); err != nil {
					return err
				}
				if c.json {
					return c.document(map[string]any{"form": found.Forms, "prefixes": found.Prefixes, "idle": found.Idle, "patch": text})
				}
				for _, f := range found.Forms {
					c.showForm(f)
				}
				for _, p := range found.Prefixes {
					c.showPrefix(p)
				}
				for _, u := range found.Idle {
					c.say("\n%s  %s may call %s and did not in 30 days.", c.bold(lever.ToolPrune), u.Of, u.Name)
				}
				switch {
				case text == "":
					c.next("plimsoll nightly looks at more tune items where a candidate's form holds it.")
				case patch == "":
					c.next("plimsoll levers show %s --patch FILE writes the patch; git apply FILE makes the change.", args[0])
				default:
					c.next("read %s, then git apply it; the next night measures the change as a new epoch.", patch)
				}
				return nil
			})
		},
	}
	patchFlag(cmd, &patch, "write the unified diff to this `FILE`; nothing is applied")
	return cmd
}

// withLevers opens the state and looks at the levers of one skill, or of all.
func (c *command) withLevers(ctx context.Context, only string, show func(*engine.Levers) error) error {
	e, err := c.open(ctx, only)
	if err != nil {
		return err
	}
	defer e.Close()
	if only != "" {
		if _, err := e.Project.Skill(only); err != nil {
			return err
		}
	}
	found, err := e.Levers(ctx, only)
	if err != nil {
		return err
	}
	return show(found)
}

func (c *command) listLevers(found *engine.Levers) {
	rows := found.Rows()
	if len(rows) == 0 {
		c.say("Nothing to save beside the model, as far as can be seen.")
		c.notLooked(found)
		c.next("plimsoll levers show SKILL says what was looked at; plimsoll levers tools looks at servers and skills.")
		return
	}
	c.leverRows(rows)
	c.notLooked(found)
	c.next("plimsoll levers show SKILL shows one in full, with its patch. None of it is proved; the next night measures a change.")
}

// leverRows prints levers as candidates and levers both list them.
func (c *command) leverRows(rows []report.Lever) {
	var table [][]string
	for _, r := range rows {
		saves := ""
		if r.SaveMonth != nil {
			saves = "about " + price.Format(*r.SaveMonth) + " a month"
		}
		table = append(table, []string{label(r.Skill, r.Step), r.Lever, saves, r.Says})
	}
	columns(c.Out, table)
}

// notLooked counts the steps of which nothing could be said, by reason: an empty
// list must not look like a clean one.
func (c *command) notLooked(found *engine.Levers) {
	counts := map[string]int{}
	var order []string
	add := func(why string) {
		if why == "" {
			return
		}
		if counts[why] == 0 {
			order = append(order, why)
		}
		counts[why]++
	}
	for _, f := range found.Forms {
		if f.Why != "" {
			add(lever.FormatDeterminism + ": " + f.Why)
		}
	}
	for _, p := range found.Prefixes {
		if p.Why != "" {
			add(lever.PrefixStabilise + ": " + p.Why)
		}
	}
	if len(order) > 0 {
		c.say("\nNot looked at:")
	}
	for _, why := range order {
		c.say("  %s, %s", plural(counts[why], "step", "steps"), why)
	}
}

func (c *command) showForm(f *engine.Form) {
	c.say("%s  %s", c.bold(label(f.Skill, f.Step)), lever.FormatDeterminism)
	if f.Cases > 0 {
		c.say("  looked at    %s of %s%s", plural(f.Cases, "tune item", "tune items"), f.Candidate, map[bool]string{true: ", a simulated model", false: ""}[f.Simulated])
		c.say("  claim        %s", f.Claim())
	}
	if f.Why != "" {
		c.say("  not done     %s", f.Why)
	}
	for _, r := range f.Proposed {
		c.say("  proposed     %s: %s. Alone it rescues %d, catches %d, harms %d", r.Name(), r.Why, r.Rescued, r.Caught, r.Harmed)
		if r.Rescued+r.Caught+r.Better == 0 && r.Eased > 0 {
			c.say("               %s fail elsewhere too: it helps where the others do", plural(r.Eased, "output", "outputs"))
		}
		if r.Caveat != "" {
			c.say("               %s", r.Caveat)
		}
		for _, fix := range r.Fixes {
			c.say("               for example: %s", fix)
		}
	}
	for _, r := range f.Refused {
		c.say("  refused      %s: it would rescue %d and catch %d, and harm %d", r.Name(), r.Rescued, r.Caught, r.Harmed)
	}
	if f.Patch != "" {
		c.say("\n%s", strings.TrimRight(f.Patch, "\n"))
	}
}

func (c *command) showPrefix(p *engine.Prefixes) {
	c.say("\n%s  %s", c.bold(label(p.Skill, p.Step)), lever.PrefixStabilise)
	if p.Prompts > 0 {
		kind := "estimated"
		if p.Measured {
			kind = "as backends counted"
		}
		c.say("  prompts      %s, %d different, of %d tokens on average, %s", plural(p.Prompts, "call", "calls"), p.Distinct, p.Tokens, kind)
	}
	if p.Distinct > 1 { // of one input nothing was compared, and no time was looked at
		c.say("  stable       %d tokens at their beginning; %d with the breaks mended", p.Stable, p.Could)
		c.say("  cached       %s of the tokens now, %s possible; %s of the calls come within %d minutes of one before", points(p.Cached)+" %", points(p.Possible)+" %", points(p.Warm)+" %", int(lever.KeepDefault/time.Minute))
	}
	if p.Marked {
		c.say("  marked       its calls end the step's prompt with a cache breakpoint")
	}
	if p.Gone > 0 {
		c.say("  gone         %s not kept any more", plural(p.Gone, "prompt is", "prompts are"))
	}
	for _, b := range p.Breaks {
		c.say("  break        %s in the %s message, byte %d, after %q: %s; %d constant tokens behind it. To mend it, %s", b.Kind, b.Role, b.In, b.Before, b.Shape, b.Behind, b.Advice())
	}
	switch {
	case p.Why != "":
		c.say("  not done     %s", p.Why)
	case p.Priced && p.Month > 0:
		c.say("  saving       about %s a month, at the times at which the calls came", price.Format(p.Month))
	case p.Priced && p.Month < 0:
		c.say("  saving       none: calls are too rare for a cache; it would cost %s a month", price.Format(-p.Month))
	case !p.Priced && p.Prompts > 0:
		c.say("  saving       not claimed: the tier states no price, or none for its cache")
	}
	if p.Marked && p.Overpaid() {
		c.say("  overpaid     no cache at all would have been cheaper: write cache = \"off\" in the skill's block")
	}
}
