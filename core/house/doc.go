// Package house holds the tests that keep the house as it was designed: which
// folder may import which, which package owns which library, where processes
// may be started and clocks be read, what stands at the top of the tree. It has
// no code of its own and nothing may import it.
//
// The tests parse the files. A test built on `go list` is served from the test
// cache and stays green after a change.
//
//	go test ./core/house/
package house
