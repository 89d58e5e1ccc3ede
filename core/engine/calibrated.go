package engine

import (
	"fmt"

	"github.com/plimsoll-dev/plimsoll/core/trial"
)

// Burnt are labelled inputs that a skill's evidence is still to come from: what a
// person looked at while labelling is no fresh item any more, and the judge's
// error on it is known already.
type Burnt struct {
	Skill string   `json:"skill"`
	Items []string `json:"items"` // as the file of labels names them
}

// burnt finds them, by their input where the file has it, else by their name.
func (e *Engine) burnt(rows []resolved) ([]Burnt, error) {
	var out []Burnt
	at := map[string]int{}
	pools := map[string]*burntPool{}
	seen := map[[2]string]bool{}
	for _, r := range rows {
		p, ok := pools[r.skill.Name]
		if !ok {
			pool, err := e.provePool(r.skill)
			if err != nil {
				return nil, err
			}
			p = poolOf(pool)
			pools[r.skill.Name] = p
		}
		key := [2]string{r.skill.Name, r.Item}
		if seen[key] || !p.has(r) {
			continue
		}
		seen[key] = true
		i, ok := at[r.skill.Name]
		if !ok {
			i, at[r.skill.Name] = len(out), len(out)
			out = append(out, Burnt{Skill: r.skill.Name})
		}
		out[i].Items = append(out[i].Items, r.Item)
	}
	return out, nil
}

// burntPool is what items to prove with are known by.
type burntPool struct{ names, inputs map[string]bool }

func poolOf(pool *trial.Pool) *burntPool {
	p := &burntPool{map[string]bool{}, map[string]bool{}}
	for _, it := range pool.Prove {
		p.names[it.ID], p.inputs[string(canonical(it.Input))] = true, true
	}
	return p
}

func (p *burntPool) has(r resolved) bool {
	if len(r.Input) > 0 {
		return p.inputs[string(canonical(r.Input))]
	}
	return p.names[r.Item]
}

// within is what asking the judge may cost: the budget that was given, and never
// more than a night of the policies of these skills. Policy is whose budget it
// is, "" where it is the given one.
func (c Calibration) within(rows []resolved) (budget int64, policy string) {
	budget = c.Budget
	for _, r := range rows {
		p := r.skill.Binding.Policy
		if p != nil && p.Budget >= 0 && (budget < 0 || p.Budget < budget) {
			budget, policy = p.Budget, p.Name
		}
	}
	return budget, policy
}

// Warning says what is wrong with it, for people.
func (b Burnt) Warning() string {
	n, names := len(b.Items), ""
	for i, it := range b.Items[:min(n, 3)] {
		if i > 0 {
			names += ", "
		}
		names += it
	}
	if n > 3 {
		names += ", ..."
	}
	what := "labelled inputs are"
	if n == 1 {
		what = "labelled input is"
	}
	return fmt.Sprintf("%d %s among the items that %s is to be proved with (%s): whoever labelled them has seen them, so they are no fresh evidence. Take them out of its prove items, or label other inputs", n, what, b.Skill, names)
}
