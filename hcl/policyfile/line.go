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
	for _, t := range f.tokensFrom(at) {
		if plain.EndsLine(t) {
			return t.Range.End.Byte
		}
	}
	return len(f.src)
}

// oneLine tells whether a block's attribute follows its brace on the same line.
func (f *File) oneLine(b *hclsyntax.Block) bool {
	for _, t := range f.tokensFrom(b.OpenBraceRange.End.Byte) {
		switch {
		case plain.EndsLine(t):
			return false
		case t.Type != hclsyntax.TokenComment:
			return true
		}
	}
	return false
}

// tokensFrom is the tokens that begin at offset at or later.
func (f *File) tokensFrom(at int) hclsyntax.Tokens {
	tokens := f.lex()
	return tokens[sort.Search(len(tokens), func(i int) bool { return tokens[i].Range.Start.Byte >= at }):]
}

// lex is all tokens of the source. Most files are only read, and the lexer costs
// as much as the parser, so it waits for the first edit that asks.
func (f *File) lex() hclsyntax.Tokens {
	if f.tokens == nil {
		f.tokens = plain.Tokens(f.name, f.src)
	}
	return f.tokens
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
