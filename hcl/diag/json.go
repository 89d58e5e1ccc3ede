package diag

import (
	"encoding/json"
	"io"
)

// DocumentVersion is the version of Document. It rises when a member changes
// its meaning or goes away, never when one is added.
const DocumentVersion = 1

// Document is the machine form of a List, for -json.
type Document struct {
	Version     int  `json:"version"`
	Valid       bool `json:"valid"` // no errors; warnings are allowed
	Errors      int  `json:"error_count"`
	Warnings    int  `json:"warning_count"`
	Diagnostics List `json:"diagnostics"` // sorted by file and place; never null
}

// Document is the list in its machine form.
func (l List) Document() Document {
	d := Document{Version: DocumentVersion, Valid: !l.HasErrors(), Errors: l.Count(Error), Warnings: l.Count(Warning), Diagnostics: l.Sorted()}
	if d.Diagnostics == nil {
		d.Diagnostics = List{}
	}
	return d
}

// WriteJSON writes l.Document(), indented, with a newline at the end.
func WriteJSON(w io.Writer, l List) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(l.Document())
}
