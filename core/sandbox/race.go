//go:build race

package sandbox

// slowed is how much longer compiling takes in a binary that the race detector is
// built into: its compile child is that binary as well.
const slowed = 6
