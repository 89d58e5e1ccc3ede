package rule_test

import (
	"testing"
	"time"

	"github.com/expr-lang/expr"

	"github.com/plimsoll-dev/plimsoll/core/rule"
)

// The target is 2 microseconds for a rule as people write it.
func BenchmarkPolicy(b *testing.B) {
	p, err := rule.CompilePolicy("evidence.proved && len(dims.reasoning_gaps) == 0 && 'customer-facing' not in skill.tags")
	if err != nil {
		b.Fatal(err)
	}
	e := policy()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Bool(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGate(b *testing.B) {
	for name, src := range map[string]string{
		"two-elements": "all(output.tweets, .date >= input.from)",
		"place":        "output.status",
	} {
		p, err := rule.CompileGate(src, rule.GateOptions{})
		if err != nil {
			b.Fatal(err)
		}
		e := env(b)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Value(&e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The dearest rule that is let through: how long the budget is at most.
func BenchmarkBudget(b *testing.B) {
	p, err := rule.CompileGate("all(input.big, (# + 1) not in input.big)", rule.GateOptions{})
	if err != nil {
		b.Fatal(err)
	}
	big := make([]any, rule.MaxList)
	for i := range big {
		big[i] = float64(0)
	}
	for b.Loop() {
		if _, err := p.Bool(rule.Env{Input: map[string]any{"big": big}}); err == nil {
			b.Fatal("want the budget to end it")
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := rule.CompileGate("all(output.tweets, .date >= input.from)", rule.GateOptions{Output: []byte(digest), Bool: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// The same rule on the same data, beside expr's own virtual machine, which
// checks nothing of what a rule must have checked.
func BenchmarkBesideExpr(b *testing.B) {
	const src = "all(output.tweets, .date >= input.from)"
	tweets := make([]any, 100)
	for i := range tweets {
		tweets[i] = map[string]any{"date": "2026-02-01"}
	}
	in, out := map[string]any{"from": "2026-01-01"}, map[string]any{"tweets": tweets}
	p, err := rule.CompileGate(src, rule.GateOptions{Bool: true})
	if err != nil {
		b.Fatal(err)
	}
	bare, err := expr.Compile(src, expr.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	e := rule.Env{Input: in, Output: out}
	for b.Loop() {
		if ok, err := p.Bool(&e); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
	const turns = 2000
	start := time.Now()
	for range turns {
		if ok, err := expr.Run(bare, map[string]any{"input": in, "output": out}); ok != true || err != nil {
			b.Fatal(ok, err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/(time.Since(start).Seconds()/turns), "x-expr")
}
