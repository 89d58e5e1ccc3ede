package diag

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// Literal is a text that stands word for word in a file, a rule between quotes
// for instance, so that places inside the text can be shown in the file.
type Literal struct {
	Range Range  // the whole literal, quotes or heredoc markers included
	Text  string // what the literal means
	// Lines are the places where the lines of Text start in the file. Without
	// them Text does not stand there word for word (it has escapes, which shift
	// columns), and every place is the whole Range.
	Lines []Pos
}

// NewLiteral finds out, by comparing, whether text stands word for word inside
// rng of src. It never guesses: where the comparison fails, the literal is
// inexact.
func NewLiteral(rng Range, src []byte, text string) Literal {
	l := Literal{Range: rng, Text: text}
	if rng.Start.Byte < 0 || rng.End.Byte > len(src) || rng.Start.Byte >= rng.End.Byte {
		return l
	}
	raw := string(src[rng.Start.Byte:rng.End.Byte])
	switch {
	case len(raw) >= 2 && raw[0] == '"' && raw[1:len(raw)-1] == text:
		l.Lines = []Pos{{Line: rng.Start.Line, Column: rng.Start.Column + 1, Byte: rng.Start.Byte + 1}}
	case strings.HasPrefix(raw, "<<"):
		l.Lines = heredoc(rng.Start, raw, text)
	}
	return l
}

// heredoc finds the lines of text in raw, which starts with the opening marker.
// A flush heredoc (<<-) has lost the same indent on every line that has one.
func heredoc(start Pos, raw, text string) []Pos {
	have, want := strings.SplitAfter(raw, "\n"), strings.SplitAfter(text, "\n")
	if len(want) > len(have)-1 || want[len(want)-1] != "" {
		return nil
	}
	at := start.Byte
	indent := -1
	var lines []Pos
	for i, line := range want {
		at += len(have[i])
		cut := len(have[i+1]) - len(line)
		switch blank := strings.TrimSpace(line) == ""; {
		case i == len(want)-1:
			cut = 0 // the empty rest after the last line
		case cut < 0 || have[i+1][cut:] != line || strings.Trim(have[i+1][:cut], " ") != "":
			return nil
		case indent < 0 && !blank:
			indent = cut
		case cut != indent && !blank:
			return nil
		}
		lines = append(lines, Pos{Line: start.Line + 1 + i, Column: 1 + cut, Byte: at + cut})
	}
	return lines
}

// At maps a place inside Text, line from 1 and column from 1 in Unicode code
// points, to the file. The range covers the word that stands there, or one
// character.
func (l Literal) At(line, column int) Range {
	if line < 1 || line > len(l.Lines) || column < 1 {
		return l.Range
	}
	text := strings.TrimRight(strings.Split(l.Text, "\n")[line-1], "\r")
	at := 0
	for c := 1; c < column && at < len(text); c++ {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	start := l.Lines[line-1]
	start.Column += uniseg.GraphemeClusterCount(text[:at])
	start.Byte += at
	word := wordAt(text[at:])
	end := start
	end.Column += uniseg.GraphemeClusterCount(word)
	end.Byte += len(word)
	return Range{File: l.Range.File, Start: start, End: end}
}

// wordAt is the identifier or number at the start of s, else its first
// character; "" at the end of a line.
func wordAt(s string) string {
	n := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
	switch {
	case n > 0:
		return s[:n]
	case n < 0:
		return s
	}
	first, _, _, _ := uniseg.FirstGraphemeClusterInString(s, -1)
	return first
}
