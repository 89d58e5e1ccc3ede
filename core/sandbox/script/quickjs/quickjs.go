// Package quickjs holds the JavaScript interpreter as a WASM module: the bytes
// of somebody else's file, unchanged, and its digest. Where they come from and
// under which licence stands in README.md. The package must not run them; that
// is for core/sandbox.
//
//	module := quickjs.Module()
//	fmt.Println(len(module), quickjs.Digest)
package quickjs

import _ "embed"

//go:embed quickjs.wasm
var module []byte

// Digest is that of Module, "sha256:" and 64 hexadecimal digits. A test compares
// them.
const Digest = "sha256:d4c9375f2b1ca4dc95f72c8aa2982a7a9951ac8011490d79c6582df732b4bbd9"

// Module is the interpreter, 637,405 bytes. Nobody may write into them.
func Module() []byte { return module }
