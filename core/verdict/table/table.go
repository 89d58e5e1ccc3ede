// Package table reads per-item scores from CSV and draws one verdict per skill:
// what `plimsoll verdict FILE.csv` shows.
//
// Two shapes are read. Wide has a column per model: item,skill,<model>... (a
// file without a skill column is one skill). Long has a row per score:
// item,skill,tier,score. Scores are numbers of 0..1, an empty cell is a missing
// score and counts as core/verdict says. The package must not guess: what it
// cannot read is an error with line and column, never a skipped row.
//
//	t, err := table.Read("scores.csv", f)
//	records, sum, err := t.Verdicts("opus", "haiku", table.Options{Margin: 50_000, Alpha: 50_000})
//	for _, r := range records {
//		fmt.Println(r.Skill, r.Decision, r.Reason)
//	}
package table

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Table is a file of scores.
type Table struct {
	Name   string
	Models []string // columns, or tiers in order of first sight
	Skills []string // in order of first sight
	rows   map[string][]row
}

type row struct {
	item   string
	line   int
	scores []int64 // by model, millionths; missing where the cell is empty
}

const (
	missing = -1
	// maxErrors ends the list of what is wrong with a file: a wrong scale would
	// otherwise print a line per row.
	maxErrors = 20
	maxRows   = 5_000_000
)

// Rows is how many items a skill has.
func (t *Table) Rows(skill string) int { return len(t.rows[skill]) }

// Read reads a whole table. The error joins everything that is wrong, each as
// "name:line:column: sentence", with the column counted in bytes from 1.
func Read(name string, r io.Reader) (*Table, error) {
	in := bufio.NewReader(r)
	if bom, err := in.Peek(3); err == nil && bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		if _, err := in.Discard(3); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
	}
	c := csv.NewReader(in)
	c.FieldsPerRecord = -1 // counted here, so that the error can name the columns
	c.ReuseRecord = true
	p := &parser{csv: c, name: name, t: &Table{Name: name, rows: map[string][]row{}}, first: map[string]int{}, column: map[string]int{}}
	header, err := c.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s:1:1: the file is empty: the first line names the columns, as in item,skill,opus,haiku", name)
	case err != nil:
		return nil, p.broken(err)
	}
	if err := p.header(slices.Clone(header)); err != nil {
		return nil, err
	}
	if err := p.all(); err != nil {
		return nil, err
	}
	return p.t, nil
}

type parser struct {
	csv          *csv.Reader
	name         string
	t            *Table
	names        []string
	item, skill  int // columns; skill is -1 where the file has none
	tier, score  int // columns of the long shape, -1 in the wide one
	models       []int
	column       map[string]int // long: index by tier
	first        map[string]int // line by skill, item and, in the long shape, tier
	index        map[string]int // long: row by skill and item
	errs         []error
	more, height int
}

func (p *parser) header(names []string) error {
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	p.names = names
	p.item, p.skill = slices.Index(names, "item"), slices.Index(names, "skill")
	p.tier, p.score = slices.Index(names, "tier"), slices.Index(names, "score")
	if p.item < 0 {
		return p.at(0, "there is no column item; the first line names the columns, as in item,skill,opus,haiku or item,skill,tier,score, and this one has %s", quoted(names))
	}
	for i, n := range names {
		if n == "" {
			return p.at(i, "column %d has no name", i+1)
		}
		if slices.Index(names, n) != i {
			return p.at(i, "column %q is there twice", n)
		}
		if i != p.item && i != p.skill {
			p.models = append(p.models, i)
		}
	}
	if p.tier >= 0 && p.score >= 0 {
		if len(p.models) != 2 {
			return p.at(0, "columns tier and score make this a file with one row per score, which has the columns item, skill, tier and score only; this one has %s", quoted(names))
		}
		p.index = map[string]int{}
		return nil
	}
	p.tier, p.score = -1, -1
	if len(p.models) == 0 {
		return p.at(0, "there is no column of scores: after item and skill every column is a model")
	}
	for _, i := range p.models {
		p.t.Models = append(p.t.Models, strings.Clone(names[i]))
	}
	return nil
}

func (p *parser) all() error {
	for {
		record, err := p.csv.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // the rest of the file cannot be trusted to be in step
			p.errs = append(p.errs, p.broken(err))
			break
		}
		p.height++
		if p.height > maxRows {
			return p.at(0, "a table of more than %d rows is not read", maxRows)
		}
		if err := p.record(record); err != nil {
			if len(p.errs) == maxErrors {
				p.more++
				continue
			}
			p.errs = append(p.errs, err)
		}
	}
	if p.more > 0 {
		p.errs = append(p.errs, fmt.Errorf("%s: and %d more", p.name, p.more))
	}
	if len(p.errs) == 0 && p.height == 0 {
		p.errs = append(p.errs, fmt.Errorf("%s:2:1: there are no rows, and no evidence is no verdict", p.name))
	}
	if len(p.errs) == 0 {
		p.pad()
	}
	return errors.Join(p.errs...)
}

