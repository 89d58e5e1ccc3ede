package topology

import (
	"fmt"
	"strings"
)

// Placement says how several models share the hardware.
type Placement struct {
	Kind  string // alone, beside (each has GPUs of its own), phased (one after the other)
	GPUs  []int  // of each model, in the decision's order
	Words string
}

// Place gives each model GPUs of its own where all fit beside each other: each
// gets the least that holds it for the longest request, in powers of two, and
// what is left goes to the first, which is the one that matters most. Where
// they do not fit, they are phased: every model has all GPUs, in its turn.
func Place(h Hardware, ms []Model, ws []Workload) (Placement, error) {
	if len(ws) == 0 || len(ms) == 0 {
		return Placement{}, fmt.Errorf("placing: there is no model or no workload")
	}
	if len(ms) == 1 {
		return Placement{Kind: "alone", GPUs: []int{h.Count}, Words: fmt.Sprintf("%s has all %d GPUs.", ms[0].Name, h.Count)}, nil
	}
	w := longest(ws)
	p := Placement{Kind: "beside"}
	total := 0
	var names []string
	for _, m := range ms {
		n, err := least(h, m, w)
		if err != nil {
			return Placement{}, err
		}
		p.GPUs = append(p.GPUs, n)
		total += n
		names = append(names, m.Name)
	}
	if total <= h.Count {
		p.GPUs[0] += h.Count - total
		var parts []string
		for i, m := range ms {
			parts = append(parts, fmt.Sprintf("%s has %d", m.Name, p.GPUs[i]))
		}
		p.Words = fmt.Sprintf("The models stand beside each other: %s of %d GPUs.", strings.Join(parts, ", "), h.Count)
		return p, nil
	}
	p.Kind = "phased"
	for i := range p.GPUs {
		p.GPUs[i] = h.Count
	}
	p.Words = fmt.Sprintf("%s need %d GPUs together, and there are %d: they take turns. One is taken down before the next is brought up: `plimsoll topology down`, then `up`.", strings.Join(names, " and "), total, h.Count)
	return p, nil
}

// least is the fewest GPUs, a power of two, that hold one request of m.
func least(h Hardware, m Model, w Workload) (int, error) {
	var last error
	for n := 1; n <= h.Count; n *= 2 {
		t := Topology{Name: fmt.Sprintf("tp%d", n), Pool: Pool{TensorParallel: n}}
		if _, last = prepare(h, m, w, t, Textbook()); last == nil {
			return n, nil
		}
	}
	if last == nil {
		last = fmt.Errorf("there are no GPUs")
	}
	return 0, fmt.Errorf("placing %q: %w", m.Name, last)
}

// share is the hardware that model i has.
func (p Placement) share(h Hardware, i int) Hardware {
	h.Count = p.GPUs[i]
	if h.PerNode > h.Count {
		h.PerNode = h.Count
	}
	return h
}
