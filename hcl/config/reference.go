package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// names are blocks that can be referred to, in the order of declaration.
type names[T any] struct {
	order []string
	by    map[string]*T
	seen  map[string]diag.Range
}

func (n *names[T]) add(name string, at diag.Range, t *T) {
	if n.by == nil {
		n.by, n.seen = map[string]*T{}, map[string]diag.Range{}
	}
	n.by[name], n.seen[name] = t, at
	n.order = append(n.order, name)
}

// table holds everything in a project that has a name.
type table struct {
	backends names[Backend]
	ladders  names[Ladder]
	judges   names[Judge]
	runners  names[Runner]
	policies names[Policy]
	presets  names[Policy]

	connectors names[Connector]

	hardware   names[Hardware]
	models     names[Model]
	workloads  names[Workload]
	slos       names[SLO]
	topologies names[Topology]

	used   map[string]bool // presets that somebody refers to
	vars   []string
	locals []string
	// incomplete: a file could not be read whole, so names may be missing
	// through no fault of those who use them.
	incomplete bool
}

func (t *table) members(root string) []string {
	if root == "var" {
		return t.vars
	}
	return t.locals
}

// reference is a traversal in the file.
type reference struct {
	parts []string
	rng   diag.Range
}

func (r reference) String() string { return strings.Join(r.parts, ".") }

// path reads an expression as a reference; want is the shape to suggest.
func (d *decoder) path(expr hclsyntax.Expression, name, want string) (reference, bool) {
	rng := convert(expr.Range())
	if _, bad := expr.(*hclsyntax.ExprSyntaxError); bad {
		return reference{}, false
	}
	t, problems := hcl.AbsTraversalForExpr(expr)
	if problems.HasErrors() {
		x := badReference.at(rng, "%s must be a reference such as %s, written without quotes and without a computation.", name, want)
		if s, ok := literalString(expr); ok {
			x = x.WithSuggestion(fmt.Sprintf("%s = %s", name, guess(s, want)))
		}
		d.add(x)
		return reference{}, false
	}
	r := reference{rng: rng}
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			r.parts = append(r.parts, s.Name)
		case hcl.TraverseAttr:
			r.parts = append(r.parts, s.Name)
		case hcl.TraverseIndex:
			if s.Key.Type() != cty.String || s.Key.IsNull() {
				d.add(badReference.at(rng, "%s must be a reference such as %s; names are chosen with dots, not with numbers.", name, want))
				return reference{}, false
			}
			r.parts = append(r.parts, s.Key.AsString())
		default:
			d.add(badReference.at(rng, "%s must be a reference such as %s.", name, want))
			return reference{}, false
		}
	}
	return r, true
}

// guess turns a quoted name into a reference of the wanted shape.
func guess(s, want string) string {
	root, _, _ := strings.Cut(want, ".")
	if strings.HasPrefix(s, root+".") || strings.HasPrefix(s, "preset.") {
		return s
	}
	if !validName(s) || strings.Count(want, ".") > 1 {
		return want
	}
	return root + "." + s
}

func literalString(expr hclsyntax.Expression) (string, bool) {
	t, ok := expr.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return "", false
	}
	v, problems := t.Value(nil)
	if problems.HasErrors() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// find looks a reference ROOT.NAME up.
func find[T any](d *decoder, r reference, attr, root string, n *names[T]) *T {
	if len(r.parts) < 2 || r.parts[0] != root {
		d.wrongShape(r, attr, root, n.order)
		return nil
	}
	t, ok := n.by[r.parts[1]]
	switch {
	case !ok:
		d.unknown(r, root, r.parts[1], n.order, root+".")
		return nil
	case len(r.parts) > 2:
		d.add(badReference.at(r.rng, "%s names a part of %s; %s takes the whole %s.", r, strings.Join(r.parts[:2], "."), attr, root).WithSuggestion(attr + " = " + strings.Join(r.parts[:2], ".")))
	}
	return t
}

// unknown reports a name that nothing has.
func (d *decoder) unknown(r reference, what, name string, among []string, prefix string) {
	if d.table.incomplete {
		return
	}
	x := unknownName(what).at(r.rng, "There is no %s %q.%s", what, name, diag.DidYouMean(name, among))
	switch c := diag.Closest(name, among); {
	case c != "":
		x = x.WithSuggestion(prefix + c)
	case len(among) == 0:
		x.Detail += fmt.Sprintf(" No %s is declared in this project.", what)
	default:
		x.Detail += " " + known("There are", among)
	}
	d.add(x)
}

// wrongShape reports a reference to another sort of thing.
func (d *decoder) wrongShape(r reference, attr, root string, among []string) {
	x := badReference.at(r.rng, "%s takes a reference to a %s, such as %s.NAME; %s is none.", attr, root, root, r)
	switch {
	case root == "tier_policy" && len(r.parts) == 1 && contains(d.table.presets.order, r.parts[0]):
		x = x.WithSuggestion(attr + " = preset." + r.parts[0])
	case len(r.parts) == 1 && contains(among, r.parts[0]):
		x = x.WithSuggestion(attr + " = " + root + "." + r.parts[0])
	case r.parts[0] == "var" || r.parts[0] == "local":
		x.Detail += " Variables and locals hold plain values; a reference names its block directly."
	case len(r.parts) > 1 && diag.Closest(r.parts[0], []string{root}) != "" && contains(among, r.parts[1]):
		x = x.WithSuggestion(attr + " = " + root + "." + r.parts[1])
	case len(among) > 0:
		x = x.WithSuggestion(attr + " = " + root + "." + among[0])
	}
	d.add(x)
}

