// Package diag carries what is wrong with a file to the person who can mend it.
//
// A diagnostic names the place (file, line, columns), says in a short summary
// that is always worded the same what is wrong, and in its detail why, and what
// to do. Diagnostics are collected, never thrown one at a time: a directory is
// checked as a whole and all its errors come back together; warnings travel
// with success.
//
// The package knows nothing of HCL's own types, so that the engine can carry
// diagnostics without importing a parser.
//
//	diags := diag.List{diag.Errorf(rng, "unknown-name", "Unknown ladder", "There is no ladder %q.", name)}
//	if diags.HasErrors() {
//		diag.WriteText(os.Stderr, diags, sources, diag.TextOptions{Color: true})
//	}
package diag

import (
	"fmt"
	"sort"
	"strings"
)

// Severity tells whether work can go on.
type Severity string

// The severities. An error stops; a warning travels with success.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Pos is a place in a file. Line and Column count from 1, Column in
// user-perceived characters; Byte counts from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Range is a stretch of a file, End exclusive. The zero Range means "nowhere in
// particular".
type Range struct {
	File  string `json:"file"`
	Start Pos    `json:"start"`
	End   Pos    `json:"end"`
}

// String is "file:line:column", or "file" where no line is known.
func (r Range) String() string {
	if r.Start.Line == 0 {
		return r.File
	}
	return fmt.Sprintf("%s:%d:%d", r.File, r.Start.Line, r.Start.Column)
}

// Diagnostic is one finding.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Code     string   `json:"code"`              // stable, kebab-case: "unknown-name"
	Summary  string   `json:"summary"`           // short, always the same words for the same Code
	Detail   string   `json:"detail,omitempty"`  // why, and what to do; full sentences
	Range    Range    `json:"range"`             // where
	Suggest  string   `json:"suggest,omitempty"` // text to write instead, or a block to paste
	// Secret: what stands in the range may be a secret, and is not shown again.
	Secret bool `json:"-"`
}

// List is what a check returns.
type List []Diagnostic

// Errorf makes an error.
func Errorf(r Range, code, summary, format string, args ...any) Diagnostic {
	return Diagnostic{Severity: Error, Code: code, Summary: summary, Detail: fmt.Sprintf(format, args...), Range: r}
}

// Warnf makes a warning.
func Warnf(r Range, code, summary, format string, args ...any) Diagnostic {
	return Diagnostic{Severity: Warning, Code: code, Summary: summary, Detail: fmt.Sprintf(format, args...), Range: r}
}

// Masked returns d with its range hidden in what people see: logs of a build are
// read by many.
func (d Diagnostic) Masked() Diagnostic {
	d.Secret = true
	return d
}

// WithSuggestion returns d with the text to write instead.
func (d Diagnostic) WithSuggestion(s string) Diagnostic {
	d.Suggest = s
	return d
}

// HasErrors tells whether any diagnostic is an error.
func (l List) HasErrors() bool { return l.Count(Error) > 0 }

// Count is the number of diagnostics of one severity.
func (l List) Count(s Severity) int {
	n := 0
	for _, d := range l {
		if d.Severity == s {
			n++
		}
	}
	return n
}

// Sorted is the list by file, place, severity and code; stable.
func (l List) Sorted() List {
	out := append(List(nil), l...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		switch {
		case a.Range.File != b.Range.File:
			return a.Range.File < b.Range.File
		case a.Range.Start.Byte != b.Range.Start.Byte:
			return a.Range.Start.Byte < b.Range.Start.Byte
		case a.Severity != b.Severity:
			return a.Severity < b.Severity
		}
		return a.Code < b.Code
	})
	return out
}

// Err is nil without errors, else one error that holds them all in short form.
func (l List) Err() error {
	if !l.HasErrors() {
		return nil
	}
	var b strings.Builder
	for _, d := range l.Sorted() {
		if d.Severity != Error {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "%s: %s: %s", d.Range, d.Summary, d.Detail)
	}
	return fmt.Errorf("%s", b.String())
}
