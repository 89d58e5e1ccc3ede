package config

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/rivo/uniseg"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// maxSyntax bounds the syntax errors shown of one file: after the first few the
// parser has lost its place.
const maxSyntax = 20

// convert turns a range of the parser into one of ours.
func convert(r hcl.Range) diag.Range {
	return diag.Range{File: r.Filename, Start: diag.Pos(r.Start), End: diag.Pos(r.End)}
}

// position counts lines and characters up to a byte.
func position(src []byte, at int) diag.Pos {
	line := 1 + bytes.Count(src[:at], []byte("\n"))
	start := bytes.LastIndexByte(src[:at], '\n') + 1
	return diag.Pos{Line: line, Column: 1 + uniseg.GraphemeClusterCount(string(src[start:at])), Byte: at}
}

// syntax turns the parser's findings into ours. broken says that parts of the
// file were not understood.
func syntax(name string, src []byte, problems hcl.Diagnostics) (broken bool, diags diag.List) {
	last, fences := -1, map[int]bool{}
	for i, p := range problems {
		if i == maxSyntax {
			diags = append(diags, syntaxError.at(diag.Range{File: name}, "There are %d more syntax errors in this file; they are not shown, because most of them follow from those above.", len(problems)-i))
			break
		}
		rng := diag.Range{File: name}
		if p.Subject != nil {
			rng = inside(convert(*p.Subject), src)
		}
		if p.Summary != "Attribute redefined" && p.Subject != nil {
			if rng.Start.Byte == last {
				continue // the lexer and the parser about the same character
			}
			last = rng.Start.Byte
		}
		if fenced(src, rng.Start.Byte) { // the parser finds three things wrong with it
			if broken = true; !fences[rng.Start.Line] {
				diags = append(diags, syntaxError.at(rng, "This line is a fence of Markdown, copied with an example. Delete it."))
			}
			fences[rng.Start.Line] = true
			continue
		}
		switch {
		case p.Summary == "Attribute redefined":
			diags = append(diags, twice(rng, src, p.Detail))
			continue
		case p.Summary == "Invalid single-argument block definition" || strings.HasPrefix(p.Detail, "A single-line block definition"):
			d := oneLineBlock.at(rng, "A block on one line may hold one argument only. Write one argument on each line.")
			diags = append(diags, d.WithSuggestion(severalLines(src, rng.Start)))
		default:
			diags = append(diags, syntaxError.at(rng, "%s. %s", p.Summary, p.Detail))
		}
		broken = true
	}
	return broken, diags
}

// fenced tells whether the line around a place begins with three backquotes.
func fenced(src []byte, at int) bool {
	line := src[bytes.LastIndexByte(src[:at], '\n')+1:]
	return bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("```"))
}

// twice reports an attribute that its block has already. The parser says where
// in its own form, FILE:LINE,COLUMN-COLUMN.
func twice(rng diag.Range, src []byte, detail string) diag.Diagnostic {
	name := "This attribute"
	if rng.Start.Byte < rng.End.Byte {
		name = string(src[rng.Start.Byte:rng.End.Byte])
	}
	where := ""
	if m := regexp.MustCompile(`already set at .*?:([0-9]+),`).FindStringSubmatch(detail); m != nil {
		where = " on line " + m[1]
	}
	return duplicateAttribute.at(rng, "%s was given%s already. Keep one of the two lines.", name, where)
}

// inside keeps a range within the file.
func inside(r diag.Range, src []byte) diag.Range {
	if r.Start.Byte > len(src) {
		r.Start = position(src, len(src))
	}
	if r.End.Byte > len(src) {
		r.End = position(src, len(src))
	}
	if r.End.Byte < r.Start.Byte {
		r.End = r.Start
	}
	return r
}

// severalLines rewrites the one-line block that stands around a place with one
// argument on each line; "" when it cannot be told apart.
func severalLines(src []byte, at diag.Pos) string {
	start := bytes.LastIndexByte(src[:at.Byte], '\n') + 1
	end := len(src)
	if n := bytes.IndexByte(src[start:], '\n'); n >= 0 {
		end = start + n
	}
	text, ok := expand(strings.TrimSpace(string(src[start:end])))
	if !ok {
		return ""
	}
	return strings.TrimRight(string(hclwrite.Format([]byte(text))), "\n")
}

// expand writes `HEAD { a = 1, b = 2 }` over several lines, blocks inside it
// too.
func expand(line string) (string, bool) {
	tokens, _ := hclsyntax.LexConfig([]byte(line), "", hcl.Pos{Line: 1, Column: 1})
	open := -1
	for i, t := range tokens {
		if t.Type == hclsyntax.TokenOBrace {
			open = i
			break
		}
		if t.Type == hclsyntax.TokenEqual {
			return "", false
		}
	}
	if open <= 0 {
		return "", false
	}
	var parts []string
	depth, from := 1, -1
	flush := func(to int) {
		if from >= 0 {
			parts = append(parts, strings.TrimRight(strings.TrimSpace(line[from:to]), ", "))
		}
		from = -1
	}
	for i := open + 1; i < len(tokens) && depth > 0; i++ {
		t := tokens[i]
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenTemplateInterp:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenTemplateSeqEnd:
			if depth--; depth == 0 {
				flush(t.Range.Start.Byte)
			}
		case hclsyntax.TokenIdent:
			if depth == 1 && startsItem(tokens, i) {
				flush(t.Range.Start.Byte)
				from = t.Range.Start.Byte
			}
		case hclsyntax.TokenEOF:
			flush(len(line))
		}
	}
	if len(parts) == 0 {
		return "", false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s {\n", strings.TrimSpace(line[:tokens[open].Range.Start.Byte]))
	for _, p := range parts {
		if inner, ok := expand(p); ok && strings.Count(inner, "\n") > 2 {
			p = inner
		}
		b.WriteString(p + "\n")
	}
	b.WriteString("}\n")
	return b.String(), true
}

// startsItem tells whether the identifier at i starts an argument or a block,
// and is not a part of an expression.
func startsItem(tokens hclsyntax.Tokens, i int) bool {
	if i > 0 && (tokens[i-1].Type == hclsyntax.TokenDot || tokens[i-1].Type == hclsyntax.TokenEqual) {
		return false
	}
	switch tokens[i+1].Type { // there is always an EOF behind an identifier
	case hclsyntax.TokenEqual, hclsyntax.TokenOQuote, hclsyntax.TokenOBrace:
		return true
	}
	return false
}

// canonical is hclwrite's form. One pass can leave something for the next one,
// so it is repeated until nothing changes.
func canonical(src []byte) []byte {
	for range 4 {
		out := hclwrite.Format(src)
		if bytes.Equal(out, src) {
			return out
		}
		src = out
	}
	return src
}
