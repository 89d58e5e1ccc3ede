package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
)

//go:embed page.html
var pageText string

// HTML is the night as one self-contained page: it loads nothing, runs nothing
// and reads well without styles. The same night gives the same bytes.
func HTML(n Night) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"stamp": stamp, "money": money, "count": count[int],
		"name":   func(r Row) string { return r.name() },
		"status": func(r Row) string { return r.status() },
		"items":  func(r Row) string { return r.progress() },
		"saving": func(r Row) string { return r.saving(false) },
		"takes":  func(r Row) string { return r.takes() },
	}).Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("reading the page's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, map[string]any{"Night": n, "Sentence": n.sentence()}); err != nil {
		return nil, fmt.Errorf("writing the page: %w", err)
	}
	return b.Bytes(), nil
}
