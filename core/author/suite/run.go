package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// Failure is an error that a case may expect: the skill's own, the sandbox's, or
// Unreadable. A Subject's other errors fail every case.
type Failure struct {
	Code      string
	Message   string
	Detail    string
	Retryable bool
}

// Error is "code: message".
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// outcome is what a case's op gave.
type outcome struct {
	value json.RawMessage // what rules call output
	path  Path
	raw   []byte // the op's own answer
}

// Run runs one case.
func Run(ctx context.Context, s Subject, c *Case) Result {
	x := &runner{Case: c}
	host := &answers{runner: x}
	out, err := x.do(ctx, s, host)
	host.end()
	if err != nil {
		x.failed(err)
		return Result{Case: c, Problems: x.problems}
	}
	if want := c.Expect.Error; want != nil {
		x.problem(want.at, "case-error", "No error", "The error %q was expected, and there is none. What came instead:", want.code).Diff = indented(out.value)
		return Result{Case: c, Problems: x.problems}
	}
	x.compare(out)
	if c.Op == Whole || c.Op == "run" {
		x.path(out.path)
		x.renders(ctx, s, out)
	}
	x.rules(out)
	return Result{Case: c, Problems: x.problems}
}

type runner struct {
	*Case
	problems []Problem
}

func (x *runner) problem(at span, code, summary, format string, args ...any) *Problem {
	x.problems = append(x.problems, Problem{Diagnostic: diag.Errorf(x.at(at), code, summary, format, args...)})
	return &x.problems[len(x.problems)-1]
}

// at is a span of the case's file; without one it is the case's name.
func (x *runner) at(s span) diag.Range {
	if s == (span{}) {
		return x.Range
	}
	if n := bytes.IndexByte(x.document.src[s.start:s.end], '\n'); n > 0 {
		s.end = s.start + n // the difference shows the rest
	}
	return x.document.at(s)
}

func (x *runner) do(ctx context.Context, s Subject, host *answers) (outcome, error) {
	switch x.Op {
	case "run":
		p, err := s.Run(ctx, x.Input, x.Failed, host.call)
		return outcome{value: p.Output, path: p}, err
	case Whole:
		completions, err := x.completions(s.Steps())
		if err != nil {
			return outcome{}, err
		}
		p, err := s.Path(ctx, x.Input, completions)
		return outcome{value: p.Output, path: p}, err
	case "render":
		text, err := s.Render(ctx, x.Format, x.Input, x.Output)
		if err != nil {
			return outcome{}, err
		}
		raw, err := json.Marshal(text)
		return outcome{value: raw}, err
	}
	op, _ := abi.ParseOp(x.Op)
	payload, err := x.payload(s.Steps())
	if err != nil {
		return outcome{}, err
	}
	raw, err := s.Call(ctx, op, payload)
	if err != nil {
		return outcome{}, err
	}
	canon, err := canonjson.Transform(raw)
	if err != nil {
		return outcome{}, fmt.Errorf("the answer of %s has no canonical form: %w", x.Op, err)
	}
	out := outcome{value: canon, raw: canon}
	if op == abi.OpFinish {
		answer, err := abi.ReadFinish(canon)
		if err != nil {
			return outcome{}, fmt.Errorf("the answer of finish cannot be read: %w", err)
		}
		out.value = answer.Output
	}
	return out, nil
}

// payload is what the op receives from the host.
func (x *runner) payload(steps []string) ([]byte, error) {
	switch x.Op {
	case "prepare":
		step := x.Step
		if step == "" {
			step = steps[0]
		}
		return json.Marshal(abi.PrepareInput{Input: x.Input, Step: step, Done: x.Done})
	case "finish":
		all, err := x.completions(steps)
		if err != nil {
			return nil, err
		}
		return json.Marshal(abi.FinishInput{Input: x.Input, Completion: all[steps[len(steps)-1]], Completions: all, State: x.State})
	}
	return json.Marshal(abi.CheckInput{Gate: x.Gate, Input: x.Input, Output: x.Output})
}

// failed compares an error with the one that was expected.
func (x *runner) failed(err error) {
	var f *Failure
	want := x.Expect.Error
	if !errors.As(err, &f) {
		x.problem(span{}, "case-run", "Case cannot be run", "%v.", strings.TrimSuffix(err.Error(), "."))
		return
	}
	if want == nil {
		x.problem(span{}, "case-error", "Unexpected error", "%s", strings.TrimSpace(f.Error()+"\n"+f.Detail))
		return
	}
	switch {
	case f.Code != want.code:
		x.problem(want.at, "case-error", "Another error", "The code %q was expected; it is %q: %s", want.code, f.Code, f.Message)
	case !strings.Contains(f.Message, want.message):
		x.problem(want.at, "case-error", "Another error", "The message was expected to have %q in it; it is: %s", want.message, f.Message)
	case want.retryable != nil && *want.retryable != f.Retryable:
		x.problem(want.at, "case-error", "Another error", "retryable was expected to be %v; the error says %v.", *want.retryable, f.Retryable)
	}
}

// compare looks at what single ops answer.
func (x *runner) compare(out outcome) {
	e := x.Expect
	if e.Output != nil {
		x.same("output", *e.Output, out.value)
	}
	if e.Messages != nil {
		var got struct {
			Messages json.RawMessage `json:"messages"`
		}
		if json.Unmarshal(out.raw, &got) == nil {
			x.same("messages", *e.Messages, got.Messages)
		}
	}
	if e.Text != nil {
		x.sameText("text", *e.Text, textOf(out.value))
	}
	for _, part := range e.Contains {
		if all := allText(out.value); !strings.Contains(all, part.text) {
			x.problem(part.at, "case-contains", "Text is missing", "%q does not occur in what came of it:", part.text).Diff = all
		}
	}
	if x.Op == "check" {
		x.verdict(out.raw)
	}
}

