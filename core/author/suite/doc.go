// Package suite tests a skill by cases in files: what a model may have written,
// and what the skill must make of it. A case goes the whole way (completion,
// output, fixes, gates, formats) or calls one op of the skill's code. What a
// case expects is given as values, as rules in the language of gates, or as the
// code of an error.
//
// It must not call a model nor know where skills come from: what is tested is a
// Subject. It reads files and writes none; Update gives new bytes.
//
//	cases, diags := suite.Read("skills/digest/tests/cases.json", src, suite.Options{Output: schema})
//	for _, c := range cases {
//		r := suite.Run(ctx, subject, c)
//		for _, p := range r.Problems {
//			fmt.Println(p.Diagnostic.Range, p.Diagnostic.Detail, p.Diff)
//		}
//	}
package suite

import (
	"context"
	"encoding/json"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Subject is a skill that can be tested.
type Subject interface {
	// Steps are the names of the skill's model calls, in order.
	Steps() []string
	// Path takes completions the whole way, as `plimsoll try` does. Gates that
	// failed are no error.
	Path(ctx context.Context, input json.RawMessage, completions map[string]string) (Path, error)
	// Render makes text of an output, by template or by code.
	Render(ctx context.Context, format string, input, output json.RawMessage) (string, error)
	// Run lets code that drives its own flow answer an input, and goes on as Path
	// does. failed, which may be nil, is what was wrong with the attempt before. An
	// error of host that is an *abi.Failure is what the code sees.
	Run(ctx context.Context, input, failed json.RawMessage, host HostFunc) (Path, error)
	// Call calls one op of the skill's code.
	Call(ctx context.Context, op abi.Op, payload []byte) ([]byte, error)
}

// HostFunc answers what code asks its host in op run.
type HostFunc func(op abi.HostOp, payload []byte) (answer []byte, err error)

// Path is what became of completions.
type Path struct {
	Output json.RawMessage // after fixes
	Fixes  []gate.Fix
	Result gate.Result
}

// Whole is the op of a case that names none: the whole way.
const Whole = "path"

// Unreadable is the code of a completion that is no output of a skill without
// code of its own.
const Unreadable = "unreadable"

// Case is one test.
type Case struct {
	Name        string
	Op          string // Whole, or prepare, finish, check, render, run
	File        string
	document    document
	Range       diag.Range
	Input       json.RawMessage
	Reference   json.RawMessage // for rules
	Completions map[string]string
	completion  *string // of the last step, where it is given without its name
	Step        string
	Done        map[string]string
	State       json.RawMessage
	Gate        string
	Format      string
	Output      json.RawMessage // check, render: the output that is looked at
	Host        []reply         // run: what the host answers, in order
	Failed      json.RawMessage // run: what was wrong with the attempt before
	Expect      Expect
}

// reply is one host call that a case foresees.
type reply struct {
	op       abi.HostOp
	asks     *value // the payload, exactly
	contains []text // texts that must occur in the payload
	answer   json.RawMessage
	failure  *abi.Failure
	at       span
}

// Expect is what must come of a case. Members that are nil are not looked at.
type Expect struct {
	Output    *value          // path, run, finish
	Messages  *value          // prepare
	Contains  []text          // prepare, render
	Text      *text           // render
	Render    map[string]text // path: by format
	Gates     *names          // path: the gates that fail, exactly; nil is none
	Fixes     *names          // path: the gates whose fixes were applied
	Passed    *flag           // check
	Reason    *text           // check
	FailedIDs *names          // check
	Rules     []claim
	Error     *failure
}

// value is JSON with its place.
type value struct {
	raw json.RawMessage
	at  span
}

// text is a string, or a list of lines, with its place.
type text struct {
	text string
	at   span
}

type names struct {
	names []string
	at    span
}

type flag struct {
	value bool
	at    span
}

// claim is a rule that must be true.
type claim struct {
	program *rule.Program
	at      span
}

// failure is an error that must come.
type failure struct {
	code      string
	message   string // a part of it
	retryable *bool
	at        span
}

// Problem is one thing that is not as it was expected.
type Problem struct {
	Diagnostic diag.Diagnostic
	Diff       string // "- expected", "+ got" lines; may be empty
	edit       *edit
}

// Result is what became of a case.
type Result struct {
	Case     *Case
	Problems []Problem
}

// Passed tells whether everything was as it was expected.
func (r Result) Passed() bool { return len(r.Problems) == 0 }

// Updatable tells whether Update would mend all that is wrong: what differs are
// whole outputs, messages or texts, and no claim is false.
func (r Result) Updatable() bool {
	for _, p := range r.Problems {
		if p.edit == nil {
			return false
		}
	}
	return len(r.Problems) > 0
}
