package serve

import (
	"fmt"
	"net"
	"os"
)

// checkPeer refuses another user at the other end, where the system tells who it
// is. root may come to everybody's engine, and everybody may go to root's: it
// could do all that anyway.
func checkPeer(c *net.UnixConn) error {
	uid, known, err := peer(c)
	if err != nil {
		return fmt.Errorf("asking who is at the other end of the socket: %w", err)
	}
	if self := os.Geteuid(); known && uid != self && uid != 0 && self != 0 {
		return fmt.Errorf("the other end of the socket belongs to user %d, and this one to %d", uid, self)
	}
	return nil
}
