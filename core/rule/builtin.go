package rule

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
)

// function is a builtin: the number of its arguments (most < 0: no limit), the
// shape it gives, and its work.
type function struct {
	least, most int
	shape       *shape
	call        func(f *frame, p place, name string, args []any) (any, error)
}

// functions is the allow-list. What is not here does not exist in a rule:
// repeat, replace and toJSON make text out of nothing, now and date read a
// clock or a zone, reduce, sortBy and groupBy hide work.
func functions() map[string]function {
	return map[string]function{
		"len":        {1, 1, integerShape, length},
		"abs":        {1, 1, anything, absolute},
		"ceil":       {1, 1, numberShape, rounding},
		"floor":      {1, 1, numberShape, rounding},
		"round":      {1, 1, numberShape, rounding},
		"int":        {1, 1, integerShape, toInt},
		"float":      {1, 1, numberShape, toFloat},
		"min":        {1, -1, anything, aggregate},
		"max":        {1, -1, anything, aggregate},
		"mean":       {1, -1, numberShape, aggregate},
		"median":     {1, -1, numberShape, aggregate},
		"upper":      {1, 1, stringShape, text(strings.ToUpper)},
		"lower":      {1, 1, stringShape, text(strings.ToLower)},
		"trim":       {1, 2, stringShape, trim},
		"trimPrefix": {2, 2, stringShape, trim},
		"trimSuffix": {2, 2, stringShape, trim},
		"split":      {2, 2, &shape{kind: listKind, elem: stringShape}, split},
		"join":       {1, 2, stringShape, join},
		"indexOf":    {2, 2, integerShape, indexOf},
		"hasPrefix":  {2, 2, boolShape, affix},
		"hasSuffix":  {2, 2, boolShape, affix},
		"first":      {1, 1, anything, end},
		"last":       {1, 1, anything, end},
		"get":        {2, 2, anything, get},
		"keys":       {1, 1, stringsShape, keys},
		"uniq":       {1, 1, anything, uniq},
	}
}

// clock is a function over `now`: days and hours are UTC.
type clock struct {
	signature any
	shape     *shape
	call      func(time.Time) any
}

func clockFunctions() map[string]clock {
	return map[string]clock{
		"day":     {new(func(instant) string), stringShape, func(t time.Time) any { return t.UTC().Format(time.DateOnly) }},
		"weekday": {new(func(instant) string), stringShape, func(t time.Time) any { return strings.ToLower(t.UTC().Weekday().String()) }},
		"hour":    {new(func(instant) int), integerShape, func(t time.Time) any { return int64(t.UTC().Hour()) }},
	}
}

// refused says what to write instead of the functions that people look for.
func refused() map[string]string {
	return map[string]string{
		"now":      "a rule reads no clock; a policy rule has `now`, with day(now), weekday(now) and hour(now)",
		"date":     "write dates as strings: \"2026-11-21\" sorts as it should",
		"duration": "a policy rule has history.days_since_move",
		"repeat":   "a rule compares texts, it does not make them",
		"replace":  "a rule compares texts, it does not make them",
		"reduce":   "use sum, count, min or max",
		"sort":     "use min or max",
		"sortBy":   "use min or max",
	}
}

func (c *compiler) builtin(n *ast.BuiltinNode) (term, error) {
	if isPredicate(n.Name) {
		return c.predicate(n)
	}
	fn, ok := functions()[n.Name]
	if !ok {
		return term{}, c.unknownFunction(n, n.Name)
	}
	p := c.place(n)
	if len(n.Arguments) < fn.least || fn.most >= 0 && len(n.Arguments) > fn.most {
		return term{}, p.errorf("%s does not take %d arguments", n.Name, len(n.Arguments))
	}
	t := term{shape: fn.shape, name: named(n), nodes: 1}
	args := make([]term, len(n.Arguments))
	for i, a := range n.Arguments {
		at, err := c.value(a)
		if err != nil {
			return term{}, err
		}
		args[i] = at
		t.nodes += at.nodes
	}
	if elem := args[0].shape.elem; elem != nil && (n.Name == "first" || n.Name == "last") {
		t.shape = elem
	}
	name := n.Name
	t.eval = func(f *frame) (any, error) {
		var few [2]any
		values := few[:0]
		for _, a := range args {
			v, err := a.eval(f)
			if err != nil {
				return nil, err
			}
			values = append(values, v)
		}
		return fn.call(f, p, name, values)
	}
	return t, nil
}

