package gate

import (
	"fmt"
	"maps"
	"slices"
)

// maxSingle bounds how many elements are mended one by one after mending all
// of them at once made something else fail.
const maxSingle = 64

// Fix mends an output by the fixes of its gates and tells what it did. It
// never changes its arguments: what it returns shares unchanged parts with
// output, and is output itself when nothing was to be mended.
//
// In turns, until nothing changes: first texts are normalised and cut, then
// failing elements are dropped, then lists are cut. So no element is dropped
// that could be mended, and no good element is cut off a list for one that
// goes. A text or list is changed only when no gate that passed before fails
// by it: a text whose cut would take its only link away stays as it is, and
// fails, so that the model is asked again. Fix of a fixed output changes
// nothing.
func (s *Set) Fix(input, output any) (fixed any, applied []Fix) {
	f := fixer{set: s, view: s.view(input, output)}
	for changed := true; changed; {
		changed = f.mend("max_chars", "one_of") || f.drop() || f.mend("max_items")
	}
	return f.view.env.Output, f.applied
}

type fixer struct {
	set     *Set
	view    *view
	applied []Fix
}

// order is the gates as they are mended: elements before the whole.
func (f *fixer) order(match func(*gate) bool) []*gate {
	var out []*gate
	for _, e := range f.set.eaches {
		out = append(out, e.gates...)
	}
	return slices.DeleteFunc(append(out, f.set.gates...), func(g *gate) bool { return !match(g) })
}

// mend applies the truncate and normalise fixes of some kinds.
func (f *fixer) mend(kinds ...string) bool {
	changed := false
	for _, g := range f.order(func(g *gate) bool {
		return slices.Contains(kinds, g.Kind) && (g.Fix == "truncate" || g.Fix == "normalise")
	}) {
		failed := f.view.failures(g)
		if len(failed) == 0 {
			continue
		}
		before := f.failing()
		failed = slices.DeleteFunc(failed, func(x failure) bool { return f.spoils(g, x, before) })
		if f.try(g, failed, before) {
			changed = true
			continue
		}
		if len(failed) > maxSingle || len(failed) < 2 {
			continue
		}
		for _, one := range failed {
			if f.try(g, []failure{one}, before) {
				changed = true
				before = f.failing()
			}
		}
	}
	return changed
}

type spot struct {
	gate  *gate
	index int
}

// failing is every gate and element that fails now.
func (f *fixer) failing() map[spot]bool {
	out := map[spot]bool{}
	for _, g := range f.set.all() {
		if g.external() {
			continue
		}
		for _, x := range f.view.failures(g) {
			out[spot{g, x.index}] = true
		}
	}
	return out
}

// try mends some failures of one gate and keeps the change unless it makes
// anything fail that passed before.
func (f *fixer) try(g *gate, failed []failure, before map[spot]bool) bool {
	old := f.view
	output := old.env.Output
	var done []Fix
	for _, x := range failed {
		whole, what, ok := f.mended(g, x)
		if !ok {
			continue
		}
		done = append(done, Fix{Gate: g.Name, ID: old.failureID(g, x), What: what})
		if g.each == nil {
			output = whole
			continue
		}
		output = putElement(output, g.each.place, x.index, whole)
	}
	if len(done) == 0 {
		return false
	}
	f.view = f.set.view(old.env.Input, output)
	for s := range f.failing() {
		if !before[s] {
			f.view = old
			return false
		}
	}
	f.applied = append(f.applied, done...)
	return true
}

// mended is the output, or the element inside an each, with one failure mended.
func (f *fixer) mended(g *gate, x failure) (whole any, what string, ok bool) {
	env := f.view.env
	whole = env.Output
	if g.each != nil {
		if x.index < 0 {
			return nil, "", false // there is no list to mend in
		}
		env.It = f.view.elements(g.each).list[x.index]
		whole = env.It
	}
	value, err := g.value.Value(&env)
	if err != nil {
		return nil, "", false
	}
	to, what, ok := g.mended(value)
	if !ok {
		return nil, "", false
	}
	return put(whole, g.place, to), what, true
}

