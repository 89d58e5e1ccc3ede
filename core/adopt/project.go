package adopt

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/price"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/policyfile"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Facts are what a project is made from.
type Facts struct {
	From   []string // patterns of the skills' folders, relative to the project
	Except []string // folders that are left out
	Skills []Found
	Spend  Spend
	Prices Prices
	Model  string // what skills without a call run on; "" is not said
}

// Plan is a project to be written: what stands in its files, and what does not.
type Plan struct {
	From, Except []string
	Rungs        []Rungs
	Assigned     []policyfile.Assignment
	Fresh        []string // skills in no log: they begin on the top tier of the first ladder
	Left         []Left   // skills that are left out, and why
}

// Rungs is a ladder with its backend, for the models of one provider.
type Rungs struct {
	Name   string // of both
	Plugin string
	Env    string
	Models []string // cheapest first
	micro  int64    // what was spent on them
}

// Left is a skill that is left out.
type Left struct {
	Skill string `json:"skill"`
	Model string `json:"model,omitempty"`
	Why   string `json:"why"`
}

// providers are those whose host and key need no guess. Any other one is named,
// and not written: a wrong host would be sent the skill's inputs.
var providers = []struct {
	name, plugin, env string
	models            *regexp.Regexp
}{
	{"anthropic", "anthropic", "ANTHROPIC_API_KEY", regexp.MustCompile(`^claude-[a-z0-9.-]+$`)},
	{"openai", "openai", "OPENAI_API_KEY", regexp.MustCompile(`^(gpt-[a-z0-9.-]+|o[0-9][a-z0-9.-]*|codex-[a-z0-9.-]+)$`)},
}

// providerOf is the index of the provider that answers for a model, -1 for none
// that is known for sure.
func providerOf(model, provider string) int {
	for i, p := range providers {
		if p.models.MatchString(model) && (provider == "" || strings.EqualFold(provider, p.name)) {
			return i
		}
	}
	return -1
}

// policyReason stands at each assignment that adoption writes.
const policyReason = "adopted: the model that it ran on last in the logs"

// Make plans a project at today's tiers.
func Make(f Facts) *Plan {
	out := &Plan{From: f.From, Except: slices.Clone(f.Except)}
	byName := map[string]SkillSpend{}
	for _, s := range f.Spend.BySkill() {
		byName[s.Skill] = s
	}
	all := make([]*Rungs, len(providers))
	add := func(model, provider string, micro int64) {
		i := providerOf(model, provider)
		if i < 0 {
			return
		}
		if all[i] == nil {
			all[i] = &Rungs{Name: providers[i].name, Plugin: providers[i].plugin, Env: providers[i].env}
		}
		r := all[i]
		r.micro = sat(r.micro, micro)
		same := func(m string) bool { return config.TierName(m) == config.TierName(model) }
		if config.TierName(model) != "" && !slices.ContainsFunc(r.Models, same) {
			r.Models = append(r.Models, model)
		}
	}
	for _, m := range f.Spend.ByModel() {
		add(m.Model, m.Provider, m.Micro)
	}
	add(f.Model, "", 0)
	var usage message.Usage
	for _, r := range f.Spend.Rows {
		usage = usage.Add(r.Usage)
	}
	for _, r := range all {
		if r == nil {
			continue
		}
		r.order(f.Prices, usage)
		out.Rungs = append(out.Rungs, *r)
	}
	// The first is the one that skills without an assignment are on.
	slices.SortStableFunc(out.Rungs, func(a, b Rungs) int { return cmp.Compare(b.micro, a.micro) })
	for _, s := range f.Skills {
		spent, used := byName[s.Name]
		model, provider, since, reason := f.Model, "", time.Time{}, "adopted: it stands in no log, and --model says what it runs on"
		if used {
			model, provider, since, reason = spent.Model, spent.Provider, spent.Since, policyReason
		}
		t := out.tier(model, provider)
		switch {
		case !used && model == "":
			out.Fresh = append(out.Fresh, s.Name)
		case model == "":
			out.leave(s, model, "the log does not name the model that it ran on")
		case t == nil:
			out.leave(s, model, "the log does not say for sure which host answers for its model: write a backend and a ladder for it")
		default:
			for _, step := range s.Steps {
				out.Assigned = append(out.Assigned, policyfile.Assignment{Skill: s.Name, Step: step, Tier: *t, Since: since.Truncate(time.Second), Reason: reason})
			}
		}
	}
	return out
}

