package cli

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/spf13/cobra"
)

// status is bare plimsoll: what stands where, and what needs a person.
func (c *command) status(cmd *cobra.Command, _ []string) error {
	o, err := c.loadOptions()
	if err != nil {
		return err
	}
	if p, diags := engine.LoadProject(o); !diags.HasErrors() && p.Empty() {
		c.say("This is not a Plimsoll project yet: there are no .hcl files in %s.", p.Dir)
		c.next("plimsoll init")
		return nil
	}
	e, err := c.open(cmd.Context(), "")
	if err != nil {
		return err
	}
	defer e.Close()
	standings, err := e.Standings(cmd.Context(), "")
	if err != nil {
		return err
	}
	waits, err := e.Waits(cmd.Context(), "")
	if err != nil {
		return err
	}
	if c.json {
		doc := map[string]any{"steps": statuses(standings), "waits": waits}
		if c.host != nil {
			doc["engine"] = c.host.standing()
		}
		return c.document(doc)
	}
	rows := [][]string{{"SKILL", "TIER", "EVIDENCE", "STATE"}}
	for _, s := range standings {
		rows = append(rows, []string{label(s.Skill, s.Step.Step), s.Effective.Rung.Name, progressOf(s), stateOf(s, e)})
	}
	columns(c.Out, rows)
	c.showWaits(waits, waitsShown)
	if c.host != nil {
		c.say("\n%s", c.host.standingWords())
	}
	c.next("%s; plimsoll explain SKILL says why one stands where it does.", soonest(e, standings, waits))
	return nil
}

// soonest is what gets on: a night where it could measure something, else what the
// step lacks that an item brings most for.
func soonest(e *engine.Engine, standings []engine.Standing, waits []engine.Wait) string {
	const night = "plimsoll nightly measures what may move"
	for _, s := range standings {
		if _, held := e.Held(s.Step); held == "" {
			return night
		}
	}
	all := waiting(waits)
	switch {
	case len(all) == 0:
		return night
	case strings.HasPrefix(all[0].Next, "plimsoll "):
		return all[0].Next
	}
	return label(all[0].Skill, all[0].Step) + ": " + all[0].Next
}

func statuses(standings []engine.Standing) []map[string]any {
	out := assignments(standings)
	for i, s := range standings {
		out[i]["items"] = s.Items
		if s.Last != nil {
			out[i]["verdict"] = s.Last
		}
	}
	return out
}

func progressOf(s engine.Standing) string {
	if s.Last == nil {
		return plural(s.Items, "item", "items") + ", none tried"
	}
	return fmt.Sprintf("%d of %d items against %s", s.Last.N, s.Last.Deadline, last(s.Last.Candidate))
}

func stateOf(s engine.Standing, e *engine.Engine) string {
	_, held := e.Held(s.Step)
	switch {
	case held != "":
		return held
	case s.Last != nil && s.Last.Decision != verdict.Downgrade:
		return s.Last.Reason
	}
	return "may be measured"
}
