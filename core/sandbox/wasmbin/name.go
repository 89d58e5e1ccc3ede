package wasmbin

import (
	"fmt"
	"unicode/utf8"
)

// Of the custom sections only the names of functions are kept: they make the
// trace of a trap readable, and cost a pass over their bytes. Everything else is
// dropped; debug information would make the engine read it at every load, and
// the manifest is read from the original.

const (
	functionNames = 1       // subsection of the name section
	maxNames      = 4 << 20 // bytes of names that are kept
)

// functionNames gives the part of the name section that holds the names of
// functions, or nil. A name section that is damaged is no name section.
func (m *Module) functionNames() *reader {
	for i := range m.Custom {
		if m.Custom[i].Name != "name" {
			continue
		}
		r := &reader{b: m.Custom[i].Data}
		for !r.done() {
			id := r.u8()
			sub := r.take(r.u32())
			if r.err == nil && id == functionNames && len(sub) <= maxNames {
				return &reader{b: sub}
			}
		}
	}
	return nil
}

// names writes the names of functions with the numbers that they have now.
func (p *plan) names() []Custom {
	r := p.m.functionNames()
	if r == nil {
		return nil
	}
	n := r.u32()
	if uint64(n) > uint64(len(p.funcs)) {
		return nil
	}
	body := appendU32(make([]byte, 0, len(r.b)+16), n)
	next := uint32(0)
	for range n {
		f := r.u32()
		name := r.take(r.u32())
		if r.err != nil || f < next || int(f) >= len(p.funcs) || !utf8.Valid(name) {
			return nil
		}
		next = f + 1
		body = append(appendU32(appendU32(body, p.function(f)), uint32(len(name))), name...)
	}
	if r.p != len(r.b) {
		return nil
	}
	return []Custom{{After: dataSection, Name: "name", Data: append(appendU32([]byte{functionNames}, uint32(len(body))), body...)}}
}

// describe names a function of the original for a message.
func (m *Module) describe(f int) string {
	if r := m.functionNames(); r != nil {
		for n := r.u32(); n > 0 && r.err == nil; n-- {
			i, name := r.u32(), r.take(r.u32())
			if int(i) == f && r.err == nil && utf8.Valid(name) {
				return fmt.Sprintf("%d (%.80s)", f, name)
			}
		}
	}
	return fmt.Sprint(f)
}
