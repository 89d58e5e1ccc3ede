package plain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/zclconf/go-cty/cty"
)

// String is the literal string of an attribute, or a diagnostic.
func String(attr *hclsyntax.Attribute) (string, *diag.Diagnostic) {
	s, ok := Literal(attr.Expr)
	if !ok {
		return "", wrongType(attr, "a string in quotes", "\"...\"")
	}
	return s, nil
}

// Literal is the value of an expression that is a quoted string or a heredoc
// without templates. HCL normalises such text to Unicode NFC.
func Literal(expr hclsyntax.Expression) (string, bool) {
	switch e := expr.(type) {
	case *hclsyntax.TemplateExpr:
		var b strings.Builder
		for _, part := range e.Parts {
			lit, ok := part.(*hclsyntax.LiteralValueExpr)
			if !ok || lit.Val.Type() != cty.String {
				return "", false
			}
			b.WriteString(lit.Val.AsString())
		}
		return Normal(b.String()), true
	case *hclsyntax.ObjectConsKeyExpr:
		if word := hcl.ExprAsKeyword(e.Wrapped); word != "" {
			return word, true
		}
		return Literal(e.Wrapped)
	}
	return "", false
}

// Bool is the literal truth of an attribute, or a diagnostic.
func Bool(attr *hclsyntax.Attribute) (bool, *diag.Diagnostic) {
	lit, ok := attr.Expr.(*hclsyntax.LiteralValueExpr)
	if !ok || lit.Val.Type() != cty.Bool || lit.Val.IsNull() {
		return false, wrongType(attr, "true or false", "true")
	}
	return lit.Val.True(), nil
}

// Reference is the words of a reference such as ladder.claude.haiku, whose parts
// may also be written in brackets: ladder.claude["4o"]. It is false for anything
// else.
func Reference(expr hclsyntax.Expression) ([]string, bool) {
	t, diags := hcl.AbsTraversalForExpr(expr)
	if diags.HasErrors() {
		return nil, false
	}
	var words []string
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			words = append(words, s.Name)
		case hcl.TraverseAttr:
			words = append(words, s.Name)
		case hcl.TraverseIndex:
			if s.Key.Type() != cty.String || s.Key.IsNull() {
				return nil, false
			}
			words = append(words, s.Key.AsString())
		default:
			return nil, false
		}
	}
	return words, true
}

func wrongType(attr *hclsyntax.Attribute, want, example string) *diag.Diagnostic {
	d := diag.Errorf(Range(attr.Expr.Range()), "wrong-type", "Wrong type",
		"%s takes %s, written out: this file knows no variables, functions or templates.", attr.Name, want).
		WithSuggestion(attr.Name + " = " + example)
	return &d
}

// Normal is s as it reads after a way through a file: valid UTF-8 in Unicode NFC.
func Normal(s string) string { return cty.StringVal(Valid(s)).AsString() }

// Valid is a label as it reads after a way through a file: valid UTF-8.
func Valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// CheckBlock reports what a block of a fixed shape has too much or too little
// of: labels (their names are given), attributes, blocks.
func CheckBlock(b *hclsyntax.Block, labels, attributes, required []string) diag.List {
	var diags diag.List
	if len(b.Labels) != len(labels) {
		r := b.TypeRange
		if len(b.Labels) > len(labels) {
			r = b.LabelRanges[len(labels)]
		}
		head := b.Type
		for _, l := range labels {
			head += " " + Quote(l)
		}
		diags = append(diags, diag.Errorf(Range(r), "wrong-labels", "Wrong number of labels",
			"%s takes %d labels and has %d.", b.Type, len(labels), len(b.Labels)).WithSuggestion(head+" {"))
	}
	for _, attr := range InOrder(b.Body) {
		if !slices.Contains(attributes, attr.Name) {
			diags = append(diags, diag.Errorf(Range(attr.NameRange), "unknown-attribute", "Unknown attribute",
				"A block %s has no attribute %q.%s It has %s.", b.Type, attr.Name, diag.DidYouMean(attr.Name, attributes), enumerate(attributes)))
		}
	}
	for _, name := range required {
		if b.Body.Attributes[name] == nil {
			diags = append(diags, diag.Errorf(Range(b.DefRange()), "missing-attribute", "Missing attribute",
				"A block %s needs the attribute %q.", b.Type, name))
		}
	}
	for _, inner := range b.Body.Blocks {
		diags = append(diags, diag.Errorf(Range(inner.TypeRange), "unknown-block", "Unknown block",
			"A block %s holds no other blocks; %q stands in it.", b.Type, inner.Type))
	}
	return diags
}

// CheckTop reports what may not stand outside of blocks, and blocks of a type
// that is not among types.
func CheckTop(body *hclsyntax.Body, types []string) diag.List {
	var diags diag.List
	for _, attr := range InOrder(body) {
		diags = append(diags, diag.Errorf(Range(attr.NameRange), "unknown-attribute", "Unknown attribute",
			"This file holds only blocks (%s); %q stands outside of one.", enumerate(types), attr.Name))
	}
	for _, b := range body.Blocks {
		if !slices.Contains(types, b.Type) {
			diags = append(diags, diag.Errorf(Range(b.TypeRange), "unknown-block", "Unknown block",
				"This file has no block %q.%s It has %s.", b.Type, diag.DidYouMean(b.Type, types), enumerate(types)))
		}
	}
	return diags
}

// Duplicate reports a block whose labels another one has.
func Duplicate(b, first *hclsyntax.Block, wayOut string) diag.Diagnostic {
	return diag.Errorf(Range(b.DefRange()), "duplicate-block", "Duplicate block",
		"%s stands in this file twice; the first is at line %d. %s", Head(b), first.TypeRange.Start.Line, wayOut)
}

// Head is a block's first words: assignment "humanizer" "main".
func Head(b *hclsyntax.Block) string {
	head := b.Type
	for _, l := range b.Labels {
		head += " " + Quote(l)
	}
	return head
}

// InOrder is the attributes of a body as they stand in the file.
func InOrder(body *hclsyntax.Body) []*hclsyntax.Attribute {
	var out []*hclsyntax.Attribute
	for _, attr := range body.Attributes {
		out = append(out, attr)
	}
	slices.SortFunc(out, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	return out
}

func enumerate(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return fmt.Sprintf("%s and %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}
