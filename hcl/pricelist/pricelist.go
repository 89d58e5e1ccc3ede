// Package pricelist reads dated lists of what models cost: the one that ships
// with Plimsoll, and a project's own prices.json, which `plimsoll prices import`
// writes. A list is data beside the configuration: list_price("NAME") in a
// tier's price takes a model's rates from it.
//
// It computes no cost, fetches nothing and knows no clock: how old a list is,
// its reader works out from AsOf. What varies from host to host is not a price,
// and the list says so instead of taking a side.
//
//	list, err := pricelist.Shipped().With(own)
//	entry, err := list.Find("claude-haiku-4-5")
//	fmt.Println(entry.Rates.Input, list.AsOf) // micro-dollars per million tokens, "2026-07-02"
package pricelist

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// File is the project's own list.
const File = "prices.json"

// unit is what every list is in; it stands in the file so that nobody has to
// guess, and another one is refused.
const unit = "USD per million tokens"

// List is prices as of a day.
type List struct {
	AsOf   time.Time // a day, UTC
	Source string    // where the prices come from, for people
	Models map[string]Entry
}

// Entry is one model. Varies is set instead of Rates where hosts ask different
// prices for it. AsOf and Source are those of the list that it came from, which
// outlive an import of other models.
type Entry struct {
	Rates  Rates
	Above  *Step
	Varies string
	AsOf   time.Time
	Source string
}

// Rates are micro-dollars per million tokens; 0 is not stated, save for a model
// that is free (Input and Output 0).
type Rates struct {
	Input, Output, CacheRead, CacheWrite, CacheWrite1h int64
}

// Step has the rates of calls whose prompt is longer than Tokens.
type Step struct {
	Tokens int64
	Rates
}

//go:embed list.json
var shipped []byte

// Shipped is the list that travels in the binary.
func Shipped() List {
	l, err := Parse(shipped)
	if err != nil {
		panic("the shipped price list: " + err.Error()) // held by a test
	}
	return l
}

// Find gives a model's entry. The error says what to do instead.
func (l List) Find(model string) (Entry, error) {
	e, ok := l.Models[model]
	switch {
	case !ok:
		return Entry{}, fmt.Errorf("there is no list price of %q.%s Write price = { input = ..., output = ... }, or import a list: plimsoll prices import FILE", model, diag.DidYouMean(model, slices.Sorted(maps.Keys(l.Models))))
	case e.Varies != "":
		return Entry{}, fmt.Errorf("%s has no one list price: %s. Write what your host asks: price = { input = ..., output = ... }", model, e.Varies)
	}
	return e, nil
}

// Dated is Find, also for the name of a model with the day of its release behind
// it, as vendors answer with: claude-haiku-4-5-20251001, gpt-5.4-2026-03-05. listed
// is the name that the list has. Nothing else is left out of a name: the same model
// at another host has another price.
func (l List) Dated(model string) (e Entry, listed string, err error) {
	if e, err = l.Find(model); err == nil {
		return e, model, nil
	}
	if short := release.ReplaceAllString(model, ""); short != model {
		if e, found := l.Find(short); found == nil {
			return e, short, nil
		}
	}
	return e, "", err
}

var release = regexp.MustCompile(`-20[0-9]{2}-?[0-9]{2}-?[0-9]{2}$`)

// With lays another list over this one: its models win, its day and source are
// those of the result.
func (l List) With(own List) List {
	out := List{AsOf: own.AsOf, Source: own.Source, Models: maps.Clone(l.Models)}
	if out.Models == nil {
		out.Models = map[string]Entry{}
	}
	maps.Copy(out.Models, own.Models)
	return out
}

// wire is a list as JSON.
type wire struct {
	AsOf   string                     `json:"as_of"`
	Source string                     `json:"source"`
	Unit   string                     `json:"unit"`
	Models map[string]json.RawMessage `json:"models"`
}

type wireEntry struct {
	AsOf         string    `json:"as_of,omitempty"`  // where it is not the list's
	Source       string    `json:"source,omitempty"` // likewise
	Input        *Dollars  `json:"input,omitempty"`
	Output       *Dollars  `json:"output,omitempty"`
	CacheRead    *Dollars  `json:"cache_read,omitempty"`
	CacheWrite   *Dollars  `json:"cache_write,omitempty"`
	CacheWrite1h *Dollars  `json:"cache_write_1h,omitempty"`
	Above        *wireStep `json:"above,omitempty"`
	Varies       string    `json:"varies,omitempty"`
}

type wireStep struct {
	Tokens       int64    `json:"tokens"`
	Input        *Dollars `json:"input"`
	Output       *Dollars `json:"output"`
	CacheRead    *Dollars `json:"cache_read,omitempty"`
	CacheWrite   *Dollars `json:"cache_write,omitempty"`
	CacheWrite1h *Dollars `json:"cache_write_1h,omitempty"`
}

