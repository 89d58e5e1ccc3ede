package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
	"github.com/plimsoll-dev/plimsoll/core/plugin"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// pluginRow is a backend block and what is known of its process.
type pluginRow struct {
	Backend string         `json:"backend"`
	Plugin  string         `json:"plugin"`
	From    string         `json:"from"`
	Health  *plugin.Status `json:"health,omitempty"` // nil: never called
	Refused string         `json:"refused,omitempty"`
	Serves  string         `json:"serves,omitempty"` // how the topology is that it calls
}

func (c *command) pluginList(ctx context.Context, start bool) error {
	p, err := c.load("")
	if err != nil {
		return err
	}
	from, err := c.origins(p)
	if err != nil {
		return err
	}
	health, err := p.PluginHealth()
	if err != nil {
		return err
	}
	refused := map[string]error{}
	if start {
		e, err := c.open(ctx, "")
		if err != nil {
			return err
		}
		defer e.Close()
		health = plugin.Health{At: e.AsOf()}
		health.Backends, refused = e.StartBackends(ctx)
	}
	var rows []pluginRow
	for _, b := range p.Config.Backends {
		row := pluginRow{Backend: b.Name, Plugin: b.Plugin, From: from(b), Serves: p.TopologyOf(b)}
		for _, s := range health.Backends {
			if s.Backend == b.Name && s.Plugin == b.Plugin {
				row.Health = &s
			}
		}
		if err := refused[b.Name]; err != nil {
			row.Refused = err.Error()
		}
		rows = append(rows, row)
	}
	if c.json {
		err = c.document(map[string]any{"at": health.At, "backends": rows})
	} else {
		c.showPlugins(rows, health.At, start)
	}
	if err == nil && len(refused) > 0 {
		err = errSilent
	}
	return err
}

// origins says where the program of a backend block comes from.
func (c *command) origins(p *engine.Project) (func(*config.Backend) string, error) {
	lock, err := p.ReadLock()
	if err != nil {
		return nil, err
	}
	return func(b *config.Backend) string {
		if b.Remote != nil {
			return "at " + b.Remote.Address
		}
		if _, ok := c.Bundled[b.Plugin]; ok {
			return "bundled"
		}
		if l, ok := lock.Plugin(b.Plugin); ok {
			return "locked " + l.Version
		}
		return "missing: run plimsoll plugin lock FOLDER"
	}, nil
}

func (c *command) showPlugins(rows []pluginRow, at time.Time, started bool) {
	table := [][]string{{"BACKEND", "PLUGIN", "FROM", "STATE", "STARTS"}}
	for _, r := range rows {
		state, starts := "never called", ""
		if r.Health != nil {
			state, starts = string(r.Health.State), fmt.Sprint(r.Health.Launches)
			switch r.Health.State {
			case plugin.Running:
				if r.Health.PID != 0 {
					state += fmt.Sprintf(", pid %d", r.Health.PID)
				}
			case plugin.Backoff, plugin.Open:
				state = fmt.Sprintf("held back until %s, failed %s in a row", r.Health.Until.UTC().Format(time.TimeOnly), plural(r.Health.Failures, "time", "times"))
			}
		}
		if r.Refused != "" {
			state = "cannot be called"
		}
		table = append(table, []string{r.Backend, r.Plugin, r.From, state, starts})
	}
	columns(c.Out, table)
	for _, r := range rows {
		if r.Serves != "" && r.Refused == "" {
			c.say("\n%s: %s", r.Backend, r.Serves)
		}
		if r.Refused != "" {
			c.say("\n%s: %s", r.Backend, r.Refused)
		} else if h := r.Health; h != nil && h.LastErr != "" {
			c.say("\n%s: its last failure: %s", r.Backend, h.LastErr)
		}
		if h := r.Health; h != nil && h.Printed != "" {
			c.say("\n%s printed last:\n%s", r.Backend, strings.TrimRight(h.Printed, "\n"))
		}
	}
	if !started && !at.IsZero() {
		c.say("\nAs the last command that called one left it, at %s. To start and ask them now: plimsoll plugin list --start.", at.UTC().Format(time.RFC3339))
	}
}
