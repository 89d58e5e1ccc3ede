package rule

import (
	"fmt"
	"testing"
)

func TestProbe(t *testing.T) {
	schema := []byte(`{"type":"object","properties":{"tweets":{"type":"array","items":{"type":"object","properties":{"id":{"type":"string"},"date":{"type":"string"},"n":{"type":"integer"}}}},"x":{"type":"number"}}}`)
	for _, src := range []string{
		`all(output.tweets, .date >= input.from)`,
		`all(output.tweets, {.date >= "2026" && len(.id) > 0})`,
		`all(output.tweest, .date >= input.from)`,
		`all(output.tweets, .dat >= input.from)`,
		`output.tweets[0].n > "x"`,
		`output.x + 1`,
		`output?.x == nil`,
		`(output?.x ?? 3) == 3`,
		`mean([]) == 0`,
		`let n = len(output.tweets); n > 1`,
		`sum(output.tweets, .n) == 7`,
		`max(map(output.tweets, .n)) == 4`,
		`"a" in map(output.tweets, .id)`,
		`output.tweets | filter(.n > 3) | len() == 1`,
		`all(output.tweets, any(output.tweets, true))`,
		`1..10 == 3`, `now() == 1`, `repeat("x", 3) == ""`, `output.x > `, `foo(1)`, `outpt.x`, `ìnput == "a" and output.y`,
		`all(output.tweets, #index < 5)`, `output.tweets[5].n == 1`, `output.tweets[-1].n == 4`,
		`len(uniq(map(output.tweets, .id))) == len(output.tweets)`,
		`not ("a" in output.tweets)`, `$env`, `output.tweets.foo == 1`, `output["x"] == 1`, `sum(output.tweets) > 1`,
		`count(output.tweets, .n == 3) == 1`, `1/0 > 1`, `if output.x > 1 {true} else {false}`, `output.x in [1,2.5]`,
	} {
		p, err := CompileGate(src, GateOptions{Output: schema, Bool: true})
		if err != nil {
			fmt.Printf("%-60s C: %v\n", src, err)
			continue
		}
		v, err := p.Bool(Env{Input: map[string]any{"from": "2026-01"}, Output: map[string]any{"x": 2.5, "tweets": []any{
			map[string]any{"id": "a", "date": "2026-02", "n": 3}, map[string]any{"id": "b", "date": "2026-02", "n": int64(4)}}}})
		fmt.Printf("%-60s %v %v\n", src, v, err)
	}
}
