package rule

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

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

func absolute(_ *frame, p place, name string, args []any) (any, error) {
	if o, ok := compareNumbers(args[0], int64(0)); ok && o >= 0 {
		return args[0], nil
	}
	return arithmetic("-", int64(0), args[0], p)
}

func rounding(_ *frame, p place, name string, args []any) (any, error) {
	v, ok := float(args[0])
	if !ok {
		return nil, p.errorf("%s needs a number, and this is %s", name, kindOf(args[0]))
	}
	switch name {
	case "ceil":
		v = math.Ceil(v)
	case "floor":
		v = math.Floor(v)
	default:
		v = math.Round(v)
	}
	return finite(v, p)
}

func toInt(_ *frame, p place, _ string, args []any) (any, error) {
	switch v := args[0].(type) {
	case int64:
		return v, nil
	case float64:
		if v < -1<<63 || v >= 1<<63 {
			return nil, p.errorf("%v does not fit in 64 bits", v)
		}
		return int64(v), nil
	case string:
		i, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, p.errorf("%q is no whole number", shorten(v))
		}
		return i, nil
	}
	return nil, p.errorf("int needs a number or a string, and this is %s", kindOf(args[0]))
}

func toFloat(_ *frame, p place, _ string, args []any) (any, error) {
	if v, ok := float(args[0]); ok {
		return v, nil
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, p.errorf("float needs a number or a string, and this is %s", kindOf(args[0]))
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, p.errorf("%q is no number", shorten(s))
	}
	return finite(v, p)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:37]) + "..."
	}
	return s
}

// aggregate is min, max, mean and median, over its arguments or over one list.
// Of nothing there is none: expr answers 0, which a rule would take for a score.
func aggregate(f *frame, p place, name string, args []any) (any, error) {
	if len(args) == 1 {
		if l, ok := args[0].([]any); ok {
			args = l
		}
	}
	if len(args) == 0 {
		return nil, p.hinted("ask for len(...) > 0 first", "%s of an empty list does not exist", name)
	}
	if err := f.walk(args, p); err != nil {
		return nil, err
	}
	if err := f.spend(p, len(args)); err != nil {
		return nil, err
	}
	values := make([]any, len(args))
	for i, a := range args {
		v, err := f.normal(a, p, inside)
		if err != nil {
			return nil, err
		}
		if _, ok := float(v); !ok {
			return nil, p.errorf("%s needs numbers, and this is %s", name, kindOf(v))
		}
		values[i] = v
	}
	order := func(a, b any) int { o, _ := compareNumbers(a, b); return o }
	switch name {
	case "min":
		return slices.MinFunc(values, order), nil
	case "max":
		return slices.MaxFunc(values, order), nil
	case "median":
		slices.SortFunc(values, order)
		mid := len(values) / 2
		if len(values)%2 == 1 {
			v, _ := float(values[mid])
			return v, nil
		}
		a, _ := float(values[mid-1])
		b, _ := float(values[mid])
		return finite(a+(b-a)/2, p)
	}
	total := 0.0
	for _, v := range values {
		x, _ := float(v)
		total += x
	}
	return finite(total/float64(len(values)), p)
}

func listAt(f *frame, args []any, p place, name string) ([]any, error) {
	l, ok := args[0].([]any)
	if !ok {
		return nil, p.errorf("%s needs a list, and this is %s", name, kindOf(args[0]))
	}
	return l, f.walk(l, p)
}

func join(f *frame, p place, name string, args []any) (any, error) {
	l, err := listAt(f, args, p, name)
	if err != nil {
		return nil, err
	}
	sep := ""
	if len(args) == 2 {
		if sep, err = stringAt(args, 1, p, name); err != nil {
			return nil, err
		}
	}
	parts := make([]string, len(l))
	for i := range l {
		if parts[i], err = stringAt(l, i, p, name); err != nil {
			return nil, err
		}
		if err := f.make(p, len(parts[i])+len(sep)); err != nil {
			return nil, err
		}
	}
	return strings.Join(parts, sep), nil
}

// end is first and last. Of an empty list there is none.
func end(f *frame, p place, name string, args []any) (any, error) {
	l, ok := args[0].([]any)
	if !ok {
		return nil, p.errorf("%s needs a list, and this is %s", name, kindOf(args[0]))
	}
	if len(l) == 0 {
		return nil, p.hinted("ask for len(...) > 0 first", "%s of an empty list does not exist", name)
	}
	if name == "first" {
		return f.normal(l[0], p, inside)
	}
	return f.normal(l[len(l)-1], p, inside)
}

// keys are sorted, so that equal input gives an equal answer.
func keys(f *frame, p place, name string, args []any) (any, error) {
	m, ok := args[0].(map[string]any)
	if !ok {
		return nil, p.errorf("keys needs an object, and this is %s", kindOf(args[0]))
	}
	if len(m) > MaxList {
		return nil, p.errorf("the object has %d members; a rule walks %d at most", len(m), MaxList)
	}
	if err := f.make(p, 16*len(m)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
	return out, f.spend(p, len(m))
}

// uniq keeps the first of equal elements. Strings are found by hash; other
// values by comparison, which the step budget bounds.
func uniq(f *frame, p place, name string, args []any) (any, error) {
	l, err := listAt(f, args, p, name)
	if err != nil {
		return nil, err
	}
	if err := f.make(p, 48*len(l)); err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(l))
	others := []any{}
	out := []any{}
	for _, raw := range l {
		v, err := f.normal(raw, p, inside)
		if err != nil {
			return nil, err
		}
		if s, ok := v.(string); ok {
			if !seen[s] {
				seen[s] = true
				out = append(out, v)
			}
			continue
		}
		found := false
		for _, o := range others {
			if found, err = f.same(v, o, p, 0); found || err != nil {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		if !found {
			others = append(others, v)
			out = append(out, v)
		}
	}
	return out, nil
}
