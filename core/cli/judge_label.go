package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/judge"
	labelling "github.com/plimsoll-dev/plimsoll/core/judge/label"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/spf13/cobra"
)

// labelFlags of judge label.
type labelFlags struct {
	n, port, again int
	out            string
	prove          bool
}

func (c *command) judgeLabelCommand() *cobra.Command {
	var f labelFlags
	cmd := &cobra.Command{
		Use: "label [JUDGE|SKILL]", Short: "Label outputs on a local page, blind, for judge calibrate",
		Long: "Opens a page on 127.0.0.1 that shows two outputs of one input side by side, without\n" +
			"saying who wrote which, and asks of each dimension which is good (or, for a judge that\n" +
			"compares, which is better). Answer with the keys that stand on the page. Every answer is\n" +
			"written down at once; the same command goes on where a session stopped. Some pairs are\n" +
			"shown a second time in the other order: that says how steady the answers are.\n\n" +
			"Outputs come from trials that were made: of tune items, and of items that no evidence is\n" +
			"to come from any more. --prove takes the others too; they are no fresh evidence then.\n" +
			"The file holds inputs and outputs, and lies in the state folder unless --out says otherwise.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.n < 1:
				return usage("--n %d is no number of pairs", f.n)
			case f.port < 0 || f.port > 65535:
				return usage("--port %d is no port", f.port)
			case f.again < 0:
				return usage("--again %d: write 10 to see every tenth pair again, 0 for none", f.again)
			case f.out != "" && !strings.HasSuffix(f.out, ".jsonl"):
				return usage("--out %s: the file of labels is JSON lines, so its name ends in .jsonl", f.out)
			}
			return c.label(cmd.Context(), oneName(args), f)
		},
	}
	cmd.Flags().IntVar(&f.n, "n", verdict.LeastLabels, "pairs to label, in all sessions; fewer allow no proof")
	cmd.Flags().IntVar(&f.port, "port", 0, "port of 127.0.0.1 (default: one that is free)")
	cmd.Flags().IntVar(&f.again, "again", 10, "show every so-manieth pair again in the other order; 0 none")
	cmd.Flags().StringVar(&f.out, "out", "", "file of labels, .jsonl (default: labels/JUDGE.jsonl in the state folder)")
	cmd.Flags().BoolVar(&f.prove, "prove", false, "also outputs of items to prove with: what is labelled is no fresh evidence any more")
	return cmd
}

func (c *command) label(ctx context.Context, name string, f labelFlags) error {
	found, j, err := c.labelable(ctx, name, f.prove)
	if err != nil {
		return err
	}
	if len(found.Pairs) == 0 {
		return nothingToLabel(j, found, f.prove)
	}
	file, shown := c.at(f.out), f.out
	if f.out == "" {
		file = filepath.Join(c.stateDir(), "labels", j.Name+".jsonl")
		shown = filepath.ToSlash(filepath.Join(c.dir, engine.StateDir, "labels", j.Name+".jsonl"))
	}
	finish := fmt.Sprintf("plimsoll judge calibrate %s --labels %s", j.Name, shown)
	if c.dir != "." {
		finish = fmt.Sprintf("plimsoll -C %s judge calibrate %s --labels %s", c.dir, j.Name, shown)
	}
	if found.Random {
		finish += " --random"
	}
	s, diags, err := labelling.Open(labelling.Config{
		File: file, Judge: j.Name, Seed: j.Name + " " + judge.Pin(j.Members(), j.Pairwise), Pairs: found.Pairs, Dimensions: found.Dimensions,
		Comparing: j.Pairwise, N: f.n, Again: f.again, Finish: finish,
	})
	if diags.HasErrors() {
		src, err := readLabels(file)
		if err != nil {
			return err
		}
		return c.refuseLabels(file, src, diags)
	}
	if err != nil {
		return err
	}
	before := s.Summary()
	for _, x := range found.Compared {
		c.note("%s: outputs of %s and %s, blind; %s to choose from.", x.Skill, x.Current, x.Candidate, plural(x.Pairs, "pair", "pairs"))
	}
	if f.prove && found.Prove > 0 {
		c.note("%s %s of items that evidence is still to come from: what you label is no fresh evidence any more. Take these items out of prove when you have done.", c.bold("Warning:"), plural(found.Prove, "pair is", "pairs are"))
	}
	if before.Pairs < f.n {
		c.note("There are %s, and %d were asked for.", plural(before.Pairs, "pair", "pairs"), f.n)
	}
	c.note("%d of %s answered.", before.Done, plural(before.Of, "question", "questions"))
	if before.Done < before.Of {
		c.note("Ctrl-C ends the session; what is answered is kept, and the same command goes on.\n")
		if err := s.Serve(ctx, labelling.Door{Port: f.port, Ready: func(url string) { c.note("Open %s", url) }}); err != nil {
			return err
		}
	}
	return c.labelled(s.Summary(), shown, finish)
}

// labelable finds the pairs, and closes the state again: a session takes as long
// as a person takes, and nights must not wait for it.
func (c *command) labelable(ctx context.Context, name string, prove bool) (*engine.Labelable, *config.Judge, error) {
	e, err := c.open(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	defer e.Close()
	ask := engine.LabelAsk{Prove: prove}
	var judgeErr error
	if ask.Judge, judgeErr = e.Project.Judge(name); judgeErr != nil {
		s, err := e.Project.Skill(name)
		if name == "" || err != nil {
			return nil, nil, judgeErr
		}
		if ask.Judge = e.Project.JudgeOf(s); ask.Judge == nil {
			return nil, nil, fmt.Errorf("skill %s has no judge: write judge = judge.NAME in its block or its tier_policy", name)
		}
		ask.Skill = name
	}
	found, err := e.Labelable(ctx, ask)
	return found, ask.Judge, err
}

func nothingToLabel(j *config.Judge, found *engine.Labelable, prove bool) error {
	if found.Prove > 0 && !prove {
		return fmt.Errorf("there is nothing to label yet but %s of items that evidence is still to come from, and whoever labels them has seen them.\n"+
			"Add tune items to the skill: a night tries some of them too. Or spend these: plimsoll judge label %s --prove", plural(found.Prove, "pair", "pairs"), j.Name)
	}
	return fmt.Errorf("there is nothing to label for judge %s: no item was tried on two tiers of a skill that it judges, with an output that passed on both.\nplimsoll nightly tries them; a judge without labels is no reason for it not to", j.Name)
}

func (c *command) labelled(sum labelling.Summary, file, finish string) error {
	if c.json {
		return c.document(map[string]any{"file": file, "labels": sum, "next": finish})
	}
	c.say("%d of %s answered, %d of them now. They are in %s.", sum.Done, plural(sum.Of, "question", "questions"), sum.Fresh, file)
	if sum.Twice > 0 {
		c.say("Of %s asked in both orders, %d had the same answer.", plural(sum.Twice, "question", "questions"), sum.Alike)
	}
	if sum.Skipped > 0 {
		c.say("%s: labels of the rest are of what is easy to decide. The same command asks them again.", plural(sum.Skipped, "question was skipped", "questions were skipped"))
	}
	if sum.Pairs < verdict.LeastLabels {
		c.say("%s allow no proof yet: %d are the least.", plural(sum.Pairs, "pair", "pairs"), verdict.LeastLabels)
	}
	c.next("%s", finish)
	return nil
}