func (b *body) ref(name, want string) (reference, bool) {
	a := b.attr(name)
	if a == nil {
		return reference{}, false
	}
	return b.d.path(a.Expr, name, want)
}

func (b *body) backend(name string) *Backend {
	if r, ok := b.ref(name, "backend.NAME"); ok {
		return find(b.d, r, name, "backend", &b.d.table.backends)
	}
	return nil
}

func (b *body) ladder(name string) *Ladder {
	if r, ok := b.ref(name, "ladder.NAME"); ok {
		return find(b.d, r, name, "ladder", &b.d.table.ladders)
	}
	return nil
}

func (b *body) judge(name string) *Judge {
	if r, ok := b.ref(name, "judge.NAME"); ok {
		return find(b.d, r, name, "judge", &b.d.table.judges)
	}
	return nil
}

func (b *body) runner(name string) *Runner {
	if r, ok := b.ref(name, "runner.NAME"); ok {
		return find(b.d, r, name, "runner", &b.d.table.runners)
	}
	return nil
}

func (b *body) policy(name string) *Policy {
	r, ok := b.ref(name, "tier_policy.NAME")
	if !ok {
		return nil
	}
	if r.parts[0] != "preset" {
		return find(b.d, r, name, "tier_policy", &b.d.table.policies)
	}
	p := find(b.d, r, name, "preset", &b.d.table.presets)
	if p != nil {
		b.d.table.used[p.Name] = true
	}
	return p
}

// tier looks LADDER.TIER up.
func (b *body) tier(name string) *Tier {
	r, ok := b.ref(name, "ladder.LADDER.TIER")
	if !ok {
		return nil
	}
	return b.rung(r, name)
}

// rung looks a reference to a tier up, for an attribute of that name.
func (b *body) rung(r reference, name string) *Tier {
	t := &b.d.table.ladders
	if r.parts[0] != "ladder" || len(r.parts) < 2 {
		b.d.add(badReference.at(r.rng, "%s takes a reference to a tier, such as ladder.LADDER.TIER; %s is none.", name, r))
		return nil
	}
	l, exists := t.by[r.parts[1]]
	if !exists {
		b.d.unknown(r, "ladder", r.parts[1], t.order, "ladder.")
		return nil
	}
	var tiers []string
	for _, rung := range l.Tiers {
		tiers = append(tiers, rung.Name)
	}
	if len(r.parts) == 2 {
		x := badReference.at(r.rng, "%s names a whole ladder; %s takes one of its tiers. %s", r, name, known("It has", tiers))
		if len(tiers) > 0 {
			x = x.WithSuggestion(fmt.Sprintf("%s = %s.%s", name, r, tiers[0]))
		}
		b.d.add(x)
		return nil
	}
	if len(r.parts) > 3 {
		b.d.add(badReference.at(r.rng, "%s takes a reference to a tier, ladder.LADDER.TIER; %s goes on behind it.", name, r))
		return nil
	}
	rung := l.Tier(r.parts[2])
	if rung == nil {
		b.d.unknown(r, "tier", r.parts[2], tiers, "ladder."+l.Name+".")
	}
	return rung
}

// backends reads `[backend.a, backend.b]`.
func (b *body) backends(name string) []*Backend {
	a := b.attr(name)
	if a == nil {
		return nil
	}
	t, ok := a.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		x := wrongType.at(convert(a.Expr.Range()), "%s must be a list of references to backends, such as [backend.claude].", name)
		b.d.add(x.WithSuggestion(name + " = [" + oneLine(b.d.text(convert(a.Expr.Range()))) + "]"))
		return nil
	}
	if len(t.Exprs) == 0 {
		b.d.add(emptyValue.at(convert(a.Expr.Range()), "%s is an empty list: no backend at all could see this data, so nothing could run. Name at least one.", name).WithSuggestion(b.doc.Attribute(name).line()))
		return nil
	}
	var out []*Backend
	defer b.d.inList(name, len(b.d.diags))
	for _, e := range t.Exprs {
		r, ok := b.d.path(e, name, "backend.NAME")
		if !ok {
			continue
		}
		if x := find(b.d, r, name, "backend", &b.d.table.backends); x != nil {
			out = append(out, x)
		}
	}
	return out
}

// inList puts brackets around what is suggested for an attribute that is a list,
// in the findings from one on.
func (d *decoder) inList(name string, from int) {
	for i := range d.diags[from:] {
		x := &d.diags[from+i]
		if value, ok := strings.CutPrefix(x.Suggest, name+" = "); ok && !strings.HasPrefix(value, "[") {
			x.Suggest = name + " = [" + value + "]"
		}
	}
}