// Parse reads a list. Everything that is wrong with it comes back at once.
func Parse(data []byte) (List, error) {
	var w wire
	if err := strict(data, &w); err != nil {
		return List{}, fmt.Errorf("reading a price list: %w", at(data, err))
	}
	var errs []error
	day, err := time.Parse(time.DateOnly, w.AsOf)
	if err != nil {
		errs = append(errs, fmt.Errorf("as_of must be the day of the prices, such as 2026-07-02; it is %q", w.AsOf))
	}
	if w.Unit != unit {
		errs = append(errs, fmt.Errorf("unit must be %q; it is %q", unit, w.Unit))
	}
	l := List{AsOf: day, Source: w.Source, Models: map[string]Entry{}}
	for _, name := range slices.Sorted(maps.Keys(w.Models)) {
		var e Entry
		var m wireEntry
		err := strict(w.Models[name], &m)
		if err == nil {
			e, err = m.entry(day, w.Source)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		l.Models[name] = e
	}
	return l, errors.Join(errs...)
}

func (w wireEntry) entry(day time.Time, source string) (Entry, error) {
	e := Entry{AsOf: day, Source: source, Varies: w.Varies}
	if w.AsOf != "" {
		var err error
		if e.AsOf, err = time.Parse(time.DateOnly, w.AsOf); err != nil {
			return Entry{}, fmt.Errorf("as_of must be a day, such as 2026-07-02; it is %q", w.AsOf)
		}
	}
	if w.Source != "" {
		e.Source = w.Source
	}
	if w.Varies != "" {
		if w.Input != nil || w.Output != nil || w.Above != nil {
			return Entry{}, errors.New("varies stands instead of rates, not beside them")
		}
		return e, nil
	}
	if w.Input == nil || w.Output == nil {
		return Entry{}, errors.New("input and output must be there; what is left out would look free")
	}
	e.Rates = Rates{w.Input.micro(), w.Output.micro(), w.CacheRead.micro(), w.CacheWrite.micro(), w.CacheWrite1h.micro()}
	if a := w.Above; a != nil {
		if a.Tokens < 1 || a.Input == nil || a.Output == nil {
			return Entry{}, errors.New("above needs tokens, input and output")
		}
		e.Above = &Step{a.Tokens, Rates{a.Input.micro(), a.Output.micro(), a.CacheRead.micro(), a.CacheWrite.micro(), a.CacheWrite1h.micro()}}
		if e.Above.Input < e.Rates.Input || e.Above.Output < e.Rates.Output {
			return Entry{}, errors.New("long prompts would be cheaper than short ones: above has the dearer rates")
		}
	}
	return e, nil
}

// Encode writes a list as Parse reads it: models by name, a line each.
func (l List) Encode() ([]byte, error) {
	var b bytes.Buffer
	head, err := json.Marshal(struct {
		AsOf   string `json:"as_of"`
		Source string `json:"source"`
		Unit   string `json:"unit"`
	}{l.AsOf.Format(time.DateOnly), l.Source, unit})
	if err != nil {
		return nil, err
	}
	b.Write(head[:len(head)-1])
	b.WriteString(",\"models\":{")
	for i, name := range slices.Sorted(maps.Keys(l.Models)) {
		e := l.Models[name]
		w := wireEntry{Varies: e.Varies}
		if !e.AsOf.Equal(l.AsOf) {
			w.AsOf = e.AsOf.Format(time.DateOnly)
		}
		if e.Source != l.Source {
			w.Source = e.Source
		}
		if e.Varies == "" {
			w.Input, w.Output = dollars(e.Rates.Input), dollars(e.Rates.Output)
			w.CacheRead, w.CacheWrite, w.CacheWrite1h = stated(e.Rates.CacheRead), stated(e.Rates.CacheWrite), stated(e.Rates.CacheWrite1h)
			if a := e.Above; a != nil {
				w.Above = &wireStep{a.Tokens, dollars(a.Input), dollars(a.Output), stated(a.CacheRead), stated(a.CacheWrite), stated(a.CacheWrite1h)}
			}
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(w)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  %s: %s", key, value)
	}
	b.WriteString("\n}}\n")
	return b.Bytes(), nil
}

// strict decodes one JSON value that has no members but those of v.
func strict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text behind it")
	}
	return nil
}

// at adds the line to an error of the JSON decoder.
func at(data []byte, err error) error {
	offset := int64(-1)
	var syntax *json.SyntaxError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &typ):
		offset = typ.Offset
	}
	if offset < 0 || offset > int64(len(data)) {
		return err
	}
	return fmt.Errorf("line %d: %w", 1+bytes.Count(data[:offset], []byte("\n")), err)
}
