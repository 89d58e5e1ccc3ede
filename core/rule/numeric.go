package rule

import (
	"math"
	"slices"
	"strconv"
)

func absolute(_ *frame, p place, name string, args []any) (any, error) {
	if o, ok := compareNumbers(args[0], int64(0)); ok && o >= 0 {
		return args[0], nil
	}
	return arithmetic("-", int64(0), args[0], p)
}

func rounding(_ *frame, p place, name string, args []any) (any, error) {
	v, ok := float(args[0])
	if !ok {
		return nil, p.errorf("%s needs a number, and this is %s", name, kindOf(args[0]))
	}
	switch name {
	case "ceil":
		v = math.Ceil(v)
	case "floor":
		v = math.Floor(v)
	default:
		v = math.Round(v)
	}
	return finite(v, p)
}

func toInt(_ *frame, p place, _ string, args []any) (any, error) {
	switch v := args[0].(type) {
	case int64:
		return v, nil
	case float64:
		if v < -1<<63 || v >= 1<<63 {
			return nil, p.errorf("%v does not fit in 64 bits", v)
		}
		return int64(v), nil
	case string:
		i, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, p.errorf("%q is no whole number", shorten(v))
		}
		return i, nil
	}
	return nil, p.errorf("int needs a number or a string, and this is %s", kindOf(args[0]))
}

func toFloat(_ *frame, p place, _ string, args []any) (any, error) {
	if v, ok := float(args[0]); ok {
		return v, nil
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, p.errorf("float needs a number or a string, and this is %s", kindOf(args[0]))
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, p.errorf("%q is no number", shorten(s))
	}
	return finite(v, p)
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:37]) + "..."
	}
	return s
}

// aggregate is min, max, mean and median, over its arguments or over one list.
// Of nothing there is none: expr answers 0, which a rule would take for a score.
func aggregate(f *frame, p place, name string, args []any) (any, error) {
	if len(args) == 1 {
		if l, ok := args[0].([]any); ok {
			args = l
		}
	}
	if len(args) == 0 {
		return nil, p.hinted("ask for len(...) > 0 first", "%s of an empty list does not exist", name)
	}
	if err := f.walk(args, p); err != nil {
		return nil, err
	}
	if err := f.spend(p, len(args)); err != nil {
		return nil, err
	}
	values := make([]any, len(args))
	for i, a := range args {
		v, err := f.normal(a, p, inside)
		if err != nil {
			return nil, err
		}
		if _, ok := float(v); !ok {
			return nil, p.errorf("%s needs numbers, and this is %s", name, kindOf(v))
		}
		values[i] = v
	}
	order := func(a, b any) int { o, _ := compareNumbers(a, b); return o }
	switch name {
	case "min":
		return slices.MinFunc(values, order), nil
	case "max":
		return slices.MaxFunc(values, order), nil
	case "median":
		slices.SortFunc(values, order)
		mid := len(values) / 2
		if len(values)%2 == 1 {
			v, _ := float(values[mid])
			return v, nil
		}
		a, _ := float(values[mid-1])
		b, _ := float(values[mid])
		return finite(a+(b-a)/2, p)
	}
	total := 0.0
	for _, v := range values {
		x, _ := float(v)
		total += x
	}
	return finite(total/float64(len(values)), p)
}
