package judge

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Row is one line of a file of labels: what a person said of one dimension of
// one output. Either it has the judge's score, or the input and the output, so
// that the judge can be asked.
type Row struct {
	At        diag.Range
	Item      string // a name for the input; the same on both arms
	Skill     string
	Dimension string
	Arm       string // a tier or a model
	Gold      int64  // millionths
	Score     *int64
	Input     json.RawMessage
	Output    json.RawMessage
	Reference json.RawMessage // for simulated judges alone
	Chars     int
	Look      int // 1, or 2: the same person again, in the other order; that is no label
}

// columns of a sheet, and whether a row cannot do without.
var sheetColumns = []struct {
	name string
	must bool
}{
	{"item", true}, {"skill", false}, {"dimension", false}, {"arm", true}, {"gold", true},
	{"score", false}, {"input", false}, {"output", false}, {"reference", false}, {"chars", false},
	{"look", false},
}

func columnNames() []string {
	var out []string
	for _, c := range sheetColumns {
		out = append(out, c.name)
	}
	return out
}

// ReadSheet reads a file of labels: CSV with a header, or JSON lines where the
// name ends in .jsonl. Everything that is wrong comes back at once.
func ReadSheet(name string, src []byte) ([]Row, diag.List) {
	r := &sheet{name: name}
	if strings.HasSuffix(strings.ToLower(name), ".jsonl") {
		r.lines(src)
	} else {
		r.table(src)
	}
	if len(r.diags) == 0 && len(r.rows) == 0 {
		r.errorf(1, 1, "There is no label in this file. Each line is one output that somebody marked: %s.", strings.Join(columnNames(), ", "))
	}
	r.whole()
	return r.rows, r.diags
}

type sheet struct {
	name  string
	rows  []Row
	diags diag.List
}

func (r *sheet) at(line, column int) diag.Range {
	return diag.Range{File: r.name, Start: diag.Pos{Line: line, Column: column}, End: diag.Pos{Line: line, Column: column + 1}}
}

func (r *sheet) errorf(line, column int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	r.diags = append(r.diags, diag.Errorf(r.at(line, column), "label", "Label cannot be used", "Line %d, column %d: %s", line, column, text))
}

func (r *sheet) table(src []byte) {
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(src, []byte("\ufeff"))))
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return
	}
	if err != nil {
		r.broken(err)
		return
	}
	known := columnNames()
	where := map[string]int{}
	for i, name := range header {
		line, column := in.FieldPos(i)
		name = strings.ToLower(strings.TrimSpace(name))
		switch _, twice := where[name]; {
		case !slices.Contains(known, name):
			r.errorf(line, column, "there is no column %q.%s The columns are %s", name, diag.DidYouMean(name, known), strings.Join(known, ", "))
		case twice:
			r.errorf(line, column, "column %q stands twice; keep one of them", name)
		}
		where[name] = i
	}
	for _, c := range sheetColumns {
		if _, ok := where[c.name]; !ok && c.must {
			r.errorf(1, 1, "column %q is missing: add it to the header and to every line", c.name)
		}
	}
	if len(r.diags) > 0 {
		return
	}
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.broken(err)
			var parse *csv.ParseError
			if !errors.As(err, &parse) || !errors.Is(parse.Err, csv.ErrFieldCount) {
				return
			}
			continue
		}
		values := map[string]value{}
		first, _ := in.FieldPos(0)
		for name, i := range where {
			line, column := in.FieldPos(i)
			if text := record[i]; strings.TrimSpace(text) != "" {
				values[name] = value{line: line, column: column, text: text, raw: asJSON(text)}
			}
		}
		r.row(first, values)
	}
}

func (r *sheet) broken(err error) {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		r.errorf(max(parse.Line, 1), max(parse.Column, 1), "this is not CSV: %v. A field with a comma, a quote or a line end stands in quotes, and a quote inside it is written twice", parse.Err)
		return
	}
	r.errorf(1, 1, "this is not CSV: %v", err)
}

// asJSON is a cell as JSON: an object or a list as it stands, all else as text.
func asJSON(cell string) json.RawMessage {
	if t := strings.TrimSpace(cell); (strings.HasPrefix(t, "{") || strings.HasPrefix(t, "[")) && json.Valid([]byte(t)) {
		return json.RawMessage(t)
	}
	return quote(cell)
}

// quote is a text as JSON; a string always has a form.
func quote(s string) json.RawMessage {
	raw, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`""`)
	}
	return raw
}

