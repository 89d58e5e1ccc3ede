// Package watch waits for files of a folder to change, by looking at them again
// and again. Notifications of the operating system were the alternative: three
// systems, three libraries, and network folders that send none; looking at some
// hundred files costs a millisecond.
//
// It must not read what is in files, and it follows no links.
//
//	w := watch.New(300*time.Millisecond, "skills/digest")
//	for w.Wait(ctx) {
//		test()
//	}
package watch

import (
	"context"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"time"
)

// maxFiles bounds how many files are looked at: a folder with more has something
// in it that is no skill.
const maxFiles = 20_000

// state of a file by what a change of it changes.
type state struct {
	size int64
	time time.Time
}

// Watcher remembers how the files were. It belongs to one goroutine.
type Watcher struct {
	dirs  []string
	every time.Duration
	last  map[string]state
}

// New looks at the folders as they are now.
func New(every time.Duration, dirs ...string) *Watcher {
	w := &Watcher{dirs: dirs, every: every}
	w.last = w.look()
	return w
}

// Wait returns true when something has changed and is at rest again, false when
// the context ended. A save is often several writes: one look without a change
// has to follow. Changes between two calls of Wait are not lost: a file that was
// saved while the caller worked is a change.
func (w *Watcher) Wait(ctx context.Context) bool {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	changed := false
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		now := w.look()
		same := maps.Equal(now, w.last)
		w.last = now
		switch {
		case !same:
			changed = true
		case changed:
			return true
		}
	}
}

// look leaves out what builds and tools write by the thousand.
func (w *Watcher) look() map[string]state {
	out := map[string]state{}
	for _, dir := range w.dirs {
		// A file that goes away while it is looked at has changed, which the next
		// look shows: errors say nothing more.
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			name := d.Name()
			if d.IsDir() {
				if path != dir && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "target") {
					return fs.SkipDir
				}
				return nil
			}
			if len(out) >= maxFiles {
				return fs.SkipAll
			}
			if info, err := d.Info(); err == nil {
				out[path] = state{info.Size(), info.ModTime()}
			}
			return nil
		})
	}
	return out
}
