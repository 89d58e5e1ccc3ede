package config

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Limits of a file. HCL's parser recurses: 100,000 open brackets in 200 KB
// exhaust the stack, which ends the process and cannot be recovered from. Its
// lexer does not recurse (measured 2026-11: those brackets take 0.13 s), so
// depth is found before anything is parsed.
const (
	MaxFile  = 256 << 10 // bytes
	MaxDepth = 64        // brackets, braces, parentheses and templates inside each other
)

// Guard refuses what must not reach the parser: files over MaxFile, bytes that
// are not UTF-8, and nesting over MaxDepth. Parsing is safe when it returns
// nothing.
func Guard(name string, src []byte) diag.List {
	if len(src) > MaxFile {
		return diag.List{tooLarge.at(diag.Range{File: name},
			"This file has %d KiB; %d KiB are allowed. Configuration of this size is nearly always data: split it over several files, or keep data elsewhere.", (len(src)+1023)>>10, MaxFile>>10)}
	}
	if at := invalidUTF8(src); at >= 0 {
		pos := position(src, at)
		detail := "Byte %d (on line %d) is not valid UTF-8. Save the file as UTF-8."
		if bytes.HasPrefix(src, []byte{0xff, 0xfe}) || bytes.HasPrefix(src, []byte{0xfe, 0xff}) {
			detail = "The file starts like UTF-16, at byte %d (line %d). Save it as UTF-8."
		}
		return diag.List{notText.at(diag.Range{File: name, Start: pos, End: pos}, detail, at, pos.Line)}
	}
	return guardDepth(name, src)
}

func invalidUTF8(src []byte) int {
	if utf8.Valid(src) {
		return -1
	}
	for at := 0; at < len(src); {
		r, size := utf8.DecodeRune(src[at:])
		if r == utf8.RuneError && size <= 1 {
			return at
		}
		at += size
	}
	return -1
}

func guardDepth(name string, src []byte) diag.List {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl.InitialPos)
	depth, directives, prefixes, conditions := 0, 0, 0, 0
	for i, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenTemplateControl:
			depth++
			directives += directive(tokens, i)
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen,
			hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			depth = max(0, depth-1)
		case hclsyntax.TokenQuestion:
			conditions++
		case hclsyntax.TokenNewline, hclsyntax.TokenComma:
			conditions = 0
		}
		// Signs before a term and conditions inside each other nest as deeply as
		// brackets do, without any.
		if t.Type == hclsyntax.TokenBang || t.Type == hclsyntax.TokenMinus {
			prefixes++
		} else {
			prefixes = 0
		}
		if depth+max(0, directives)+prefixes+conditions > MaxDepth {
			return diag.List{tooDeep.at(convert(t.Range),
				"Brackets, braces, parentheses, quotes and conditions are nested more than %d deep here. No sensible configuration is; look for a bracket that was never closed, or name parts of it in a locals block.", MaxDepth)}
		}
	}
	return nil
}

// directive is +1 where a template directive opens a body (%{ if, %{ for), -1
// where it closes one.
func directive(tokens hclsyntax.Tokens, i int) int {
	if i+1 >= len(tokens) {
		return 0
	}
	switch string(tokens[i+1].Bytes) {
	case "if", "for":
		return 1
	case "endif", "endfor":
		return -1
	}
	return 0
}

// withoutBOM drops a byte order mark: it is no part of the text, and columns
// are counted from behind it.
func withoutBOM(src []byte) []byte { return bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")) }

// parse is hclsyntax.ParseConfig behind the guards. broken says that the body
// is not all that the file says. A panic of the parser, which would be a defect
// of it, becomes a diagnostic.
func parse(name string, src []byte) (body *hclsyntax.Body, broken bool, diags diag.List) {
	if diags = Guard(name, src); diags.HasErrors() {
		return &hclsyntax.Body{}, true, diags
	}
	defer func() {
		if r := recover(); r != nil {
			body, broken = &hclsyntax.Body{}, true
			diags = diag.List{syntaxError.at(diag.Range{File: name}, "The parser cannot read this file and gave up: %v. Please report the file.", r)}
		}
	}()
	file, problems := hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok || body == nil {
		body = &hclsyntax.Body{}
	}
	broken, diags = syntax(name, src, problems)
	return body, broken, diags
}

// Format is the canonical form of a file, or the file as it is and what is
// wrong with it.
func Format(name string, src []byte) ([]byte, diag.List) {
	text := withoutBOM(src)
	_, broken, diags := parse(name, text)
	if broken {
		return src, diags
	}
	return canonical(text), nil
}

func (f finding) at(r diag.Range, format string, args ...any) diag.Diagnostic {
	return diag.Diagnostic{Severity: diag.Error, Code: f.code, Summary: f.summary, Detail: fmt.Sprintf(format, args...), Range: r}
}

func (f finding) warn(r diag.Range, format string, args ...any) diag.Diagnostic {
	d := f.at(r, format, args...)
	d.Severity = diag.Warning
	return d
}
