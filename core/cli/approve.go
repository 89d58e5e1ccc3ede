package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/harness/desk"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/spf13/cobra"
)

func (c *command) approveCommand() *cobra.Command {
	var refuse, all bool
	var note, as string
	cmd := &cobra.Command{
		Use: "approve [ID]", Short: "Say yes or no to calls that wait for a person", Args: cobra.MaximumNArgs(1),
		Long: "Without an ID: the calls that wait. With one: says yes to it, or no with --refuse.\nA yes holds for this very call: this caller, this tool as it is defined now, these\narguments, once, and for as long as its rule says.",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, x, err := c.surface(cmd.Context())
			if err != nil {
				return err
			}
			defer e.Close()
			if len(args) == 0 {
				return c.waiting(x, all)
			}
			by, err := c.person(e, as)
			if err != nil {
				return err
			}
			w, err := x.Desk.Answer(cmd.Context(), args[0], by, !refuse, note)
			if err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"approval": waitingDoc(w)})
			}
			if refuse {
				c.say("%s may not: %s. The caller is told.", w.Name, what(w.Approval))
				return nil
			}
			c.say("%s may call %s once, until %s.", w.Name, what(w.Approval), w.Answered.Add(w.Valid).Format(time.RFC3339))
			return nil
		},
	}
	cmd.Flags().BoolVar(&refuse, "refuse", false, "say no")
	cmd.Flags().BoolVar(&all, "all", false, "list those that were answered, too")
	cmd.Flags().StringVar(&note, "note", "", "why; the audit log keeps it")
	cmd.Flags().StringVar(&as, "as", "", "answer as this principal, with its roles (default: you, at the command line)")
	return cmd
}

func (c *command) waiting(x *engine.Surface, all bool) error {
	list, err := x.Desk.Waiting(all)
	if err != nil {
		return err
	}
	if c.json {
		docs := []map[string]any{}
		for _, w := range list {
			docs = append(docs, waitingDoc(w))
		}
		return c.document(map[string]any{"approvals": docs})
	}
	if len(list) == 0 {
		c.say("No call waits for a person.")
		return nil
	}
	for _, w := range list {
		c.say("%s  %s  %s asks for %s (rule %q)", c.bold(w.ID), w.State, w.Name, what(w.Approval), w.Rule)
		if w.Arguments != nil {
			c.say("    %s", clip(printable(string(w.Arguments)), 400))
		}
		c.say("    asked %s; who says yes: %s", w.Asked.Format(time.RFC3339), approvers(w.Approvers))
	}
	c.next("plimsoll approve ID, or plimsoll approve ID --refuse --note WHY")
	return nil
}

func approvers(lists [][]string) string {
	if len(lists) == 0 {
		return "anybody at the command line"
	}
	var parts []string
	for _, l := range lists {
		parts = append(parts, strings.Join(l, " or "))
	}
	return "role " + strings.Join(parts, ", and ")
}

func what(a access.Approval) string {
	if a.Tool != "" {
		return a.Tool
	}
	return "skill " + a.Skill
}

func waitingDoc(w desk.Waiting) map[string]any {
	return map[string]any{"id": w.ID, "call": w.Call, "arguments": orNil(w.Arguments), "approval": w.Approval}
}

func orNil(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	return raw
}

// person is who answers at the command line: by the name of the account, or as a
// principal of the project with its roles.
func (c *command) person(e *engine.Engine, as string) (access.Principal, error) {
	if as != "" {
		caller, err := c.caller(e, as)
		p := caller.Principal
		p.Kind = access.KindCLI
		return p, err
	}
	name := "somebody"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	return access.Principal{Name: name, Kind: access.KindCLI}, nil
}

// caller is who calls from the command line: as a principal of the project, or as
// "local", which is who clients without credentials are.
func (c *command) caller(e *engine.Engine, as string) (mcp.Caller, error) {
	p, err := e.Project.Principal(as)
	return mcp.Caller{Principal: p, Client: mcp.Client{Name: "plimsoll", Version: c.Version}, Via: "cli"}, err
}

func asFlag(cmd *cobra.Command, as *string) {
	cmd.Flags().StringVar(as, "as", "", "principal of the project to act as (default: local, without roles)")
}

// argumentsFlag reads a flag that holds JSON, or names a file with it.
func (c *command) argumentsFlag(text string) (json.RawMessage, error) {
	raw := []byte(text)
	if name, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if raw, err = os.ReadFile(c.at(name)); err != nil {
			return nil, fmt.Errorf("reading the arguments: %w", err)
		}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, usage("--args takes a JSON object, or @FILE with one: %w", err)
	}
	return raw, nil
}
