package plain

import (
	"bytes"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// MaxDepth is how deep brackets, braces, parentheses and templates may nest.
const MaxDepth = 64

// maxStatement bounds the tokens from one end of line to the next, since chains
// such as ---1 or a ? b : c ? d : e recurse without a bracket. The longest
// statement of a real file has fewer than 20.
const maxStatement = 4096

func checkBytes(name string, src []byte, maxBytes int) (diag.Diagnostic, bool) {
	if len(src) > maxBytes {
		return diag.Errorf(diag.Range{File: name}, "file-too-large", "File too large",
			"The file has %d bytes; at most %d are read. Split it, or remove what is not needed.", len(src), maxBytes), false
	}
	if utf8.Valid(src) {
		return diag.Diagnostic{}, true
	}
	at := 0
	for {
		r, n := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		at += n
	}
	line := src[bytes.LastIndexByte(src[:at], '\n')+1 : at]
	start := diag.Pos{Line: bytes.Count(src[:at], []byte("\n")) + 1, Column: utf8.RuneCount(line) + 1, Byte: at}
	return diag.Errorf(diag.Range{File: name, Start: start, End: start}, "not-utf8", "Not UTF-8",
		"Byte %d of the file is not valid UTF-8. Save the file as UTF-8.", at), false
}

// checkTokens refuses what would make the parser recurse too deep.
func checkTokens(tokens hclsyntax.Tokens) (diag.Diagnostic, bool) {
	var open []hclsyntax.TokenType
	statement := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			if open = append(open, t.Type); len(open) > MaxDepth {
				return diag.Errorf(Range(t.Range), "nested-too-deep", "Nested too deep",
					"Brackets nest deeper than %d here. Such a file is not parsed.", MaxDepth), false
			}
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			open = open[:max(0, len(open)-1)]
		case hclsyntax.TokenStringLit, hclsyntax.TokenQuotedLit:
			continue
		}
		// Inside parentheses, brackets and templates a statement goes on.
		if EndsLine(t) && (len(open) == 0 || open[len(open)-1] == hclsyntax.TokenOBrace) {
			statement = 0
		}
		if statement++; statement > maxStatement {
			return diag.Errorf(Range(t.Range), "statement-too-long", "Statement too long",
				"One statement has more than %d parts here. Such a file is not parsed.", maxStatement), false
		}
	}
	return diag.Diagnostic{}, true
}

// calm tells, at a fraction of the lexer's price, that checkTokens would pass a
// file: no line too long, brackets closed soon, and nothing in it that makes the
// end of a string hard to find (templates, heredocs, quotes over lines). Almost
// every real file is calm, and reading the policy is part of every command.
func calm(src []byte) bool {
	if bytes.Contains(src, []byte("${")) || bytes.Contains(src, []byte("%{")) || bytes.Contains(src, []byte("<<")) {
		return false
	}
	depth, length, outer := 0, 0, byte('{')
	for i := 0; i < len(src); i++ {
		skip := 0
		switch c := src[i]; {
		case c == '"':
			skip = quoted(src[i:])
		case c == '#', bytes.HasPrefix(src[i:], []byte("//")):
			// The newline is left: it ends the statement.
			if skip = bytes.IndexByte(src[i:], '\n'); skip < 0 {
				return true
			}
			skip--
		case bytes.HasPrefix(src[i:], []byte("/*")):
			if skip = bytes.Index(src[i+2:], []byte("*/")); skip >= 0 {
				skip += 3
			}
		case c == '{' || c == '[' || c == '(':
			if depth++; depth == 1 {
				outer = c
			}
		case c == '}' || c == ']' || c == ')':
			depth--
		case c == '\n' && (depth == 0 || depth == 1 && outer == '{'):
			length = 0
		}
		// A string is three tokens and counts as one byte here, all else has more
		// bytes than tokens.
		if length++; skip < 0 || depth < 0 || depth > MaxDepth || length > maxStatement/4 {
			return false
		}
		i += skip
	}
	return true
}

// quoted is the offset of the quote that ends the string which begins src, or -1
// when the line ends first.
func quoted(src []byte) int {
	for i := 1; i < len(src); i++ {
		switch src[i] {
		case '"':
			return i
		case '\\':
			i++
		case '\n':
			return -1
		}
	}
	return -1
}
