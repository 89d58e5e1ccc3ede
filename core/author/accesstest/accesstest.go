// Package accesstest puts the rules of an access block to cases in files: who calls
// what, with which arguments, and what must be decided. It asks core/access, the gate
// of real calls, and computes no decision of its own.
//
// The package must not open a store, read a file or a clock.
//
//	cases, diags := config.ParseAccessTests("access_tests/github.hcl", src, project)
//	for _, c := range cases {
//		r := accesstest.Run(c, policy, project.Accessing())
//		for _, p := range r.Problems {
//			fmt.Println(p.Diagnostic.Range, p.Diagnostic.Detail, p.Notes)
//		}
//	}
package accesstest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Problem is one thing that is not as it was expected.
type Problem struct {
	Diagnostic diag.Diagnostic
	Notes      []string // what came instead, line by line
}

// Result is what became of a case.
type Result struct {
	Case     *config.AccessCase
	Decision access.Decision // about the call
	Seen     access.Decision // about the name, in lists and searches
	Problems []Problem
}

// Passed tells whether everything was as it was expected.
func (r Result) Passed() bool { return len(r.Problems) == 0 }

// Run puts one case to the rules. block is what the policy was compiled from.
func Run(c *config.AccessCase, p *access.Policy, block *config.Access) Result {
	r := Result{Case: c}
	if !r.known(block) {
		return r // a word that nothing is called would only fail with other words
	}
	request := Request(c)
	r.Decision = p.Decide(request)
	look := request
	look.Action = access.Find
	r.Seen = p.Decide(look)
	notes := lines(r.Decision)
	differs := func(what, format string, args ...any) {
		r.problem(what, "test-"+what, "Another decision", format, args...).Notes = notes
	}
	d := r.Decision
	switch {
	case c.Expect != "" && string(d.Effect) != c.Expect:
		differs("expect", "Expected %s, and the decision is %s.", c.Expect, d.Effect)
	case c.Rule != "" && d.Rule != c.Rule:
		differs("rule", "Expected rule %q to decide, and %s did.", c.Rule, by(d))
	case c.Reason != "" && !strings.Contains(d.Reason, c.Reason):
		differs("reason", "Expected a reason with %q.", c.Reason)
	}
	if c.Visible != nil && r.Seen.Visible() != *c.Visible {
		word := map[bool]string{true: "visible", false: "hidden"}
		r.problem("visible", "test-visible", "Another decision", "Expected the name to be %s, and it is %s.", word[*c.Visible], word[!*c.Visible]).Notes = lines(r.Seen)
	}
	return r
}

// Request is the call of a case, as the gate is asked about it.
func Request(c *config.AccessCase) access.Request {
	r := access.Request{
		Action: access.Call, Principal: access.Principal{Name: c.Principal, Roles: c.Roles, Kind: c.Kind}, Skill: c.Skill, Connector: c.Connector, Tool: c.Tool,
		Arguments: c.Args, Definition: "sha256:" + strings.Repeat("0", 64), Pinned: c.Pinned, At: c.At, Session: "case",
		Annotations: access.Annotations{
			Title: c.Annotations.Title, ReadOnly: c.Annotations.ReadOnly, Destructive: c.Annotations.Destructive,
			Idempotent: c.Annotations.Idempotent, OpenWorld: c.Annotations.OpenWorld,
		},
		Counters: access.Counters{Calls: c.Session.Calls, Denied: c.Session.Denied, Asked: c.Session.Asked, Tools: c.Session.Tools, Started: c.At.Add(-c.Session.Age)},
	}
	if c.Tool == "" {
		r.Action = access.Run
	}
	for _, name := range c.Spent {
		r.Counters.Spent = append(r.Counters.Spent, access.Spent{Limit: name})
	}
	return r
}

func (r *Result) problem(what, code, summary, format string, args ...any) *Problem {
	at, ok := r.Case.Ranges[what]
	if !ok {
		at = r.Case.Range
	}
	r.Problems = append(r.Problems, Problem{Diagnostic: diag.Errorf(at, code, summary, format, args...)})
	return &r.Problems[len(r.Problems)-1]
}

// known looks for rules and limits that a case names and that do not exist.
func (r *Result) known(block *config.Access) bool {
	var rules, limits []string
	for _, x := range block.Rules {
		rules = append(rules, x.Name)
	}
	for _, x := range block.Limits {
		limits = append(limits, x.Name)
	}
	missing := func(what, kind, name string, among []string) {
		p := r.problem(what, "test-"+what, "Unknown "+kind, "The access block has no %s %q.%s", kind, name, diag.DidYouMean(name, among))
		if near := diag.Closest(name, among); near != "" {
			p.Diagnostic.Suggest = fmt.Sprintf("%q", near)
		}
	}
	if c := r.Case; c.Rule != "" && !slices.Contains(slices.Concat(rules, limits), c.Rule) {
		missing("rule", "rule", c.Rule, slices.Concat(rules, limits))
	}
	for _, name := range r.Case.Spent {
		if !slices.Contains(limits, name) {
			missing("spent", "limit", name, limits)
		}
	}
	return r.Passed()
}

func by(d access.Decision) string {
	if d.Rule == "" {
		return "a default"
	}
	return fmt.Sprintf("%q", d.Rule)
}

// lines tell a decision whole.
func lines(d access.Decision) []string {
	at := ""
	if d.Rule != "" && d.Range.Start.Line > 0 {
		at = fmt.Sprintf(" (%s)", d.Range)
	}
	out := []string{fmt.Sprintf("%s by %s%s: %s", d.Effect, by(d), at, cmp.Or(d.Reason, "no reason"))}
	if d.Detail != "" {
		out = append(out, d.Detail)
	}
	if d.Rule == "" && d.Line != "" {
		out = append(out, strings.Split("to change it, "+d.Line, "\n")...)
	}
	return out
}
