package rule_test

import (
	"math/big"
	"reflect"

	"github.com/plimsoll-dev/plimsoll/core/rule"
)

// countMembers is how many members the groups of Policy have.
func countMembers() int {
	n := 0
	for f := range reflect.TypeFor[rule.Policy]().Fields() {
		if f.Name != "Now" {
			n += f.Type.NumField()
		}
	}
	return n
}

// wide tells whether a op b fits in 64 bits, by arithmetic without a limit.
func wide(op string, a, b int64) bool {
	x, y := big.NewInt(a), big.NewInt(b)
	switch op {
	case "+":
		x.Add(x, y)
	case "-":
		x.Sub(x, y)
	case "*":
		x.Mul(x, y)
	}
	return x.IsInt64()
}
