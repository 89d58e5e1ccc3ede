package serve

import (
	"errors"

	"golang.org/x/sys/windows"
)

// refused tells whether nobody listens on a socket that is there.
func refused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }
