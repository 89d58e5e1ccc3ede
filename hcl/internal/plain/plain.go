// Package plain reads the part of HCL that files kept by the machine use: blocks
// with labels whose attributes are literals or references. The policy file and
// the lock file share it.
//
// It must not evaluate anything: no variables, no functions, no templates. A
// value is what stands in the file, so that the file alone says what it means.
// And it looks before it parses, since HCL's parser recurses: a file that nests
// or chains deeply enough would end the process.
//
//	doc, diags := plain.Parse("policy.hcl", src, 4<<20)
//	for _, block := range doc.Body.Blocks {
//		reason, d := plain.String(block.Body.Attributes["reason"])
//	}
package plain

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// MaxDepth is how deep brackets, braces, parentheses and templates may nest.
const MaxDepth = 64

// maxStatement bounds the tokens from one end of line to the next, since chains
// such as ---1 or a ? b : c ? d : e recurse without a bracket. The longest
// statement of a real file has fewer than 20.
const maxStatement = 4096

// Document is a parsed file.
type Document struct {
	Body   *hclsyntax.Body
	Tokens hclsyntax.Tokens // all of them, comments too
}

// Parse reads src, which is called name in ranges. The document is nil when it
// was refused before parsing; with other errors it holds what could be read.
func Parse(name string, src []byte, maxBytes int) (*Document, diag.List) {
	if d, ok := checkBytes(name, src, maxBytes); !ok {
		return nil, diag.List{d}
	}
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos) // the parser repeats its diagnostics
	if d, ok := checkTokens(tokens); !ok {
		return nil, diag.List{d}
	}
	file, hclDiags := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	var diags diag.List
	for _, d := range hclDiags {
		diags = append(diags, convert(name, d))
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return nil, diags
	}
	return &Document{Body: body, Tokens: tokens}, diags
}

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

// EndsLine tells whether a token is the end of a line: a comment that begins with
// # or // carries its newline.
func EndsLine(t hclsyntax.Token) bool {
	return t.Type == hclsyntax.TokenNewline || t.Type == hclsyntax.TokenComment && bytes.HasSuffix(t.Bytes, []byte("\n"))
}

// Range converts a range of HCL.
func Range(r hcl.Range) diag.Range {
	return diag.Range{File: r.Filename, Start: diag.Pos(r.Start), End: diag.Pos(r.End)}
}

func convert(name string, d *hcl.Diagnostic) diag.Diagnostic {
	out := diag.Diagnostic{Severity: diag.Error, Code: "syntax", Summary: d.Summary, Detail: d.Detail, Range: diag.Range{File: name}}
	if d.Severity == hcl.DiagWarning {
		out.Severity = diag.Warning
	}
	if d.Subject != nil {
		out.Range = Range(*d.Subject)
	}
	return out
}

// Quote writes s as a quoted HCL string. Bytes that are not UTF-8 become U+FFFD.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	s = strings.ToValidUTF8(s, "\uFFFD")
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			const hex = "0123456789abcdef"
			b.WriteString(`\u`)
			for shift := 12; shift >= 0; shift -= 4 {
				b.WriteByte(hex[r>>shift&15])
			}
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			b.WriteRune(r)
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
