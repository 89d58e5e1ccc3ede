package rule

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxDepth bounds the comparison of nested values.
const maxDepth = 200

// normal turns a value of the data into one of the evaluator's own: nil, bool,
// string, int64, float64, []any, map[string]any. name says in messages what
// was read.
func (f *frame) normal(v any, p place, name func(*frame) string) (any, error) {
	switch x := v.(type) {
	case nil, bool, string, int64, []any, map[string]any:
		return v, nil
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, p.errorf("%s is not known (%v); a rule cannot decide on it", name(f), x)
		}
		return v, nil
	case json.Number:
		return f.number(x, p, name)
	case int:
		return int64(x), nil
	}
	return nil, p.errorf("%s is a %T, which is not JSON", name(f), v)
}

// number keeps integers exact. An integer beyond 64 bits is refused: as a
// float64 it would equal its neighbours.
func (f *frame) number(n json.Number, p place, name func(*frame) string) (any, error) {
	s := string(n)
	if !strings.ContainsAny(s, ".eE") {
		i, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, p.hinted("let it be a string in the schema", "%s is an integer beyond 64 bits", name(f))
		}
		return i, nil
	}
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return nil, p.errorf("%s is not a number that can be held", name(f))
	}
	return x, nil
}

// kindOf names a value's JSON kind in messages.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "a string"
	case int, int64, float64, json.Number:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "something else"
}

// compareNumbers orders two numbers exactly, also an int64 beyond 2^53 against
// a float64. ok is false unless both are numbers.
func compareNumbers(a, b any) (order int, ok bool) {
	switch x := a.(type) {
	case int64:
		switch y := b.(type) {
		case int64:
			switch {
			case x < y:
				return -1, true
			case x > y:
				return 1, true
			}
			return 0, true
		case float64:
			return compareMixed(x, y), true
		}
	case float64:
		switch y := b.(type) {
		case float64:
			switch {
			case x < y:
				return -1, true
			case x > y:
				return 1, true
			}
			return 0, true
		case int64:
			return -compareMixed(y, x), true
		}
	}
	return 0, false
}

func compareMixed(i int64, f float64) int {
	const exact = 1 << 53
	if -exact <= i && i <= exact {
		switch x := float64(i); {
		case x < f:
			return -1
		case x > f:
			return 1
		}
		return 0
	}
	return new(big.Float).SetInt64(i).Cmp(big.NewFloat(f))
}

// equal compares two values of the evaluator. At the top, different kinds are
// an error: "" == null would otherwise answer for something that is not there.
// Inside lists and objects, different kinds are simply different.
func (f *frame) equal(a, b any, p place) (bool, error) {
	if _, ok := compareNumbers(a, b); !ok && kindOf(a) != kindOf(b) {
		return false, p.hinted("compare it with nil, or give it a value with ??", "%s is compared with %s", kindOf(a), kindOf(b))
	}
	return f.same(a, b, p, 0)
}

func (f *frame) same(a, b any, p place, depth int) (bool, error) {
	if err := f.spend(p, 1); err != nil {
		return false, err
	}
	if depth > maxDepth {
		return false, p.errorf("the values are nested deeper than %d", maxDepth)
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y, f.spend(p, min(len(x), len(y))>>6)
	case bool:
		y, ok := b.(bool)
		return ok && x == y, nil
	case nil:
		return b == nil, nil
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		for i := range x {
			if same, err := f.sameRaw(x[i], y[i], p, depth); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		for k, v := range x {
			w, ok := y[k]
			if !ok {
				return false, nil
			}
			if same, err := f.sameRaw(v, w, p, depth); !same || err != nil {
				return false, err
			}
		}
		return true, nil
	}
	order, ok := compareNumbers(a, b)
	return ok && order == 0, nil
}

func (f *frame) sameRaw(a, b any, p place, depth int) (bool, error) {
	a, err := f.normal(a, p, inside)
	if err != nil {
		return false, err
	}
	b, err = f.normal(b, p, inside)
	if err != nil {
		return false, err
	}
	return f.same(a, b, p, depth+1)
}

func inside(*frame) string { return "a value inside" }

// order compares two numbers or two strings; anything else has no order.
func (f *frame) order(a, b any, p place) (int, error) {
	if o, ok := compareNumbers(a, b); ok {
		return o, nil
	}
	x, okx := a.(string)
	y, oky := b.(string)
	if okx && oky {
		return strings.Compare(x, y), f.spend(p, min(len(x), len(y))>>6)
	}
	return 0, p.errorf("%s and %s have no order", kindOf(a), kindOf(b))
}

// arithmetic computes + - * / % ** on numbers, exact on integers except for /
// and **, which are float64. What cannot be held is an error.
func arithmetic(op string, a, b any, p place) (any, error) {
	x, intx := a.(int64)
	y, inty := b.(int64)
	if intx && inty && op != "/" && op != "**" {
		return integers(op, x, y, p)
	}
	l, okl := float(a)
	r, okr := float(b)
	if !okl || !okr {
		return nil, p.errorf("%s needs numbers, and this is %s and %s", op, kindOf(a), kindOf(b))
	}
	var v float64
	switch op {
	case "+":
		v = l + r
	case "-":
		v = l - r
	case "*":
		v = l * r
	case "/":
		if r == 0 {
			return nil, p.errorf("division by zero")
		}
		v = l / r
	case "**":
		v = math.Pow(l, r)
	default:
		return nil, p.errorf("%% needs whole numbers")
	}
	return finite(v, p)
}

func integers(op string, x, y int64, p place) (any, error) {
	var v int64
	fits := true
	switch op {
	case "+":
		v = x + y
		fits = (v > x) == (y > 0)
	case "-":
		v = x - y
		fits = (v < x) == (y > 0)
	case "*":
		v = x * y
		fits = x == 0 || (v/x == y && !(x == -1 && y == math.MinInt64))
	case "%":
		if y == 0 {
			return nil, p.errorf("division by zero")
		}
		if y == -1 {
			return int64(0), nil
		}
		v = x % y
	}
	if !fits {
		return nil, p.errorf("the result of %s does not fit in 64 bits", op)
	}
	return v, nil
}

func float(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

func finite(v float64, p place) (any, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, p.errorf("the result is not a number (%v); a rule cannot decide on it", v)
	}
	return v, nil
}
