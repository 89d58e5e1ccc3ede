//go:build !race

package sandbox

// slowed is how much longer compiling takes in a binary that the race detector is
// built into; this is none.
const slowed = 1
