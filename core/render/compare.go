package render

import "strings"

// equal tells whether a is any of the others. Numbers are equal by value,
// whatever their spelling; lists and objects are not compared.
func equal(a any, others ...any) (bool, error) {
	for _, o := range others {
		x, okx := scalar(a)
		y, oky := scalar(o)
		if !okx || !oky {
			return false, wrong("eq compares texts, numbers, true, false and null")
		}
		if x == y {
			return true, nil
		}
		if c, err := order(a, o); err == nil && c == 0 {
			return true, nil
		}
	}
	return false, nil
}

func scalar(v any) (any, bool) {
	switch v := v.(type) {
	case nil, bool, string, digits, int64, float64:
		return v, true
	case int:
		return int64(v), true
	}
	return nil, false
}

// order compares two numbers or two texts.
func order(a, b any) (int, error) {
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	}
	i, inta := whole(a)
	j, intb := whole(b)
	if inta && intb {
		return compare(i, j), nil
	}
	x, okx := decimal(a)
	y, oky := decimal(b)
	if !okx || !oky {
		return 0, wrong("only two numbers or two texts have an order")
	}
	return compare(x, y), nil
}

func compare[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func decimal(v any) (float64, bool) {
	if i, ok := whole(v); ok {
		return float64(i), true
	}
	f, ok := v.(float64)
	return f, ok
}
