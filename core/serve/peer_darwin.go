package serve

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer is the user at the other end of a connection, as the kernel says.
func peer(c *net.UnixConn) (uid int, known bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	var cred *unix.Xucred
	var asked error
	if err := raw.Control(func(fd uintptr) { cred, asked = unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED) }); err != nil {
		return 0, false, err
	}
	if asked != nil {
		return 0, false, asked
	}
	return int(cred.Uid), true, nil
}
