package rule_test

import (
	"math"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/rule"
	"pgregory.net/rapid"
)

func TestRequirement(t *testing.T) {
	known := map[string]float64{"gpus": 2, "output_tps": 2230, "output_tps_per_gpu": 1115, "tpot": .0328, "tpot_p95": .034, "ttft_p99": math.NaN()}
	for _, c := range []struct {
		src, wrong string // wrong: part of the error, of compiling or evaluating
		want       bool
	}{
		{src: "slo_met"},
		{src: "!slo_met", want: true},
		{src: "tpot_p95 < 0.05 && output_tps_per_gpu > 1000", want: true},
		{src: "tpot_p95 <= 0.02"},
		{src: "gpus <= 2 || ttft < 1", want: true},
		{src: "output_tps / gpus > 1000", want: true},
		{src: "ttft_p95 < 2", wrong: "ttft_p95 is not known"},
		{src: "ttft_p95 >= 2 || ttft_p95 < 2", wrong: "ttft_p95 is not known"},
		{src: "(ttft_p95 ?? 0) < 2", wrong: "ttft_p95 is not known"},
		{src: "!(ttft_p95 > 2)", wrong: "ttft_p95 is not known"},
		{src: "ttft_p99 < 9", wrong: "ttft_p99"},
		{src: "tpot_p96 < 1", wrong: `did you mean "tpot_p9`},
		{src: "slo", wrong: "slo_met says"},
		{src: "ttft_ms < 500", wrong: "times are seconds"},
		{src: "tpot", wrong: "true or false"},
		{src: `slo_met == "yes"`, wrong: "1:"},
		{src: "output.tps > 1", wrong: `there is no "output" here`},
		{src: "slo_met &&", wrong: "1:"},
	} {
		p, err := rule.CompileRequirement(c.src)
		got := false
		if err == nil {
			got, err = p.Bool(&rule.Figures{Numbers: known})
		}
		switch {
		case c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)):
			t.Errorf("%s: error %v, want %q", c.src, err, c.wrong)
		case c.wrong == "" && err != nil:
			t.Errorf("%s: %v", c.src, err)
		case got != c.want:
			t.Errorf("%s: %v", c.src, got)
		}
	}
}

// A rule is asked about what it is a rule over, and nothing else.
func TestRequirementOfSomethingElse(t *testing.T) {
	p, err := rule.CompileRequirement("slo_met")
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []any{nil, &rule.Policy{}, &rule.Access{}, rule.Env{}, (*rule.Figures)(nil)} {
		if ok, err := p.Bool(env); ok || err == nil {
			t.Errorf("%T: %v, %v", env, ok, err)
		}
	}
	policy, err := rule.CompilePolicy("evidence.proved")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := policy.Bool(&rule.Figures{}); ok || err == nil {
		t.Errorf("a policy rule looked at figures: %v, %v", ok, err)
	}
}

// Whatever is compared and however: without its number a rule never passes.
func TestUnknownFigureNeverPasses(t *testing.T) {
	names := rule.FigureNames()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "name")
		other := rapid.SampledFrom(names).Draw(t, "other")
		op := rapid.SampledFrom([]string{"<", "<=", ">", ">=", "==", "!="}).Draw(t, "op")
		src := rapid.SampledFrom([]string{"%s", "!(%s)", "not (%s)", "(%s) == false", "(%s) ? true : true", "let x = (%s); true || x", "%s && %s"}).Draw(t, "form")
		src = strings.ReplaceAll(src, "%s", name+" "+op+" 1")
		p, err := rule.CompileRequirement(src)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		numbers := map[string]float64{}
		if other != name {
			numbers[other] = 1
		}
		if ok, err := p.Bool(&rule.Figures{Numbers: numbers, SLOMet: true}); ok || err == nil {
			t.Errorf("%s without %s: %v, %v", src, name, ok, err)
		}
	})
}
