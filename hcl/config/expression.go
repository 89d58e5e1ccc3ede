package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Limits of a value. A few lines of templates that use each other can describe
// terabytes; these stop them step by step.
const (
	maxValue      = 256 << 10 // bytes of strings and elements in one value
	maxValueDepth = 64
)

// value evaluates an expression. ok is false when it is wrong and reported, or
// depends on something that was.
func (d *decoder) value(expr hclsyntax.Expression) (v cty.Value, ok bool) {
	if _, bad := expr.(*hclsyntax.ExprSyntaxError); bad {
		return cty.NilVal, false // reported by the parser
	}
	if d.eval == nil {
		if !d.literalOnly(expr) {
			return cty.NilVal, false
		}
	} else if !d.checkNames(expr) {
		return cty.NilVal, false
	}
	rng := convert(expr.Range())
	defer func() {
		if r := recover(); r != nil {
			d.add(badExpression.at(rng, "The evaluator cannot evaluate this and gave up: %v. Please report the expression.", r))
			v, ok = cty.NilVal, false
		}
	}()
	v, problems := expr.Value(d.eval)
	if problems.HasErrors() {
		for _, p := range problems {
			at := rng
			if p.Subject != nil {
				at = inside(convert(*p.Subject), d.source(rng.File))
			}
			d.add(badExpression.at(at, "%s. %s", p.Summary, p.Detail))
		}
		return cty.NilVal, false
	}
	if !v.IsWhollyKnown() {
		return cty.NilVal, false
	}
	budget := maxValue
	if !measure(v, &budget, maxValueDepth) {
		d.add(badExpression.at(rng, "The value is larger than %d KiB, or nested more than %d deep. Keep data of this size in a file of its own.", maxValue>>10, maxValueDepth))
		return cty.NilVal, false
	}
	return v, true
}

// measure takes the size of a known value off the budget.
func measure(v cty.Value, budget *int, depth int) bool {
	*budget -= 8
	if depth == 0 || *budget < 0 {
		return false
	}
	if v.IsNull() {
		return true
	}
	t := v.Type()
	if t == cty.String {
		*budget -= len(v.AsString())
		return *budget >= 0
	}
	if t.IsPrimitiveType() || !v.CanIterateElements() {
		return true
	}
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		if k.Type() == cty.String && !k.IsNull() && !t.IsSetType() {
			*budget -= len(k.AsString())
		}
		if !measure(e, budget, depth-1) {
			return false
		}
	}
	return true
}

// literalOnly reports anything but literal values. A skill.hcl comes from
// somebody else: it must not read variables, files or the environment, and must
// not cost more to read than its size.
func (d *decoder) literalOnly(expr hclsyntax.Expression) bool {
	ok := true
	walk(expr, func(n hclsyntax.Node) {
		switch n := n.(type) {
		case *hclsyntax.LiteralValueExpr, *hclsyntax.TemplateExpr, *hclsyntax.TupleConsExpr, *hclsyntax.ParenthesesExpr,
			*hclsyntax.ObjectConsExpr, *hclsyntax.ObjectConsKeyExpr, *hclsyntax.UnaryOpExpr, hclsyntax.ChildScope:
			return
		case *hclsyntax.ScopeTraversalExpr:
			if !ok || isKey(expr, n) {
				return
			}
			name := n.Traversal.RootName()
			x := notLiteral.at(convert(n.Range()), "A skill.hcl travels with its skill and holds literal values only: no variables, references or functions.")
			if len(n.Traversal) == 1 {
				x.Detail += " A string is written in quotes."
				x = x.WithSuggestion(fmt.Sprintf("%q", name))
			}
			d.add(x)
			ok = false
		case hclsyntax.Expression:
			if ok {
				d.add(notLiteral.at(convert(n.Range()), "A skill.hcl travels with its skill and holds literal values only: no variables, references, functions, templates or arithmetic. Write the value itself."))
			}
			ok = false
		}
	})
	return ok
}

// isKey tells whether n is a bare word used as the key of an object, which the
// parser keeps as a traversal.
func isKey(expr hclsyntax.Expression, n *hclsyntax.ScopeTraversalExpr) bool {
	found := false
	walk(expr, func(x hclsyntax.Node) {
		if k, ok := x.(*hclsyntax.ObjectConsKeyExpr); ok && !k.ForceNonLiteral {
			if t, ok := k.Wrapped.(*hclsyntax.ScopeTraversalExpr); ok && t == n && len(t.Traversal) == 1 {
				found = true
			}
		}
	})
	return found
}

