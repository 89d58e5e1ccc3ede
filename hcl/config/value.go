package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// get evaluates an attribute. ok is false when it is absent, null, or wrong and
// reported.
func (b *body) get(name string) (cty.Value, *hclsyntax.Attribute, bool) {
	a := b.attr(name)
	if a == nil {
		return cty.NilVal, nil, false
	}
	v, ok := b.d.value(a.Expr)
	if !ok {
		return cty.NilVal, a, false
	}
	if v.IsNull() {
		if doc := b.doc.Attribute(name); doc.Required {
			b.d.add(missingAttribute.at(convert(a.Expr.Range()), "%s needs %s, and null is no value.", b.title, name).WithSuggestion(doc.line()))
		}
		return cty.NilVal, a, false
	}
	return v, a, true
}

// mismatch reports a value of the wrong type, with what was meant.
func (b *body) mismatch(name string, expr hclsyntax.Expression, v cty.Value) {
	doc := b.doc.Attribute(name)
	x := wrongType.at(convert(expr.Range()), "%s must be %s, such as %s; this is %s.", name, doc.Type.article(), doc.exampleValue(), describe(v))
	written := strings.TrimSpace(b.d.text(convert(expr.Range())))
	switch {
	case (doc.Type == Number || doc.Type == Integer || doc.Type == Money || doc.Type == Bool) && v.Type() == cty.String:
		if inner := strings.Trim(written, `"`); inner != "" && regexp.MustCompile(`^(-?[0-9.]+|true|false)$`).MatchString(inner) {
			x = x.WithSuggestion(name + " = " + inner)
		}
	case doc.Type == Strings && v.Type() == cty.String:
		x = x.WithSuggestion(name + " = [" + oneLine(written) + "]")
	case doc.Type == Duration && v.Type() == cty.Number:
		unit := strings.TrimLeft(strings.Trim(doc.exampleValue(), `"`), "0123456789.")
		x = x.WithSuggestion(fmt.Sprintf("%s = \"%s%s\"", name, oneLine(written), unit))
	case doc.Type == String && (v.Type() == cty.Number || v.Type() == cty.Bool):
		x = x.WithSuggestion(fmt.Sprintf("%s = %q", name, oneLine(written)))
	default:
		x = x.WithSuggestion(doc.line())
	}
	b.d.add(x)
}

func (a *AttributeDoc) exampleValue() string {
	_, value, _ := strings.Cut(a.line(), " = ")
	return value
}

func describe(v cty.Value) string {
	t := v.Type()
	switch {
	case v.IsNull():
		return "null"
	case t == cty.String:
		return "a string"
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "a bool"
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "a list"
	case t.IsObjectType() || t.IsMapType():
		return "an object"
	}
	return t.FriendlyName()
}

// str reads a string; "" when absent. An empty one is an error: leaving the line
// out is how to say nothing.
func (b *body) str(name string) string {
	v, a, ok := b.get(name)
	if !ok {
		return ""
	}
	if v.Type() != cty.String {
		b.mismatch(name, a.Expr, v)
		return ""
	}
	s := v.AsString()
	rng := convert(a.Expr.Range())
	if strings.TrimSpace(s) == "" {
		b.d.add(emptyValue.at(rng, "%s is empty. Give it a value, or remove the line.", name))
		return ""
	}
	if allowed := b.doc.Attribute(name).Allowed; len(allowed) > 0 && !contains(allowed, s) {
		x := notAllowed.at(rng, "%s is one of %s; %q is none of them.%s", name, quoted(allowed), s, diag.DidYouMean(s, allowed))
		if c := diag.Closest(s, allowed); c != "" {
			x = x.WithSuggestion(fmt.Sprintf("%s = %q", name, c))
		}
		b.d.add(x)
		return ""
	}
	return s
}

