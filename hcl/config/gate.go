package config

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// gates reads the gate blocks of a contract or of an each block.
func (b *body) gates(inEach, fromProject bool) []*Gate {
	var out []*Gate
	seen := map[string]diag.Range{}
	doc := b.doc.Block("gate")
	for _, n := range b.syn.Blocks {
		if n.Type != "gate" || n.Body == nil || doc == nil {
			continue
		}
		name, ok := b.d.labelOf(doc, n)
		if !ok {
			continue
		}
		if !fromProject && n.Body.Attributes["command"] != nil {
			var each *body
			if inEach {
				each = b
			}
			b.d.commandGate(n, each)
			continue
		}
		g := b.d.gate(b.d.open(doc, n.Body, titleOf(n), headerOf(n)), name.text, inEach)
		g.FromProject = fromProject
		if b.d.once(seen, name, "gate") {
			out = append(out, g)
		}
	}
	b.d.checkMinMax(out)
	return out
}

func (d *decoder) gate(b *body, name string, inEach bool) *Gate {
	g := &Gate{
		Name: name, Value: b.rule("value"),
		MaxChars: b.integer("max_chars"), MinChars: b.integer("min_chars"),
		MaxItems: b.integer("max_items"), MinItems: b.integer("min_items"), Links: b.integer("links"),
		OneOf: b.nonEmpty("one_of"), Pattern: b.pattern("pattern"), UniqueBy: b.rule("unique_by"),
		Schema: b.str("schema"), Rule: b.rule("rule"), Code: b.str("code"), Command: b.nonEmpty("command"),
		Fix: b.str("fix"), Never: b.boolean("never"), Range: b.header,
	}
	var kinds []string
	for _, k := range kindNames() {
		if b.has(k) {
			kinds = append(kinds, k)
		}
	}
	switch len(kinds) {
	case 0:
		d.add(gateKind.at(b.header, "Gate %q checks nothing. It needs exactly one of %s.", name, strings.Join(b.kinds(), ", ")).WithSuggestion(fmt.Sprintf("gate %q {\n  value     = \"output.summary\"\n  max_chars = 280\n}", name)))
		return g
	case 1:
	default:
		d.add(gateKind.at(b.rng(kinds[1]), "Gate %q has %s. A gate checks one thing, so that its name says what failed. Write one gate for each.", name, strings.Join(kinds, " and ")).WithSuggestion(d.split(b, name, kinds)))
		return g
	}
	g.Kind, g.KindRange = kinds[0], b.rng(kinds[0])
	if wrong := duplicate(g.OneOf); wrong != "" {
		d.add(notAllowed.at(g.KindRange, "%q stands twice in one_of. Remove one of them.", wrong))
	}
	d.checkFix(b, g, inEach)
	return g
}

// kinds are the kinds that may be written here.
func (b *body) kinds() []string {
	var out []string
	for _, k := range kindNames() {
		if b.doc.Attribute(k) != nil {
			out = append(out, k)
		}
	}
	return out
}

// split writes one gate for each kind.
func (d *decoder) split(b *body, name string, kinds []string) string {
	var out []string
	for _, k := range kinds {
		var lines []string
		if a := b.attr("value"); a != nil {
			lines = append(lines, oneLine(d.text(convert(a.SrcRange))))
		}
		lines = append(lines, oneLine(d.text(convert(b.attr(k).SrcRange))))
		out = append(out, fmt.Sprintf("gate %q {\n%s\n}", name+"-"+strings.ReplaceAll(k, "_", "-"), strings.Join(lines, "\n")))
	}
	return strings.TrimRight(string(canonical([]byte(strings.Join(out, "\n\n")))), "\n")
}

// checkFix refuses a fix that could never do anything: its author would believe
// that something is mended.
func (d *decoder) checkFix(b *body, g *Gate, inEach bool) {
	if g.Fix == "" {
		return
	}
	rng := b.rng("fix")
	switch {
	case g.Fix == "truncate" && g.Kind != "max_chars" && g.Kind != "max_items":
		d.add(badFix.at(rng, "truncate cuts text or a list to its limit, so it goes with max_chars or max_items; this gate has %s. Remove the line, and a failing output is tried again with the reason.", g.Kind))
	case g.Fix == "normalise" && g.Kind != "one_of":
		d.add(badFix.at(rng, "normalise turns a spelling into the listed one, so it goes with one_of; this gate has %s. Remove the line, and a failing output is tried again with the reason.", g.Kind))
	case g.Fix == "drop" && !inEach && g.Kind != "unique_by":
		d.add(badFix.at(rng, "drop removes the failing element of an each block, or a duplicate found by unique_by; this gate has %s and stands outside of each, so there is nothing to drop.", g.Kind))
	}
}

// checkMinMax finds two gates on one value that nothing can pass.
func (d *decoder) checkMinMax(gates []*Gate) {
	limits := func(kind string, value func(*Gate) *int) map[string]*Gate {
		out := map[string]*Gate{}
		for _, g := range gates {
			if g.Kind == kind && value(g) != nil {
				out[valueOf(g)] = g
			}
		}
		return out
	}
	minChars := limits("min_chars", func(g *Gate) *int { return g.MinChars })
	minItems := limits("min_items", func(g *Gate) *int { return g.MinItems })
	for _, g := range gates {
		switch low := minChars[valueOf(g)]; {
		case g.Kind == "max_chars" && g.MaxChars != nil && low != nil && *low.MinChars > *g.MaxChars:
			d.minMax(g, low, *low.MinChars, *g.MaxChars)
		}
		switch low := minItems[valueOf(g)]; {
		case g.Kind == "max_items" && g.MaxItems != nil && low != nil && *low.MinItems > *g.MaxItems:
			d.minMax(g, low, *low.MinItems, *g.MaxItems)
		}
	}
}

func (d *decoder) minMax(high, low *Gate, least, most int) {
	d.add(minMax.at(high.KindRange, "Gate %q allows at most %d, and gate %q (at %s) wants at least %d of the same value. Nothing can pass both.", high.Name, most, low.Name, low.KindRange, least))
}

func valueOf(g *Gate) string {
	if g.Value == nil {
		return ""
	}
	return g.Value.Source
}

func duplicate(list []string) string {
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s] {
			return s
		}
		seen[s] = true
	}
	return ""
}