// leave keeps a skill out of the project: without an assignment it would begin on
// another model than it runs on.
func (p *Plan) leave(s Found, model, why string) {
	p.Left = append(p.Left, Left{s.Name, model, why})
	p.Except = append(p.Except, Pattern(s.Path))
}

// Pattern is the pattern that matches one folder and no other.
func Pattern(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// tier finds the rung of a model.
func (p *Plan) tier(model, provider string) *policyfile.TierRef {
	i := providerOf(model, provider)
	if i < 0 {
		return nil
	}
	for _, r := range p.Rungs {
		if r.Name == providers[i].name && slices.Contains(r.Models, model) {
			return &policyfile.TierRef{Ladder: r.Name, Tier: config.TierName(model)}
		}
	}
	return nil
}

// order puts the models in order of what the log's tokens would have cost on each.
// One without a price stands on top: nothing moves down to it.
func (r *Rungs) order(prices Prices, usage message.Usage) {
	cost := func(model string) price.Cost {
		if rates, _, ok := prices(model); ok {
			// Without any tokens the rates themselves are compared.
			u := usage
			if u == (message.Usage{}) {
				u = message.Usage{Input: 1_000_000, Output: 200_000}
			}
			return price.Of(rates, u, 0)
		}
		return price.Cost{}
	}
	slices.SortFunc(r.Models, func(a, b string) int {
		x, y := cost(a), cost(b)
		switch {
		case x.Known != y.Known && x.Known:
			return -1
		case x.Known != y.Known:
			return 1
		}
		return cmp.Or(cmp.Compare(x.Micro, y.Micro), cmp.Compare(a, b))
	})
}

// HCL is the project's file: a backend and a ladder for each provider, and the
// skills. With one provider it has 13 lines that are not empty.
func (p *Plan) HCL() []byte {
	var b strings.Builder
	for _, r := range p.Rungs {
		fmt.Fprintf(&b, "backend %q {\n  plugin = %s\n  env    = [%s]\n}\n\n", r.Name, quoted(r.Plugin), quoted(r.Env))
		fmt.Fprintf(&b, "ladder %q { # the models in the logs, cheapest first, at list prices\n  backend = backend.%s\n  models  = %s\n}\n\n", r.Name, r.Name, list(r.Models))
	}
	b.WriteString("skills \"adopted\" {\n")
	fmt.Fprintf(&b, "  from   = %s\n", list(p.From))
	if len(p.Except) > 0 {
		fmt.Fprintf(&b, "  except = %s\n", list(p.Except))
	}
	fmt.Fprintf(&b, "  policy = preset.careful\n  ladder = ladder.%s\n}\n", p.Rungs[0].Name)
	return []byte(b.String())
}

func list(all []string) string {
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = quoted(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// quoted is a string in HCL: templates are no templates.
func quoted(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
	return `"` + strings.NewReplacer("${", "$${", "%{", "%%{").Replace(s) + `"`
}

// Policy lays the assignments over a policy file: steps that it has stay as they
// are. added counts the others.
func (p *Plan) Policy(name string, src []byte) (out []byte, added int, err error) {
	file, diags := policyfile.Parse(name, src)
	if diags.HasErrors() {
		return nil, 0, diags.Err()
	}
	var missing []policyfile.Assignment
	for _, a := range p.Assigned {
		if _, ok := file.Get(a.Skill, a.Step); !ok {
			missing = append(missing, a)
		}
	}
	if len(missing) == 0 {
		return src, 0, nil
	}
	return file.SetAll(missing), len(missing), nil
}
