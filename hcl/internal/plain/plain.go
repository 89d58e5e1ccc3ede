// Package plain reads the part of HCL that files kept by the machine use: blocks
// with labels whose attributes are literals or references. The policy file and
// the lock file share it.
//
// It must not evaluate anything: no variables, no functions, no templates. A
// value is what stands in the file, so that the file alone says what it means.
// And it looks before it parses, since HCL's parser recurses: a file that nests
// or chains deeply enough would end the process.
//
//	body, diags := plain.Parse("policy.hcl", src, 4<<20)
//	for _, block := range body.Blocks {
//		reason, d := plain.String(block.Body.Attributes["reason"])
//	}
package plain

import (
	"bytes"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Parse reads src, which is called name in ranges. The body is nil when the file
// was refused before parsing; with other errors it holds what could be read.
func Parse(name string, src []byte, maxBytes int) (*hclsyntax.Body, diag.List) {
	if d, ok := checkBytes(name, src, maxBytes); !ok {
		return nil, diag.List{d}
	}
	if !calm(src) {
		if d, ok := checkTokens(Tokens(name, src)); !ok {
			return nil, diag.List{d}
		}
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
	return body, diags
}

// Tokens are all tokens of src, comments too. What is wrong with them the parser
// says.
func Tokens(name string, src []byte) hclsyntax.Tokens {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	return tokens
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
