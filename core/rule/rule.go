// Package rule compiles and evaluates the one-line rules that people write in
// config: when a policy may move a skill down, what a gate demands of an output,
// who may call what, and what makes a layout of a model on GPUs admissible.
//
// The language is expr (github.com/expr-lang/expr): its parser and its type
// checker, which this package owns. Evaluation is this package's own, because
// expr's virtual machine answers where a rule must not: a missing member is
// nil there, so that `output.status != "bad"` passes; a comparison with NaN is
// false; mean([]) is 0; an integer beyond 2^53 is rounded; and how long a rule
// runs depends on its data. Wrapping every member, operator and function in a
// checked one was the alternative: it leaves the virtual machine nothing to do
// but call them, and that machine alone takes at least three times as long as all of
// this (BENCHMARKS.md). Here each of those is an error at its place, work is
// counted, and nothing panics.
//
// The package must not do I/O, read a clock, or keep state between
// evaluations: a Program may be used by many goroutines, and equal input gives
// an equal answer.
//
//	p, err := rule.CompilePolicy("evidence.proved && len(dims.reasoning_gaps) == 0")
//	if err != nil {
//		return err // a *rule.Error with line, column and hint
//	}
//	ok, err := p.Bool(&rule.Policy{Evidence: rule.Evidence{Proved: true}})
//
// What an empty list means is explicit: all([], ...) and none([], ...) are
// true and any([], ...) is false, as in logic, so a rule that needs elements
// says so with len(...) > 0; mean, median, min and max of nothing are errors.
package rule

import (
	"fmt"
	"slices"
)

// Limits of a rule and of one evaluation. A rule that passes one is an error,
// never cut short.
const (
	MaxSource = 4096      // bytes of source
	MaxNodes  = 500       // nodes of the parsed rule
	MaxList   = 10_000    // elements of a list that a rule walks
	MaxSteps  = 5_000_000 // nodes evaluated, elements compared, 64-byte stretches of text read
	MaxBytes  = 4 << 20   // bytes of text and lists made on the way
)

// Error says what is wrong with a rule, and where in its source.
type Error struct {
	Line    int    // from 1
	Column  int    // from 1, in Unicode code points
	Offset  int    // from 0, in bytes of the source
	Message string // what is wrong
	Hint    string // what to do; may be empty
}

// Error is "LINE:COLUMN: message (hint)".
func (e *Error) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message)
	}
	return fmt.Sprintf("%d:%d: %s (%s)", e.Line, e.Column, e.Message, e.Hint)
}

// Env is what a gate rule sees. Values are decoded JSON: nil, bool, string,
// json.Number (or int, int64, float64), []any and map[string]any.
type Env struct {
	Input     any
	Output    any
	It        any // the element, inside an `each` and in unique_by
	Reference any // the item's reference, where GateOptions.Reference was set
}

// GateOptions say what a gate rule may see and must give.
type GateOptions struct {
	Input     []byte // JSON schema of the input, or nil: any member may be named
	Output    []byte // JSON schema of the output, or nil
	List      string // the list whose element `it` is ("output.tweets"), so that Output types it
	It        bool   // `it` may be used
	Reference bool   // `reference` may be used; it has the shape of Output
	Bool      bool   // the result must be true or false
}

// Program is a compiled rule. It is safe for use by many goroutines.
type Program struct {
	src     string
	policy  bool
	access  bool
	figures bool
	run     eval
	may     func(*frame) Outcomes
	reads   map[string]bool
	slots   int
	path    []string
	root    place
}

// Source is the rule as it was written.
func (p *Program) Source() string { return p.src }

// CompilePolicy compiles a rule over Policy; its result must be a bool. A
// policy rule is positive: it names when something may happen, and an error at
// evaluation is never true. The error is a *Error.
func CompilePolicy(src string) (*Program, error) {
	return compile(src, policyScope(), true)
}

// CompileGate compiles a rule over the input and output of a skill. The error
// is a *Error, also when a schema cannot be read.
func CompileGate(src string, o GateOptions) (*Program, error) {
	scope, err := gateScope(o)
	if err != nil {
		return nil, err
	}
	return compile(src, scope, o.Bool)
}

// Path is the place that the rule names when it is nothing but a place:
// "output.a.b" is ["output","a","b"]. ok is false for anything computed.
func (p *Program) Path() (path []string, ok bool) {
	return slices.Clone(p.path), p.path != nil
}

// Bool evaluates a rule whose result must be true or false. env is a *Policy
// for a policy rule, an *Access for an access rule, a *Figures for a requirement
// and an Env or *Env for a gate rule. An error is a *Error at the place that could not be evaluated, and means neither true nor false.
func (p *Program) Bool(env any) (bool, error) {
	v, err := p.Value(env)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, p.root.errorf("the rule gives %s, not true or false", kindOf(v))
	}
	return b, nil
}

// Value evaluates a rule to any JSON value. A number comes back as int64 or
// float64; lists and objects come back as they lie in env, not copied.
func (p *Program) Value(env any) (any, error) {
	f := frame{steps: MaxSteps, bytes: MaxBytes}
	switch e := env.(type) {
	case *Policy:
		f.policy = e
	case *Env:
		f.env = e
	case Env:
		f.env = &e
	case *Access:
		f.access = e
	case *Figures:
		f.figures = e
	}
	if !p.sees(&f) {
		return nil, p.root.errorf("the rule cannot look at a %T", env)
	}
	if p.slots > 0 {
		f.vars = make([]any, p.slots)
	}
	return p.run(&f)
}

// sees tells whether the rule was given what it is about.
func (p *Program) sees(f *frame) bool {
	switch {
	case p.policy:
		return f.policy != nil
	case p.access:
		return f.access != nil
	case p.figures:
		return f.figures != nil
	}
	return f.env != nil
}

// frame is the state of one evaluation.
type frame struct {
	policy  *Policy
	env     *Env
	access  *Access
	figures *Figures
	item    any // the element that a predicate looks at
	index   int
	vars    []any // by `let`
	steps   int   // left
	bytes   int   // left
}

// eval computes one node.
type eval func(*frame) (any, error)

// spend counts work against the budget.
func (f *frame) spend(p place, steps int) error {
	f.steps -= steps
	if f.steps < 0 {
		return p.errorf("the rule is too much work: more than %d steps", MaxSteps)
	}
	return nil
}

// make counts memory against the budget.
func (f *frame) make(p place, bytes int) error {
	f.bytes -= bytes
	if f.bytes < 0 {
		return p.errorf("the rule makes too much text: more than %d bytes", MaxBytes)
	}
	return nil
}

// place is where in the source a node stands.
type place struct{ line, column, offset int }

func (p place) errorf(format string, args ...any) *Error {
	return &Error{Line: p.line, Column: p.column, Offset: p.offset, Message: fmt.Sprintf(format, args...)}
}

func (p place) hinted(hint, format string, args ...any) *Error {
	e := p.errorf(format, args...)
	e.Hint = hint
	return e
}
