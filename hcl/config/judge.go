package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Judge is a model that scores dimensions and nothing else.
type Judge struct {
	Name     string
	Tier     *Tier
	Panel    []*Tier // further members; the median of all counts
	Pairwise bool    // compare both outputs, in both orders
	Families []Family
	Range    diag.Range
}

// Family is skills whose labels count together.
type Family struct {
	Name   string
	Skills []string
	Range  diag.Range
}

// Members are all tiers that judge, the first one first.
func (j *Judge) Members() []*Tier {
	if j.Tier == nil {
		return slices.Clone(j.Panel)
	}
	return append([]*Tier{j.Tier}, j.Panel...)
}

// FamilyOf is the family that a skill's labels are kept under: its own name
// unless a family block joins it with others.
func (j *Judge) FamilyOf(skill string) string {
	for _, f := range j.Families {
		if slices.Contains(f.Skills, skill) {
			return f.Name
		}
	}
	return skill
}

func judgeDoc() *BlockDoc {
	return &BlockDoc{
		Type: "judge", Labels: []string{labelName},
		Doc: "A model that scores dimensions and nothing else. When there is exactly one judge, it is everybody's.",
		Attributes: []*AttributeDoc{
			{Name: "tier", Type: ToTier, Required: true, Example: "ladder.glm.big", Doc: "The model that judges."},
			{Name: "panel", Type: ToTiers, Default: "none", Example: "[ladder.glm.big, ladder.court.other]", Doc: "Further models that judge beside `tier`, two or four: the median of all counts. Each is bound by what binds a judge, and labels are of the panel as a whole."},
			{Name: "mode", Type: String, Allowed: []string{"pointwise", "pairwise"}, Default: `"pointwise"`, Doc: "`pointwise` scores each output alone. `pairwise` compares the two blind, in both orders; an answer that changes with the order counts as no difference."},
		},
		Blocks: []*BlockDoc{{
			Type: "family", Labels: []string{labelName},
			Doc: "Skills whose labels count together: their work is judged alike. Without it each skill is a family of its own.",
			Attributes: []*AttributeDoc{
				{Name: "skills", Type: Strings, Required: true, Example: `["humanizer", "reply-draft"]`, Doc: "Names of skills."},
			},
		}},
		Example: "judge \"house\" {\n  tier = ladder.glm.big\n}",
	}
}

func (l *loader) fillJudge(b *body, out *Judge) {
	out.Tier = b.tier("tier")
	out.Panel = b.tiers("panel")
	out.Pairwise = b.str("mode") == "pairwise"
	if n := len(out.Panel); n%2 == 1 {
		l.add(badPanel.at(b.rng("panel"), "With tier this panel has %d members, and an even number has no middle. Name two or four further tiers.", n+1))
	}
	for i, t := range out.Panel {
		if t == out.Tier || slices.Contains(out.Panel[:i], t) {
			l.add(badPanel.at(b.rng("panel"), "%s stands in this panel twice: it would outvote the others. Name each tier once; tier is a member already.", t.Ref()))
		}
	}
	seen := map[string]diag.Range{}
	in := map[string]string{}
	b.each("family", func(f *body, name label) {
		family := Family{Name: name.text, Skills: f.nonEmpty("skills"), Range: f.header}
		for _, s := range family.Skills {
			if other := in[s]; other != "" {
				l.add(badPanel.at(f.rng("skills"), "Skill %q is in family %q already: its labels can count in one family only.", s, other))
			}
			in[s] = family.Name
		}
		if l.once(seen, name, "family") {
			out.Families = append(out.Families, family)
		}
	})
}

// tiers reads `[ladder.a.b, ladder.c.d]`.
func (b *body) tiers(name string) []*Tier {
	a := b.attr(name)
	if a == nil {
		return nil
	}
	list, ok := a.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		x := wrongType.at(convert(a.Expr.Range()), "%s must be a list of references to tiers, such as [ladder.LADDER.TIER].", name)
		b.d.add(x.WithSuggestion(name + " = [" + oneLine(b.d.text(convert(a.Expr.Range()))) + "]"))
		return nil
	}
	var out []*Tier
	for _, e := range list.Exprs {
		if r, ok := b.d.path(e, name, "ladder.LADDER.TIER"); ok {
			if t := b.rung(r, name); t != nil {
				out = append(out, t)
			}
		}
	}
	return out
}
