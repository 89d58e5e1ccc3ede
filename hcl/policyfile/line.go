package policyfile

import (
	"bytes"
	"sort"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/internal/plain"
)

// eol is how lines of this file end.
func (f *File) eol() string {
	if i := bytes.IndexByte(f.src, '\n'); i > 0 && f.src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// lineStart is the offset of the line that holds offset at.
func (f *File) lineStart(at int) int { return bytes.LastIndexByte(f.src[:at], '\n') + 1 }

// indentOf is the white space that begins the line of offset at, as far as that.
func (f *File) indentOf(at int) string {
	line := f.src[f.lineStart(at):at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// endOfLine is the offset behind the line end that follows offset at for the
// parser: a newline inside a /* */ comment is none.
func (f *File) endOfLine(at int) int {
	i := f.tokenFrom(at)
	for ; i < len(f.tokens); i++ {
		if plain.EndsLine(f.tokens[i]) {
			return f.tokens[i].Range.End.Byte
		}
	}
	return len(f.src)
}

// oneLine tells whether a block's attribute follows its brace on the same line.
func (f *File) oneLine(b *hclsyntax.Block) bool {
	for i := f.tokenFrom(b.OpenBraceRange.End.Byte); i < len(f.tokens); i++ {
		switch t := f.tokens[i]; {
		case plain.EndsLine(t):
			return false
		case t.Type != hclsyntax.TokenComment:
			return true
		}
	}
	return false
}

// tokenFrom is the index of the first token that begins at offset at or later.
func (f *File) tokenFrom(at int) int {
	return sort.Search(len(f.tokens), func(i int) bool { return f.tokens[i].Range.Start.Byte >= at })
}

// cutLines removes what stands from start to end, with its lines when nothing
// else is on them. A comment behind it keeps the line and its indent.
func (f *File) cutLines(start, end int) edit {
	first := f.lineStart(start)
	alone := len(bytes.TrimLeft(f.src[first:start], " \t")) == 0
	rest, next := f.src[end:], len(f.src)
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest, next = rest[:i], end+i+1
	}
	switch behind := bytes.TrimLeft(rest, " \t\r"); {
	case !alone:
		return edit{start, end, ""}
	case len(behind) == 0:
		return edit{first, next, ""}
	default:
		return edit{start, end + len(rest) - len(behind), ""}
	}
}
