package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/spf13/cobra"
)

func (c *command) explainCommand() *cobra.Command {
	var replay bool
	cmd := &cobra.Command{
		Use: "explain RUN|SKILL", Short: "Why a run ended as it did, or why a skill stands where it stands",
		Long: "Shows a run attempt by attempt, or where a skill stands and why.\n\nWith --replay, a run of a skill that drives its own flow is run once more with the\nanswers that were recorded: no model and no tool is called. It says whether the\nskill's code does the same again.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.explain(cmd.Context(), args[0], replay) },
	}
	cmd.Flags().BoolVar(&replay, "replay", false, "run the skill's code again on the recorded answers")
	return cmd
}

func (c *command) explain(ctx context.Context, what string, replay bool) error {
	e, err := c.open(ctx, "")
	if err != nil {
		return err
	}
	defer e.Close()
	if replay {
		return c.replay(ctx, e, what)
	}
	if _, err := e.Project.Skill(what); err == nil {
		return c.explainSkill(ctx, e, what)
	} else if rec, runErr := e.Record(what); runErr == nil {
		return c.explainRun(rec)
	} else {
		return fmt.Errorf("%w\n%w", err, runErr)
	}
}

// replay runs a recorded run's code again and says whether it does the same.
func (c *command) replay(ctx context.Context, e *engine.Engine, id string) error {
	n, err := e.Replay(ctx, id)
	if err != nil {
		return fmt.Errorf("replaying run %s: %w", id, err)
	}
	if c.json {
		return c.document(map[string]any{"run": id, "replayed": n, "same": true})
	}
	c.say("Run %s replayed: %s, the same host calls, the same answer to the byte, the same fuel. No model was called.", id, plural(n, "attempt", "attempts"))
	return nil
}

func (c *command) explainSkill(ctx context.Context, e *engine.Engine, name string) error {
	standings, err := e.Standings(ctx, name)
	if err != nil {
		return err
	}
	promises, err := c.promises(ctx, e, name)
	if err != nil {
		return err
	}
	waits, err := e.Waits(ctx, name)
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"steps": statuses(standings), "watches": promises, "waits": waits})
	}
	for _, s := range standings {
		c.say("%s", c.bold(label(s.Skill, s.Step.Step)))
		c.say("  stands on    %s, by %s", s.Effective.Rung, s.Effective.Voice)
		if !s.Effective.Since.IsZero() {
			c.say("  since        %s", s.Effective.Since.Format("2006-01-02 15:04"))
		}
		if s.Effective.Reason != "" {
			c.say("  because      %s", s.Effective.Reason)
		}
		_, held := e.Held(s.Step)
		if held != "" {
			c.say("  holds        %s", held)
		}
		c.explainVerdict(s, held)
		if s.Last == nil || s.Last.N == 0 {
			for _, w := range waits {
				if w.Step == s.Step.Step {
					c.explainWait(w)
				}
			}
		}
		noise, err := e.Noise(s.Skill, s.Step.Step)
		if err != nil {
			return err
		}
		c.explainNoise(noise)
		c.explainWatch(promises[s.Step.Step])
		for _, m := range s.Moves {
			c.say("  history      %s  %s: %s", m.At.Format("2006-01-02"), happened(m), m.Reason)
		}
		if next, _ := e.Held(s.Step); next != "" {
			c.next("%s", next)
		}
	}
	return nil
}

