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
	// Listed are the models of the price list: one of them may stand below those of
	// the logs, where nothing could move down otherwise.
	Listed []string
	// Simulated puts simulated models in the places of the real ones.
	Simulated bool
}

// Plan is a project to be written: what stands in its files, and what does not.
type Plan struct {
	From, Except []string
	Rungs        []Rungs
	Assigned     []policyfile.Assignment
	Fresh        []string // skills in no log: they begin on the top tier of the first ladder
	Left         []Left   // skills that are left out, and why
	Simulated    bool
}

// Rungs is a ladder for models of one provider: those with a list price, or one
// without.
type Rungs struct {
	Name    string
	Backend string // the provider's, which its ladders share
	Plugin  string
	Env     string
	Models  []string // cheapest first
	Below   string   // the first of them, where no log has it; ""
	priced  bool
	micro   int64 // what was spent on the provider's
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
	out := &Plan{From: f.From, Except: slices.Clone(f.Except), Simulated: f.Simulated}
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
			all[i] = &Rungs{Name: providers[i].name, Backend: providers[i].name, Plugin: providers[i].plugin, Env: providers[i].env}
		}
		r := all[i]
		r.micro = sat(r.micro, micro)
		same := func(m string) bool { return config.TierName(m) == config.TierName(model) }
		if config.TierName(model) != "" && !slices.ContainsFunc(r.Models, same) {
			r.Models = append(r.Models, model)
		}
	}
	for _, m := range f.Spend.byModel(true) {
		add(m.Model, m.Provider, m.Micro)
	}
	add(f.Model, "", 0)
	var usage message.Usage
	for _, r := range f.Spend.Rows {
		usage = usage.Add(r.Usage)
	}
	all = slices.DeleteFunc(all, func(r *Rungs) bool { return r == nil })
	// The first is the one that skills without an assignment are on.
	slices.SortStableFunc(all, func(a, b *Rungs) int { return cmp.Compare(b.micro, a.micro) })
	for _, r := range all {
		out.Rungs = append(out.Rungs, r.apart(f.Prices, f.Listed, usage)...)
	}
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
		if r.Backend == providers[i].name && slices.Contains(r.Models, model) {
			return &policyfile.TierRef{Ladder: r.Name, Tier: config.TierName(model)}
		}
	}
	return nil
}

// apart makes a ladder of the models with a list price, in order of what the log's
// tokens would have cost on each, and one for each model without: whether a move to
// or from such a one saves anything nobody knows, and no night would stop at that.
func (r *Rungs) apart(prices Prices, listed []string, usage message.Usage) []Rungs {
	// Without any tokens the rates themselves are compared.
	if usage == (message.Usage{}) {
		usage = message.Usage{Input: 1_000_000, Output: 200_000}
	}
	cost := map[string]int64{}
	first, rest := *r, []Rungs(nil)
	first.Models, first.priced = nil, true
	for _, model := range r.Models {
		if rates, _, ok := prices(model); ok {
			cost[model] = price.Of(rates, usage, 0).Micro
			first.Models = append(first.Models, model)
			continue
		}
		alone := *r
		alone.Name, alone.Models = config.TierName(r.Name+"-"+model), []string{model}
		if alone.Name != "" { // too long: its skills are left out
			rest = append(rest, alone)
		}
	}
	if len(first.Models) == 0 {
		if len(rest) > 0 {
			rest[0].Name = r.Name
		}
		return rest
	}
	slices.SortFunc(first.Models, func(a, b string) int {
		return cmp.Or(cmp.Compare(cost[a], cost[b]), cmp.Compare(a, b))
	})
	first.deepen(prices, listed, usage)
	return append([]Rungs{first}, rest...)
}

// deepen puts the next cheaper listed model below the only one that the logs have:
// a ladder with one rung can prove nothing cheaper. Nothing stands on it.
func (r *Rungs) deepen(prices Prices, listed []string, usage message.Usage) {
	if len(r.Models) != 1 {
		return
	}
	cost := func(model string) price.Cost {
		rates, _, ok := prices(model)
		if !ok {
			return price.Cost{}
		}
		return price.Of(rates, usage, 0)
	}
	today, below, most := cost(r.Models[0]), "", int64(0)
	for _, m := range listed {
		i, c := providerOf(m, ""), cost(m)
		if i < 0 || providers[i].name != r.Backend || !c.Known || c.Micro >= today.Micro || config.TierName(m) == "" || config.TierName(m) == config.TierName(r.Models[0]) {
			continue
		}
		if c.Micro > most || c.Micro == most && m < below {
			below, most = m, c.Micro
		}
	}
	if below != "" {
		r.Models, r.Below = append([]string{below}, r.Models...), below
	}
}

// HCL is the project's file: a backend for each provider, its ladders, and the
// skills. With one provider and list prices it has 13 lines that are not empty.
func (p *Plan) HCL() []byte {
	var b strings.Builder
	backends := map[string]bool{}
	for _, r := range p.Rungs {
		if !backends[r.Backend] {
			p.backend(&b, r)
			backends[r.Backend] = true
		}
		why := "no list price: nothing moves to it or from it"
		if r.priced {
			why = "the models in the logs, cheapest first, at list prices"
		}
		if r.Below != "" {
			why = "cheapest first, at list prices; the first is in no log, and nothing stands on it"
		}
		fmt.Fprintf(&b, "ladder %q { # %s\n  backend = backend.%s\n  models  = %s\n}\n\n", r.Name, why, r.Backend, list(r.Models))
	}
	b.WriteString("skills \"adopted\" {\n")
	fmt.Fprintf(&b, "  from   = %s\n", list(p.From))
	if len(p.Except) > 0 {
		fmt.Fprintf(&b, "  except = %s\n", list(p.Except))
	}
	fmt.Fprintf(&b, "  policy = preset.careful\n  ladder = ladder.%s\n}\n", p.Rungs[0].Name)
	return []byte(b.String())
}

// backend writes the block of a provider, or of what stands in its place.
func (p *Plan) backend(b *strings.Builder, r Rungs) {
	if !p.Simulated {
		fmt.Fprintf(b, "backend %q {\n  plugin = %s\n  env    = [%s]\n}\n\n", r.Backend, quoted(r.Plugin), quoted(r.Env))
		return
	}
	fmt.Fprintf(b, "backend %q { # simulated: nothing here is evidence for a real model\n  plugin = \"sim\"\n  config {\n    models = {\n", r.Backend)
	var names []string
	wide := 0
	for _, other := range p.Rungs {
		if other.Backend == r.Backend {
			for _, m := range other.Models {
				names = append(names, quoted(m))
				wide = max(wide, len(quoted(m)))
			}
		}
	}
	for _, name := range names {
		fmt.Fprintf(b, "      %-*s = { ability = 0.99 }\n", wide, name)
	}
	b.WriteString("    }\n  }\n}\n\n")
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
