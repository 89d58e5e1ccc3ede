package access_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// thousand rules of one kind, and the names that are asked about.
func thousand(kind string) (rules []*config.AccessRule, tools []string) {
	for i := range 1000 {
		effect := []string{"allow", "deny", "ask", "allow"}[i%4]
		when := []string{"", "args.repo startsWith 'acme/'", "principal.name == 'ann' && annotations.read_only", "session.calls < 100"}[i/4%4]
		var pattern string
		switch kind {
		case "names":
			pattern = fmt.Sprintf("c%d_tool_%d", i%20, i)
		case "prefixes":
			pattern = fmt.Sprintf("c%d_tool_%d*", i%20, i)
		case "middles":
			pattern = fmt.Sprintf("*_tool_%d_*", i)
		case "mixed":
			pattern = []string{fmt.Sprintf("c%d_tool_%d_get", i%20, i), fmt.Sprintf("c%d_tool_%d*", i%20, i), fmt.Sprintf("*_%d_get", i)}[i%3]
			if i%100 == 99 {
				pattern = "*"
			}
		}
		r := rule(fmt.Sprintf("r%d", i), effect, pattern, when)
		if pattern == "*" {
			r.Effect, r.Roles = "deny", []string{"intern"}
		}
		rules = append(rules, r)
		tools = append(tools, fmt.Sprintf("c%d_tool_%d_get", i%20, i))
	}
	if kind == "names" {
		for i := range tools {
			tools[i] = tools[i][:len(tools[i])-4]
		}
	}
	return rules, tools
}

// The target is 50 microseconds at the 99th percentile with 1,000 rules.
func BenchmarkDecide(b *testing.B) {
	for _, kind := range []string{"names", "prefixes", "middles", "mixed"} {
		rules, tools := thousand(kind)
		p := compile(b, "careful", rules...)
		for _, looks := range []bool{false, true} {
			name := kind + "/call"
			if looks {
				name = kind + "/find"
			}
			b.Run(name, func(b *testing.B) {
				took := make([]time.Duration, 0, 1<<20)
				i := 0
				b.ReportAllocs()
				for b.Loop() {
					r := call(tools[i*7919%len(tools)], args(`{"repo":"acme/site","labels":["a","b"],"body":"text"}`))
					if looks {
						r.Action = access.Find
					}
					i++
					start := time.Now()
					d := p.Decide(r)
					if len(took) < cap(took) {
						took = append(took, time.Since(start))
					}
					if d.Reason == "" {
						b.Fatal(d)
					}
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-us")
				b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-us")
			})
		}
	}
}

// The same rules without an index: every pattern is held against the name in turn,
// and the rules that match are asked.
func BenchmarkBesideAScan(b *testing.B) {
	rules, tools := thousand("mixed")
	p := compile(b, "careful", rules...)
	var one []*access.Policy
	for _, r := range rules {
		one = append(one, compile(b, "careful", r))
	}
	request := func(i int) access.Request {
		return call(tools[i*7919%len(tools)], args(`{"repo":"acme/site"}`))
	}
	for i := 0; b.Loop(); i++ {
		p.Decide(request(i))
	}
	const turns = 200
	start := time.Now()
	for i := range turns {
		r := request(i)
		for j := range rules {
			if config.MatchName(rules[j].Tools[0], r.Tool) {
				one[j].Decide(r)
			}
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/(time.Since(start).Seconds()/turns), "x-scan")
}

func BenchmarkMeter(b *testing.B) {
	rules, tools := thousand("mixed")
	p, diags := access.Compile(&config.Access{Unmatched: "careful", Rules: rules, Limits: []*config.AccessLimit{limit("a", "principal", 1_000_000_000, time.Hour), limit("b", "connector", 1_000_000_000, time.Hour)}})
	if diags.HasErrors() {
		b.Fatal(diags)
	}
	m := access.NewMeter(p, access.MeterOptions{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Decide(call(tools[i%100], args(`{"repo":"acme/site"}`), at(time.Duration(i)*time.Microsecond)))
	}
}

func BenchmarkCompile(b *testing.B) {
	rules, _ := thousand("mixed")
	for b.Loop() {
		if _, diags := access.Compile(&config.Access{Unmatched: "careful", Rules: rules}); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
