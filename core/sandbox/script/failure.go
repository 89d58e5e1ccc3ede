package script

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// codeScript is the code of what a script throws without a code of its own.
const codeScript = "script_error"

// outOfMemory is how the interpreter says it.
const outOfMemory = "InternalError: out of memory"

const (
	maxFrames = 8        // of a stack trace, without those that say the same
	maxSaid   = 16 << 10 // bytes of message and trace; a script can write into both
)

// Failure is what a script threw, or what is wrong with what it gave back.
type Failure struct{ abi.Failure }

// Error is "code: message".
func (f *Failure) Error() string { return f.Failure.Error() }

// frame is a line of a stack trace as the interpreter writes it:
// "    at name (file:line:col)", or without a name and the brackets.
var frame = regexp.MustCompile(`^\s*at (?:(.*?) \()?([^()\s]*):(\d+):(\d+)\)?$`)

// failure reads what the prelude said of something thrown, and leads its places
// back to the author's files.
func (p *Program) failure(raw []byte) error {
	var f Failure
	if err := json.Unmarshal(raw, &f.Failure); err != nil {
		return fmt.Errorf("the prelude did not say what was thrown: %w", err)
	}
	if f.Code != codeScript {
		return &f
	}
	if strings.HasPrefix(f.Message, outOfMemory) {
		return ErrMemory
	}
	f.Message = f.Message[:min(len(f.Message), maxSaid)]
	f.Detail = f.Detail[:min(len(f.Detail), maxSaid)]
	var first place
	var trace []string
	again := 0
	for line := range strings.Lines(f.Detail) {
		m := frame.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		at, ok := p.where(m[2], m[3], m[4])
		if !ok {
			continue
		}
		if first.file == "" {
			first = at
		}
		said := fmt.Sprintf("  at %s:%d:%d", at.file, at.line, at.col)
		if name := m[1]; name != "" && name != "<anonymous>" {
			said += " in " + name
		}
		switch {
		case len(trace) > 0 && trace[len(trace)-1] == said:
			again++ // a function that calls itself fills the trace
		case len(trace) < maxFrames:
			trace = append(trace, said)
		}
	}
	if again > 0 {
		trace = append(trace, fmt.Sprintf("  (%d more of the same)", again))
	}
	f.Message += explainAbsent(f.Message, first.text)
	f.Detail = ""
	if first.file == "" {
		if strings.HasPrefix(f.Message, "SyntaxError: ") {
			// The bundler has read the rest of the syntax; regular expressions it leaves
			// to the interpreter, which then gives no place.
			f.Message += " (in a regular expression; written as new RegExp(...) it is told where)"
		}
		return &f
	}
	f.Message = fmt.Sprintf("%s:%d:%d: %s", first.file, first.line, first.col, f.Message)
	if first.text != "" {
		f.Detail = pointAt(first.text, first.line, byteColumn(first.text, first.col)) + "\n"
	}
	f.Detail += strings.Join(trace, "\n")
	return &f
}

// where leads a place of the bundle to a file of the author's; those of the SDK
// and of the prelude are nobody's concern.
func (p *Program) where(file, line, col string) (place, bool) {
	if file != mapFile {
		return place{}, false
	}
	l, err := strconv.Atoi(line)
	if err != nil {
		return place{}, false
	}
	c, err := strconv.Atoi(col)
	if err != nil {
		return place{}, false
	}
	at, ok := p.sources.find(l, c)
	return at, ok && !strings.HasPrefix(at.file, ours+":")
}

// byteColumn turns a column in UTF-16 units, from 1, into one in bytes.
func byteColumn(line string, col int) int {
	units := 1
	for i, r := range line {
		if units >= col {
			return i + 1
		}
		if units++; r > 0xffff {
			units++
		}
	}
	return len(line) + 1
}

var (
	undefinedName = regexp.MustCompile(`^ReferenceError: '?([A-Za-z_$][\w$]*)'? is not defined`)
	globalMember  = regexp.MustCompile(`\b(?:globalThis|self|global)\.([A-Za-z_$][\w$]*)`)
)

// explainAbsent says why something of Node's or the browsers' is not there, as
// the end of a message.
func explainAbsent(message, source string) string {
	if m := undefinedName.FindStringSubmatch(message); m != nil {
		if why, ok := absent[m[1]]; ok {
			return ": " + why
		}
		return ""
	}
	if m := globalMember.FindStringSubmatch(source); m != nil && strings.HasPrefix(message, "TypeError") {
		if why, ok := absent[m[1]]; ok {
			return fmt.Sprintf(": %s is not there: %s", m[1], why)
		}
	}
	return ""
}
