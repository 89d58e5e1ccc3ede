package serve

import (
	"fmt"
	"net"
)

// Ready tells a service manager that asked to be told (systemd's Type=notify)
// that commands are answered now. Without one it does nothing.
func Ready(lookup func(string) (string, bool)) error {
	path, ok := lookup("NOTIFY_SOCKET")
	if !ok || path == "" {
		return nil
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("READY=1")); err != nil {
		return fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	return nil
}
