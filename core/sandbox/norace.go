//go:build !race

package sandbox

// slowed is how many times the time and the memory compiling takes in a binary
// that the race detector is built into; this is none.
const slowed = 1
