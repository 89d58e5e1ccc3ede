// Package policytest tests tier policies by cases in files: what was measured,
// what happened to a step, and what a night must decide. A test may last: time
// passes between its moments, cooldowns end, epochs count, a person pins.
//
// What a policy decides is never computed here: a House, made by core/engine,
// runs the code of a real night over what a test gives, and core/verdict draws
// the verdict. The package must not open a store, read a file or a clock.
//
//	tests, diags := config.ParsePolicyTests("policy_tests/standard.hcl", src, project)
//	for _, t := range tests {
//		r := policytest.Run(t, house, policytest.Options{File: beside})
//		for _, p := range r.Problems {
//			fmt.Println(p.Diagnostic.Range, p.Diagnostic.Detail)
//		}
//	}
package policytest

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
	"github.com/plimsoll-dev/plimsoll/core/rule"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// House is what tests need of the engine.
type House interface {
	// Rehearse starts the life of one step, in memory, as a test describes it.
	Rehearse(t *config.PolicyTest) (Life, error)
	// Recorded is what the evidence file of a skill holds.
	Recorded(skill string) (*evidence.Log, error)
}

// Life is one step under one policy.
type Life interface {
	// Policy is the one that governs the step.
	Policy() *config.Policy
	// Happen does what a moment says that happens before its night.
	Happen(m *config.PolicyMoment) error
	// Night runs one night. measure gives what was measured of the comparison that
	// the night would make; it is not called where the step may not move at all.
	Night(at time.Time, measure Measure) (Night, error)
}

// Measure turns the terms of a comparison into what was measured.
type Measure func(verdict.Spec) (verdict.Assessment, verdict.Money, error)

// Asked is what one rule of the policy said.
type Asked struct {
	Hold string // its name; "" is downgrade_when
	Said bool
	Err  error // it could not be evaluated: neither true nor false
}

// Night is what became of a night.
type Night struct {
	At            time.Time
	Held          *verdict.Cause  // why nothing was compared; nil when something was
	Record        *verdict.Record // the verdict; nil when nothing was compared
	Saw           *rule.Policy    // what the rules saw; nil when nothing was compared
	Asked         []Asked
	From, To      string // tiers before and after, as they stand in HCL
	Candidate     string // the tier below
	Epoch         int    // epochs that the skill has opened by then
	CooldownUntil time.Time
}

// Decision of the night: a step that may not move at all holds.
func (n Night) Decision() verdict.Decision {
	if n.Record == nil {
		return verdict.Hold
	}
	return n.Record.Decision
}

// Reason is the sentence that a report would show.
func (n Night) Reason() string {
	if n.Record == nil {
		return n.Held.Reason
	}
	return n.Record.Reason
}

// Causes are everything that stands against a downgrade.
func (n Night) Causes() []verdict.Cause {
	if n.Record == nil {
		return []verdict.Cause{*n.Held}
	}
	return n.Record.Causes
}

// Options of a run.
type Options struct {
	// File reads a file that a test names, beside the file of tests it stands in.
	File func(tests, name string) ([]byte, error)
}

// Problem is one thing that is not as it was expected.
type Problem struct {
	Diagnostic diag.Diagnostic
	Notes      []string // what came instead, line by line
}

// Result is what became of a test.
type Result struct {
	Test     *config.PolicyTest
	Policy   *config.Policy // nil when the test could not start
	Nights   []Night
	Problems []Problem
}

// Passed tells whether everything was as it was expected.
func (r Result) Passed() bool { return len(r.Problems) == 0 }
