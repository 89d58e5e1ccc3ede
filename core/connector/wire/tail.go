package wire

import (
	"strings"
	"sync"
)

// What is kept of a process's output, and what of it is shown.
const (
	tailBytes = 16 << 10
	tailLines = 8
	tailWidth = 300
)

// tail keeps the last bytes that a server printed. It may print without end and
// costs no more memory than this.
type tail struct {
	secrets map[string]string

	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(p) > tailBytes {
		p = p[len(p)-tailBytes:]
	}
	if over := len(t.buf) + len(p) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	t.buf = append(t.buf, p...)
	return n, nil
}

// shown is the last lines, each on a line of its own and indented; "" when it
// printed nothing.
func (t *tail) shown() string {
	if t == nil {
		return ""
	}
	t.mu.Lock()
	text := string(t.buf)
	t.mu.Unlock()
	text = strings.TrimSpace(t.hide(strings.ToValidUTF8(text, "")))
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	var b strings.Builder
	for _, l := range lines[max(0, len(lines)-tailLines):] {
		b.WriteString("\n  " + Show(strings.TrimRight(l, "\r"), tailWidth))
	}
	return b.String()
}

// hide masks secrets of at least four bytes: shorter ones would mask half of
// every text and are none.
func (t *tail) hide(text string) string {
	for name, value := range t.secrets {
		if len(value) >= 4 {
			text = strings.ReplaceAll(text, value, "["+name+"]")
		}
	}
	return text
}
