package cli

import (
	"context"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/spf13/cobra"
)

func (c *command) skillCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "All skills of the project", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := c.load("")
			if err != nil {
				return err
			}
			return c.skillList(p)
		},
	}
	show := &cobra.Command{
		Use: "show SKILL", Short: "What a skill is: contract, steps, gates, items, code and what it may do", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := c.findSkill(args)
			if err != nil {
				return err
			}
			if f.diags.HasErrors() {
				return c.refuse(f.project, f.diags)
			}
			return c.skillShow(cmd.Context(), f.project, f.skill)
		},
	}
	return group("skill", "The skills of the project: write, build, test, pack, add, list, search, show", c.skillNewCommand(), c.skillBuildCommand(), c.skillTestCommand(), c.skillPackCommand(), c.skillAddCommand(), list, c.skillSearch(), show)
}

func (c *command) skillList(p *engine.Project) error {
	if c.json {
		out := []map[string]any{}
		for _, s := range p.Skills {
			out = append(out, map[string]any{"name": s.Name, "description": s.Description, "dir": s.Dir, "hash": s.Hash})
		}
		return c.document(map[string]any{"skills": out})
	}
	rows := [][]string{}
	for _, s := range p.Skills {
		rows = append(rows, []string{s.Name, clip(s.Description, 90)})
	}
	columns(c.Out, rows)
	c.next("plimsoll skill show NAME")
	return nil
}

// clip shortens a description to about n bytes, at a word.
func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= n {
		return s
	}
	if i := strings.LastIndexByte(s[:n], ' '); i > 0 {
		return s[:i] + " …"
	}
	return s
}

func (c *command) skillShow(ctx context.Context, p *engine.Project, s *skill.Skill) error {
	pool, diags := trial.Load(s.Dir, s.Contract.Items)
	if diags.HasErrors() {
		return c.refuse(p, diags)
	}
	var steps, gates, renders []string
	for _, st := range s.Steps() {
		steps = append(steps, st.Name)
	}
	for _, e := range s.Contract.Eaches {
		for _, g := range e.Gates {
			gates = append(gates, g.Name+" (each "+e.List.Source+")")
		}
	}
	for _, g := range s.Contract.Gates {
		gates = append(gates, g.Name)
	}
	for _, r := range s.Contract.Renders {
		renders = append(renders, r.Name)
	}
	code, err := c.codeOf(ctx, p, s)
	if err != nil {
		return err
	}
	from, changed, err := provenance(p, s)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{
			"name": s.Name, "description": s.Description, "dir": s.Dir, "hash": s.Hash, "steps": steps, "gates": gates, "formats": renders,
			"code": s.Contract.Code, "prove": len(pool.Prove), "tune": len(pool.Tune), "content": engine.Content(s, pool),
			"facts": code.facts, "refused": code.refused, "grants": engine.Grants(s), "source": from, "changed": changed,
		})
	}
	content := engine.Content(s, pool)
	if content == "" {
		content = "nothing: it can only hold"
	}
	rows := [][]string{
		{"name", s.Name}, {"about", printable(s.Description)}, {"folder", c.short(s.Dir)}, {"steps", strings.Join(steps, ", ")},
		{"gates", strings.Join(gates, ", ")}, {"formats", strings.Join(renders, ", ")}, {"code", s.Contract.Code},
		{"items", plural(len(pool.Prove), "item", "items") + " to prove with, " + plural(len(pool.Tune), "item", "items") + " to tune on"},
		{"measured by", content}, {"hash", s.Hash},
	}
	if from != "" {
		state := "as it was added"
		if changed {
			state = c.red("changed since it was added")
		}
		rows = append(rows, []string{"added from", printable(from) + ", " + state})
	}
	columns(c.Out, rows)
	c.showCode(s, code)
	return nil
}

func (c *command) tierCommand() *cobra.Command {
	var stepName string
	cmd := &cobra.Command{
		Use: "tier SKILL", Short: "The model that a skill is to run on, for agents that run themselves",
		Args: cobra.ExactArgs(1),
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
			place, err := e.Place(s, step)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"skill": s.Name, "step": step.Name, "tier": place.Tier.Ref(), "model": place.Tier.Model, "backend": place.Tier.Backend.Name, "by": place.Effective.Voice})
			}
			c.say("%s", place.Tier.Model)
			return nil
		},
	}
	cmd.Flags().StringVar(&stepName, "step", "", "step of the skill (default: its first)")
	return cmd
}
