package rule

import (
	"slices"
	"strconv"

	"github.com/expr-lang/expr/ast"
)

// predicateNames are the functions that look at each element of a list. They
// do not nest: a rule inside a rule multiplies its work, and reads badly.
func predicateNames() []string {
	return []string{"all", "none", "any", "one", "filter", "map", "count", "sum", "find"}
}

func isPredicate(name string) bool { return slices.Contains(predicateNames(), name) }

func (c *compiler) predicate(n *ast.BuiltinNode) (term, error) {
	p := c.place(n)
	if c.list != nil {
		return term{}, p.hinted("use a gate in an each, or two rules", "%s stands inside another condition on elements", n.Name)
	}
	l, err := c.value(n.Arguments[0])
	if err != nil {
		return term{}, err
	}
	body := term{eval: func(f *frame) (any, error) { return f.item, nil }, name: func(*frame) string { return "the element" }, shape: anything, nodes: 1}
	if len(n.Arguments) > 1 {
		pred, ok := n.Arguments[1].(*ast.PredicateNode)
		if !ok {
			return term{}, p.errorf("%s needs a condition on each element", n.Name)
		}
		c.list = &l
		body, err = c.value(pred.Node)
		c.list = nil
		if err != nil {
			return term{}, err
		}
	}
	t := term{name: named(n), nodes: 1 + l.nodes, shape: resultShape(n.Name, l.shape, body.shape)}
	name, at := n.Name, c.place(n.Arguments[0])
	t.eval = func(f *frame) (any, error) {
		v, err := l.eval(f)
		if err != nil {
			return nil, err
		}
		elems, ok := v.([]any)
		if !ok {
			return nil, at.errorf("%s is %s, not a list", l.name(f), kindOf(v))
		}
		if err := f.walk(elems, at); err != nil {
			return nil, err
		}
		return f.each(name, elems, body, p, l.name)
	}
	return t, nil
}

func resultShape(name string, list, body *shape) *shape {
	switch name {
	case "filter":
		return list
	case "map":
		return &shape{kind: listKind, elem: body}
	case "count":
		return integerShape
	case "find":
		if list.elem != nil {
			return list.elem
		}
		return anything
	case "sum":
		return anything
	}
	return boolShape
}

// each runs a predicate function. Its loop stops as soon as the answer is known.
func (f *frame) each(name string, elems []any, body term, p place, list func(*frame) string) (any, error) {
	hits := 0
	var kept []any
	var sum any = int64(0)
	element := func(f *frame) string { return list(f) + "[" + strconv.Itoa(f.index) + "]" }
	for i, raw := range elems {
		f.index = i
		if err := f.spend(p, body.nodes); err != nil {
			return nil, err
		}
		item, err := f.normal(raw, p, element)
		if err != nil {
			return nil, err
		}
		f.item = item
		v, err := body.eval(f)
		if err != nil {
			return nil, err
		}
		switch name {
		case "map":
			kept = append(kept, v)
			continue
		case "sum":
			if sum, err = arithmetic("+", sum, v, p); err != nil {
				return nil, err
			}
			continue
		}
		hit, ok := v.(bool)
		if !ok {
			return nil, p.errorf("%s is %s, not true or false", body.name(f), kindOf(v))
		}
		switch {
		case !hit && name == "all":
			return false, nil
		case !hit:
			continue
		case name == "any":
			return true, nil
		case name == "none":
			return false, nil
		case name == "find":
			return item, nil
		case name == "filter":
			kept = append(kept, item)
		}
		hits++
	}
	switch name {
	case "map", "filter":
		if kept == nil {
			kept = []any{}
		}
		return kept, f.make(p, 16*len(kept))
	case "sum":
		return sum, nil
	case "count":
		return int64(hits), nil
	case "one":
		return hits == 1, nil
	case "find":
		return nil, nil
	}
	return name != "any", nil // all and none found nothing against it
}
