// Package wasmbin reads, writes and rewrites WebAssembly modules, so that code
// from strangers can be stopped, counted and put back as it was.
//
// Meter is what the sandbox calls. The module that it returns does what the
// original does, and besides:
//
//   - pays from the global [FuelGlobal] for the work that it does, and calls the
//     import plim_rt.yield at a function entry or loop head that finds it below
//     zero;
//   - counts the stack that its calls take in the global [DepthGlobal], and calls
//     the import plim_rt.overflow before that falls below zero;
//   - exports its mutable globals, so that the host can restore them, and its
//     start function, so that the host can run it under fuel.
//
// The package does not run code, does not know what a skill is, and does no I/O.
// It does not validate types either: the sandbox has the engine validate the
// original before it asks for a rewrite, and the engine validates the result
// anew. What it guarantees for itself is that no index of the original reaches
// anything that the rewrite added, so that an invalid module cannot become a
// valid one that escapes the meter.
//
//	m, err := wasmbin.Meter(module, wasmbin.Options{})
//	if err != nil {
//		return err // an *Error: what is wrong, where, and what to do
//	}
//	compiled, err := runtime.CompileModule(ctx, m.Code)
package wasmbin