func (c *compiler) call(n *ast.CallNode) (term, error) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return term{}, c.place(n).errorf("values have no methods")
	}
	fn, ok := clockFunctions()[callee.Value]
	if !ok || !c.scope.policy {
		return term{}, c.unknownFunction(n, callee.Value)
	}
	p := c.place(n)
	if len(n.Arguments) == 1 {
		if a, ok := n.Arguments[0].(*ast.IdentifierNode); ok && a.Value == "now" {
			return term{shape: fn.shape, name: named(n), nodes: 1, eval: func(f *frame) (any, error) {
				if f.policy.Now.IsZero() {
					return nil, p.errorf("now is not known")
				}
				return fn.call(f.policy.Now), nil
			}}, nil
		}
	}
	return term{}, p.hinted("write "+callee.Value+"(now)", "%s takes now", callee.Value)
}

func (c *compiler) unknownFunction(n ast.Node, name string) error {
	hint, known := refused()[name]
	if known {
		return c.place(n).hinted(hint, "%s is not allowed in a rule", name)
	}
	names := predicateNames()
	for f := range functions() {
		names = append(names, f)
	}
	if c.scope.policy {
		for f := range clockFunctions() {
			names = append(names, f)
		}
	}
	slices.Sort(names) // the closest name must not depend on the order of a map
	return c.place(n).hinted(c.meant(name, names), "there is no function %s in a rule", name)
}

func length(_ *frame, p place, _ string, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return int64(utf8.RuneCountInString(v)), nil
	case []any:
		return int64(len(v)), nil
	case map[string]any:
		return int64(len(v)), nil
	}
	return nil, p.errorf("len needs a string, a list or an object, and this is %s", kindOf(args[0]))
}

func text(change func(string) string) func(*frame, place, string, []any) (any, error) {
	return func(f *frame, p place, name string, args []any) (any, error) {
		s, err := stringAt(args, 0, p, name)
		if err != nil {
			return nil, err
		}
		return change(s), f.make(p, len(s))
	}
}

func stringAt(args []any, i int, p place, name string) (string, error) {
	s, ok := args[i].(string)
	if !ok {
		return "", p.errorf("%s needs a string, and this is %s", name, kindOf(args[i]))
	}
	return s, nil
}

func twoStrings(args []any, p place, name string) (a, b string, err error) {
	if a, err = stringAt(args, 0, p, name); err != nil {
		return "", "", err
	}
	b, err = stringAt(args, 1, p, name)
	return a, b, err
}

func trim(f *frame, p place, name string, args []any) (any, error) {
	if len(args) == 1 {
		s, err := stringAt(args, 0, p, name)
		if err != nil {
			return nil, err
		}
		return strings.TrimSpace(s), f.spend(p, len(s)>>6)
	}
	s, cut, err := twoStrings(args, p, name)
	if err != nil {
		return nil, err
	}
	if err := f.spend(p, len(s)>>6); err != nil {
		return nil, err
	}
	switch name {
	case "trimPrefix":
		return strings.TrimPrefix(s, cut), nil
	case "trimSuffix":
		return strings.TrimSuffix(s, cut), nil
	}
	return strings.Trim(s, cut), nil
}

func affix(_ *frame, p place, name string, args []any) (any, error) {
	s, part, err := twoStrings(args, p, name)
	if err != nil {
		return nil, err
	}
	if name == "hasPrefix" {
		return strings.HasPrefix(s, part), nil
	}
	return strings.HasSuffix(s, part), nil
}

// indexOf counts code points, as len does; -1 when the part is not there.
func indexOf(f *frame, p place, name string, args []any) (any, error) {
	s, part, err := twoStrings(args, p, name)
	if err != nil {
		return nil, err
	}
	if err := f.spend(p, len(s)>>6); err != nil {
		return nil, err
	}
	i := strings.Index(s, part)
	if i < 0 {
		return int64(-1), nil
	}
	return int64(utf8.RuneCountInString(s[:i])), nil
}

func split(f *frame, p place, name string, args []any) (any, error) {
	s, sep, err := twoStrings(args, p, name)
	if err != nil {
		return nil, err
	}
	n := strings.Count(s, sep) + 1
	if n > MaxList {
		return nil, p.errorf("split makes %d parts; a rule walks %d at most", n, MaxList)
	}
	if err := f.make(p, 16*n+len(s)); err != nil {
		return nil, err
	}
	return list(strings.Split(s, sep)), nil
}

func get(f *frame, p place, _ string, args []any) (any, error) {
	if args[0] == nil {
		return nil, nil
	}
	x, _, err := lookup(args[0], args[1], p, "this")
	if err != nil {
		return nil, err
	}
	return f.normal(x, p, inside)
}
