// Package rule compiles and evaluates the one-line rules that people write in
// config: when a policy may move a skill down, and what a gate demands of an
// output.
//
// The language is expr (github.com/expr-lang/expr): its parser and its type
// checker, which this package owns. Evaluation is this package's own, because
// expr's virtual machine answers where a rule must not: a missing member is
// nil there and `output.status != "bad"` passes, a comparison with NaN is
// false, mean([]) is 0, an integer beyond 2^53 is rounded, and how long a rule
// runs depends on its data. Here each of those is an error at its place, work
// is counted, and nothing panics.
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
package rule

import (
	"errors"
	"fmt"
)

// Error says what is wrong with a rule, and where in its source.
type Error struct {
	Line    int    // from 1
	Column  int    // from 1, in Unicode code points
	Offset  int    // from 0, in bytes of the source
	Message string // what is wrong
	Hint    string // what to write instead; may be empty
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
	Element   []byte // JSON schema of `it`, or nil
	List      string // where `it` comes from ("output.tweets"), so that Output types it too
	It        bool   // `it` may be used
	Reference bool   // `reference` may be used
	Bool      bool   // the result must be true or false
}

// Program is a compiled rule. It is safe for use by many goroutines.
type Program struct {
	src string
}

// Source is the rule as it was written.
func (p *Program) Source() string { return p.src }

// CompilePolicy compiles a rule over Policy; its result must be a bool. A
// policy rule is positive: it names when something may happen, and an error at
// evaluation is never true.
func CompilePolicy(src string) (*Program, error) { return compile(src) }

// CompileGate compiles a rule over the input and output of a skill.
func CompileGate(src string, o GateOptions) (*Program, error) { return compile(src) }

func compile(src string) (*Program, error) {
	if src == "" {
		return nil, &Error{Line: 1, Column: 1, Message: "the rule is empty"}
	}
	return &Program{src: src}, nil
}

// Path is the place that the rule names when it is nothing but a place:
// "output.a.b" is ["output","a","b"]. ok is false for anything computed.
func (p *Program) Path() (path []string, ok bool) { return nil, false }

// Bool evaluates a rule whose result must be true or false. env is a *Policy
// for a policy rule and an Env or *Env for a gate rule. An error is a *Error
// at the place that could not be evaluated, and means neither true nor false.
func (p *Program) Bool(env any) (bool, error) {
	return false, errors.New("evaluate rule: the evaluator has not landed")
}

// Value evaluates a rule to any JSON value; numbers come back as int64 or
// float64.
func (p *Program) Value(env any) (any, error) {
	return nil, errors.New("evaluate rule: the evaluator has not landed")
}