func (x *runner) verdict(raw []byte) {
	e := x.Expect
	got, err := abi.ReadCheck(raw)
	if err != nil {
		x.problem(span{}, "case-run", "Case cannot be run", "The answer of check cannot be read: %v.", err)
		return
	}
	if e.Passed != nil && e.Passed.value != got.Passed {
		x.problem(e.Passed.at, "case-check", "Another verdict", "passed was expected to be %v; the gate says %v. %s", e.Passed.value, got.Passed, got.Reason)
	}
	if e.Reason != nil {
		x.sameText("reason", *e.Reason, got.Reason)
	}
	if e.FailedIDs != nil {
		x.sameNames("failed_ids", *e.FailedIDs, got.FailedIDs)
	}
}

// path looks at gates and fixes. Gates that a case does not name must pass: a
// case about one thing must not hide that another broke.
func (x *runner) path(p Path) {
	want := names{names: []string{}}
	if x.Expect.Gates != nil {
		want = *x.Expect.Gates
	}
	failed := slices.Sorted(slices.Values(p.Result.Failed))
	if !slices.Equal(want.names, failed) {
		var why []string
		for _, c := range p.Result.Checks {
			if !c.Passed {
				why = append(why, strings.TrimSpace(c.Gate+" "+c.ID)+": "+c.Reason)
			}
		}
		x.problem(want.at, "case-gates", "Other gates fail", "Gates that were expected to fail: %s; that do: %s.", list(want.names), list(failed)).Diff = strings.Join(why, "\n")
	}
	if x.Expect.Fixes != nil {
		x.sameNames("fixes", *x.Expect.Fixes, fixNames(p.Fixes))
	}
}

func fixNames(fixes []gate.Fix) []string {
	var out []string
	for _, f := range fixes {
		if !slices.Contains(out, f.Gate) {
			out = append(out, f.Gate)
		}
	}
	slices.Sort(out)
	return out
}

func (x *runner) renders(ctx context.Context, s Subject, out outcome) {
	for _, format := range slices.Sorted(maps.Keys(x.Expect.Render)) {
		want := x.Expect.Render[format]
		got, err := s.Render(ctx, format, x.Input, out.value)
		if err != nil {
			x.problem(want.at, "case-render", "Format cannot be rendered", "%v.", err)
			continue
		}
		x.sameText("format "+format, want, got)
	}
}

// rules evaluates what must be true.
func (x *runner) rules(out outcome) {
	if len(x.Expect.Rules) == 0 {
		return
	}
	var env rule.Env
	for _, part := range []struct {
		raw  json.RawMessage
		into *any
	}{{x.Input, &env.Input}, {out.value, &env.Output}, {x.Reference, &env.Reference}} {
		if len(part.raw) == 0 {
			continue
		}
		v, _, err := gate.Decode(part.raw, true)
		if err != nil {
			x.problem(span{}, "case-run", "Case cannot be run", "%v.", err)
			return
		}
		*part.into = v
	}
	for _, c := range x.Expect.Rules {
		ok, err := c.program.Bool(env)
		if err == nil && ok {
			continue
		}
		if err == nil {
			x.problem(c.at, "case-rule", "Rule is not true", "%s is not true of the output:", c.program.Source()).Diff = indented(out.value)
			continue
		}
		at, text := c.at, err.Error()
		var re *rule.Error
		if errors.As(err, &re) {
			at, text = within(x.document, c.at, c.program.Source(), re.Offset), re.Message
		}
		x.problem(at, "case-rule", "Rule cannot be evaluated", "%s. The output is:", text).Diff = indented(out.value)
	}
}

func (x *runner) same(what string, want value, got json.RawMessage) {
	if string(want.raw) == string(got) {
		return
	}
	p := x.problem(want.at, "case-"+what, "Another result", "%s is another one:", what)
	p.Diff = Diff(indented(want.raw), indented(got))
	p.edit = &edit{at: want.at, value: got}
}

// sameText compares texts but for line ends at their end: a list of lines has
// none, most renderers write one.
func (x *runner) sameText(what string, want text, got string) {
	a, b := strings.TrimRight(want.text, "\n"), strings.TrimRight(got, "\n")
	if a == b {
		return
	}
	p := x.problem(want.at, "case-text", "Another text", "%s is another one:", what)
	p.Diff = Diff(a, b)
	p.edit = &edit{at: want.at, text: &b}
}

func (x *runner) sameNames(what string, want names, got []string) {
	got = slices.Sorted(slices.Values(got))
	if !slices.Equal(want.names, got) {
		x.problem(want.at, "case-"+strings.ReplaceAll(what, "_", "-"), "Other names", "%s was expected to be %s; it is %s.", what, list(want.names), list(got))
	}
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func textOf(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

// allText is what `contains` looks at: a text, or the contents of all messages.
func allText(raw json.RawMessage) string {
	var prompt abi.PrepareOutput
	if json.Unmarshal(raw, &prompt) == nil && len(prompt.Messages) > 0 {
		var parts []string
		for _, m := range prompt.Messages {
			parts = append(parts, m.Content)
		}
		return strings.Join(parts, "\n")
	}
	return textOf(raw)
}

// indented is JSON as people read it, or the bytes where it is none.
func indented(raw json.RawMessage) string {
	text, err := layout(raw, "")
	if err != nil {
		return string(raw)
	}
	return text
}
