package declared

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// mostFile is how many bytes of a config.json or a trace are read.
const mostFile = 64 << 20

// Files reads regular files of bounded size, relative to a folder unless their
// path is absolute. A pipe would block for ever.
func Files(dir string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		path = filepath.FromSlash(path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, errors.New("it is not a regular file")
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		src, err := io.ReadAll(io.LimitReader(f, mostFile+1))
		if err == nil && len(src) > mostFile {
			err = fmt.Errorf("it has more than %d MiB", mostFile>>20)
		}
		return src, err
	}
}
