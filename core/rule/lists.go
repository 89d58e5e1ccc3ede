package rule

import (
	"cmp"
	"slices"
	"strings"
)

func listAt(f *frame, args []any, p place, name string) ([]any, error) {
	l, ok := args[0].([]any)
	if !ok {
		return nil, p.errorf("%s needs a list, and this is %s", name, kindOf(args[0]))
	}
	return l, f.walk(l, p)
}

func join(f *frame, p place, name string, args []any) (any, error) {
	l, err := listAt(f, args, p, name)
	if err != nil {
		return nil, err
	}
	sep := ""
	if len(args) == 2 {
		if sep, err = stringAt(args, 1, p, name); err != nil {
			return nil, err
		}
	}
	parts := make([]string, len(l))
	for i := range l {
		if parts[i], err = stringAt(l, i, p, name); err != nil {
			return nil, err
		}
		if err := f.make(p, len(parts[i])+len(sep)); err != nil {
			return nil, err
		}
	}
	return strings.Join(parts, sep), nil
}

// end is first and last. Of an empty list there is none.
func end(f *frame, p place, name string, args []any) (any, error) {
	l, ok := args[0].([]any)
	if !ok {
		return nil, p.errorf("%s needs a list, and this is %s", name, kindOf(args[0]))
	}
	if len(l) == 0 {
		return nil, p.hinted("ask for len(...) > 0 first", "%s of an empty list does not exist", name)
	}
	if name == "first" {
		return f.normal(l[0], p, inside)
	}
	return f.normal(l[len(l)-1], p, inside)
}

// keys are sorted, so that equal input gives an equal answer.
func keys(f *frame, p place, name string, args []any) (any, error) {
	m, ok := args[0].(map[string]any)
	if !ok {
		return nil, p.errorf("keys needs an object, and this is %s", kindOf(args[0]))
	}
	if len(m) > MaxList {
		return nil, p.errorf("the object has %d members; a rule walks %d at most", len(m), MaxList)
	}
	if err := f.make(p, 16*len(m)); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
	return out, f.spend(p, len(m))
}

// uniq keeps the first of equal elements. Strings are found by hash; other
// values by comparison, which the step budget bounds.
func uniq(f *frame, p place, name string, args []any) (any, error) {
	l, err := listAt(f, args, p, name)
	if err != nil {
		return nil, err
	}
	if err := f.make(p, 48*len(l)); err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(l))
	others := []any{}
	out := []any{}
	for _, raw := range l {
		v, err := f.normal(raw, p, inside)
		if err != nil {
			return nil, err
		}
		if s, ok := v.(string); ok {
			if !seen[s] {
				seen[s] = true
				out = append(out, v)
			}
			continue
		}
		found := false
		for _, o := range others {
			if found, err = f.same(v, o, p, 0); found || err != nil {
				break
			}
		}
		if err != nil {
			return nil, err
		}
		if !found {
			others = append(others, v)
			out = append(out, v)
		}
	}
	return out, nil
}
