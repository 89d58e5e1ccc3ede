package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/spf13/cobra"
)

func (c *command) skillSearch() *cobra.Command {
	var limit int
	var kind, as string
	var triggers bool
	cmd := &cobra.Command{
		Use: "search QUERY...", Short: "What an agent finds: skills and tools, best first, and why", Args: cobra.ArbitraryArgs,
		Long: "Searches as find does for agents: each argument is a query of its own. Shows which\nwords matched. --triggers runs every skill's evals/triggers.json instead: how often\nits own queries find it, and others do not.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !triggers {
				return usage("say what to look for, or --triggers")
			}
			if kind != "" && kind != string(harness.Skill) && kind != string(harness.Tool) {
				return usage("--kind takes skill or tool, not %q", kind)
			}
			e, x, err := c.surface(cmd.Context())
			if err != nil {
				return err
			}
			defer e.Close()
			if triggers {
				return c.triggers(x)
			}
			caller, err := c.caller(e, as)
			if err != nil {
				return err
			}
			bound, over := context.WithTimeout(cmd.Context(), vectorsTime)
			defer over()
			x.Embedded(bound)
			found, err := x.Desk.Search(cmd.Context(), caller, mcp.Find{Queries: args, Limit: limit, Kind: kind})
			if err != nil {
				return err
			}
			return c.found(found)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "number of hits, 1 to 50 (default 5)")
	cmd.Flags().StringVar(&kind, "kind", "", "only skill or tool")
	cmd.Flags().BoolVar(&triggers, "triggers", false, "run the trigger cases of all skills")
	asFlag(cmd, &as)
	return cmd
}

// vectorsTime is how long a search waits for vectors that are being made.
const vectorsTime = time.Minute

func (c *command) found(f harness.Found) error {
	if c.json {
		hits := []map[string]any{}
		for _, h := range f.Hits {
			hits = append(hits, map[string]any{
				"name": h.Document.Name, "kind": h.Document.Kind, "connector": h.Document.Connector, "description": h.Document.Description,
				"query": h.Query, "score": h.Score, "confidence": h.Confidence, "words": h.Words, "learned": h.Learned,
			})
		}
		return c.document(map[string]any{"outcome": f.Outcome, "hits": hits, "vectors": f.Vectors})
	}
	for _, h := range f.Hits {
		why := strings.Join(h.Words, ", ")
		if h.Learned {
			why += "; learned from use"
		}
		c.say("%s  %s", c.bold(h.Document.Name), c.dim(fmt.Sprintf("%s, %d %%, by %s", h.Document.Kind, h.Confidence/10_000, printable(why))))
		c.say("    %s", clip(printable(strings.Join(strings.Fields(h.Document.Description), " ")), 160))
	}
	if f.Vectors.Reason != "" {
		c.note("Words alone: %s", f.Vectors.Reason)
	}
	if len(f.Hits) == 0 {
		c.say("%s", f.Outcome.Advice())
		return nil
	}
	c.next("plimsoll skill show NAME, or plimsoll connector test CONNECTOR --call NAME")
	return nil
}

func (c *command) triggers(x *engine.Surface) error {
	list, err := x.Triggers()
	if err != nil {
		return err
	}
	if c.json {
		return c.document(map[string]any{"evaluations": list})
	}
	if len(list) == 0 {
		c.say("No skill has trigger cases. Put a list of {\"query\", \"should_trigger\"} into %s of a skill's folder.", harness.TriggersFile)
		return nil
	}
	rows := [][]string{{"SKILL", "FOUND", "FALSELY", "WRONG"}}
	bad := 0
	for _, e := range list {
		wrong := ""
		if len(e.Wrong) > 0 {
			bad++
			w := e.Wrong[0]
			wrong = clip(printable(w.Query), 50)
			if len(w.Instead) > 0 {
				wrong += " -> " + w.Instead[0]
			}
		}
		rows = append(rows, []string{strings.TrimPrefix(e.ID, "skill:"), fmt.Sprintf("%d of %d", e.Found, e.Wanted), fmt.Sprintf("%d of %d", e.False, e.Others), wrong})
	}
	columns(c.Out, rows)
	if bad > 0 {
		c.next("mend the description of what is not found: it is what weighs most beside the name")
		return errSilent
	}
	return nil
}