// strs reads a list of strings, or one string where the schema allows it.
func (b *body) strs(name string) []string {
	v, a, ok := b.get(name)
	if !ok {
		return nil
	}
	doc := b.doc.Attribute(name)
	t := v.Type()
	if t == cty.String && doc.Type == OneOrMore {
		if strings.TrimSpace(v.AsString()) == "" {
			b.d.add(emptyValue.at(convert(a.Expr.Range()), "%s is empty. Give it a value, or remove the line.", name))
			return nil
		}
		return []string{v.AsString()}
	}
	if !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		b.mismatch(name, a.Expr, v)
		return nil
	}
	out := []string{}
	for i, e := range elements(v) {
		rng := convert(a.Expr.Range())
		if t, ok := a.Expr.(*hclsyntax.TupleConsExpr); ok && i < len(t.Exprs) {
			rng = convert(t.Exprs[i].Range())
		}
		if e.IsNull() || e.Type() != cty.String {
			b.d.add(wrongType.at(rng, "Every element of %s must be a string; this is %s.", name, describe(e)).WithSuggestion(doc.line()))
			continue
		}
		if e.AsString() == "" {
			b.d.add(emptyValue.at(rng, "This element of %s is empty. Remove it, or give it a value.", name))
			continue
		}
		out = append(out, e.AsString())
	}
	return out
}

// nonEmpty is strs for lists that say nothing when they are empty.
func (b *body) nonEmpty(name string) []string {
	out := b.strs(name)
	if out != nil && len(out) == 0 && emptyLiteral(b.attr(name)) {
		b.d.add(emptyValue.at(b.rng(name), "%s is an empty list. Name at least one, such as %s, or remove the line.", name, b.doc.Attribute(name).line()))
	}
	return out
}

// emptyLiteral tells an empty list from one whose elements were all wrong and
// reported.
func emptyLiteral(a *hclsyntax.Attribute) bool {
	t, ok := a.Expr.(*hclsyntax.TupleConsExpr)
	return !ok || len(t.Exprs) == 0
}

func elements(v cty.Value) []cty.Value {
	var out []cty.Value
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		out = append(out, e)
	}
	return out
}

func (b *body) boolean(name string) bool {
	v, a, ok := b.get(name)
	if !ok {
		return false
	}
	if v.Type() != cty.Bool {
		b.mismatch(name, a.Expr, v)
		return false
	}
	return v.True()
}

// pattern reads a regular expression that compiles.
func (b *body) pattern(name string) string {
	s := b.str(name)
	if s == "" {
		return ""
	}
	if _, err := regexp.Compile(s); err != nil {
		b.d.add(badPattern.at(convert(b.attr(name).Expr.Range()), "%s: %v. Patterns are RE2: no look-around and no back-references. In HCL a backslash is written twice.", name, err))
		return ""
	}
	return s
}

// duration reads a positive Go duration.
func (b *body) duration(name string, fallback time.Duration) time.Duration {
	s := b.str(name)
	if s == "" {
		return fallback
	}
	rng := convert(b.attr(name).Expr.Range())
	t, err := time.ParseDuration(s)
	if err != nil {
		x := badDuration.at(rng, "%q is not a duration. Use hours, minutes and seconds, such as \"168h\" or \"1h30m\"; there are no days, because not all have 24 hours.", s)
		if h := inHours(s); h != "" {
			x = x.WithSuggestion(fmt.Sprintf("%s = %q", name, h))
		} else if joined := strings.Join(strings.Fields(s), ""); valid(joined) {
			x = x.WithSuggestion(fmt.Sprintf("%s = %q", name, joined))
		}
		b.d.add(x)
		return fallback
	}
	if t < 0 {
		b.d.add(outOfRange.at(rng, "%s must not be negative; this is %s.", name, s))
		return fallback
	}
	return t
}

func valid(s string) bool {
	d, err := time.ParseDuration(s)
	return err == nil && d >= 0
}

// inHours reads "7d" or "2w" as hours, for a suggestion.
func inHours(s string) string {
	m := regexp.MustCompile(`^([0-9]{1,4}) ?(d|days?|w|weeks?|h|hours?|m|min|minutes?)$`).FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return ""
	}
	var n int
	if _, err := fmt.Sscan(m[1], &n); err != nil {
		return ""
	}
	switch m[2][0] {
	case 'w':
		return fmt.Sprintf("%dh", n*168)
	case 'd':
		return fmt.Sprintf("%dh", n*24)
	case 'm':
		return fmt.Sprintf("%dm", n)
	}
	return fmt.Sprintf("%dh", n)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}
