package cli

import (
	"context"
	"fmt"
	"math"

	"github.com/plimsoll-dev/plimsoll/core/adopt/items"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/spf13/cobra"
)

// draftFlags of items draft.
type draftFlags struct {
	n               int
	tier, reference string
	budget          float64
	dry, yes        bool
}

// maxDrafts bounds one command: who needs more looks at the first ones first.
const maxDrafts = 500

func (c *command) itemsDraftCommand() *cobra.Command {
	var f draftFlags
	cmd := &cobra.Command{
		Use: "draft SKILL --n N --tier LADDER.TIER", Short: "Have a model make up inputs to tune on; they never prove anything",
		Long: "A model of the named tier is shown SKILL.md, the schema of an input and up to five tune items,\nnever a prove item, and makes inputs up. What fits the schema and is new goes to the tune pool,\nmarked as drafted. With --reference a second tier runs the skill on each once, and what passes\nthe gates becomes the reference; a tier that the skill may move down to is refused there.\n\nWhat it costs at most is said, and asked about, before anything is sent.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.n < 1 || f.n > maxDrafts:
				return usage("--n %d: one command drafts 1 to %d items", f.n, maxDrafts)
			case f.tier == "":
				return usage("plimsoll items draft needs --tier LADDER.TIER: whose model makes the inputs up")
			case cmd.Flags().Changed("budget") && !(f.budget >= 0 && f.budget <= 1e6):
				return usage("--budget %g is no amount in USD", f.budget)
			case c.json && !f.yes && !f.dry:
				return usage("--json cannot ask: add --yes, or --dry-run to see what it costs at most")
			}
			return c.itemsDraft(cmd.Context(), args[0], f)
		},
	}
	cmd.Flags().IntVar(&f.n, "n", 10, "items at most")
	cmd.Flags().StringVar(&f.tier, "tier", "", "whose model makes them up, LADDER.TIER")
	cmd.Flags().StringVar(&f.reference, "reference", "", "whose answers become references, LADDER.TIER (default: items have none)")
	cmd.Flags().Float64Var(&f.budget, "budget", -1, "USD that it may cost (default and at most: a night's budget of the skill's policy)")
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "say what would be asked and what it costs at most; ask nobody")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (c *command) itemsDraft(ctx context.Context, name string, f draftFlags) error {
	var plan *engine.DraftPlan
	err := c.drafting(ctx, name, f, func(e *engine.Engine, o engine.DraftOrder) (err error) {
		plan, err = e.PlanDraft(ctx, o)
		return err
	})
	if err != nil {
		return err
	}
	if f.dry && c.json {
		return c.document(map[string]any{"skill": name, "pool": engine.Tune, "n": f.n, "tier": f.tier, "plan": plan, "written": false})
	}
	c.offerDraft(name, f, plan)
	if f.dry {
		c.note("Nobody was asked, and nothing was written.")
		return nil
	}
	if err := plan.Short(); err != nil {
		return err
	}
	if !f.yes {
		yes, err := c.ask("Ask now?")
		if err != nil {
			return err
		}
		if !yes {
			return fmt.Errorf("nobody was asked, and nothing was written")
		}
	}
	var got *engine.Drafted
	err = c.drafting(ctx, name, f, func(e *engine.Engine, o engine.DraftOrder) (err error) {
		got, err = e.Draft(ctx, o)
		return err
	})
	if err != nil {
		return err
	}
	return c.drafted(name, f, got)
}

// drafting opens the state for as long as do takes: not while a person is asked.
func (c *command) drafting(ctx context.Context, name string, f draftFlags, do func(*engine.Engine, engine.DraftOrder) error) error {
	e, err := c.open(ctx, name)
	if err != nil {
		return err
	}
	defer e.Close()
	o := engine.DraftOrder{N: f.n, Budget: -1}
	if f.budget >= 0 {
		o.Budget = int64(math.Round(f.budget * 1e6))
	}
	if o.Skill, err = e.Project.Skill(name); err != nil {
		return err
	}
	if o.Tier, err = e.Project.Tier(f.tier); err != nil {
		return err
	}
	if f.reference != "" {
		if o.Reference, err = e.Project.Tier(f.reference); err != nil {
			return err
		}
	}
	return do(e, o)
}

// offerDraft is what somebody decides on.
func (c *command) offerDraft(name string, f draftFlags, p *engine.DraftPlan) {
	c.note("%s of %s to tune on, made up by %s in at most %s.", plural(f.n, "item", "items"), name, f.tier, plural(p.Calls, "call", "calls"))
	c.note("It is shown SKILL.md, the schema of an input if there is one, drafts that are there, and %s; prove items stay unseen.", plural(len(p.Shown), "tune item", "tune items"))
	if p.References > 0 {
		c.note("%s then runs the skill on each, in at most %s, for a reference.", f.reference, plural(p.References, "call", "calls"))
	}
	switch {
	case !p.Priced:
		c.note("What it costs is not known, since a tier has no price: each call reads its prompt and writes at most %d tokens.", items.DraftOutput)
	default:
		c.note("It costs at most %s, with every call as long as it may be; usually it is a small part of that.", price.Format(p.Max))
		if p.Limit < p.Max {
			whose := "--budget"
			if p.Policy != "" {
				whose = "the nightly budget of policy " + p.Policy
			}
			c.note("It stops before %s, %s.", price.Format(p.Limit), whose)
			if err := p.Short(); err != nil {
				c.note("That is too little: %v.", err)
			}
		}
	}
	for _, file := range p.Files {
		c.note("They go to %s.", file)
	}
}

// drafted writes what came and says what it was.
func (c *command) drafted(name string, f draftFlags, got *engine.Drafted) error {
	p, s, _, err := c.itemSkill(name)
	if err != nil {
		return err
	}
	done, err := p.AddItems(s, engine.Tune, got.Items, false)
	if err != nil {
		return err
	}
	bare := 0
	for _, it := range got.Items {
		if len(it.Reference) == 0 {
			bare++
		}
	}
	if c.json {
		return c.document(map[string]any{
			"skill": s.Name, "pool": engine.Tune, "n": f.n, "tier": f.tier, "items": done, "without_reference": bare, "written": true,
			"again": got.Known, "skipped": append([]items.Skip{}, got.Skipped...), "notes": append([]items.Skip{}, got.Notes...),
			"calls": got.Asked, "spent": got.Spent, "priced": got.Priced, "stopped": got.Stopped,
		})
	}
	c.say("%s of %d added to the tune pool of %s, marked as drafted: they may screen, and never prove.", plural(len(done.Added), "item", "items"), f.n, s.Name)
	for _, file := range done.Files {
		c.say("  %s", file)
	}
	cost := price.Format(got.Spent)
	if !got.Priced {
		cost = "an amount that is not known, since a tier has no price"
	}
	c.say("%s for %s.", plural(got.Asked, "call", "calls"), cost)
	if got.Known > 0 {
		c.say("%s there already.", plural(got.Known, "input was", "inputs were"))
	}
	if got.Stopped != "" {
		c.say("It ended early: %s.", printable(got.Stopped))
	}
	c.importedFrom(&items.Imported{Skipped: got.Skipped, Notes: got.Notes})
	if bare > 0 && len(s.Contract.Dimensions) == 0 && s.Contract.Quality != "gates" {
		c.say("%s no reference: where nothing else measures content, nothing is measured on it.", plural(bare, "item has", "items have"))
	}
	if done.Block != "" {
		c.say("\nThey are read when this stands in its skill.hcl:\n\n%s", done.Block)
	}
	c.next("plimsoll items list %s shows them; look at them before you commit.", s.Name)
	return nil
}
