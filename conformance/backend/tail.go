package backend

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// maxTail is kept of what a backend prints, from its end: the stacks of a Go
// program with a hundred calls are less. maxQuoted is shown.
const (
	maxTail   = 4 << 20
	maxQuoted = 400
)

// tail keeps what a backend prints to stderr.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write never fails: printing without end must not stop the backend.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - maxTail; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}

// quoted is a part of a sentence about what was printed: a panic's first lines,
// else the last ones.
func (t *tail) quoted() string {
	text := strings.TrimSpace(strings.ToValidUTF8(t.text(), "\uFFFD"))
	if text == "" {
		return ", and printed nothing"
	}
	if at := strings.Index(text, "panic: "); at >= 0 {
		text = text[at:]
		text = text[:min(len(text), maxQuoted)]
	} else if over := len(text) - maxQuoted; over > 0 {
		text = text[over:]
	}
	return fmt.Sprintf(", and printed %q", strings.ToValidUTF8(text, ""))
}

// resident is the memory of a process in bytes; ok is false where the kit cannot
// look.
func resident(pid int) (bytes int64, ok bool) {
	if runtime.GOOS != "linux" {
		return 0, false
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(raw)) {
		value, found := strings.CutPrefix(line, "VmRSS:")
		if !found {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
		return n << 10, err == nil
	}
	return 0, false
}
