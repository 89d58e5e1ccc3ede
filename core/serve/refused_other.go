//go:build !windows

package serve

// refused is told by ECONNREFUSED everywhere else.
func refused(error) bool { return false }
