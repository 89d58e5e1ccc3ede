package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// At maps a place inside Source, line and column from 1, column in Unicode code
// points, to the file. Where the literal has escapes, which shift columns, the
// answer is the whole literal.
func (e *Expr) At(line, column int) diag.Range {
	if !e.exact {
		return e.Range
	}
	return diag.Literal{Range: e.Range, Text: e.Source, Lines: e.lines}.At(line, column)
}

func newExpr(rng diag.Range, src []byte, text string) *Expr {
	l := diag.NewLiteral(rng, src, text)
	return &Expr{Source: text, Range: rng, exact: len(l.Lines) > 0, lines: l.Lines}
}

// rule reads an attribute that must be a literal string, because its places are
// shown in the file and because nothing may be spliced into code.
func (b *body) rule(name string) *Expr {
	a := b.attr(name)
	if a == nil {
		return nil
	}
	return b.ruleOf(name, a.Expr)
}

func (b *body) ruleOf(name string, expr hclsyntax.Expression) *Expr {
	rng := convert(expr.Range())
	t, ok := expr.(*hclsyntax.TemplateExpr)
	if wrap, isWrap := expr.(*hclsyntax.TemplateWrapExpr); isWrap {
		b.d.templateInRule(convert(wrap.SrcRange), name)
		return nil
	}
	if !ok {
		d := ruleNotLiteral.at(rng, "%s is a rule, and a rule is written as a literal string, such as %s, so that mistakes in it can be shown at their place.", name, b.doc.Attribute(name).line())
		b.d.add(d)
		return nil
	}
	for _, part := range t.Parts {
		if lit, ok := part.(*hclsyntax.LiteralValueExpr); !ok || lit.Val.Type() != cty.String {
			b.d.templateInRule(rng, name)
			return nil
		}
	}
	v, problems := t.Value(nil)
	if problems.HasErrors() || v.IsNull() || !v.IsKnown() || v.Type() != cty.String {
		b.d.templateInRule(rng, name)
		return nil
	}
	if strings.TrimSpace(v.AsString()) == "" {
		b.d.add(emptyValue.at(rng, "%s is empty. Write a rule, such as %s, or remove the line.", name, b.doc.Attribute(name).line()))
		return nil
	}
	return newExpr(rng, b.d.source(rng.File), v.AsString())
}

func (d *decoder) templateInRule(rng diag.Range, name string) {
	written := d.text(rng)
	suggest := strings.NewReplacer("${", "$${", "%{", "%%{", "$${", "$${", "%%{", "%%{").Replace(written)
	d.add(templateInRule.at(rng, "In HCL ${ and %%{ start a template, and %s is a rule: nothing may be spliced into it. To have those characters in the rule, write $${ and %%%%{.", name).WithSuggestion(suggest))
}

// text is what stands in the file at a range.
func (d *decoder) text(r diag.Range) string {
	src := d.source(r.File)
	if r.Start.Byte < 0 || r.End.Byte > len(src) || r.Start.Byte > r.End.Byte {
		return ""
	}
	return string(src[r.Start.Byte:r.End.Byte])
}
