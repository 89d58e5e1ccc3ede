package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// unknownAttribute says what an attribute that does not belong was probably
// meant to be: another name, a block, or something of a project.
func (b *body) unknownAttribute(a *hclsyntax.Attribute) {
	rng := convert(a.NameRange)
	names := b.doc.names(false)
	if b.doc.Block(a.Name) != nil {
		b.d.add(unknownAttribute.at(rng, "%s is a block, not an attribute of %s: it is written without =.", a.Name, b.title).WithSuggestion(b.d.asBlock(b.doc.Block(a.Name), a)))
		return
	}
	if !b.d.inProject() {
		if where := b.d.belongs(b.doc.Type, a.Name); where != "" {
			b.d.add(projectOnly.at(rng, "%s is decided by the project that uses the skill, not by the skill's author. Paste this into a .hcl file of the project.", a.Name).WithSuggestion(b.d.paste(b, a)))
			return
		}
	}
	if b.doc.Type == "" && b.d.inProject() {
		b.topLevel(a, rng)
		return
	}
	x := unknownAttribute.at(rng, "%s has no attribute %s.%s %s", b.title, a.Name, diag.DidYouMean(a.Name, names), known("It takes", names))
	if config := b.doc.Block("config"); config != nil && config.Free {
		x.Detail += " Settings of the plugin stand in its config block."
	}
	if c := diag.Closest(a.Name, names); c != "" {
		x = x.WithSuggestion(c + " = " + oneLine(b.d.text(convert(a.Expr.Range()))))
	}
	b.d.add(x)
}

// topLevel explains an attribute that stands outside of every block.
func (b *body) topLevel(a *hclsyntax.Attribute, rng diag.Range) {
	if contractDoc().Attribute(a.Name) != nil {
		b.d.add(unknownAttribute.at(rng, "%s belongs in the skill.hcl of a skill's folder, or in a skill block of the project. Outside of a block a project file takes no attributes.", a.Name).WithSuggestion(fmt.Sprintf("skill \"NAME\" {\n  %s = %s\n}", a.Name, oneLine(b.d.text(convert(a.Expr.Range()))))))
		return
	}
	b.d.add(unknownAttribute.at(rng, "Outside of a block a project file takes no attributes. A value that several blocks share is a local.").WithSuggestion(fmt.Sprintf("locals {\n  %s = %s\n}", a.Name, oneLine(b.d.text(convert(a.Expr.Range()))))))
}

func (b *body) unknownBlock(n *hclsyntax.Block) {
	rng := headerOf(n)
	if a := b.doc.Attribute(n.Type); a != nil {
		suggest := a.line()
		if a.Type == Prices {
			suggest = a.Name + " = " + objectOf(b.d, n)
		}
		b.d.add(unknownBlock.at(rng, "%s is an attribute of %s, not a block: it is written with =.", n.Type, b.title).WithSuggestion(suggest))
		return
	}
	if b.doc.Free {
		b.d.add(unknownBlock.at(rng, "%s takes attributes only. Write the block as an object.", b.title).WithSuggestion(n.Type + " = " + objectOf(b.d, n)))
		return
	}
	names := b.doc.names(true)
	if !b.d.inProject() && b.doc.Type == "" {
		for _, p := range Schema().Project {
			if p.Type == n.Type || n.Type == "data" || n.Type == "grant" {
				b.d.add(projectOnly.at(rng, "A %s block is decided by the project that uses the skill, not by the skill's author. Move it to a .hcl file of the project.", n.Type))
				return
			}
		}
	}
	if b.doc.Type == "" && b.d.inProject() && contractDoc().Block(n.Type) != nil {
		b.d.add(unknownBlock.at(rng, "A %s block belongs in the skill.hcl of a skill's folder, or in a skill block of the project.", n.Type).WithSuggestion(fmt.Sprintf("skill \"NAME\" {\n  %s {\n    ...\n  }\n}", strings.TrimSpace(b.d.text(rng)))))
		return
	}
	if b.doc.Type == "skills" && n.Type == "grant" {
		b.d.add(unknownBlock.at(rng, "%s brings in whatever folders its pattern finds, and a grant is given to one skill, by name.", b.title).WithSuggestion("skill \"NAME\" {\n  grant {\n    ...\n  }\n}"))
		return
	}
	x := unknownBlock.at(rng, "%s has no %s blocks.%s %s", b.title, n.Type, diag.DidYouMean(n.Type, names), known("It takes", names))
	if c := diag.Closest(n.Type, names); c != "" {
		head := c
		for _, l := range n.Labels {
			head += fmt.Sprintf(" %q", l)
		}
		x = x.WithSuggestion(head + " {")
	}
	b.d.add(x)
}

// belongs tells whether an attribute that skill.hcl does not know exists in the
// same place of a project.
func (d *decoder) belongs(blockType, name string) string {
	doc := skillDoc()
	if blockType != "" {
		doc = doc.Block(blockType)
	}
	if doc == nil || doc.Attribute(name) == nil {
		return ""
	}
	return doc.Type
}

// paste is the block for the project that says the same.
func (d *decoder) paste(b *body, a *hclsyntax.Attribute) string {
	line := oneLine(d.text(convert(a.SrcRange)))
	if b.doc.Type != "" {
		line = fmt.Sprintf("%s {\n  %s\n}", strings.TrimSpace(d.text(b.header)), line)
	}
	return d.forProject(line)
}

// forProject wraps a block of a contract into the skill block of a project.
func (d *decoder) forProject(block string) string {
	name := d.skill
	if name == "" {
		name = "NAME"
	}
	return string(canonical(fmt.Appendf(nil, "skill %q {\n%s\n}", name, block)))
}

// asBlock writes an attribute that was to be a block as one, with what its object
// holds where every key is a plain word.
func (d *decoder) asBlock(doc *BlockDoc, a *hclsyntax.Attribute) string {
	var b strings.Builder
	b.WriteString(doc.head() + " {\n")
	o, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
	for i := 0; ok && i < len(o.Items); i++ {
		key := strings.Trim(strings.TrimSpace(d.text(convert(o.Items[i].KeyExpr.Range()))), `"`)
		if !hclsyntax.ValidIdentifier(key) {
			ok = false
			break
		}
		b.WriteString("  " + key + " = " + oneLine(d.text(convert(o.Items[i].ValueExpr.Range()))) + "\n")
	}
	if !ok || len(o.Items) == 0 {
		return doc.head() + " {\n  ...\n}"
	}
	b.WriteString("}")
	return strings.TrimSpace(string(canonical([]byte(b.String()))))
}

func (b *BlockDoc) head() string {
	h := b.Type
	for _, l := range b.Labels {
		h += ` "` + l + `"`
	}
	return h
}

// objectOf writes a block's attributes as an object.
func objectOf(d *decoder, n *hclsyntax.Block) string {
	if n.Body == nil {
		return "{ ... }"
	}
	b := &body{d: d, doc: &BlockDoc{Free: true}, syn: n.Body}
	var parts []string
	for _, a := range b.attributes() {
		parts = append(parts, a.Name+" = "+oneLine(d.text(convert(a.Expr.Range()))))
	}
	if len(parts) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

// oneLine is source text for a suggestion: short, or elided.
func oneLine(s string) string {
	if s = strings.TrimSpace(s); strings.Contains(s, "\n") || len(s) > 200 {
		return "..."
	}
	return s
}

func known(lead string, names []string) string {
	if len(names) == 0 {
		return lead + " none."
	}
	return lead + " " + strings.Join(names, ", ") + "."
}