// spoils tells whether mending an element makes another gate of its each fail
// on it. It asks cheaply what try would ask dearly: 55 refused cuts of a 20 KB
// output took 52 ms without it.
func (f *fixer) spoils(g *gate, x failure, before map[spot]bool) bool {
	elem, _, ok := f.mended(g, x)
	if !ok || g.each == nil {
		return !ok
	}
	env := f.view.env
	env.It = elem
	for _, h := range g.each.gates {
		if h.external() || h.unique != nil || before[spot{h, x.index}] {
			continue
		}
		if h.reason(&env) != "" {
			return true
		}
	}
	return false
}

// mended is the value as the gate's fix makes it; ok is false when it cannot.
func (g *gate) mended(value any) (mended any, what string, ok bool) {
	switch v := value.(type) {
	case string:
		switch g.Kind {
		case "max_chars":
			cut := truncate(v, g.Int)
			return cut, fmt.Sprintf("cut from %d to %s", clusters(v), plural(clusters(cut), "character")), true
		case "one_of":
			to, known := g.allow[fold(v)]
			return to, fmt.Sprintf("read %s as %s", quote(v), quote(to)), known
		}
	case []any:
		if g.Kind == "max_items" {
			return slices.Clip(v[:g.Int]), fmt.Sprintf("cut from %d to %s", len(v), plural(g.Int, "element")), true
		}
	}
	return nil, "", false
}

// drop removes the elements that fail a gate with fix drop, all of them at once.
func (f *fixer) drop() bool {
	changed := false
	for _, e := range f.set.eaches {
		gone := map[int]bool{}
		for _, g := range e.gates {
			if g.Fix == "drop" {
				f.note(g, f.view.failures(g), gone)
			}
		}
		if len(gone) > 0 {
			f.remove(e.place, f.view.elements(e).list, gone)
			changed = true
		}
	}
	for _, g := range f.set.gates {
		if g.Fix != "drop" {
			continue
		}
		failed := f.view.failures(g)
		gone := map[int]bool{}
		f.note(g, failed, gone)
		if len(gone) > 0 {
			x, _ := g.value.Value(&f.view.env) // a list: failures found elements in it
			f.remove(g.place, x.([]any), gone)
			changed = true
		}
	}
	return changed
}

// note records the elements that go, each once.
func (f *fixer) note(g *gate, failed []failure, gone map[int]bool) {
	for _, x := range failed {
		if x.index < 0 || gone[x.index] {
			continue
		}
		gone[x.index] = true
		f.applied = append(f.applied, Fix{Gate: g.Name, ID: f.view.failureID(g, x), What: "dropped: " + x.reason})
	}
}

func (f *fixer) remove(place []string, list []any, gone map[int]bool) {
	kept := make([]any, 0, len(list)-len(gone))
	for i, elem := range list {
		if !gone[i] {
			kept = append(kept, elem)
		}
	}
	f.view = f.set.view(f.view.env.Input, put(f.view.env.Output, place, kept))
}

// put returns root with the value at a path of members replaced, copying only
// the objects on the way. The path exists: a value was read from it.
func put(root any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	m, ok := root.(map[string]any)
	if !ok {
		return root
	}
	m = maps.Clone(m)
	m[path[0]] = put(m[path[0]], path[1:], value)
	return m
}

// putElement replaces one element of the list at a path.
func putElement(root any, path []string, index int, elem any) any {
	at := root
	for _, name := range path {
		m, ok := at.(map[string]any)
		if !ok {
			return root
		}
		at = m[name]
	}
	list, ok := at.([]any)
	if !ok || index >= len(list) {
		return root
	}
	list = slices.Clone(list)
	list[index] = elem
	return put(root, path, list)
}
