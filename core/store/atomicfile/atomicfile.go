// Package atomicfile writes files so that a crash leaves the old content or the
// new one, never half of either. It is the one place in the module that renames
// files; everything that a person or another process may read meanwhile is
// written through it.
//
// It must not decide what is written, and it does not lock: two writers of one
// file each win whole, the later one last. State that many writers share
// belongs in the store.
//
//	if err := atomicfile.Write("policy.hcl", src, 0o644); err != nil {
//		return fmt.Errorf("writing the policy: %w", err)
//	}
//	err := atomicfile.Append("evidence/humanizer.jsonl", append(line, '\n'))
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// maxTemp bounds the search for a free temporary name: a folder with this many
// left-overs of one process id has another problem.
const maxTemp = 1000

// Write replaces the content of the file at path with data: a temporary file in
// the same folder, synced, renamed over path, and the folder synced, so that
// after a nil error the content survives a power cut.
//
// The folder must exist. perm (before the umask) is for a new file; an existing
// file keeps its permissions. A symbolic link stays a link: its target is
// replaced. On an error the old content is untouched, save when only the last
// sync of the folder failed, which the error then says. The temporary file
// never stays behind, whatever the error; a killed process may leave one, whose
// name begins with a dot and ends in ".tmp".
func Write(path string, data []byte, perm fs.FileMode) error {
	target, perm, keep, err := resolve(path, perm)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, explain(err))
	}
	tmp, err := writeTemp(target, data, perm, keep)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, explain(err))
	}
	if err := replace(tmp, target); err != nil {
		return fmt.Errorf("writing %s: %w", path, explain(err))
	}
	if err := syncFolder(filepath.Dir(target)); err != nil {
		return fmt.Errorf("writing %s: the new content is in place, but may not survive a power cut: %w", path, explain(err))
	}
	return nil
}

// resolve follows links to the file that is to be replaced, and takes over its
// permissions; keep tells that there are such.
func resolve(path string, perm fs.FileMode) (target string, mode fs.FileMode, keep bool, err error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return path, perm, false, nil
	}
	if err != nil {
		return "", 0, false, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		// A link to nothing is an error here: creating its target would put a
		// file where nobody looked for one.
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return "", 0, false, err
		}
		if info, err = os.Stat(path); err != nil {
			return "", 0, false, err
		}
	}
	if !info.Mode().IsRegular() {
		return "", 0, false, fmt.Errorf("%s is not a regular file", path)
	}
	return path, info.Mode().Perm(), true, nil
}

// writeTemp makes and syncs the temporary file beside target. On an error the
// file is gone.
func writeTemp(target string, data []byte, perm fs.FileMode, keep bool) (name string, err error) {
	f, err := createTemp(target, perm)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if keep {
		// The umask was taken off once already, when the file was made.
		if err := f.Chmod(perm); err != nil {
			return "", errors.Join(err, f.Close())
		}
	}
	if _, err := f.Write(data); err != nil {
		return "", errors.Join(err, f.Close())
	}
	if err := f.Sync(); err != nil {
		return "", errors.Join(err, f.Close())
	}
	return f.Name(), f.Close()
}

// replace puts tmp in target's place, or removes tmp.
func replace(tmp, target string) error {
	err := os.Rename(tmp, target)
	if err != nil {
		err = errors.Join(err, os.Remove(tmp))
	}
	return err
}

// createTemp opens a new file beside target. os.CreateTemp is refused because it
// takes no permissions: a later chmod would ignore the umask.
func createTemp(target string, perm fs.FileMode) (*os.File, error) {
	dir, base := filepath.Split(target)
	stem := filepath.Join(dir, "."+base+"."+strconv.Itoa(os.Getpid())+"-")
	for n := range maxTemp {
		f, err := os.OpenFile(stem+strconv.Itoa(n)+".tmp", os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, fmt.Errorf("the folder holds %d left-over files %s*.tmp: remove them", maxTemp, stem)
}

// explain puts the cause of the two failures that an operator can mend in plain
// words before the system's own.
func explain(err error) error {
	switch {
	case isFull(err):
		return fmt.Errorf("the disk is full, or a quota is used up: free some space and run again: %w", err)
	case isReadOnly(err):
		return fmt.Errorf("the file system is read-only: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the file or its folder is read-only for this user: %w", err)
	}
	return err
}