func (r *sheet) lines(src []byte) {
	known := columnNames()
	for n, line := range bytes.Split(src, []byte("\n")) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(line, &doc); err != nil {
			column := 1
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				column = max(int(syntax.Offset), 1)
			}
			r.errorf(n+1, column, "this is not a JSON object: %v", err)
			continue
		}
		values := map[string]value{}
		for _, name := range slices.Sorted(maps.Keys(doc)) {
			if !slices.Contains(known, name) {
				r.errorf(n+1, 1+max(bytes.Index(line, []byte(`"`+name+`"`)), 0), "there is no field %q.%s The fields are %s", name, diag.DidYouMean(name, known), strings.Join(known, ", "))
				continue
			}
			text := string(doc[name])
			var s string
			if json.Unmarshal(doc[name], &s) == nil {
				text = s
			}
			values[name] = value{line: n + 1, column: 1 + max(bytes.Index(line, []byte(`"`+name+`"`)), 0), text: text, raw: doc[name]}
		}
		r.row(n+1, values)
	}
}

type value struct {
	line, column int
	text         string
	raw          json.RawMessage
}

func (r *sheet) row(line int, values map[string]value) {
	before := len(r.diags)
	for _, c := range sheetColumns {
		if _, ok := values[c.name]; !ok && c.must {
			r.errorf(line, 1, "%s is empty: every label says which input (item), who wrote the output (arm) and what it is worth (gold)", c.name)
		}
	}
	text := func(name string) string { return strings.TrimSpace(values[name].text) }
	row := Row{
		At: r.at(line, 1), Item: text("item"), Skill: text("skill"), Dimension: text("dimension"), Arm: text("arm"),
		Input: values["input"].raw, Output: values["output"].raw, Reference: values["reference"].raw,
	}
	if v, ok := values["gold"]; ok {
		row.Gold = r.score("gold", v)
	}
	if v, ok := values["score"]; ok {
		s := r.score("score", v)
		row.Score = &s
	}
	if v, ok := values["chars"]; ok {
		n, err := strconv.Atoi(strings.TrimSpace(v.text))
		if err != nil || n < 0 {
			r.errorf(v.line, v.column, "chars is %q, and the length of an output is a whole number", v.text)
		}
		row.Chars = max(n, 0)
	}
	row.Look = 1
	if v, ok := values["look"]; ok {
		if row.Look = slices.Index([]string{"", "1", "2"}, strings.TrimSpace(v.text)); row.Look < 1 {
			r.errorf(v.line, v.column, "look is %q, and a person looks once (1) or a second time (2)", v.text)
		}
	}
	if len(row.Output) > 0 {
		row.Chars = len([]rune(delivered(row.Output)))
	}
	if len(r.diags) == before {
		r.rows = append(r.rows, row)
	}
}

func (r *sheet) score(what string, v value) int64 {
	s, err := millionths(json.Number(strings.TrimSpace(v.text)))
	if err != nil {
		r.errorf(v.line, v.column, "%s is %q, and it is a number of 0 to 1: 1 is good, 0 is not", what, v.text)
	}
	return s
}

// whole checks what only the file as a whole shows.
func (r *sheet) whole() {
	type key struct {
		skill, item, dim, arm string
		look                  int
	}
	seen := map[key]Row{}
	scored, bare := 0, 0
	for _, row := range r.rows {
		k := key{row.Skill, row.Item, row.Dimension, row.Arm, row.Look}
		if old, ok := seen[k]; ok {
			r.errorf(row.At.Start.Line, 1, "item %q has a label of %s on line %d already: of one output and dimension one counts. Remove one of them", row.Item, row.Arm, old.At.Start.Line)
		}
		seen[k] = row
		switch {
		case row.Score != nil:
			scored++
		case len(row.Output) == 0 || len(row.Input) == 0:
			r.errorf(row.At.Start.Line, 1, "there is neither the judge's score nor an input and an output that it could be asked about: add score, or input and output")
		default:
			bare++
		}
	}
	if scored > 0 && bare > 0 {
		r.errorf(1, 1, "%d labels have the judge's score and %d have not. Two files are clearer: one with scores, one to be judged now", scored, bare)
	}
}

// Steady splits off the rows of second looks, and says of how many outputs and
// dimensions a person gave a mark twice, and of how many the same.
func Steady(rows []Row) (labels []Row, twice, alike int) {
	type key struct{ skill, item, dim, arm string }
	first := map[key]int64{}
	for _, r := range rows {
		if r.Look == 1 {
			labels = append(labels, r)
			first[key{r.Skill, r.Item, r.Dimension, r.Arm}] = r.Gold
		}
	}
	for _, r := range rows {
		gold, ok := first[key{r.Skill, r.Item, r.Dimension, r.Arm}]
		if r.Look == 1 || !ok {
			continue
		}
		twice++
		if gold == r.Gold {
			alike++
		}
	}
	return labels, twice, alike
}
