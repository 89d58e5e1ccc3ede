package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// ContractOptions say whose skill.hcl is read.
type ContractOptions struct {
	Skill string // name of the skill, for blocks to paste; may be empty
}

// ParseContract reads a skill.hcl. It holds literal values only; what the
// project decides (pins, tiers, commands) is an error that shows the block to
// paste there. Ranges name the file by path. The contract holds what could be
// understood.
func ParseContract(path string, src []byte, o ContractOptions) (*Contract, diag.List) {
	src = withoutBOM(src)
	syn, broken, diags := parse(path, src)
	d := &decoder{sources: map[string][]byte{path: src}, skill: o.Skill}
	b := d.open(contractDoc(), syn, "skill.hcl", diag.Range{File: path})
	c := b.contract(false)
	found := trusted(d.diags, []file{{name: path, broken: broken, errorLine: firstError(diags)}})
	return &c, append(diags, found...).Sorted()
}

// contract reads what skill.hcl and a skill block share.
func (b *body) contract(fromProject bool) Contract {
	c := Contract{
		Code: b.str("code"), Input: b.str("input"), Output: b.str("output"), Quality: b.str("quality"),
		Ranges: map[string]diag.Range{},
	}
	if !fromProject { // the binding reads a skill block's
		c.Tags = b.strs("tags")
	}
	for _, name := range []string{"code", "input", "output", "quality"} {
		if b.has(name) {
			c.Ranges[name] = b.rng(name)
		}
	}
	b.steps(&c)
	b.eaches(&c, fromProject)
	c.Gates = b.gates(false, fromProject)
	seen := map[string]diag.Range{}
	b.each("dimension", func(n *body, name label) {
		x := &Dimension{
			Name: name.text, Kind: n.str("kind"), Weight: n.number("weight", 1),
			Margin: n.number("margin", 0), Rubric: n.str("rubric"), Range: n.header,
		}
		if b.d.once(seen, name, "dimension") {
			c.Dimensions = append(c.Dimensions, x)
		}
	})
	renders := map[string]diag.Range{}
	b.each("render", func(n *body, name label) {
		x := &Render{Name: name.text, Template: n.str("template"), Range: n.header}
		if b.d.once(renders, name, "render") {
			c.Renders = append(c.Renders, x)
		}
	})
	b.each("items", func(n *body, _ label) { c.Items = n.items() })
	return c
}

func (b *body) steps(c *Contract) {
	seen := map[string]diag.Range{}
	b.each("step", func(n *body, name label) {
		x := &Step{Name: name.text, Prompt: n.str("prompt"), Output: n.str("output"), Range: n.header}
		if n.has("pin") {
			x.Pin = n.tier("pin")
		}
		if b.d.once(seen, name, "step") {
			c.Steps = append(c.Steps, x)
		}
	})
}

func (b *body) eaches(c *Contract, fromProject bool) {
	seen := map[string]diag.Range{}
	b.each("each", func(n *body, list label) {
		x := &Each{
			List: newExpr(list.rng, b.d.source(list.rng.File), list.text), ID: n.rule("id"),
			Gates: n.gates(true, fromProject), Range: n.header,
		}
		if b.d.once(seen, list, "each block for") {
			c.Eaches = append(c.Eaches, x)
		}
	})
}

func (b *body) items() *Items {
	x := &Items{
		Prove: b.nonEmpty("prove"), Tune: b.nonEmpty("tune"), Source: b.str("source"), Repeats: b.integerOr("repeats", 1),
		Traffic: b.integerOr("traffic", 0), Range: b.header,
	}
	switch {
	case x.Traffic == 0:
	case b.has("prove"):
		b.d.add(mixedItems.at(b.rng("traffic"), "An items block that samples from traffic has no prove items of its own: what a proof claims follows from where its items come from, and these two claim different things. Give the files to tune, or take traffic out."))
	case x.Source != "" && x.Source != "traffic":
		b.d.add(mixedItems.at(b.rng("source"), "These items are sampled from traffic, and source says %q. Take source out.", x.Source))
	default:
		x.Source = "traffic"
	}
	if x.Source == "" {
		x.Source = "authored"
	}
	if !b.has("prove") && !b.has("tune") && x.Traffic == 0 {
		b.d.add(missingItems.at(b.header, "An items block names files, prove for evidence, tune for people to look at, or samples traffic.").WithSuggestion("items {\n  prove = \"items/*.json\"\n}"))
	}
	return x
}

// commandGate explains a command in a skill.hcl: a program of the author's
// would run on the machine of whoever installs the skill.
func (d *decoder) commandGate(n *hclsyntax.Block, each *body) {
	block := d.text(convert(n.Range()))
	if each != nil {
		block = fmt.Sprintf("%s {\n%s\n}", d.text(each.header), block)
	}
	d.add(projectOnly.at(headerOf(n), "Gate %q runs a command, and a skill that somebody installs must not start programs on their machine. The project declares it, if it wants it: paste this into a .hcl file of the project and remove it here.", n.Labels[0]).WithSuggestion(d.forProject(block)))
}
