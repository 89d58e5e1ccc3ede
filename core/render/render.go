// Package render turns a skill's output into text by a template.
//
// Templates are Go's text/template with a small set of functions and without
// surprises: a member that is not there is an error at its line and column,
// null and whole lists are never printed by accident, and time, memory and the
// size of the text are bounded.
//
// The package must not read files, a clock or the environment: a template sees
// .output and .input and nothing else.
//
//	t, err := render.Compile("digest.slack.tmpl", src)
//	if err != nil {
//		return err // a *render.Error
//	}
//	text, err := t.Render(output, input)
package render

import "fmt"

// Error says what is wrong with a template, and where.
type Error struct {
	Name    string // of the template: its file
	Line    int    // from 1; 0 when no line is known
	Column  int    // from 1, in bytes; 0 when no column is known
	Message string
}

// Error is "NAME:LINE:COLUMN: message".
func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %s", e.Name, e.Message)
	case e.Column == 0:
		return fmt.Sprintf("%s:%d: %s", e.Name, e.Line, e.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.Name, e.Line, e.Column, e.Message)
}

// Template is a compiled template. It is safe for use by many goroutines.
type Template struct {
	name string
}
