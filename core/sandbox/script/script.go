// Package script makes a program of a skill that is written in TypeScript or
// JavaScript, and drives the interpreter that runs it. Bundle reads the files of
// a skill's folder and nothing else; Boot, Machine and Session speak to an
// instance of the interpreter without knowing what runs it. The package must not
// run WASM, read a clock, or find anything outside of the fs.FS that it is given.
//
//	program, err := script.Bundle(os.DirFS(dir), "skill.ts")
//	var e *script.Error
//	if errors.As(err, &e) {
//		fmt.Println(e.File, e.Line, e.Col, e.Message, e.Help)
//	}
package script

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/sandbox/script/quickjs"
)

// Program is a skill's code, ready for the interpreter. It does not change.
type Program struct {
	Name      string   // the entry as skill.hcl names it: "skill.ts"
	Code      []byte   // one script in ASCII, not minified
	SourceMap []byte   // source map of version 3, from Code to the author's files; stays on the host's side
	Files     []string // the author's files that went in, sorted, with slashes

	// Digest is "sha256:" and 64 hexadecimal digits over everything that decides
	// what the program does and says: the interpreter, the prelude, Code, SourceMap.
	Digest string

	sources *sourceMap
}

// Error says what is wrong with a skill's source, and where. Line and Col count
// from 1, Col in bytes; both are 0 when the trouble has no place in a file.
type Error struct {
	File    string // as in the skill's folder, with slashes
	Line    int
	Col     int
	Snippet string // the source line; may be empty
	Message string // what is wrong, one sentence
	Help    string // what to do; may be empty
}

// Error is "skill.ts:3:8: message", without the snippet.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Message)
}

// Text is the error for a terminal: place and message, the source line with a
// mark under the place, and what to do.
func (e *Error) Text() string {
	var b strings.Builder
	b.WriteString(e.Error())
	if e.Snippet != "" {
		b.WriteString("\n" + pointAt(e.Snippet, e.Line, e.Col))
	}
	if e.Help != "" {
		b.WriteString("\n" + e.Help)
	}
	return b.String()
}

// pointAt shows a source line with a mark under column col, in bytes from 1.
// Tabs stay tabs, so that the mark stands where the eye looks for it.
func pointAt(line string, n, col int) string {
	number := fmt.Sprint(n)
	before := line[:min(max(col-1, 0), len(line))]
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, before)
	return fmt.Sprintf("  %s | %s\n  %s | %s^", number, line, strings.Repeat(" ", len(number)), pad)
}

func digest(code, sourceMap []byte) string {
	h := sha256.New()
	for _, part := range [][]byte{[]byte(quickjs.Digest), []byte(prelude), code, sourceMap} {
		// The lengths keep two parts from being cut elsewhere with the same sum.
		fmt.Fprintf(h, "%d\n", len(part))
		h.Write(part)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
