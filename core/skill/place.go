package skill

import (
	"bytes"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// lineRange is line n of src, without the white space around it.
func lineRange(file string, src []byte, n int) diag.Range {
	start, line := 0, 1
	for ; line < n; line++ {
		i := bytes.IndexByte(src[start:], '\n')
		if i < 0 {
			break
		}
		start += i + 1
	}
	end := len(src)
	if i := bytes.IndexByte(src[start:], '\n'); i >= 0 {
		end = start + i
	}
	text := src[start:end]
	indent := len(text) - len(bytes.TrimLeft(text, " \t"))
	text = bytes.TrimSpace(text)
	first := diag.Pos{Line: line, Column: 1 + indent, Byte: start + indent}
	last := first
	last.Column += utf8.RuneCount(text)
	last.Byte += len(text)
	if len(text) == 0 {
		last = first
	}
	return diag.Range{File: file, Start: first, End: last}
}
