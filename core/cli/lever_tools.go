package cli

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/lever"
	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/spf13/cobra"
)

// toolFiles reads SERVER=FILE.
func (c *command) toolFiles(list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, x := range list {
		server, file, ok := strings.Cut(x, "=")
		if !ok || server == "" || file == "" {
			return nil, usage("--tools %q: write SERVER=FILE", x)
		}
		out[server] = c.at(homely(file))
	}
	return out, nil
}

func (c *command) leversToolsCommand() *cobra.Command {
	var o engine.PruneOptions
	var tools []string
	var patch string
	cmd := &cobra.Command{
		Use: "tools", Short: "MCP servers, skills and grants that nobody uses, what they cost, and a patch that takes them out",
		Long: "Looks at the project's .mcp.json and grants, and at what it is pointed at; nothing else is read.\n" +
			"Without --transcripts nothing can be said of servers and skills: their use stands there.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := c.patchable(patch)
			if err != nil {
				return err
			}
			if o.Tools, err = c.toolFiles(tools); err != nil {
				return err
			}
			if o.Window < 0 {
				return usage("--since %s: a window cannot be negative", o.Window)
			}
			for i, t := range o.Transcripts {
				o.Transcripts[i] = c.at(homely(t))
			}
			if o.MCP != "" {
				o.MCP = c.at(homely(o.MCP))
			}
			e, err := c.open(cmd.Context(), "")
			if err != nil {
				return err
			}
			defer e.Close()
			found, err := e.PruneTools(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := c.writePatch(patch, found.Patch); err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"tools": found, "window_hours": int64(found.Window / time.Hour)})
			}
			c.showTools(found, patch)
			return nil
		},
	}
	cmd.Flags().StringVar(&o.MCP, "mcp-json", "", "file of MCP servers (default: .mcp.json of the project, where it is)")
	cmd.Flags().StringArrayVar(&o.Transcripts, "transcripts", nil, "folder of an agent's transcripts, or one of them (Claude Code's .jsonl); may be repeated")
	cmd.Flags().StringArrayVar(&tools, "tools", nil, "a server's tools/list answer, SERVER=FILE, for what its definitions cost; may be repeated")
	cmd.Flags().DurationVar(&o.Window, "since", 30*24*time.Hour, "how far back to look")
	patchFlag(cmd, &patch, "write the unified diff to this `FILE`; nothing is applied")
	return cmd
}

// homely reads a leading ~ where the shell left it.
func homely(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}

func (c *command) showTools(found *engine.Prune, patch string) {
	days := int(found.Window / (24 * time.Hour))
	rows := [][]string{}
	for _, u := range found.Units {
		used := "not called in " + plural(days, "day", "days")
		switch {
		case u.Calls > 0:
			used = plural(u.Calls, "call", "calls") + ", last " + u.Last.UTC().Format("2006-01-02")
		case !u.Unused:
			used = "use not known"
		}
		cost := "tokens not known"
		if u.Tokens != nil {
			cost = plural(int(*u.Tokens), "token", "tokens")
			if !u.Exact {
				cost = "about " + cost
			}
		}
		if u.Month != nil && *u.Month > 0 {
			cost += ", " + price.Format(*u.Month) + " a month"
		}
		name := u.Name
		if u.Kind == "grant" {
			name = u.Of + " may call " + u.Name
		}
		why := u.Why
		if found.Lines == nil && u.Kind == "skill" {
			why = "" // of all of them nothing is known: said once, below
		}
		if len(u.Idle) > 0 && u.Calls > 0 {
			why = strings.TrimPrefix(why+"; ", "; ") + fmt.Sprintf("%d of its %d tools were never called, about %d tokens", len(u.Idle), u.Tools, u.IdleTokens)
		}
		rows = append(rows, []string{u.Kind, name, used, cost, why})
	}
	if len(rows) == 0 {
		c.say("There is nothing to look at: no .mcp.json, no skill, no grant.")
	}
	columns(c.Out, rows)
	if found.Lines != nil {
		c.say("\n%s in %s, %d requests; %s %% of their prompts came from a cache.", plural(found.Sessions, "session", "sessions"), plural(found.Files, "transcript", "transcripts"), found.Requests, points(found.Cached))
		c.sayLines(found.Lines)
		c.say("Unused: about %d tokens in every request, %s a month, as far as it is known.", found.Tokens, price.Format(found.Month))
	}
	for _, n := range found.Notes {
		c.say("By hand: %s.", n)
	}
	if found.Shown != "" {
		c.say("\n%s", strings.TrimRight(found.Shown, "\n"))
	}
	switch {
	case found.Lines == nil:
		c.next("plimsoll levers tools --transcripts DIR counts what agents called.")
	case found.Patch == "":
		c.next("nothing to take out of a file.")
	case patch == "":
		c.next("plimsoll levers tools --patch FILE writes the patch.")
	default:
		c.next("read %s, then git apply it.", patch)
	}
}

// sayLines tells of every line that was not used, and why.
func (c *command) sayLines(l *lever.Lines) {
	c.say("%s read; %d outside of the window, %d further lines of one answer.", plural(l.Read, "line", "lines"), l.Outside, l.Repeated)
	if l.Undated+l.Broken+l.TooLong > 0 {
		c.say("Left out: %d without a time, %d that are no JSON, %d that are too long.", l.Undated, l.Broken, l.TooLong)
	}
	for _, kind := range slices.Sorted(maps.Keys(l.Unknown)) {
		c.say("Left out: %s of type %q, which this version does not know.", plural(l.Unknown[kind], "record", "records"), kind)
	}
}
