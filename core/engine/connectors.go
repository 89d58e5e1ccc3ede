package engine

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/connector"
	"github.com/plimsoll-dev/plimsoll/core/connector/lock"
	"github.com/plimsoll-dev/plimsoll/core/harness"
	"github.com/plimsoll-dev/plimsoll/core/lint"
)

// ConnectorState is how a connector is and what holds for it.
type ConnectorState struct {
	Name   string           `json:"name"`
	Kind   string           `json:"kind"`
	Health connector.Health `json:"health"`
	Lock   lock.State       `json:"lock"`
	Why    string           `json:"why,omitempty"` // the lock is not ok
	Tools  int              `json:"tools"`         // approved
}

// Connectors are all of the project, in its order. None is started.
func (x *Surface) Connectors() []ConnectorState {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := []ConnectorState{}
	for _, c := range x.project.Config.Connectors {
		s := ConnectorState{Name: c.Name, Kind: c.Kind.Name, Lock: lock.OK}
		if up, ok := x.set.Get(c.Name); ok {
			s.Health = up.Health()
		}
		for _, t := range x.locked.Tools {
			if t.Connector == c.Name {
				s.Tools++
			}
		}
		if r, ok := x.reports[c.Name]; ok {
			s.Lock, s.Why = r.State, r.Reason
		} else if _, approved := x.locked.Connector(c.Name); !approved {
			s.Lock, s.Why = lock.Unapproved, "nobody approved what it offers"
		}
		out = append(out, s)
	}
	return out
}

// Lint is what a careful reader should see in what a server offers. It is read
// beside what the other connectors offer, whose names it could take.
func (x *Surface) Lint(l *Looked) []lint.Finding {
	var all, offered []lint.Text
	for _, d := range l.Catalogue.Tools {
		t := lintText(l.Connector.Name, d.Raw)
		t.Offered = connector.PublicName(l.Connector.Prefix, d.Name)
		all = append(all, t)
		if l.Connector.Offers(d.Name) {
			offered = append(offered, t)
		}
	}
	for _, e := range x.Desk.Shown().Tools() {
		if e.Connector != l.Connector.Name {
			t := lintText(e.Connector, e.Raw)
			t.Offered = e.Name
			offered = append(offered, t)
		}
	}
	var out []lint.Finding
	for _, f := range lint.Run(offered) {
		if f.Connector == l.Connector.Name {
			out = append(out, f)
		}
	}
	return append(out, lint.Patterns(l.Connector, all)...)
}

func lintText(server string, raw json.RawMessage) lint.Text {
	var def definition
	if json.Unmarshal(raw, &def) != nil {
		return lint.Text{Kind: lint.Tool, Connector: server} // the catalogue refuses what cannot be read
	}
	a := def.Annotations
	return lint.Text{
		Kind: lint.Tool, Connector: server, Name: def.Name, Title: cmp.Or(def.Title, a.Title), Description: def.Description, Schema: def.InputSchema,
		Hints: lint.Hints{ReadOnly: a.ReadOnlyHint, Destructive: a.DestructiveHint, Idempotent: a.IdempotentHint, OpenWorld: a.OpenWorldHint},
	}
}

// Triggers runs the trigger cases of every skill that has some, against everything.
func (x *Surface) Triggers() ([]harness.Evaluation, error) {
	var sets []harness.Triggers
	for _, s := range x.Project().Skills {
		raw, err := os.ReadFile(filepath.Join(s.Dir, filepath.FromSlash(harness.TriggersFile)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the trigger cases of %s: %w", s.Name, err)
		}
		cases, err := harness.ParseCases(raw)
		if err != nil {
			return nil, fmt.Errorf("%s of skill %s: %w", harness.TriggersFile, s.Name, err)
		}
		sets = append(sets, harness.Triggers{ID: "skill:" + s.Name, Cases: cases})
	}
	return x.Desk.Shown().Evaluate(sets)
}

// Principal is a principal of the project by its name; "" is local, who has no
// roles.
func (p *Project) Principal(name string) (access.Principal, error) {
	if name == "" {
		return access.Principal{Name: Local, Kind: access.KindLocal}, nil
	}
	var names []string
	for _, x := range p.Config.Principals {
		if x.Name == name {
			return access.Principal{Name: x.Name, Roles: x.Roles, Kind: access.KindToken}, nil
		}
		names = append(names, x.Name)
	}
	if len(names) == 0 {
		return access.Principal{}, fmt.Errorf("there is no principal %q: the project declares none", name)
	}
	return access.Principal{}, fmt.Errorf("there is no principal %q; there are %v", name, names)
}

// Describes is what a tool's definition says the tool does.
func Describes(raw json.RawMessage) string { return lintText("", raw).Description }
