//go:build unix

package command

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// ours tells whether a folder was made by this user, for nobody else. In a folder
// for temporary files that all share, anybody may make one of such a name.
func ours(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.IsDir() && info.Mode().Perm() == 0o700 && int(stat.Uid) == os.Getuid()
}

// hold takes a folder until the file is closed, or this process is gone, however
// that comes about. It fails where another holds it, and where a file system knows
// no such locks: nothing is removed there.
func hold(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("holding the task's folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("holding the task's folder: %w", err)
	}
	return f, nil
}
