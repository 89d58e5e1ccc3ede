package plugin

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// tailBytes is what is kept of a plugin's output: enough for a Go panic with
// several goroutines, little enough for hundreds of plugins. tailLines of at
// most tailWidth bytes are shown.
const (
	tailBytes = 64 << 10
	tailLines = 12
	tailWidth = 400
)

// tail keeps the last bytes that a plugin printed. A plugin may print without
// end and costs no more memory than this.
type tail struct {
	name    string
	also    io.Writer         // nil, or where whole lines are copied to under the plugin's name
	secrets map[string]string // variable -> value; values are never shown

	mu   sync.Mutex
	buf  []byte
	line []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	if t.also != nil {
		t.copyLines(p)
	}
	return len(p), nil
}

func (t *tail) copyLines(p []byte) {
	t.line = append(t.line, p...)
	for {
		at := bytes.IndexByte(t.line, '\n')
		if at < 0 {
			if len(t.line) < tailBytes {
				return
			}
			at = len(t.line) - 1 // a line without end is shown in pieces
		}
		// A failing writer must not stop the plugin; its output is still in buf.
		_, _ = io.WriteString(t.also, t.name+": "+strings.TrimSuffix(t.hide(string(t.line[:at+1])), "\n")+"\n")
		t.line = append(t.line[:0], t.line[at+1:]...)
	}
}

// last shows why the plugin ended: the panic with the lines after it, else the
// last lines; empty when it printed nothing.
func (t *tail) last() string {
	t.mu.Lock()
	text := string(t.buf)
	t.mu.Unlock()
	text = strings.TrimRight(t.hide(strings.ToValidUTF8(text, "\uFFFD")), "\n")
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	from := max(0, len(lines)-tailLines)
	for i, l := range lines {
		if strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "fatal error: ") {
			from = i
			break
		}
	}
	var b strings.Builder
	for _, l := range lines[from:min(len(lines), from+tailLines)] {
		if len(l) > tailWidth {
			l = strings.ToValidUTF8(l[:tailWidth], "") + " ..."
		}
		b.WriteString("\n  " + l)
	}
	return b.String()
}

func (t *tail) hide(text string) string {
	for name, value := range t.secrets {
		if value != "" {
			text = strings.ReplaceAll(text, value, "["+name+"]")
		}
	}
	return text
}