func (c *command) explainVerdict(s engine.Standing, held string) {
	if s.Last == nil {
		c.say("  evidence     none; %s to prove with", plural(s.Items, "item", "items"))
		return
	}
	r := s.Last
	c.say("  evidence     %s against %s, epoch %d, by %s: %s", plural(r.N, "item", "items"), last(r.Candidate), r.Epoch, r.Method, r.Decision)
	c.say("  verdict      %s", r.Reason)
	bound := "not bounded yet"
	if r.Bound != nil {
		bound = "at most " + points(*r.Bound) + " points lost, at any look"
	}
	c.say("  gap          %s points, %s; %s points do not matter", points(r.HeadlineGap), bound, points(r.Margin))
	c.explainPace(r.Latency)
	c.say("  claim        %s", r.Claim)
	if r.ItemsNeeded != nil && *r.ItemsNeeded > 0 {
		c.say("  to go        about %s", plural(*r.ItemsNeeded, "item", "items"))
	}
	switch {
	case r.SavingsMonth == nil && r.N > 0:
		c.say("  saving       not claimed: the price of a tier or of its judge was not known")
	case r.SavingsMonth != nil && *r.SavingsMonth != 0:
		c.say("  saving       %s a month", price.Format(*r.SavingsMonth))
	}
	if r.PaybackRuns != nil && r.Decision == verdict.Downgrade {
		c.say("  paid back    after %s", plural(int(*r.PaybackRuns), "run", "runs"))
	}
	c.explainRegret(r)
	// A move that was made is the history's to tell, and one that a cooldown or a
	// pin stands against is not what to do now.
	done := r.Decision == verdict.Downgrade && (held != "" || s.Effective.Rung.String() == r.Candidate)
	if r.Recommend != "" && !done {
		c.say("  recommended  %s", r.Recommend)
	}
	c.say("  recorded in  %s", r.Evidence)
}

func (c *command) explainRun(rec *run.Record) error {
	if c.json {
		return c.document(map[string]any{"run": rec})
	}
	c.say("%s of %s, %s", c.bold("run "+rec.ID), rec.Skill, rec.Started.Format("2006-01-02 15:04:05"))
	c.say("  %s", runLine(rec))
	if rec.Why != "" {
		c.say("  why      %s", rec.Why)
	}
	c.say("  input    %s", kept(rec, rec.Input))
	c.say("  output   %s", kept(rec, rec.Result))
	for i, a := range rec.Attempts {
		c.say("  attempt %d: %s", i+1, a.Status)
		for _, call := range a.Calls {
			cost := costOf(call)
			took := fmt.Sprintf("%d ms, ", call.MS)
			if rec.Imported != "" && call.MS == 0 {
				took = "" // logs say when a call was made, and not how long it took
			}
			line := fmt.Sprintf("    step %s on %s: %s answered, %d tokens in, %d out, %s%s", call.Step, onTier(call), call.Reported, call.Usage.Input+call.Usage.CachedInput+call.Usage.CacheWrite, call.Usage.Output, took, cost)
			if call.Error != "" {
				line = fmt.Sprintf("    step %s on %s: %s", call.Step, last(call.Tier), call.Error)
				if call.Upper {
					line += ", " + cost
				}
			}
			c.say("%s", line)
		}
		for _, h := range a.Host {
			c.say("    %s", hostLine(h))
		}
		for _, f := range a.Fixes {
			c.say("    fixed %s%s: %s", f.Gate, at(f.ID), f.What)
		}
		for _, check := range a.Checks {
			if !check.Passed {
				c.say("    failed %s%s: %s", check.Gate, at(check.ID), check.Reason)
			}
		}
		if len(a.Checks) == 0 && a.Why != "" {
			c.say("    %s", strings.TrimSpace(a.Why))
		}
	}
	return nil
}

// kept is where the store has what a run was asked or answered.
func kept(rec *run.Record, blob string) string {
	switch {
	case blob != "":
		return blob
	case rec.Imported != "":
		return "not kept"
	}
	return "none"
}

// onTier is where a call was made: a log may name a model that no tier has, or
// several.
func onTier(c run.Call) string {
	if c.Tier == "" {
		return "no tier of this project"
	}
	return last(c.Tier)
}

// costOf is what a call cost, as far as that is known.
func costOf(c run.Call) string {
	return price.Cost{Micro: c.Micro, Known: c.Priced, Upper: c.Upper}.String()
}

// hostLine is a call of the skill's code into the engine, in a line.
func hostLine(h run.HostCall) string {
	line := strings.TrimSpace("host " + h.Op + " " + h.Name)
	switch {
	case h.Code != "":
		return line + ": refused or failed, " + h.Code
	case h.Recorded:
		line += ", from a recorded run"
	}
	return fmt.Sprintf("%s: %s in, %s out", line, plural(h.In, "byte", "bytes"), plural(h.Out, "byte", "bytes"))
}
