package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/store"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// capability is one thing that a skill's code can ask for and a grant can give.
type capability struct {
	ops   []abi.HostOp
	name  string // of the attribute in the grant block
	given bool
	value string // that gives it, where it is missing
}

func capabilities(s *skill.Skill) []capability {
	g := grantOf(s)
	var steps []string
	for _, st := range s.Steps() {
		steps = append(steps, st.Name)
	}
	return []capability{
		{[]abi.HostOp{abi.HostGenerate}, "steps", len(g.Steps) > 0, hclList(steps)},
		{[]abi.HostOp{abi.HostGet, abi.HostPut}, "kv", g.KV > 0, `"1MiB"`},
		{[]abi.HostOp{abi.HostTool}, "tools", len(g.Tools)+len(g.ReadOnly) > 0, `["NAME"]`},
	}
}

func grantOf(s *skill.Skill) config.Grant {
	if s.Binding.Grant == nil {
		return config.Grant{}
	}
	return *s.Binding.Grant
}

func hclList(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = fmt.Sprintf("%q", n)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// checkSteps finds grants of steps that the skill does not have, and grants that
// nobody can use because there is no code.
func checkSteps(s *skill.Skill) diag.List {
	g := s.Binding.Grant
	if g == nil {
		return nil
	}
	var diags diag.List
	var have []string
	for _, st := range s.Steps() {
		have = append(have, st.Name)
	}
	for _, name := range g.Steps {
		if !slices.Contains(have, name) {
			diags = append(diags, diag.Errorf(g.Range, "unknown-name", "Unknown step", "The grant of skill %s names step %q, and the skill has %s.%s", s.Name, name, strings.Join(have, ", "), diag.DidYouMean(name, have)))
		}
	}
	if s.Contract.Code == "" {
		diags = append(diags, diag.Warnf(g.Range, "grant-unused", "Grant without use", "Skill %s has no code, so nothing can use what it is granted. Remove the block.", s.Name))
	}
	return diags
}

// checkGrant compares what a skill's code asks for with what it is granted. What
// is missing is an error with the block to paste; what nobody asked for is a
// warning, because a grant that is not needed is a door that stands open.
func checkGrant(s *skill.Skill, m abi.Manifest) diag.List {
	var diags diag.List
	var missing []capability
	var unasked, needs []string
	for _, c := range capabilities(s) {
		var asked []string
		for _, op := range c.ops {
			if m.Asks(op) {
				asked = append(asked, op.String())
			}
		}
		switch {
		case len(asked) > 0 && !c.given:
			missing, needs = append(missing, c), append(needs, asked...)
		case len(asked) == 0 && c.given:
			unasked = append(unasked, c.name)
		}
	}
	switch {
	case len(m.Capabilities) > 0 && !m.Has(abi.OpRun):
		return append(diags, diag.Warnf(s.Range, "capability-closed", "Asked for in vain", "The code of skill %s asks for %s and has no op run. Host calls are open in op run only, so it will never get them.", s.Name, strings.Join(m.Capabilities, ", ")))
	case len(missing) > 0:
		diags = append(diags, diag.Errorf(s.Range, "capability", "Not granted", "The code of skill %s asks for %s, and the project does not grant it: every such call would be refused. Read what the skill does with it; then add this, or do not use the skill.", s.Name, strings.Join(needs, ", ")).WithSuggestion(grantBlock(s, missing)))
	}
	if len(unasked) > 0 {
		diags = append(diags, diag.Warnf(s.Binding.Grant.Range, "grant-unused", "Grant without use", "The code of skill %s does not ask for what %s would give it. Remove %s from the grant.", s.Name, strings.Join(unasked, " and "), pronoun(len(unasked))))
	}
	return diags
}

func pronoun(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// grantBlock is what to paste: only what is missing where the grant stands
// already, else the whole.
func grantBlock(s *skill.Skill, missing []capability) string {
	width := 0
	for _, c := range missing {
		width = max(width, len(c.name))
	}
	lines := make([]string, len(missing))
	for i, c := range missing {
		lines[i] = fmt.Sprintf("%-*s = %s", width, c.name, c.value)
	}
	if s.Binding.Grant != nil {
		return strings.Join(lines, "\n")
	}
	return fmt.Sprintf("skill %q {\n  grant {\n    %s\n  }\n}", s.Name, strings.Join(lines, "\n    "))
}

// Grants says in words what a skill's code may reach, one thing a line; nothing
// when it may reach nothing.
func Grants(s *skill.Skill) []string {
	g := s.Binding.Grant
	if g == nil {
		return nil
	}
	var out []string
	if len(g.Steps) > 0 {
		out = append(out, "models, by the steps "+strings.Join(g.Steps, ", "))
	}
	if g.KV > 0 {
		out = append(out, "keys of its own, "+sizeWords(g.KV))
	}
	if len(g.Tools) > 0 {
		out = append(out, "tools "+strings.Join(g.Tools, ", "))
	}
	if len(g.ReadOnly) > 0 {
		out = append(out, "tools that change nothing: "+strings.Join(g.ReadOnly, ", "))
	}
	return append(out, fmt.Sprintf("at most %d host calls a run", g.Calls))
}

// sizeWords says a size as a grant would, in the largest unit that is whole.
func sizeWords(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", n/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%dB", n)
}

// granted is what the audit log says of a grant.
type granted struct {
	Hash  string        `json:"hash"`  // of the skill that it was given to
	Grant *config.Grant `json:"grant"` // null: nothing any more
}

// noteGrant writes a skill's grant down when it is first used and whenever it,
// or the skill that it is given to, has changed.
func (e *Engine) noteGrant(ctx context.Context, s *skill.Skill, plan *run.Plan) error {
	key := store.Key(store.TableGrant, scope, s.Name)
	old, err := e.store.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		if plan.Grant == nil {
			return nil
		}
	} else if err != nil {
		return fmt.Errorf("reading what %s was granted: %w", s.Name, err)
	}
	raw, err := canonjson.Marshal(granted{Hash: s.Hash, Grant: plan.Grant})
	if err != nil {
		return err
	}
	value := store.Seal(1, raw)
	if bytes.Equal(old, value) {
		return nil
	}
	_, err = e.store.Commit(ctx, store.Batch{
		Puts:    []store.Put{{Key: key, Value: value}},
		Entries: []store.Entry{{Time: e.asOf, Kind: "skill.grant", Scope: scope, Skill: s.Name, Data: raw}},
	})
	if err != nil {
		return fmt.Errorf("writing down what %s is granted: %w", s.Name, err)
	}
	return nil
}

// announce writes a tool call down before it happens.
func (e *Engine) announce(ctx context.Context, skillName string, c run.HostCall) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	id, _, _ := strings.Cut(c.ID, "/")
	_, err = e.store.Commit(ctx, store.Batch{Entries: []store.Entry{{Time: clock().UTC(), Kind: "skill.tool", Scope: scope, Skill: skillName, Run: id, Data: raw}}})
	return err
}
