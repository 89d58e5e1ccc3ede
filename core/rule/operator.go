package rule

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) (term, error) {
	x, err := c.value(n.Node)
	if err != nil {
		return term{}, err
	}
	p := c.place(n)
	t := term{shape: x.shape, name: named(n), nodes: 1 + x.nodes}
	switch n.Operator {
	case "not", "!":
		t.shape = boolShape
		t.eval = func(f *frame) (any, error) {
			b, err := truth(x, f, p)
			return !b, err
		}
		t.may = func(f *frame) Outcomes { return x.outcomes(f).not() }
	case "-", "+":
		minus := n.Operator == "-"
		t.eval = func(f *frame) (any, error) {
			v, err := x.eval(f)
			if err != nil {
				return nil, err
			}
			if minus {
				return arithmetic("-", int64(0), v, p)
			}
			return arithmetic("+", int64(0), v, p)
		}
	default:
		return term{}, p.errorf("%s is not part of the rule language", n.Operator)
	}
	return t, nil
}

func (c *compiler) binary(n *ast.BinaryNode) (term, error) {
	p := c.place(n)
	switch n.Operator {
	case "..":
		return term{}, p.hinted("compare with < and > instead", "ranges are not allowed in a rule")
	case "matches":
		return term{}, p.hinted("use contains, startsWith, endsWith, or a gate with pattern", "matches is not allowed in a rule")
	}
	l, err := c.value(n.Left)
	if err != nil {
		return term{}, err
	}
	r, err := c.value(n.Right)
	if err != nil {
		return term{}, err
	}
	t := term{shape: boolShape, name: named(n), nodes: 1 + l.nodes + r.nodes}
	switch n.Operator {
	case "and", "&&":
		t.eval, t.may = logic(l, r, false, p), either(l, r, False)
		return t, nil
	case "or", "||":
		t.eval, t.may = logic(l, r, true, p), either(l, r, True)
		return t, nil
	case "??":
		t.shape = anything
		t.eval = func(f *frame) (any, error) {
			if v, err := l.eval(f); v != nil || err != nil {
				return v, err
			}
			return r.eval(f)
		}
		return t, nil
	}
	op, s := binaryOperator(n, p)
	if op == nil {
		return term{}, p.errorf("%s is not part of the rule language", n.Operator)
	}
	t.shape = s
	t.eval = func(f *frame) (any, error) {
		a, err := l.eval(f)
		if err != nil {
			return nil, err
		}
		b, err := r.eval(f)
		if err != nil {
			return nil, err
		}
		return op(f, a, b)
	}
	return t, nil
}

func logic(l, r term, stop bool, p place) eval {
	return func(f *frame) (any, error) {
		b, err := truth(l, f, p)
		if err != nil {
			return nil, err
		}
		if b == stop {
			return b, nil
		}
		return truth(r, f, p)
	}
}

// binaryOperator gives the operator that works on two values, nil for none.
func binaryOperator(n *ast.BinaryNode, p place) (op func(f *frame, a, b any) (any, error), s *shape) {
	switch n.Operator {
	case "==", "!=":
		return equality(n, p), boolShape
	case "<":
		return func(f *frame, a, b any) (any, error) { o, err := f.order(a, b, p); return o < 0, err }, boolShape
	case "<=":
		return func(f *frame, a, b any) (any, error) { o, err := f.order(a, b, p); return o <= 0, err }, boolShape
	case ">":
		return func(f *frame, a, b any) (any, error) { o, err := f.order(a, b, p); return o > 0, err }, boolShape
	case ">=":
		return func(f *frame, a, b any) (any, error) { o, err := f.order(a, b, p); return o >= 0, err }, boolShape
	case "in":
		return func(f *frame, a, b any) (any, error) { return f.contains(a, b, p) }, boolShape
	case "contains":
		return texts(p, n.Operator, strings.Contains), boolShape
	case "startsWith":
		return texts(p, n.Operator, strings.HasPrefix), boolShape
	case "endsWith":
		return texts(p, n.Operator, strings.HasSuffix), boolShape
	case "+":
		return func(f *frame, a, b any) (any, error) {
			x, okx := a.(string)
			y, oky := b.(string)
			if okx && oky {
				return x + y, f.make(p, len(x)+len(y))
			}
			return arithmetic("+", a, b, p)
		}, anything
	case "-", "*", "/", "%":
		return func(_ *frame, a, b any) (any, error) { return arithmetic(n.Operator, a, b, p) }, numberShape
	case "**", "^":
		return func(_ *frame, a, b any) (any, error) { return arithmetic("**", a, b, p) }, numberShape
	}
	return nil, nil
}

// equality compares strictly, except with the literal nil, which asks whether
// there is a value at all.
func equality(n *ast.BinaryNode, p place) func(f *frame, a, b any) (any, error) {
	_, nilLeft := n.Left.(*ast.NilNode)
	_, nilRight := n.Right.(*ast.NilNode)
	want := n.Operator == "=="
	if nilLeft || nilRight {
		return func(_ *frame, a, b any) (any, error) { return (a == nil && b == nil) == want, nil }
	}
	return func(f *frame, a, b any) (any, error) {
		same, err := f.equal(a, b, p)
		return same == want, err
	}
}

func texts(p place, name string, test func(s, part string) bool) func(f *frame, a, b any) (any, error) {
	return func(f *frame, a, b any) (any, error) {
		s, oks := a.(string)
		part, okp := b.(string)
		if !oks || !okp {
			return nil, p.errorf("%s needs strings, and this is %s and %s", name, kindOf(a), kindOf(b))
		}
		return test(s, part), f.spend(p, len(s)>>6)
	}
}

// contains is `a in b`: an element of a list, or a member name of an object.
func (f *frame) contains(a, b any, p place) (bool, error) {
	switch b := b.(type) {
	case map[string]any:
		k, ok := a.(string)
		if !ok {
			return false, p.errorf("a member of an object is named by a string, and this is %s", kindOf(a))
		}
		_, found := b[k]
		return found, nil
	case []any:
		if err := f.walk(b, p); err != nil {
			return false, err
		}
		for _, e := range b {
			e, err := f.normal(e, p, inside)
			if err != nil {
				return false, err
			}
			if same, err := f.same(a, e, p, 0); same || err != nil {
				return same, err
			}
		}
		return false, nil
	}
	return false, p.errorf("in needs a list or an object, and this is %s", kindOf(b))
}

// walk checks that a list is short enough to be walked.
func (f *frame) walk(l []any, p place) error {
	if len(l) > MaxList {
		return p.errorf("the list has %d elements; a rule walks %d at most", len(l), MaxList)
	}
	return f.spend(p, 1)
}
