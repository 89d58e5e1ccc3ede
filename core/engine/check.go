package engine

import (
	"context"
	"fmt"
	"github.com/plimsoll-dev/plimsoll/core/access"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/lint"
	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/skill"
	"github.com/plimsoll-dev/plimsoll/core/topology/declared"
	"github.com/plimsoll-dev/plimsoll/core/trial"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Empty tells whether there is no config at all.
func (p *Project) Empty() bool {
	return p.Config == nil || len(p.Config.Sources) == 0
}

// Check compiles everything that only a run would otherwise find out: gates,
// rules, templates, items, code, whether a policy can ever prove anything with the
// items there are, and whether topologies can be laid out as they are declared.
func (p *Project) Check(ctx context.Context) diag.List {
	var diags diag.List
	seen := map[*config.Policy]bool{}
	for _, s := range p.Skills {
		if ctx.Err() != nil {
			return diags
		}
		_, more := p.planOf(s)
		diags = append(diags, more...)
		_, more = templatesOf(s)
		diags = append(diags, more...)
		pool, more := trial.Load(s.Dir, s.Contract.Items)
		diags = append(diags, relative(p.Dir, append(more, checkItemRules(pool)...))...)
		diags = append(diags, p.checkRunner(s)...)
		diags = append(diags, relative(p.Dir, checkFixtures(s, pool))...)
		policy := s.Binding.Policy
		if policy == nil {
			continue
		}
		if !seen[policy] {
			seen[policy] = true
			_, more = compilePolicy(policy)
			diags = append(diags, more...)
		}
		diags = append(diags, config.CheckMethod(policy, s.Contract.Items)...)
		diags = append(diags, p.checkReach(s, policy, pool)...)
	}
	diags = append(diags, p.checkHarness()...)
	_, more := declared.Read(p.Config, declared.Files(p.Dir))
	diags = append(diags, more...)
	return append(diags, p.checkCode(ctx)...)
}

// checkHarness is what connectors and access rules show before any server was
// asked, and what a careful reader sees in the text of skills. The latter are
// warnings: whose skills they are has read them, or should.
func (p *Project) checkHarness() diag.List {
	names := make([]string, len(p.Skills))
	texts := make([]lint.Text, len(p.Skills))
	at := map[string]diag.Range{}
	for i, s := range p.Skills {
		names[i], at[s.Name] = s.Name, s.Range
		texts[i] = lint.Text{Kind: lint.Skill, Name: s.Name, Description: s.Description, Body: s.Body}
	}
	_, diags := access.Compile(p.Config.Accessing())
	diags = append(diags, lint.Project(p.Config)...)
	for _, c := range p.Config.Connectors {
		diags = append(diags, p.checkReachable(c)...)
	}
	diags = append(diags, p.Config.CheckSkillPatterns(names)...)
	for _, f := range lint.Run(texts) {
		if f.Severity == lint.Note || f.Rule == "description-missing" { // the standard refuses a skill without one
			continue
		}
		diags = append(diags, diag.Warnf(at[f.Name], f.Rule, f.Title(), "%s It reads: %s. %s", f.Message, f.Evidence, f.Fix))
	}
	return diags
}

// checkReachable warns of a program that is handed the project's own folder, or one
// that it lies in: whoever may call it reads the key of the audit log there.
func (p *Project) checkReachable(c *config.Connector) diag.List {
	state := filepath.Join(p.Dir, StateDir)
	for _, arg := range c.Command[min(1, len(c.Command)):] {
		if _, value, ok := strings.Cut(arg, "="); ok {
			arg = value
		}
		if !filepath.IsAbs(arg) {
			arg = filepath.Join(p.Dir, arg)
		}
		info, err := os.Stat(arg)
		if err != nil || !info.IsDir() {
			continue
		}
		if rel, err := filepath.Rel(arg, state); err == nil && filepath.IsLocal(rel) {
			return diag.List{diag.Warnf(c.Range, "connector-state", "Server is handed the state folder", "Connector %s is handed a folder in which %s lies: the key of the audit log, what runs were given and what is waiting for approval. Hand it a folder of its own.", c.Name, StateDir)}
		}
	}
	return nil
}

// checkItemRules compiles the rules of items: one that cannot be evaluated would
// only show once its item was paid for.
func checkItemRules(pool *trial.Pool) diag.List {
	var diags diag.List
	for _, it := range slices.Concat(pool.Prove, pool.Tune) {
		if it.Rule == "" {
			continue
		}
		if _, err := rule.CompileGate(it.Rule, rule.GateOptions{Reference: true}); err != nil {
			diags = append(diags, diag.Errorf(it.At, "item-rule", "Rule cannot be used", "The rule of item %s: %v.", it.ID, err))
		}
	}
	return diags
}

// checkReach finds a policy whose deadline is under the reach of its method: it
// could spend for ever and never prove anything.
func (p *Project) checkReach(s *skill.Skill, policy *config.Policy, pool *trial.Pool) diag.List {
	method := methodOf(policy, pool.Source)
	if method.Pool() {
		return nil
	}
	params := verdict.Params{Method: method, Margin: micro(policy.Margin), Alpha: micro(policy.Alpha), Epoch: 1, N: policy.MaxItems}
	if policy.Fleet { // as long as nothing was accepted, which is when it is hardest
		params.Weight = verdict.FleetWeight(1, p.under(policy), 1)
	}
	if err := params.Validate(); err != nil {
		return diag.List{diag.Errorf(policy.Range, "policy-test", "Policy cannot test", "tier_policy %s: %v.", policy.Name, err)}
	}
	if _, ok := verdict.Reach(params); ok {
		return nil
	}
	needs := "no number of items would do"
	if n := verdict.Deadline(params); n > 0 {
		needs = fmt.Sprintf("max_items = %d would do", n)
	}
	return diag.List{diag.Errorf(policy.Range, "policy-reach", "Out of reach", "tier_policy %s allows %d items, and with them %s cannot prove a margin of %g for %s even when the candidate never loses; %s.", policy.Name, policy.MaxItems, method, policy.Margin, s.Name, needs)}
}

// relative shows items by their place in the project.
func relative(dir string, diags diag.List) diag.List {
	for i := range diags {
		if rel, err := filepath.Rel(dir, diags[i].Range.File); err == nil && filepath.IsAbs(diags[i].Range.File) {
			diags[i].Range.File = filepath.ToSlash(rel)
		}
	}
	return diags
}

// Content names what measures a skill's content: reference, dimension, gates, or
// "" where nothing does.
func Content(s *skill.Skill, pool *trial.Pool) string { return measureOf(s).Content(pool.Prove) }

// Finding is one thing that the doctor looked at.
type Finding struct {
	OK     bool   `json:"ok"`
	What   string `json:"what"`
	Detail string `json:"detail"`
}

// Doctor looks at what a night needs. Offline it starts no backend.
func (e *Engine) Doctor(ctx context.Context, offline bool) []Finding {
	var out []Finding
	add := func(what, detail string, err error) {
		if err != nil {
			detail = err.Error()
		}
		out = append(out, Finding{OK: err == nil, What: what, Detail: detail})
	}
	add("project", fmt.Sprintf("%d skills in %s", len(e.Project.Skills), e.Project.Dir), e.Project.Check(ctx).Err())
	add("state", filepath.Join(e.Project.Dir, StateDir), nil)
	res, err := audit.Verify(e.store, audit.Options{Key: e.log.Key()})
	if err == nil {
		add("audit log", fmt.Sprintf("%d entries, all verified", res.Checkpoint.Size), nil)
	} else {
		add("audit log", "", err)
	}
	err = nil
	if e.key.Exposed {
		err = fmt.Errorf("%s can be read by others: chmod 600 it, and rotate the key", filepath.Join(StateDir, "audit.key"))
	}
	add("audit key", fmt.Sprintf("%s; the private half lies in %s", e.log.Key(), filepath.Join(StateDir, "audit.key")), err)
	probe := filepath.Join(e.Project.Dir, StateDir, "doctor.probe")
	err = os.WriteFile(probe, []byte("probe"), 0o600)
	if err == nil {
		err = os.Remove(probe)
	}
	add("disk", "the state folder can be written", err)
	v, err := e.Project.VerifyPlugins()
	if err == nil && len(v.Problems) > 0 {
		err = fmt.Errorf("%s", v.Problems[0])
	}
	add("plugins", fmt.Sprintf("%d locked files verified", v.Files), err)
	for _, b := range e.Project.Config.Backends {
		if b.Topology != nil {
			detail, err := e.Project.checkTopology(ctx, b, offline)
			add("topology "+b.Topology.Name, detail, err)
		}
		if offline {
			continue
		}
		d, err := e.backends.Describe(ctx, b.Name)
		detail := d.Name + " " + d.Version
		if d.Simulated {
			detail += ", simulated models"
		}
		add("backend "+b.Name, detail, err)
	}
	return out
}
