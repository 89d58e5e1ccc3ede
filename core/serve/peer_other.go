//go:build !linux && !darwin

package serve

import "net"

// peer is not told here: the folder's permissions are what keeps others out.
func peer(*net.UnixConn) (uid int, known bool, err error) { return 0, false, nil }
