//go:build unix

package sandbox

import (
	"fmt"
	"os"
	"syscall"
)

// checkPrivate refuses a folder into which others may write, be it by its rights
// or because it is theirs.
func checkPrivate(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("looking at the folder for compiled code: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("the folder for compiled code, %s, may be written by others (mode %o): compiled code is trusted, so make it private (chmod 700) or delete it", dir, mode)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(stat.Uid) != os.Geteuid() && stat.Uid != 0 {
		return fmt.Errorf("the folder for compiled code, %s, belongs to another user (%d): compiled code is trusted, so name a folder of your own", dir, stat.Uid)
	}
	return nil
}
