package wasmbin

// frame is what bounds the native stack that one activation of a function takes.
type frame struct {
	sets  int // assignments of locals
	phis  int // locals that differ between the ways into a block, over all blocks
	calls int
	args  int // words of the longest list of arguments or results
}

// called counts a call.
func (s *scan) called(t FuncType) {
	s.stack.calls++
	s.stack.args = max(s.stack.args, len(t.Params), len(t.Results))
}

// bytes is the estimate.
func (s *scan) frameBytes() int64 {
	word := int64(8)
	if s.wide {
		word = 16
	}
	return 64 + word*int64(s.locals+s.stack.sets+s.stack.phis+s.stack.args+s.stack.calls)
}
