package cli

import (
	"context"
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/spf13/cobra"
)

func (c *command) policyCommand() *cobra.Command {
	return group("policy", "Show and change which tier each step stands on",
		c.policyShow(),
		c.policyEdit("pin SKILL", "Hold a step on its tier until a person lifts it", func(ctx context.Context, e *engine.Engine, s *skill.Skill, step *config.Step, reason string) error {
			return c.edited(e.Pin(ctx, s, step, reason))
		}),
		c.policyEdit("unpin SKILL", "Lift a pin, or the hold after a move that was taken back by hand", func(ctx context.Context, e *engine.Engine, s *skill.Skill, step *config.Step, _ string) error {
			diff, err := e.Unpin(ctx, s, step)
			if err == nil && diff == "" && !c.json {
				c.say("%s has no pin in %s. If it was held since a move was taken back by hand, that is lifted.", label(s.Name, step.Name), engine.PolicyFile)
				return nil
			}
			return c.edited(diff, err)
		}),
		c.policyEdit("escalate SKILL", "Move a step up by one tier, at once", c.escalate),
		c.policyHistory(),
		c.policyExport(),
		c.policyTest(),
	)
}

func (c *command) policyShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [SKILL]", Short: "The effective tier of every step, and who says so",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			only := ""
			if len(args) > 0 {
				only = args[0]
			}
			e, err := c.open(cmd.Context(), only)
			if err != nil {
				return err
			}
			defer e.Close()
			standings, err := e.Standings(cmd.Context(), only)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"assignments": assignments(standings)})
			}
			rows := [][]string{{"SKILL", "TIER", "SINCE", "BY", "REASON"}}
			for _, s := range standings {
				since := ""
				if !s.Effective.Since.IsZero() {
					since = s.Effective.Since.Format("2006-01-02")
				}
				rows = append(rows, []string{label(s.Skill, s.Step.Step), s.Effective.Rung.Name, since, string(s.Effective.Voice), s.Effective.Reason})
			}
			columns(c.Out, rows)
			return nil
		},
	}
}

func assignments(standings []engine.Standing) []map[string]any {
	out := []map[string]any{}
	for _, s := range standings {
		a := map[string]any{"skill": s.Skill, "step": s.Step.Step, "tier": s.Effective.Rung.String(), "by": s.Effective.Voice, "reason": s.Effective.Reason, "pinned": s.Effective.Pinned()}
		if s.Current != nil {
			a["model"] = s.Current.Model
		}
		if !s.Effective.Since.IsZero() {
			a["since"] = s.Effective.Since
		}
		if !s.Effective.CooldownUntil.IsZero() {
			a["cooldown_until"] = s.Effective.CooldownUntil
		}
		out = append(out, a)
	}
	return out
}

type policyChange func(ctx context.Context, e *engine.Engine, s *skill.Skill, step *config.Step, reason string) error

func (c *command) policyEdit(use, short string, change policyChange) *cobra.Command {
	var stepName, reason string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := c.open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer e.Close()
			s, err := e.Project.Skill(args[0])
			if err != nil {
				return err
			}
			step, err := engine.Step(s, stepName)
			if err != nil {
				return err
			}
			return change(cmd.Context(), e, s, step, reason)
		},
	}
	cmd.Flags().StringVar(&stepName, "step", "", "step of the skill (default: its first)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who read the policy file later")
	return cmd
}

// edited shows what became of the policy file.
func (c *command) edited(diff string, err error) error {
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"diff": diff})
	}
	if diff == "" {
		c.say("Nothing to change.")
		return nil
	}
	fmt.Fprint(c.Out, diff)
	c.next("commit %s.", engine.PolicyFile)
	return nil
}

func (c *command) escalate(ctx context.Context, e *engine.Engine, s *skill.Skill, step *config.Step, reason string) error {
	if reason == "" {
		reason = "escalated by hand"
	}
	place, ok, err := e.Escalate(ctx, s, step, reason)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s stays on %s: %s", label(s.Name, step.Name), place.Tier.Name, whyNotUp(place))
	}
	if c.json {
		return c.document(map[string]any{"skill": s.Name, "step": step.Name, "tier": place.Tier.Ref(), "cooldown_until": place.Effective.CooldownUntil})
	}
	c.say("%s stands on %s now, as a runtime override until the next night writes it down.", label(s.Name, step.Name), place.Tier.Name)
	c.say("It stays there until %s at least.", place.Effective.CooldownUntil.Format("2006-01-02 15:04"))
	return nil
}

func whyNotUp(p engine.Place) string {
	if p.Effective.Pinned() {
		return string(p.Effective.Voice)
	}
	if p.Ladder != nil && p.Tier.Index == len(p.Ladder.Tiers)-1 {
		return "it is the highest tier of its ladder"
	}
	return "no higher tier of its ladder may see its inputs"
}

// happened is an event in a few words.
func happened(ev evidence.Event) string {
	if ev.Event == evidence.Lifted {
		return "hold lifted by hand"
	}
	return ev.Event + " " + last(ev.From) + " -> " + last(ev.To)
}

func (c *command) policyHistory() *cobra.Command {
	return &cobra.Command{
		Use: "history SKILL", Short: "Every move that plimsoll made",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := c.open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer e.Close()
			if _, err := e.Project.Skill(args[0]); err != nil {
				return err
			}
			standings, err := e.Standings(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if c.json {
				doc := map[string]any{}
				for _, s := range standings {
					doc[s.Step.Step] = s.Moves
				}
				return c.document(map[string]any{"moves": doc})
			}
			rows := [][]string{}
			for _, s := range standings {
				for _, m := range s.Moves {
					rows = append(rows, []string{m.At.Format("2006-01-02 15:04"), label(s.Skill, s.Step.Step), happened(m), m.Reason})
				}
			}
			if len(rows) == 0 {
				c.say("plimsoll has not moved %s yet.", args[0])
			}
			columns(c.Out, rows)
			return nil
		},
	}
}
