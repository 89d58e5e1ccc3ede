package wasmbin

// Estimate is what the rewrite holds of one function.
type Estimate struct {
	Frame                                        int64
	Slots, Locals, Calls, Nodes, Instructions, N int
	Big                                          bool
	Name                                         string
}

// Estimates gives the estimated frame of every function that a module defines.
func Estimates(module []byte) ([]Estimate, error) {
	o := Options{}.withDefaults()
	m, err := decode(module, o)
	if err != nil {
		return nil, err
	}
	s := &scan{shape: newShape(m, o), names: map[uint32]bool{}}
	out := make([]Estimate, len(m.Code))
	for f := range m.Code {
		if err := s.body(f, true); err != nil {
			return nil, err
		}
		bytes := s.stack.bytes(s.locals, s.instructions, s.wide)
		out[f] = Estimate{bytes, s.stack.slots, s.locals, s.stack.calls, len(s.stack.first), s.instructions, f, s.stack.big, m.describe(s.importedFuncs + f)}
	}
	return out, nil
}
