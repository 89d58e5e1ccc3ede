package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Append adds data, one or more whole lines, to the end of an append-only file
// in one write, and syncs it. Missing folders (0o755) and the file (0o644) are
// made. When the file does not end in a newline, a crash tore its last line:
// data then starts on a line of its own, so that only the torn line is lost.
// Data without bytes does nothing.
//
// After an error a part of data may stand at the end of the file; it is not cut
// off again, since another process may have appended behind it. Readers skip
// what does not parse, and the next Append starts a new line.
func Append(path string, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if err := appendFile(path, data); err != nil {
		return fmt.Errorf("appending to %s: %w", path, explain(err))
	}
	return nil
}

func appendFile(path string, data []byte) error {
	folder := filepath.Dir(path)
	made, err := makeFolders(folder)
	if err != nil {
		return err
	}
	_, err = os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	torn, err := endsTorn(f)
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if torn {
		data = append([]byte{'\n'}, data...)
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Close())
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if isNew {
		made = append(made, folder)
	}
	for _, dir := range made {
		if err := syncFolder(dir); err != nil {
			return err
		}
	}
	return nil
}

// endsTorn tells whether the last byte of f is something else than a newline.
func endsTorn(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
		return false, fmt.Errorf("reading its last byte: %w", err)
	}
	return !bytes.Equal(last[:], []byte{'\n'}), nil
}

// makeFolders creates dir and its parents, and returns the folders whose entries
// changed by that, so that they can be synced.
func makeFolders(dir string) (changed []string, err error) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil {
			break
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		changed = append(changed, filepath.Dir(at))
		if at == filepath.Dir(at) {
			break
		}
	}
	return changed, os.MkdirAll(dir, 0o755)
}
