package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
	"github.com/plimsoll-dev/plimsoll/core/rule"
)

// gates measures all kinds of gates over an output of 20 KB, and a policy rule.
// The floor is the standard library's decoding of the same bytes.
func gates(string) ([]figure, error) {
	output := sample(110)
	set, problems := gate.Compile([]gate.Spec{
		{Name: "few", Kind: "max_items", Value: "output.tweets", Int: 500},
		{Name: "some", Kind: "min_items", Value: "output.tweets", Int: 1},
		{Name: "once", Kind: "unique_by", Value: "output.tweets", UniqueBy: "it.id"},
		{Name: "shape", Kind: "schema", Schema: []byte(`{"type":"object","required":["tweets"],"properties":{"tweets":{"type":"array","items":{"type":"object","required":["id","summary"]}}}}`)},
		{Name: "dated", Kind: "rule", Rule: `all(output.tweets, .date >= input.from)`},
	}, []gate.Each{{List: "output.tweets", ID: "it.id", Gates: []gate.Spec{
		{Name: "summary", Kind: "max_chars", Value: "it.summary", Int: 280, Fix: "truncate"},
		{Name: "said", Kind: "min_chars", Value: "it.summary", Int: 3},
		{Name: "status", Kind: "one_of", Value: "it.status", OneOf: []string{"new", "follow_up", "ignore"}, Fix: "normalise"},
		{Name: "links", Kind: "links", Value: "it.text", Int: 1},
		{Name: "id", Kind: "pattern", Value: "it.id", Pattern: `^t-\d+$`},
	}}}, gate.Options{})
	if len(problems) > 0 {
		return nil, problems[0]
	}
	value, _, err := gate.Decode(output, true)
	if err != nil {
		return nil, err
	}
	input := map[string]any{"from": "2026-06-30"}
	all, err := median(401, func() error {
		fixed, _ := set.Fix(input, value)
		if r := set.Check(input, fixed, nil); r.Passed != r.Total {
			return fmt.Errorf("the sample fails its gates: %s", r.Feedback())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	floor, err := median(401, func() error { var v any; return json.Unmarshal(output, &v) })
	if err != nil {
		return nil, err
	}
	program, err := rule.CompilePolicy("evidence.proved && len(dims.reasoning_gaps) == 0 && !('customer-facing' in skill.tags)")
	if err != nil {
		return nil, err
	}
	env := &rule.Policy{Evidence: rule.Evidence{Proved: true}, Skill: rule.Skill{Tags: []string{"writing", "internal"}}}
	const times = 1000
	one, err := median(101, func() error {
		for range times {
			if ok, err := program.Bool(env); err != nil || !ok {
				return fmt.Errorf("the rule gave %v: %w", ok, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	one /= times
	return []figure{
		{fmt.Sprintf("fixes and ten kinds of gates, %.1f KB", float64(len(output))/1e3), "<= 1ms", against(all, floor, "decoding it"), all <= time.Millisecond},
		{"one policy rule", "<= 2us", one.String(), one <= 2*time.Microsecond},
	}, nil
}

// sample is a digest of n tweets, each a little different.
func sample(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"tweets":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"t-%d","date":"2026-07-%02d","status":"follow_up","text":"See https://example.com/%d for the numbers","summary":"%s asks when the %d boxes of the second batch leave the harbour"}`, i, i%28+1, i, strings.Repeat("é", i%20+1), i)
	}
	b.WriteString(`]}`)
	return []byte(b.String())
}
