package rule

import (
	"fmt"
	"maps"
	"slices"

	"github.com/expr-lang/expr/ast"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

func (c *compiler) identifier(n *ast.IdentifierNode) (term, error) {
	p := c.place(n)
	for _, v := range slices.Backward(c.vars) {
		if v.name == n.Value {
			return term{shape: v.shape, name: named(n), nodes: 1, eval: func(f *frame) (any, error) {
				if x := f.vars[v.slot]; x != any(errOpen) {
					return x, nil
				}
				return nil, errOpen
			}}, nil
		}
	}
	r, ok := c.scope.roots[n.Value]
	if !ok {
		if why, elsewhere := c.scope.known[n.Value]; elsewhere {
			return term{}, p.hinted(why, "there is no %q here", n.Value)
		}
		return term{}, p.hinted(c.meant(n.Value, c.scope.names()), "there is no %q here", n.Value)
	}
	if r.shape == timeShape {
		return term{}, p.hinted("write day(now), weekday(now) or hour(now)", "%s is a time, which a rule reads through a function", n.Value)
	}
	name := named(n)
	t := term{shape: r.shape, name: name, path: []string{n.Value}, group: r.group, nodes: 1}
	c.reads[n.Value] = true
	switch {
	case r.open:
		t.eval = func(f *frame) (any, error) {
			if f.access.ArgsOpen {
				return nil, errOpen
			}
			return f.normal(r.read(f), p, name)
		}
	case r.group == nil:
		t.eval = func(f *frame) (any, error) {
			v := r.read(f)
			if why, ok := v.(unknown); ok {
				return nil, p.errorf("%s is not known: %s", n.Value, string(why))
			}
			return f.normal(v, p, name)
		}
	}
	return t, nil
}

// meant is the hint for a name that does not exist.
func (c *compiler) meant(name string, among []string) string {
	if near := diag.Closest(name, among); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(among) == 0 || len(among) > 12 {
		return ""
	}
	return fmt.Sprintf("there are %s", enumerate(among))
}

func enumerate(names []string) string {
	out := ""
	for i, n := range names {
		switch {
		case i > 0 && i == len(names)-1:
			out += " and "
		case i > 0:
			out += ", "
		}
		out += n
	}
	return out
}

// pointer is # inside a predicate, also the one that .member leaves out.
func (c *compiler) pointer(n *ast.PointerNode) (term, error) {
	p := c.place(n)
	if c.list == nil {
		return term{}, p.errorf("# is the element of a list; there is none here")
	}
	of := c.list
	if n.Name != "" {
		return term{}, p.hinted("# is the element", "there is no #%s here", n.Name)
	}
	name := func(f *frame) string { return fmt.Sprintf("%s[%d]", of.name(f), f.index) }
	s := anything
	if of.shape.elem != nil {
		s = of.shape.elem
	}
	return term{shape: s, name: name, nodes: 1, eval: func(f *frame) (any, error) { return f.item, nil }}, nil
}

func (c *compiler) member(n *ast.MemberNode) (term, error) {
	if n.Method {
		return term{}, c.place(n).errorf("values have no methods")
	}
	base, err := c.compile(n.Node)
	if err != nil {
		return term{}, err
	}
	key, named := n.Property.(*ast.StringNode)
	if base.group != nil {
		if !named {
			return term{}, c.place(n).errorf("a member of %s is named, not computed", n.Node.String())
		}
		return c.groupMember(n, base, key.Value)
	}
	if !named {
		return c.element(n, base)
	}
	return c.named(n, base, key.Value)
}

func (c *compiler) groupMember(n *ast.MemberNode, base term, key string) (term, error) {
	p := c.place(n.Property)
	m, ok := base.group[key]
	if !ok {
		return term{}, p.hinted(c.meant(key, slices.Sorted(maps.Keys(base.group))), "%s has no %q", base.path[0], key)
	}
	full := base.path[0] + "." + key
	name := func(*frame) string { return full }
	return term{shape: m.shape, name: name, nodes: 1, path: []string{base.path[0], key}, eval: func(f *frame) (any, error) {
		v := m.read(f)
		if why, ok := v.(unknown); ok {
			return nil, p.errorf("%s is not known: %s", full, string(why))
		}
		return f.normal(v, p, name)
	}}, nil
}

// named reads a member by its name. With `.` the member must be there; with
// `?.` a member that is missing, or of null, is nil.
func (c *compiler) named(n *ast.MemberNode, base term, key string) (term, error) {
	p := c.place(n.Property)
	s, known := base.shape.member(key)
	if !known {
		return term{}, p.hinted(c.meant(key, base.shape.names()), "%s has no member %q in the schema", spoken(n.Node), key)
	}
	if base.shape.kind != objectKind && base.shape.kind != anyKind {
		return term{}, p.errorf("%s has no members in the schema", spoken(n.Node))
	}
	name := func(f *frame) string { return base.name(f) + "." + key }
	t := term{shape: s, name: name, nodes: 1 + base.nodes}
	if base.path != nil && !n.Optional {
		t.path = append(slices.Clone(base.path), key)
	}
	t.eval = func(f *frame) (any, error) {
		v, err := base.eval(f)
		if err != nil {
			return nil, err
		}
		m, ok := v.(map[string]any)
		if !ok {
			if v == nil && n.Optional {
				return nil, nil
			}
			return nil, p.errorf("%s is %s, so it has no member %s", base.name(f), kindOf(v), key)
		}
		x, ok := m[key]
		if !ok {
			if n.Optional {
				return nil, nil
			}
			return nil, p.errorf("%s is missing", name(f))
		}
		return f.normal(x, p, name)
	}
	return t, nil
}

// spoken is how a message calls a node when there is no data yet.
func spoken(n ast.Node) string {
	if _, ok := n.(*ast.PointerNode); ok {
		return "the element"
	}
	return n.String()
}

// element reads list[i] (from the end when i is negative) or object[key].
func (c *compiler) element(n *ast.MemberNode, base term) (term, error) {
	at, err := c.value(n.Property)
	if err != nil {
		return term{}, err
	}
	p := c.place(n.Property)
	name := named(n)
	t := term{shape: anything, name: name, nodes: 1 + base.nodes + at.nodes}
	if base.shape.elem != nil {
		t.shape = base.shape.elem
	}
	t.eval = func(f *frame) (any, error) {
		v, err := base.eval(f)
		if err != nil {
			return nil, err
		}
		k, err := at.eval(f)
		if err != nil {
			return nil, err
		}
		x, found, err := lookup(v, k, p, base.name(f))
		switch {
		case err != nil:
			return nil, err
		case !found && n.Optional:
			return nil, nil
		case !found:
			return nil, p.errorf("%s has no [%v]", base.name(f), k)
		}
		return f.normal(x, p, name)
	}
	return t, nil
}

// lookup finds the element k of a list or object.
func lookup(v, k any, p place, name string) (x any, found bool, err error) {
	switch v := v.(type) {
	case map[string]any:
		if s, ok := k.(string); ok {
			x, found = v[s]
			return x, found, nil
		}
	case []any:
		if i, ok := k.(int64); ok {
			if i < 0 {
				i += int64(len(v))
			}
			if i < 0 || i >= int64(len(v)) {
				return nil, false, nil
			}
			return v[i], true, nil
		}
	}
	return nil, false, p.errorf("%s is %s, and %s is no place in it", name, kindOf(v), kindOf(k))
}

// slice is list[from:to], clamped to the list as in expr.
func (c *compiler) slice(n *ast.SliceNode) (term, error) {
	base, err := c.value(n.Node)
	if err != nil {
		return term{}, err
	}
	t := term{shape: base.shape, name: named(n), nodes: 1 + base.nodes}
	bound := func(b ast.Node) (eval, error) {
		if b == nil {
			return nil, nil
		}
		bt, err := c.value(b)
		t.nodes += bt.nodes
		return bt.eval, err
	}
	from, err := bound(n.From)
	if err != nil {
		return term{}, err
	}
	to, err := bound(n.To)
	if err != nil {
		return term{}, err
	}
	p := c.place(n)
	t.eval = func(f *frame) (any, error) {
		v, err := base.eval(f)
		if err != nil {
			return nil, err
		}
		l, ok := v.([]any)
		if !ok {
			return nil, p.errorf("%s is %s; only a list can be sliced", base.name(f), kindOf(v))
		}
		lo, err := clamp(from, f, 0, len(l), p)
		if err != nil {
			return nil, err
		}
		hi, err := clamp(to, f, len(l), len(l), p)
		if err != nil {
			return nil, err
		}
		return l[min(lo, hi):hi:hi], nil
	}
	return t, nil
}

func clamp(e eval, f *frame, otherwise, n int, p place) (int, error) {
	if e == nil {
		return otherwise, nil
	}
	v, err := e(f)
	if err != nil {
		return 0, err
	}
	i, ok := v.(int64)
	if !ok {
		return 0, p.errorf("a slice needs whole numbers, and this is %s", kindOf(v))
	}
	if i < 0 {
		i += int64(n)
	}
	return int(min(max(i, 0), int64(n))), nil
}
