package vllm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Limits of what is kept of the output of a process: a line is cut, and a file is
// followed by a second one, whose place the first then takes again. So the newest
// lines of an engine that prints without end are there, and cost no more than this.
const (
	maxLine = 4 << 10
	maxFile = 32 << 20
)

// journal is the output of one process: files of all of it, the last lines, and the
// known failures that were in it.
type journal struct {
	dir, name string
	limit     int // bytes of a file
	hide      func(string) string
	all       *ring // of the instance; nil: none

	mu    sync.Mutex
	file  *os.File
	size  int
	which int // of the two files
	lines []string
	seen  []finding // since the last start
}

// finding is a line that is known.
type finding struct {
	*failure
	line string
}

func newJournal(dir string, x process) (*journal, error) {
	j := &journal{limit: maxFile, dir: dir, name: x.Name, hide: hiding(x)}
	return j, j.open(os.O_APPEND) // what ran before may be looked at still
}

func (j *journal) path() string {
	if j.which == 1 {
		return filepath.Join(j.dir, j.name+".1.log")
	}
	return filepath.Join(j.dir, j.name+".log")
}

func (j *journal) open(how int) error {
	f, err := os.OpenFile(j.path(), os.O_CREATE|os.O_WRONLY|how, 0o600)
	if err != nil {
		return fmt.Errorf("opening the log of %s: %w", j.name, err)
	}
	j.file, j.size = f, 0
	if info, err := f.Stat(); err == nil {
		j.size = int(min(info.Size(), int64(j.limit)))
	}
	return nil
}

// begin forgets what was found in the output of the process that ran before.
func (j *journal) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.seen = nil
}

// follow reads r to its end.
func (j *journal) follow(r io.Reader) {
	b := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := b.ReadSlice('\n')
		if len(line) > 0 {
			j.add(strings.TrimRight(strings.ToValidUTF8(string(line), "\uFFFD"), "\r\n"))
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// add takes a line. A disk that is full must not stop an engine that serves: the
// last lines are still here.
func (j *journal) add(line string) {
	line = j.hide(line)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		n, err := fmt.Fprintln(j.file, line)
		if j.size += n; err == nil && j.size > j.limit {
			_ = j.file.Close()
			j.which = 1 - j.which
			if j.open(os.O_TRUNC) != nil {
				j.file = nil
			}
		}
	}
	if j.lines = append(j.lines, line); len(j.lines) > backend.MaxLog {
		j.lines = append(j.lines[:0], j.lines[1:]...)
	}
	if j.all != nil {
		j.all.add(j.name + " | " + line)
	}
	if f := recognise(line); f != nil {
		for _, s := range j.seen {
			if s.failure == f {
				return // the first line of its kind is the cause, what follows repeats it
			}
		}
		j.seen = append(j.seen, finding{f, line})
	}
}

// last are the newest n lines.
func (j *journal) last(n int) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines[max(0, len(j.lines)-n):]...)
}

// found is the known failure that is the likeliest cause, and the line of it.
func (j *journal) found() (finding, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	best, ok := finding{}, false
	for _, s := range j.seen {
		if !ok || s.rank < best.rank {
			best, ok = s, true
		}
	}
	return best, ok
}

func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file != nil {
		_ = j.file.Close()
		j.file = nil
	}
}
