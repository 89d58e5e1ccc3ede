package rule

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// term is a compiled node.
type term struct {
	eval  eval
	shape *shape
	name  func(*frame) string   // how messages call the value
	path  []string              // of a pure place: root and members
	group map[string]member     // of a policy group, which is no value itself
	nodes int                   // what evaluating it costs at most, outside of lists
	may   func(*frame) Outcomes // where parts may decide before all is known; nil: by eval
}

// compiler turns one rule into a term. The walk refuses what is not in the
// language and resolves names; the types are then checked by expr.
type compiler struct {
	src   string
	scope scope
	tree  *parser.Tree
	runes []int // byte offset of each code point
	vars  []variable
	slots int
	list  *term // the list of the predicate that is being compiled
	reads map[string]bool
}

type variable struct {
	name  string
	slot  int
	shape *shape
}

func compile(src string, s scope, wantBool bool) (*Program, error) {
	c := compiler{src: src, scope: s, reads: map[string]bool{}}
	t, err := c.parse()
	if err != nil {
		return nil, err
	}
	if t.group != nil {
		return nil, c.place(c.tree.Node).hinted("name a member of it", "%s is a group, not a value", src)
	}
	if err := c.check(wantBool); err != nil {
		return nil, err
	}
	return &Program{src: src, policy: s.policy, access: s.access, figures: s.figures, run: t.eval, may: t.outcomes, reads: c.reads, slots: c.slots, path: t.path, root: c.place(c.tree.Node)}, nil
}

func (c *compiler) parse() (t term, err error) {
	// expr is a parser of other people's making: should it panic on some
	// input, that is an error of the rule, not the end of the process.
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Line: 1, Column: 1, Message: fmt.Sprintf("the rule cannot be read: %v", r)}
		}
	}()
	c.index()
	switch {
	case strings.TrimSpace(c.src) == "":
		return term{}, &Error{Line: 1, Column: 1, Message: "the rule is empty"}
	case len(c.src) > MaxSource:
		return term{}, &Error{Line: 1, Column: 1, Message: fmt.Sprintf("the rule has %d bytes; the limit is %d", len(c.src), MaxSource)}
	}
	config := c.config()
	c.tree, err = parser.ParseWithConfig(c.src, config)
	if err != nil {
		return term{}, c.translate(err)
	}
	return c.compile(c.tree.Node)
}

func (c *compiler) config() *conf.Config {
	config := conf.CreateNew()
	config.MaxNodes = MaxNodes
	expr.Env(c.scope.env())(config)
	for name, f := range clockFunctions() {
		expr.Function(name, nil, f.signature)(config)
	}
	return config
}

// check runs expr's type checker over the tree.
func (c *compiler) check(wantBool bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Error{Line: 1, Column: 1, Message: fmt.Sprintf("the rule cannot be checked: %v", r)}
		}
	}()
	t, err := checker.Check(c.tree, c.config())
	if err != nil {
		return c.translate(err)
	}
	if wantBool && t.Kind() != reflect.Bool && t.Kind() != reflect.Interface {
		return c.place(c.tree.Node).errorf("the rule gives %s, not true or false", plain(t.String()))
	}
	return nil
}

// index notes where each code point starts, because expr counts code points.
func (c *compiler) index() {
	c.runes = make([]int, 0, len(c.src)+1)
	for i := range c.src {
		c.runes = append(c.runes, i)
	}
	c.runes = append(c.runes, len(c.src))
}

func (c *compiler) place(n ast.Node) place { return c.at(n.Location()) }

func (c *compiler) at(loc file.Location) place {
	from := min(max(loc.From, 0), len(c.runes)-1)
	offset := c.runes[from]
	before := c.src[:offset]
	line := 1 + strings.Count(before, "\n")
	start := strings.LastIndexByte(before, '\n') + 1
	return place{line: line, column: 1 + len([]rune(before[start:])), offset: offset}
}

// translate gives expr's errors our positions, and our words for types.
func (c *compiler) translate(err error) error {
	var fe *file.Error
	if !errors.As(err, &fe) {
		return &Error{Line: 1, Column: 1, Message: err.Error()}
	}
	e := c.at(fe.Location).errorf("%s", plain(fe.Message))
	if strings.Contains(fe.Message, "unexpected token EOF") || strings.Contains(fe.Message, "unexpected end") {
		e.Message = "the rule ends too early"
	}
	if strings.Contains(fe.Message, "exceeds maximum allowed nodes") {
		e.Message = fmt.Sprintf("the rule has more than %d parts", MaxNodes)
		e.Hint = "split it into several gates or rules"
	}
	return e
}

// plain replaces Go's names of types by the words of JSON.
func plain(message string) string {
	return strings.NewReplacer(
		"map[string]interface {}", "object", "[]interface {}", "list", "interface {}", "any value",
		"float64", "number", "rule.instant", "time", "unknown", "any value",
	).Replace(message)
}

