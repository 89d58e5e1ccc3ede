package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/spf13/cobra"
)

// exported is one step in the export.
type exported struct {
	Skill         string     `json:"skill"`
	Step          string     `json:"step"`
	Ladder        string     `json:"ladder"`
	Tier          string     `json:"tier"`
	Backend       string     `json:"backend"`
	Model         string     `json:"model"`
	Since         *time.Time `json:"since"`
	From          string     `json:"from"` // tier before the last move, as in the policy file
	By            string     `json:"by"`   // who says so: policy, override, or a pin
	Reason        string     `json:"reason"`
	Evidence      string     `json:"evidence"`
	CooldownUntil *time.Time `json:"cooldown_until"`
	Pinned        bool       `json:"pinned"`
}

func (c *command) policyExport() *cobra.Command {
	formats := []string{"json", "opa-data", "csv", forShell, forClaude, forCodex}
	var format, out string
	cmd := &cobra.Command{
		Use: "export", Short: "Where every step stands, for other systems",
		Long: "Prints the tier of every step, its model, since when, from where, why and on which\nevidence: as one JSON document, as data for the Open Policy Agent\n(data.plimsoll.assignments[SKILL][STEP]), or as CSV with a line of names. The order is\nstable, and the same state gives the same bytes.\n\nAgents that run themselves read env (lines of PLIMSOLL_MODEL_SKILL='MODEL'), or a file\nfor each skill below --out: claude-agents (for .claude/agents) and codex-profiles (for\n~/.codex).",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(formats, format) {
				return usage("--format %q is none of %s.%s", format, strings.Join(formats, ", "), diag.DidYouMean(format, formats))
			}
			if c.json && (format == "csv" || format == forShell) {
				return usage("--json and --format %s do not go together", format)
			}
			if files := format == forClaude || format == forCodex; files != (out != "") {
				return usage("--out DIR goes with %s and %s, which write a file for each skill, and with no other format", forClaude, forCodex)
			}
			e, err := c.open(cmd.Context(), "")
			if err != nil {
				return err
			}
			defer e.Close()
			all, none := e.Assignments()
			for _, n := range none {
				c.note("%s stands on no tier and is left out: %s", label(n.Skill, n.Step), n.Reason)
			}
			switch rows := rowsOf(all); format {
			case forShell:
				c.exportEnv(rows)
				return nil
			case forClaude, forCodex:
				return c.exportAgents(e.Project, format, out, rows)
			default:
				return c.export(format, rows, none)
			}
		},
	}
	cmd.Flags().StringVar(&format, "format", "json", strings.Join(formats, ", "))
	cmd.Flags().StringVar(&out, "out", "", "folder for the files of claude-agents and codex-profiles")
	return cmd
}

func rowsOf(all []engine.Assigned) []exported {
	out := make([]exported, 0, len(all))
	for _, a := range all {
		out = append(out, exported{
			Skill: a.Skill, Step: a.Step, Ladder: a.Tier.Ladder, Tier: a.Tier.Ref(), Backend: a.Tier.Backend.Name, Model: a.Tier.Model,
			Since: moment(a.Since), From: a.From, By: string(a.By), Reason: a.Reason, Evidence: a.Evidence,
			CooldownUntil: moment(a.CooldownUntil), Pinned: a.Pinned,
		})
	}
	slices.SortFunc(out, func(a, b exported) int {
		if n := strings.Compare(a.Skill, b.Skill); n != 0 {
			return n
		}
		return strings.Compare(a.Step, b.Step)
	})
	return out
}

// moment is a time that may not be known.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func (c *command) export(format string, rows []exported, none []engine.Unassigned) error {
	switch format {
	case "csv":
		return c.exportCSV(rows)
	case "opa-data":
		bySkill := map[string]map[string]exported{}
		for _, r := range rows {
			if bySkill[r.Skill] == nil {
				bySkill[r.Skill] = map[string]exported{}
			}
			bySkill[r.Skill][r.Step] = r
		}
		raw, err := json.MarshalIndent(map[string]any{"plimsoll": map[string]any{"version": jsonVersion, "assignments": bySkill}}, "", "  ")
		if err != nil {
			return fmt.Errorf("writing the export: %w", err)
		}
		c.say("%s", raw)
		return nil
	}
	return c.document(map[string]any{"assignments": rows, "unassigned": append([]engine.Unassigned{}, none...)})
}

func (c *command) exportCSV(rows []exported) error {
	w := csv.NewWriter(c.Out)
	records := [][]string{{"version", "skill", "step", "ladder", "tier", "backend", "model", "since", "from", "by", "reason", "evidence", "cooldown_until", "pinned"}}
	for _, r := range rows {
		records = append(records, []string{
			strconv.Itoa(jsonVersion), r.Skill, r.Step, r.Ladder, r.Tier, r.Backend, r.Model, written3339(r.Since), r.From, r.By, r.Reason, r.Evidence,
			written3339(r.CooldownUntil), strconv.FormatBool(r.Pinned),
		})
	}
	if err := w.WriteAll(records); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return nil
}

func written3339(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339)
}