// record reads one row; of several errors the first is reported.
func (p *parser) record(rec []string) error {
	if len(rec) != len(p.names) {
		return p.at(0, "this row has %d columns and the first line has %d (%s)", len(rec), len(p.names), quoted(p.names))
	}
	for i, f := range rec {
		if !utf8.ValidString(f) {
			return p.at(i, "this cell is not UTF-8")
		}
	}
	item := strings.Clone(strings.TrimSpace(rec[p.item]))
	if item == "" {
		return p.at(p.item, "this row names no item")
	}
	skill := p.name
	if p.skill >= 0 {
		if skill = strings.Clone(strings.TrimSpace(rec[p.skill])); skill == "" {
			return p.at(p.skill, "item %q names no skill", item)
		}
	}
	if p.tier >= 0 {
		return p.long(rec, item, skill)
	}
	key := skill + "\x00" + item
	if line, ok := p.first[key]; ok {
		return p.at(p.item, "item %q of skill %q is there twice, first on line %d: repeats of an item are averaged before they come here", item, skill, line)
	}
	line, _ := p.csv.FieldPos(p.item)
	out := row{item: item, line: line, scores: make([]int64, len(p.models))}
	for k, i := range p.models {
		v, err := Score(rec[i])
		if err != nil {
			return p.at(i, "item %q, column %s: %v", item, p.names[i], err)
		}
		out.scores[k] = v
	}
	p.first[key] = line
	p.keep(skill, out)
	return nil
}

func (p *parser) long(rec []string, item, skill string) error {
	tier := strings.Clone(strings.TrimSpace(rec[p.tier]))
	if tier == "" {
		return p.at(p.tier, "item %q names no tier", item)
	}
	v, err := Score(rec[p.score])
	if err != nil {
		return p.at(p.score, "item %q, tier %s: %v", item, tier, err)
	}
	line, _ := p.csv.FieldPos(p.item)
	key := skill + "\x00" + item
	if seen, ok := p.first[key+"\x00"+tier]; ok {
		return p.at(p.item, "item %q of skill %q has a score on tier %q twice, first on line %d: repeats of an item are averaged before they come here", item, skill, tier, seen)
	}
	p.first[key+"\x00"+tier] = line
	k, ok := p.column[tier]
	if !ok {
		k = len(p.t.Models)
		p.column[tier] = k
		p.t.Models = append(p.t.Models, tier)
	}
	at, ok := p.index[key]
	if !ok {
		at = p.keep(skill, row{item: item, line: line})
		p.index[key] = at
	}
	out := &p.t.rows[skill][at]
	for len(out.scores) <= k {
		out.scores = append(out.scores, missing)
	}
	out.scores[k] = v
	return nil
}

func (p *parser) keep(skill string, r row) int {
	if _, ok := p.t.rows[skill]; !ok {
		p.t.Skills = append(p.t.Skills, skill)
	}
	p.t.rows[skill] = append(p.t.rows[skill], r)
	return len(p.t.rows[skill]) - 1
}

// pad gives every row of a long table a cell for every tier.
func (p *parser) pad() {
	for _, rows := range p.t.rows {
		for i := range rows {
			for len(rows[i].scores) < len(p.t.Models) {
				rows[i].scores = append(rows[i].scores, missing)
			}
		}
	}
}

func (p *parser) at(field int, format string, args ...any) error {
	line, column := p.csv.FieldPos(field)
	return fmt.Errorf("%s:%d:%d: %s", p.name, line, column, fmt.Sprintf(format, args...))
}

func (p *parser) broken(err error) error {
	var bad *csv.ParseError
	if errors.As(err, &bad) {
		return fmt.Errorf("%s:%d:%d: this is not CSV: %w", p.name, bad.Line, bad.Column, bad.Err)
	}
	return fmt.Errorf("reading %s: %w", p.name, err)
}

// Score reads a cell: a decimal number of 0..1 in millionths, rounded, or -1
// for an empty cell. NaN, infinities, hexadecimal and other scales are errors
// that say what to write instead.
func Score(cell string) (int64, error) {
	cell = strings.TrimSpace(cell)
	if cell == "" {
		return missing, nil
	}
	if strings.Trim(cell, "0123456789+-.eE") != "" || strings.ContainsAny(cell, "xX_") {
		return 0, fmt.Errorf("%q is not a number of 0..1; leave the cell empty where a score is missing", clip(cell))
	}
	v, err := strconv.ParseFloat(cell, 64)
	switch {
	case err != nil || math.IsNaN(v) || math.IsInf(v, 0):
		return 0, fmt.Errorf("%q is not a number of 0..1; leave the cell empty where a score is missing", clip(cell))
	case v < 0:
		return 0, fmt.Errorf("a score of %s is below 0; scores are numbers of 0..1", clip(cell))
	case v > 100:
		return 0, fmt.Errorf("a score of %s is above 1; scores are numbers of 0..1", clip(cell))
	case v > 10:
		return 0, fmt.Errorf("a score of %s is above 1; on a scale of 0..100, write score/100", clip(cell))
	case v > 5:
		return 0, fmt.Errorf("a score of %s is above 1; on a scale of 1..10, write (score-1)/9", clip(cell))
	case v > 1:
		return 0, fmt.Errorf("a score of %s is above 1; on a scale of 1..5, write (score-1)/4", clip(cell))
	}
	return int64(math.Round(v * float64(verdict.Million))), nil
}

func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "..."
}

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = strconv.Quote(clip(n))
	}
	if len(out) > 12 {
		out = append(out[:12:12], fmt.Sprintf("and %d more", len(names)-12))
	}
	return strings.Join(out, ", ")
}
