package diag

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/rivo/uniseg"
)

// TextOptions say how diagnostics look.
type TextOptions struct {
	Color bool   // ANSI colours
	Base  string // absolute file names are shown relative to this directory
}

const (
	wrapAt   = 78  // columns of details
	maxLines = 4   // snippet lines of one diagnostic
	maxWidth = 160 // columns of one snippet line
)

// WriteText writes the list for people, sorted by place: summary, file and
// line, the line itself with the range underlined, why, and what to write
// instead. sources are the files by the names that ranges use; without its
// source a diagnostic has no snippet.
//
// Text from files is made harmless: control characters, escape sequences for
// terminals among them, are shown and not sent. Errors of w are not reported: there is nobody left to tell.
func WriteText(w io.Writer, l List, sources map[string][]byte, o TextOptions) {
	p := painter{on: o.Color}
	for _, d := range l.Sorted() {
		var b strings.Builder
		p.header(&b, d)
		// The whole project is no place to look at.
		if name := shownName(d.Range.File, o.Base); d.Range.File != "" && name != "." {
			fmt.Fprintf(&b, "  on %s", name)
			if d.Range.Start.Line > 0 {
				fmt.Fprintf(&b, " line %d", d.Range.Start.Line)
			}
			b.WriteString(":\n")
		}
		if src, ok := sources[d.Range.File]; ok && d.Range.Start.Line > 0 {
			if d.Secret {
				src = masked(src, d.Range)
			}
			p.snippet(&b, src, d.Range)
		}
		b.WriteString("\n")
		if d.Detail != "" {
			b.WriteString(wrap(harmless(d.Detail), wrapAt))
			b.WriteString("\n\n")
		}
		if d.Suggest != "" {
			lead := "Write instead:"
			if d.Code == "missing-attribute" || d.Code == "missing-block" {
				lead = "Add:" // nothing stands there that it would replace
			}
			b.WriteString(lead + "\n")
			for _, line := range strings.Split(strings.TrimRight(d.Suggest, "\n"), "\n") {
				b.WriteString(strings.TrimRight("    "+harmless(line), " ") + "\n")
			}
			b.WriteString("\n")
		}
		_, _ = io.WriteString(w, b.String())
	}
}

// Summary counts in words: "2 errors, 1 warning", or "no problems".
func Summary(l List) string {
	var parts []string
	for _, s := range []Severity{Error, Warning} {
		switch n := l.Count(s); n {
		case 0:
		case 1:
			parts = append(parts, "1 "+string(s))
		default:
			parts = append(parts, fmt.Sprintf("%d %ss", n, s))
		}
	}
	if len(parts) == 0 {
		return "no problems"
	}
	return strings.Join(parts, ", ")
}

func shownName(name, base string) string {
	if base != "" && filepath.IsAbs(name) {
		if rel, err := filepath.Rel(base, name); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			name = filepath.ToSlash(rel)
		}
	}
	return harmless(name)
}

type painter struct{ on bool }

func (p painter) paint(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p painter) header(b *strings.Builder, d Diagnostic) {
	word, code := "Error", "1;31"
	if d.Severity == Warning {
		word, code = "Warning", "1;33"
	}
	fmt.Fprintf(b, "%s %s\n", p.paint(code, word+":"), p.paint("1", harmless(d.Summary)))
}

// masked is src with stars for the value that stands in a range: all of it
// behind the name of an argument.
func masked(src []byte, r Range) []byte {
	out := bytes.Clone(src)
	start, end := max(r.Start.Byte, 0), min(r.End.Byte, len(out))
	if i := bytes.IndexByte(out[min(start, end):end], '='); i >= 0 {
		start += i + 1
	}
	for i := start; i < end; i++ {
		if out[i] != '\n' && out[i] != ' ' {
			out[i] = '*'
		}
	}
	return out
}

