package render

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// digits is an integer beyond 64 bits: it is printed as it was written.
type digits string

// plain copies JSON into what a template may see: integers as int64, so that
// they count and compare, other numbers as float64.
func (b *budget) plain(v any, depth int) (any, error) {
	if err := b.step(1); err != nil {
		return nil, wrong("it has more than %d values", MaxSteps)
	}
	if depth > 200 {
		return nil, wrong("it is nested deeper than 200")
	}
	switch v := v.(type) {
	case nil, bool, string, int64:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, wrong("%v is not JSON", v)
		}
		return v, nil
	case json.Number:
		return plainNumber(v)
	case []any:
		out := make([]any, len(v))
		var err error
		for i, e := range v {
			if out[i], err = b.plain(e, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		var err error
		for k, e := range v {
			if out[k], err = b.plain(e, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, wrong("a %T is not JSON", v)
}

func plainNumber(n json.Number) (any, error) {
	s := n.String()
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, wrong("%.40q is no number that can be held", s)
	}
	if strings.ContainsAny(s, ".eE") {
		return f, nil
	}
	return digits(s), nil
}

// text is a value as a person reads it. What has no such form is an error:
// Go's "<nil>" and "map[a:1]" must never reach a reader.
func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case digits:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case int:
		return strconv.Itoa(v), nil
	case float64:
		if math.Abs(v) >= 1e21 {
			return strconv.FormatFloat(v, 'g', -1, 64), nil
		}
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case nil:
		return "", wrong("the value is null; write what to show instead: default \"none\" (...)")
	case []any:
		return "", wrong("the value is a list; use range, join or json")
	case map[string]any:
		return "", wrong("the value is an object; name a member, or use json")
	}
	return "", wrong("a %T cannot be shown", v)
}

// numbers turns digits back into JSON numbers.
func numbers(v any) any {
	switch v := v.(type) {
	case digits:
		return json.Number(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = numbers(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = numbers(e)
		}
		return out
	}
	return v
}
