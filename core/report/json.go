package report

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// JSON is the night for machines: indented, version first, fields in a fixed
// order, times in UTC. It fails on a number that JSON has not, such as NaN.
func JSON(n Night) ([]byte, error) {
	n.Version, n.AsOf = Version, n.AsOf.UTC()
	if n.Rows == nil {
		n.Rows = []Row{}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // the reader is a program; HTML escapes for itself
	e.SetIndent("", "  ")
	if err := e.Encode(n); err != nil {
		return nil, fmt.Errorf("writing the night as JSON: %w", err)
	}
	return b.Bytes(), nil
}

// ReadJSON reads what JSON wrote. A version that this program does not know, a
// field that it does not know and anything after the document are errors: a
// report that is read in part would be shown as if it were whole.
func ReadJSON(raw []byte) (Night, error) {
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil { // which also refuses what follows a document
		return Night{}, fmt.Errorf("reading a night: %w", err)
	}
	if head.Version != Version {
		return Night{}, fmt.Errorf("reading a night: this is version %d, and version %d is known here: use the plimsoll that wrote it", head.Version, Version)
	}
	var n Night
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&n); err != nil {
		return Night{}, fmt.Errorf("reading a night: %w", err)
	}
	return n, nil
}