// snippet shows the lines of a range, each with its part underlined.
func (p painter) snippet(b *strings.Builder, src []byte, r Range) {
	lines := strings.SplitAfter(string(src), "\n")
	first, last := r.Start.Line, max(r.Start.Line, r.End.Line)
	if r.End.Line > r.Start.Line && r.End.Column <= 1 {
		last-- // ends before the first character of its last line
	}
	if first > len(lines) {
		return
	}
	last = min(last, len(lines))
	shown := min(last, first+maxLines-1)
	gutter := len(fmt.Sprint(shown))
	start := 0
	for _, l := range lines[:first-1] {
		start += len(l)
	}
	for n := first; n <= shown; n++ {
		line := strings.TrimRight(lines[n-1], "\r\n")
		from, to := len(line)-len(strings.TrimLeft(line, " \t")), len(line)
		if n == first {
			from = clamp(r.Start.Byte-start, len(line))
		}
		if n == r.End.Line || r.End.Line < r.Start.Line {
			to = clamp(r.End.Byte-start, len(line))
		}
		text, pad, width := crop(line, from, max(from, to))
		fmt.Fprintf(b, "  %s %s\n", p.paint("2", fmt.Sprintf("%*d |", gutter, n)), text)
		if width > 0 {
			fmt.Fprintf(b, "  %s %s%s\n", p.paint("2", fmt.Sprintf("%*s |", gutter, "")), strings.Repeat(" ", pad), p.paint("1;31", strings.Repeat("^", width)))
		}
		start += len(lines[n-1])
	}
	if shown < last {
		fmt.Fprintf(b, "  %s\n", p.paint("2", fmt.Sprintf("%*s | (%d more lines)", gutter, "", last-shown)))
	}
}

func clamp(n, top int) int { return max(0, min(n, top)) }

// crop is a line as shown, with the columns before the underlined part and its
// width in columns. Long lines are cut around the underlined part.
func crop(line string, from, to int) (text string, pad, width int) {
	before, marked, after := visible(line[:from]), visible(line[from:to]), visible(line[to:])
	if uniseg.StringWidth(before)+uniseg.StringWidth(marked)+uniseg.StringWidth(after) > maxWidth {
		before, marked, after = keepEnd(before, maxWidth/3), keepStart(marked, maxWidth/3), keepStart(after, maxWidth/3)
	}
	return before + marked + after, uniseg.StringWidth(before), max(1, uniseg.StringWidth(marked))
}

func keepStart(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	g := uniseg.NewGraphemes(s)
	for w := 0; g.Next(); {
		if w += g.Width(); w > width {
			break
		}
		b.WriteString(g.Str())
	}
	return b.String() + "..."
}

func keepEnd(s string, width int) string {
	total := uniseg.StringWidth(s)
	if total <= width {
		return s
	}
	g := uniseg.NewGraphemes(s)
	for w := 0; g.Next(); {
		if w += g.Width(); total-w <= width {
			_, to := g.Positions()
			return "..." + s[to:]
		}
	}
	return "..."
}

// visible is a piece of a line with tabs as two spaces and control characters
// shown.
func visible(s string) string { return harmless(strings.ReplaceAll(s, "\t", "  ")) }

// harmless replaces control characters but newlines, so that a file cannot
// write to the terminal of whoever reads about its mistakes. The C1 range,
// bidirectional overrides and invalid bytes go the same way.
func harmless(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return '\uFFFD'
		}
		return r
	}, s)
}

// wrap breaks paragraphs at width columns. Lines that are indented already, a
// list or a piece of code, stay as they are.
func wrap(s string, width int) string {
	var out []string
	for _, paragraph := range strings.Split(s, "\n") {
		if strings.HasPrefix(paragraph, " ") {
			out = append(out, paragraph)
			continue
		}
		line := ""
		for _, word := range strings.Fields(paragraph) {
			switch {
			case line == "":
				line = word
			case uniseg.StringWidth(line)+1+uniseg.StringWidth(word) > width:
				out = append(out, line)
				line = word
			default:
				line += " " + word
			}
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
