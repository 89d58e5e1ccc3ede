package config

import (
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// envPrefix starts the names of environment variables that set variables.
const envPrefix = "PLIMSOLL_VAR_"

// variable finds the value of a `variable` block: -var, else the environment,
// else the default. What is wrong is unknown, so that its users stay silent.
func (d *decoder) variable(b *body, l label, o Options) cty.Value {
	want, typed := b.typeName()
	var fallback cty.Value
	given := false
	if a := b.attr("default"); a != nil {
		if len(a.Expr.Variables()) > 0 {
			d.add(notLiteral.at(convert(a.Expr.Range()), "The default of variable %q must stand on its own: a default cannot use variables, locals or references. A string is written in quotes.", l.text))
			return cty.DynamicVal
		}
		v, ok := d.value(a.Expr)
		if !ok {
			return cty.DynamicVal
		}
		if !v.IsNull() {
			given = true
			if !typed {
				want = typeOf(v)
			}
			fallback, ok = asType(v, want)
			if !ok {
				d.add(badVariable.at(convert(a.Expr.Range()), "The default of variable %q is %s, and its type is %s.", l.text, describe(v), want))
				return cty.DynamicVal
			}
		}
	}
	b.str("description")
	text, from := "", ""
	if v, ok := o.Vars[l.text]; ok {
		text, from = v, "-var "+l.text
	} else if o.Environ != nil {
		if v, ok := o.Environ(envPrefix + l.text); ok {
			text, from = v, envPrefix+l.text
		}
	}
	switch {
	case from != "":
		v, problem := parseVariable(text, want)
		if problem != "" {
			// The value is not repeated: it may be a secret.
			d.add(badVariable.at(l.rng, "Variable %q is a %s, and the value given by %s %s.", l.text, want, from, problem))
			return cty.DynamicVal
		}
		return v
	case given:
		return fallback
	}
	d.add(missingVariable.at(l.rng, "Variable %q has no value. Give one with -var %s=VALUE, with the environment variable %s%s, or with a default in this block.", l.text, l.text, envPrefix, l.text).WithSuggestion(fmt.Sprintf("variable %q {\n  default = %s\n}", l.text, exampleOf(want))))
	return cty.DynamicVal
}

func exampleOf(typ string) string {
	switch typ {
	case "number":
		return "1"
	case "bool":
		return "false"
	case "list(string)":
		return `["..."]`
	}
	return `"..."`
}

// typeName reads `type = list(string)`.
func (b *body) typeName() (string, bool) {
	a := b.attr("type")
	if a == nil {
		return "string", false
	}
	name := strings.ReplaceAll(strings.TrimSpace(b.d.text(convert(a.Expr.Range()))), " ", "")
	allowed := b.doc.Attribute("type").Allowed
	if contains(allowed, name) {
		return name, true
	}
	x := notAllowed.at(convert(a.Expr.Range()), "The type of a variable is one of %s, without quotes.%s", strings.Join(allowed, ", "), diag.DidYouMean(strings.Trim(name, `"`), allowed))
	if bare := strings.Trim(name, `"`); contains(allowed, bare) {
		x = x.WithSuggestion("type = " + bare)
	} else if c := diag.Closest(bare, allowed); c != "" {
		x = x.WithSuggestion("type = " + c)
	}
	b.d.add(x)
	return "string", false
}

func typeOf(v cty.Value) string {
	switch t := v.Type(); {
	case t == cty.Number:
		return "number"
	case t == cty.Bool:
		return "bool"
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return "list(string)"
	}
	return "string"
}

func asType(v cty.Value, typ string) (cty.Value, bool) {
	if typeOf(v) != typ {
		return cty.NilVal, false
	}
	if typ == "string" {
		return v, v.Type() == cty.String
	}
	if typ != "list(string)" {
		return v, true
	}
	list := elements(v)
	for _, e := range list {
		if e.IsNull() || e.Type() != cty.String {
			return cty.NilVal, false
		}
	}
	if len(list) == 0 {
		return cty.ListValEmpty(cty.String), true
	}
	return cty.ListVal(list), true
}

// parseVariable reads a value that came as text.
func parseVariable(text, typ string) (cty.Value, string) {
	switch typ {
	case "number":
		f, _, err := big.ParseFloat(strings.TrimSpace(text), 10, 512, big.ToNearestEven)
		if err != nil || f.IsInf() {
			return cty.NilVal, "is not a number"
		}
		return cty.NumberVal(f), ""
	case "bool":
		switch strings.TrimSpace(text) {
		case "true":
			return cty.True, ""
		case "false":
			return cty.False, ""
		}
		return cty.NilVal, "is neither true nor false"
	case "list(string)":
		return parseList(text)
	}
	return cty.StringVal(text), ""
}

func parseList(text string) (cty.Value, string) {
	const problem = `is not a list such as ["a", "b"]`
	src := []byte(text)
	if Guard("", src).HasErrors() {
		return cty.NilVal, problem
	}
	expr, problems := hclsyntax.ParseExpression(src, "", hcl.InitialPos)
	if problems.HasErrors() {
		return cty.NilVal, problem
	}
	quiet := &decoder{sources: map[string][]byte{"": src}}
	v, ok := quiet.value(expr)
	if !ok || v.IsNull() {
		return cty.NilVal, problem
	}
	list, ok := asType(v, "list(string)")
	if !ok {
		return cty.NilVal, problem
	}
	return list, ""
}

// undeclared reports -var names that no block declares.
func (d *decoder) undeclared(o Options) {
	for _, name := range sortedKeys(o.Vars) {
		if slices.Contains(d.table.vars, name) {
			continue
		}
		x := undeclaredVariable.at(diag.Range{}, "-var %s: no variable block declares %q.%s", name, name, diag.DidYouMean(name, d.table.vars))
		if c := diag.Closest(name, d.table.vars); c != "" {
			x = x.WithSuggestion("-var " + c + "=VALUE")
		} else {
			x = x.WithSuggestion(fmt.Sprintf("variable %q {\n}", name))
		}
		d.add(x)
	}
}

// local is one attribute of a locals block.
type local struct {
	attr  *hclsyntax.Attribute
	value cty.Value
	state int // 0 untouched, 1 being evaluated, 2 done
}

// resolveLocals evaluates locals in the order in which they need each other.
func (d *decoder) resolveLocals(order []string, all map[string]*local) cty.Value {
	var stack []string
	var resolve func(name string)
	resolve = func(name string) {
		l := all[name]
		if l.state == 2 {
			return
		}
		l.state, l.value = 1, cty.DynamicVal
		stack = append(stack, name)
		circular := false
		for _, t := range l.attr.Expr.Variables() {
			next := localName(t)
			dep := all[next]
			if dep == nil {
				continue
			}
			if dep.state == 1 {
				d.cycle(append(slices.Clone(stack[slices.Index(stack, next):]), next), convert(t.SourceRange()))
				circular = true
				continue
			}
			resolve(next)
		}
		stack = stack[:len(stack)-1]
		l.state = 2
		if circular {
			return
		}
		d.eval.Variables["local"] = objectOfLocals(l.attr.Expr.Variables(), all)
		if v, ok := d.value(l.attr.Expr); ok {
			l.value = v
		}
	}
	for _, name := range order {
		resolve(name)
	}
	values := map[string]cty.Value{}
	for name, l := range all {
		values[name] = l.value
	}
	return cty.ObjectVal(values)
}

// objectOfLocals holds just the locals that an expression asks for: building an
// object of all of them for each would cost the square of their number.
func objectOfLocals(asked []hcl.Traversal, all map[string]*local) cty.Value {
	values := map[string]cty.Value{}
	for _, t := range asked {
		if l := all[localName(t)]; l != nil {
			values[localName(t)] = l.value
		}
	}
	return cty.ObjectVal(values)
}

func localName(t hcl.Traversal) string {
	if t.RootName() != "local" || len(t) < 2 {
		return ""
	}
	a, ok := t[1].(hcl.TraverseAttr)
	if !ok {
		return ""
	}
	return a.Name
}

func (d *decoder) cycle(path []string, rng diag.Range) {
	for i, p := range path {
		path[i] = "local." + p
	}
	d.add(localCycle.at(rng, "These locals need each other: %s. One of them must stand on its own.", strings.Join(path, " -> ")))
}