func (c *compiler) compile(n ast.Node) (term, error) {
	switch n := n.(type) {
	case *ast.NilNode:
		return constant(nil, anything), nil
	case *ast.BoolNode:
		return constant(n.Value, boolShape), nil
	case *ast.IntegerNode:
		return constant(int64(n.Value), integerShape), nil
	case *ast.FloatNode:
		return constant(n.Value, numberShape), nil
	case *ast.StringNode:
		return constant(n.Value, stringShape), nil
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.ChainNode:
		return c.compile(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.VariableDeclaratorNode:
		return c.variable(n)
	case *ast.BuiltinNode:
		return c.builtin(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.MapNode:
		return term{}, c.place(n).errorf("a rule compares values; it does not build objects")
	case *ast.SequenceNode:
		return term{}, c.place(n).hinted("join them with &&", "a rule is one expression")
	}
	return term{}, c.place(n).errorf("%s is not part of the rule language", n.String())
}

// value compiles a node that must be a value, which a policy group is not.
func (c *compiler) value(n ast.Node) (term, error) {
	t, err := c.compile(n)
	if err == nil && t.group != nil {
		err = c.place(n).hinted("name a member of it", "%s is a group, not a value", n.String())
	}
	return t, err
}

func constant(v any, s *shape) term {
	return term{eval: func(*frame) (any, error) { return v, nil }, shape: s, name: func(*frame) string { return kindOf(v) }, nodes: 1}
}

// named is the name of a computed value: its own source, shortened.
func named(n ast.Node) func(*frame) string {
	text := n.String()
	if r := []rune(text); len(r) > 60 {
		text = string(r[:57]) + "..."
	}
	return func(*frame) string { return text }
}

func (c *compiler) array(n *ast.ArrayNode) (term, error) {
	t := term{shape: &shape{kind: listKind}, name: named(n), nodes: 1}
	elems := make([]eval, len(n.Nodes))
	fixed := make([]any, 0, len(n.Nodes))
	for i, e := range n.Nodes {
		et, err := c.value(e)
		if err != nil {
			return term{}, err
		}
		elems[i] = et.eval
		t.nodes += et.nodes
		switch e.(type) {
		case *ast.NilNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.StringNode:
			v, _ := et.eval(nil)
			fixed = append(fixed, v)
		}
	}
	if len(fixed) == len(elems) {
		t.eval = func(*frame) (any, error) { return fixed, nil }
		return t, nil
	}
	p := c.place(n)
	t.eval = func(f *frame) (any, error) {
		if err := f.make(p, 16*len(elems)); err != nil {
			return nil, err
		}
		out := make([]any, len(elems))
		for i, e := range elems {
			v, err := e(f)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	}
	return t, nil
}

func (c *compiler) conditional(n *ast.ConditionalNode) (term, error) {
	cond, err := c.value(n.Cond)
	if err != nil {
		return term{}, err
	}
	yes, err := c.value(n.Exp1)
	if err != nil {
		return term{}, err
	}
	no, err := c.value(n.Exp2)
	if err != nil {
		return term{}, err
	}
	p := c.place(n.Cond)
	t := term{shape: anything, name: named(n), nodes: 1 + cond.nodes + yes.nodes + no.nodes}
	if yes.shape == no.shape {
		t.shape = yes.shape
	}
	t.eval = func(f *frame) (any, error) {
		b, err := truth(cond, f, p)
		if err != nil {
			return nil, err
		}
		if b {
			return yes.eval(f)
		}
		return no.eval(f)
	}
	t.may = func(f *frame) Outcomes {
		o := cond.outcomes(f)
		out := o & Fails
		if o&True != 0 {
			out |= yes.outcomes(f)
		}
		if o&False != 0 {
			out |= no.outcomes(f)
		}
		return out
	}
	return t, nil
}

func (c *compiler) variable(n *ast.VariableDeclaratorNode) (term, error) {
	v, err := c.value(n.Value)
	if err != nil {
		return term{}, err
	}
	if _, taken := c.scope.roots[n.Name]; taken {
		return term{}, c.place(n).errorf("%s is already the name of something else", n.Name)
	}
	slot := c.slots
	c.slots++
	c.vars = append(c.vars, variable{n.Name, slot, v.shape})
	body, err := c.value(n.Expr)
	c.vars = c.vars[:len(c.vars)-1]
	if err != nil {
		return term{}, err
	}
	t := term{shape: body.shape, name: body.name, nodes: 1 + v.nodes + body.nodes}
	t.eval = func(f *frame) (any, error) {
		x, err := v.eval(f)
		if err != nil {
			return nil, err
		}
		f.vars[slot] = x
		return body.eval(f)
	}
	t.may = func(f *frame) Outcomes {
		x, err := v.eval(f)
		var fails Outcomes
		if errors.Is(err, errOpen) {
			// Whoever reads the name finds out; the value is worked out either way, and that may fail.
			x, err, fails = errOpen, nil, Fails
		}
		if err != nil {
			return Fails
		}
		f.vars[slot] = x
		return fails | body.outcomes(f)
	}
	return t, nil
}

// truth evaluates a term that must be true or false.
func truth(t term, f *frame, p place) (bool, error) {
	v, err := t.eval(f)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, p.errorf("%s is %s, not true or false", t.name(f), kindOf(v))
	}
	return b, nil
}
