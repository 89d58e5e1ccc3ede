package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/connector/lock"
)

// stamp changes when a file that the project was read from does, by its size and
// time: a server looks every few seconds, and must not read a thousand skills for
// that. Folders count by their time, so that new files are seen.
func (p *Project) stamp() (string, error) {
	h := sha256.New()
	names := []string{p.Dir, filepath.Join(p.Dir, PolicyFile), filepath.Join(p.Dir, LockFile), filepath.Join(p.Dir, lock.BookName)}
	for name := range p.Sources {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		names = append(names, name)
	}
	folders := map[string]bool{}
	for _, s := range p.Skills {
		folders[filepath.Dir(s.Dir)] = true
		names = append(names, s.Dir)
		for file := range s.Files {
			names = append(names, filepath.Join(s.Dir, filepath.FromSlash(file)))
		}
	}
	names = slices.AppendSeq(names, maps.Keys(folders))
	slices.Sort(names)
	var newest time.Time
	for _, name := range slices.Compact(names) {
		at, err := look(h, name)
		if err != nil {
			return "", err
		}
		if at.After(newest) {
			newest = at
		}
	}
	if now := clock(); now.Sub(newest) < settled {
		// A file that is written twice within a step of the file system's clock has one
		// time for two contents: it is looked at once more.
		fmt.Fprintf(h, "not settled at %d\n", now.UnixNano())
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// settled is how old a file's time must be to mean something (FAT counts in steps
// of 2 s).
const settled = 2 * time.Second

func look(h hash.Hash, name string) (time.Time, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(h, "%q is not there\n", name)
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("looking whether the files changed: %w", err)
	}
	fmt.Fprintf(h, "%q %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	return info.ModTime(), nil
}
