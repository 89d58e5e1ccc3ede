package connector

import "io"

// Spiller keeps results that are too large for a caller.
type Spiller interface {
	Create() (Blob, error)
}

// Blob is one such result while it is being received. Exactly one of Commit and
// Abort is called, once.
type Blob interface {
	io.Writer
	Commit() (digest string, err error) // "sha256:" and 64 hexadecimal digits
	Abort()
}
