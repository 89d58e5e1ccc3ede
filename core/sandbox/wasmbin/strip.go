package wasmbin

// Strip gives the module without its custom sections, and otherwise byte for
// byte as it was. It is what an engine is given to validate: wazero makes room
// for as many function names as a name section announces, so that 100 bytes make
// it ask for 8 GiB (version 1.12). The error is an *Error.
func Strip(module []byte) ([]byte, error) {
	if len(module) < 8 {
		return nil, invalid(0, "it has %d bytes", len(module))
	}
	out := append(make([]byte, 0, len(module)), module[:8]...)
	r := &reader{b: module, p: 8}
	for !r.done() {
		from := r.p
		id := r.u8()
		r.take(r.u32())
		if r.err == nil && id != customSection {
			out = append(out, module[from:r.p]...)
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return out, nil
}
