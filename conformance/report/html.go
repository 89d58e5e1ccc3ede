package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
)

//go:embed page.html
var page string

// pageData is what page.html shows.
type pageData struct {
	*Report
	Tally []tally
	Facts [][2]string
	Wrong []Case // failures and errors, to begin with
	Parts []part
	Good  bool
}

type tally struct {
	Status Status
	Count  int
}

// part is a group of cases: those whose ids share all but the last word.
type part struct {
	Name  string
	Cases []Case
	Tally []tally // only statuses that occur, pass last
	Open  bool    // something did not pass
}

// WriteHTML writes one page that needs no other file and no network.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{"figures": figureList, "line": oneLine}).Parse(page)
	if err != nil {
		return fmt.Errorf("reading the page of reports: %w", err)
	}
	data := pageData{Report: r, Good: r.Conformant()}
	counts := r.Count()
	for _, s := range Statuses() {
		data.Tally = append(data.Tally, tally{s, counts[s]})
	}
	for _, k := range sorted(r.Subject.Facts) {
		data.Facts = append(data.Facts, [2]string{k, r.Subject.Facts[k]})
	}
	for _, c := range r.Cases {
		if c.Status == Fail || c.Status == Error {
			data.Wrong = append(data.Wrong, c)
		}
	}
	data.Parts = parts(r.Cases)
	return t.Execute(w, data)
}

func parts(cases []Case) []part {
	var out []part
	for _, c := range cases {
		name := c.ID
		if i := strings.LastIndexByte(name, '.'); i > 0 {
			name = name[:i]
		}
		i := slices.IndexFunc(out, func(p part) bool { return p.Name == name })
		if i < 0 {
			i, out = len(out), append(out, part{Name: name})
		}
		out[i].Cases = append(out[i].Cases, c)
		out[i].Open = out[i].Open || c.Status == Fail || c.Status == Error
	}
	for i := range out {
		for _, s := range []Status{Fail, Error, Skip, Disabled, Pass} {
			n := 0
			for _, c := range out[i].Cases {
				if c.Status == s {
					n++
				}
			}
			if n > 0 {
				out[i].Tally = append(out[i].Tally, tally{s, n})
			}
		}
	}
	return out
}

func figureList(m map[string]int64) []string {
	var out []string
	for _, k := range sorted(m) {
		out = append(out, fmt.Sprintf("%s %d", strings.ReplaceAll(k, "_", " "), m[k]))
	}
	return out
}
