package gate_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/gate"
)

// kinds is one gate of every kind that this package checks, over the tweets of
// big. The target is 1 ms for all of them together on 20 KB.
func kinds() (gates []gate.Spec, each gate.Each) {
	gates = []gate.Spec{
		{Name: "max_items", Kind: "max_items", Value: "output.tweets", Int: 100},
		{Name: "min_items", Kind: "min_items", Value: "output.tweets", Int: 1},
		{Name: "unique_by", Kind: "unique_by", Value: "output.tweets", UniqueBy: "it.id"},
		{Name: "rule", Kind: "rule", Rule: "all(output.tweets, .date >= input.from)"},
		{Name: "schema", Kind: "schema", Schema: []byte(`{"type":"object","required":["tweets"],"properties":{"tweets":{"type":"array","items":
			{"type":"object","required":["id","text"],"properties":{"id":{"type":"string"},"likes":{"type":"integer"},"text":{"type":"string","minLength":1}}}}}}`)},
	}
	each = gate.Each{List: "output.tweets", ID: "it.id", Gates: []gate.Spec{
		{Name: "max_chars", Kind: "max_chars", Value: "it.text", Int: 400, Fix: "truncate"},
		{Name: "min_chars", Kind: "min_chars", Value: "it.text", Int: 10},
		{Name: "one_of", Kind: "one_of", Value: "it.status", OneOf: []string{"new", "follow_up", "ignore"}, Fix: "normalise"},
		{Name: "links", Kind: "links", Value: "it.text", Int: 1},
		{Name: "pattern", Kind: "pattern", Value: "it.id", Pattern: `^t-\d+$`},
		{Name: "dated", Kind: "rule", Rule: "it.date >= input.from && it.likes >= 0"},
	}}
	return gates, each
}

// big is a digest of about 20 KB that passes all of kinds.
func big(b *testing.B) (input, output any, size int) {
	var list []string
	for i := range 55 {
		text := fmt.Sprintf("Übersicht %d: the port authority says the crane is back, ships may berth from Monday. ", i)
		list = append(list, fmt.Sprintf(`{"id":"t-%d","status":"follow_up","date":"2026-11-%02d","likes":%d,"text":"%shttps://a.example/%d"}`,
			i, 1+i%28, i*7, strings.Repeat(text, 3), i))
	}
	doc := `{"tweets":[` + strings.Join(list, ",") + `]}`
	return decode(b, `{"from":"2026-11-01"}`), decode(b, doc), len(doc)
}

func BenchmarkCheck(b *testing.B) {
	input, output, size := big(b)
	gates, each := kinds()
	all := compile(b, gates, []gate.Each{each}, gate.Options{})
	if r := all.Check(input, output, nil); len(r.Failed) > 0 {
		b.Fatal(r.Feedback())
	}
	raw, err := json.Marshal(output)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("all-kinds", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			all.Check(input, output, nil)
		}
		// The yardstick of the same run: what merely reading the output costs.
		const turns = 200
		start := time.Now()
		for range turns {
			var v any
			if err := json.Unmarshal(raw, &v); err != nil {
				b.Fatal(err)
			}
		}
		yard := time.Since(start).Seconds() / turns
		b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/yard, "x-json.Unmarshal")
		b.ReportMetric(float64(size)/1000, "KB")
	})
	for _, g := range gates {
		s := compile(b, []gate.Spec{g}, nil, gate.Options{})
		b.Run(g.Name, func(b *testing.B) {
			for b.Loop() {
				s.Check(input, output, nil)
			}
		})
	}
	for _, g := range each.Gates {
		s := compile(b, nil, []gate.Each{{List: each.List, ID: each.ID, Gates: []gate.Spec{g}}}, gate.Options{})
		b.Run("each-"+g.Name, func(b *testing.B) {
			for b.Loop() {
				s.Check(input, output, nil)
			}
		})
	}
}

func BenchmarkFix(b *testing.B) {
	input, output, _ := big(b)
	gates, each := kinds()
	s := compile(b, gates, []gate.Each{each}, gate.Options{})
	each.Gates[0].Int = 200
	cutting := compile(b, gates, []gate.Each{each}, gate.Options{})
	b.Run("nothing-to-mend", func(b *testing.B) {
		for b.Loop() {
			s.Fix(input, output)
		}
	})
	// The links stand at the end of the texts: no cut may be kept, which is the
	// dearest case.
	b.Run("55-refused-cuts", func(b *testing.B) {
		for b.Loop() {
			cutting.Fix(input, output)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	_, output, size := big(b)
	raw := []byte(encode(b, output))
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, _, err := gate.Decode(raw, true); err != nil {
			b.Fatal(err)
		}
	}
}
