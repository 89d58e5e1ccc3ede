package rule_test

import (
	"testing"

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