// walk visits an expression and everything in it, parents first.
func walk(expr hclsyntax.Expression, visit func(hclsyntax.Node)) {
	_ = hclsyntax.VisitAll(expr, func(n hclsyntax.Node) hcl.Diagnostics {
		visit(n)
		return nil
	})
}

// checkNames finds unknown variables, locals and functions before evaluation,
// because the evaluator's words for them help nobody.
func (d *decoder) checkNames(expr hclsyntax.Expression) bool {
	ok := true
	loops := 0
	walk(expr, func(n hclsyntax.Node) {
		switch n := n.(type) {
		case *hclsyntax.FunctionCallExpr:
			if _, exists := d.eval.Functions[n.Name]; !exists {
				names := sortedKeys(d.eval.Functions)
				x := unknownFunction.at(convert(n.NameRange), "There is no function %s.%s %s", n.Name, diag.DidYouMean(n.Name, names), known("There are", names))
				if c := diag.Closest(n.Name, names); c != "" {
					x = x.WithSuggestion(c)
				}
				d.add(x)
				ok = false
			}
		case *hclsyntax.ForExpr:
			if loops++; loops == 2 {
				d.add(badExpression.at(convert(n.Range()), "A for expression cannot hold another one, nor stand beside one. Give one of them a name in a locals block."))
				ok = false
			}
		}
	})
	for _, t := range expr.Variables() {
		if !d.checkTraversal(t) {
			ok = false
		}
	}
	return ok
}

func (d *decoder) checkTraversal(t hcl.Traversal) bool {
	rng := inside(convert(t.SourceRange()), d.source(t.SourceRange().Filename))
	root := t.RootName()
	switch root {
	case "var", "local":
		return d.checkMember(t, rng, root)
	case "backend", "ladder", "judge", "runner", "tier_policy", "preset", "hardware", "model", "workload", "slo", "topology":
		d.add(badReference.at(rng, "A reference to a %s is no value. It can only stand where one is asked for, such as policy = tier_policy.standard.", root))
		return false
	}
	x := unknownName("name").at(rng, "Nothing is called %s here.%s Values from outside are var.NAME, shared ones local.NAME.", root, diag.DidYouMean(root, []string{"var", "local"}))
	if len(t) == 1 {
		x.Detail += " A string is written in quotes."
		x = x.WithSuggestion(fmt.Sprintf("%q", root))
	}
	d.add(x)
	return false
}

func (d *decoder) checkMember(t hcl.Traversal, rng diag.Range, root string) bool {
	what := map[string]string{"var": "variable", "local": "local"}[root]
	members := d.table.members(root)
	if len(t) < 2 {
		d.add(badReference.at(rng, "%s alone is no value; name one of them: %s.NAME.", root, root))
		return false
	}
	a, isAttr := t[1].(hcl.TraverseAttr)
	if !isAttr {
		d.add(badReference.at(rng, "A %s is named with a dot: %s.NAME.", what, root))
		return false
	}
	if slices.Contains(members, a.Name) {
		return true
	}
	if d.table.incomplete {
		return false
	}
	x := unknownName(what).at(rng, "There is no %s %q.%s", what, a.Name, diag.DidYouMean(a.Name, members))
	if c := diag.Closest(a.Name, members); c != "" {
		x = x.WithSuggestion(root + "." + c)
	} else if root == "var" {
		x = x.WithSuggestion(fmt.Sprintf("variable %q {\n  default = \"...\"\n}", a.Name))
		x.Detail += " Declare it."
	}
	d.add(x)
	return false
}

// unknownName is the finding for names that do not exist: the summary says the
// sort of name.
func unknownName(what string) finding {
	return finding{"unknown-name", "Unknown " + strings.ReplaceAll(what, "_", " ")}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// plain turns a value into what JSON has: nil, bool, string, int64 or float64,
// []any and map[string]any. ok is false for a number that neither holds.
func plain(v cty.Value) (any, bool) {
	if v.IsNull() {
		return nil, true
	}
	t := v.Type()
	switch {
	case t == cty.String:
		return v.AsString(), true
	case t == cty.Bool:
		return v.True(), true
	case t == cty.Number:
		return plainNumber(v)
	case t.IsObjectType() || t.IsMapType():
		out := map[string]any{}
		for it := v.ElementIterator(); it.Next(); {
			k, e := it.Element()
			x, ok := plain(e)
			if !ok {
				return nil, false
			}
			out[k.AsString()] = x
		}
		return out, true
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		out := []any{}
		for _, e := range elements(v) {
			x, ok := plain(e)
			if !ok {
				return nil, false
			}
			out = append(out, x)
		}
		return out, true
	}
	return nil, false
}
