package pricelist

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"
)

// Import reads a list from a file that somebody else keeps. It knows its own
// form, CSV with the columns model, input, output and optionally cache_read,
// cache_write, cache_write_1h (USD per million tokens), and the JSON object of
// models with input_cost_per_token and its like that LiteLLM publishes. day is
// taken where the file does not say its own. What was left out comes back by
// name, with the reason.
func Import(name string, data []byte, day time.Time) (l List, left map[string]string, err error) {
	if strings.HasSuffix(strings.ToLower(name), ".csv") {
		l, err = fromCSV(data)
	} else {
		var shape struct {
			Unit   *json.RawMessage `json:"unit"`
			Models *json.RawMessage `json:"models"`
		}
		if err := json.Unmarshal(data, &shape); err != nil {
			return List{}, nil, fmt.Errorf("reading a price list: %w", at(data, err))
		}
		if shape.Unit != nil || shape.Models != nil {
			l, err = Parse(data)
			return l, nil, err
		}
		l, left, err = fromPerToken(data)
	}
	l.AsOf, l.Source = day, name
	for model, e := range l.Models {
		e.AsOf, e.Source = l.AsOf, l.Source
		l.Models[model] = e
	}
	return l, left, err
}

func fromCSV(data []byte) (List, error) {
	l := List{Models: map[string]Entry{}}
	r := csv.NewReader(bytes.NewReader(data))
	r.TrimLeadingSpace = true
	head, err := r.Read()
	if err != nil {
		return l, fmt.Errorf("reading a price list: %w", err)
	}
	columns := map[string]int{}
	for i, name := range head {
		columns[strings.ToLower(strings.TrimSpace(name))] = i
	}
	for _, name := range []string{"model", "input", "output"} {
		if _, ok := columns[name]; !ok {
			return l, fmt.Errorf("reading a price list: the first line has no column %q; it needs model, input and output, and may have cache_read, cache_write and cache_write_1h", name)
		}
	}
	var errs []error
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return l, errors.Join(errs...)
		}
		if err != nil {
			return l, fmt.Errorf("reading a price list: %w", err)
		}
		line, _ := r.FieldPos(0)
		var rates Rates
		for name, into := range map[string]*int64{"input": &rates.Input, "output": &rates.Output, "cache_read": &rates.CacheRead, "cache_write": &rates.CacheWrite, "cache_write_1h": &rates.CacheWrite1h} {
			i, ok := columns[name]
			if !ok || (row[i] == "" && name != "input" && name != "output") {
				continue
			}
			if *into, err = micros(strings.TrimSpace(row[i]), 1_000_000); err != nil {
				errs = append(errs, fmt.Errorf("line %d: %s: %w", line, name, err))
			}
		}
		model := row[columns["model"]]
		if _, twice := l.Models[model]; twice || model == "" {
			errs = append(errs, fmt.Errorf("line %d: model %q is empty or stands there twice", line, model))
		}
		l.Models[model] = Entry{Rates: rates}
	}
}

// perToken is one model of a list that counts dollars per token.
type perToken struct {
	Input        json.Number `json:"input_cost_per_token"`
	Output       json.Number `json:"output_cost_per_token"`
	CacheRead    json.Number `json:"cache_read_input_token_cost"`
	CacheWrite   json.Number `json:"cache_creation_input_token_cost"`
	CacheWrite1h json.Number `json:"cache_creation_input_token_cost_above_1hr"`
	// Long prompts: the threshold stands in the names of the members.
	Input128  json.Number `json:"input_cost_per_token_above_128k_tokens"`
	Output128 json.Number `json:"output_cost_per_token_above_128k_tokens"`
	Input200  json.Number `json:"input_cost_per_token_above_200k_tokens"`
	Output200 json.Number `json:"output_cost_per_token_above_200k_tokens"`
	Input272  json.Number `json:"input_cost_per_token_above_272k_tokens"`
	Output272 json.Number `json:"output_cost_per_token_above_272k_tokens"`
}

func fromPerToken(data []byte) (List, map[string]string, error) {
	l := List{Models: map[string]Entry{}}
	var models map[string]json.RawMessage
	if err := json.Unmarshal(data, &models); err != nil {
		return l, nil, fmt.Errorf("reading a price list: %w", at(data, err))
	}
	left := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(models)) {
		e, why := tokenEntry(models[name])
		if why != "" {
			left[name] = why
			continue
		}
		l.Models[name] = e
	}
	if len(l.Models) == 0 {
		return l, left, errors.New("reading a price list: no model in it has input_cost_per_token and output_cost_per_token, and it is not in plimsoll's own form either")
	}
	return l, left, nil
}

func tokenEntry(raw json.RawMessage) (Entry, string) {
	var m perToken
	if err := json.Unmarshal(raw, &m); err != nil {
		return Entry{}, "not an object of prices"
	}
	if m.Input == "" || m.Output == "" {
		return Entry{}, "no price by token"
	}
	var e Entry
	why := ""
	read := func(n json.Number, into *int64) {
		if n == "" || why != "" {
			return
		}
		v, err := roundedMicros(n.String())
		if err != nil {
			why = err.Error()
		}
		*into = v
	}
	read(m.Input, &e.Rates.Input)
	read(m.Output, &e.Rates.Output)
	read(m.CacheRead, &e.Rates.CacheRead)
	read(m.CacheWrite, &e.Rates.CacheWrite)
	read(m.CacheWrite1h, &e.Rates.CacheWrite1h)
	for _, s := range []struct {
		tokens        int64
		input, output json.Number
	}{{128_000, m.Input128, m.Output128}, {200_000, m.Input200, m.Output200}, {272_000, m.Input272, m.Output272}} {
		if s.input == "" && s.output == "" {
			continue
		}
		if e.Above != nil {
			return Entry{}, "it has more than one step of price by prompt size"
		}
		e.Above = &Step{Tokens: s.tokens, Rates: Rates{Input: e.Rates.Input, Output: e.Rates.Output}}
		read(s.input, &e.Above.Input)
		read(s.output, &e.Above.Output)
		if why == "" && (e.Above.Input < e.Rates.Input || e.Above.Output < e.Rates.Output) {
			why = "long prompts would be cheaper than short ones"
		}
	}
	return e, why
}

// roundedMicros turns dollars per token into micro-dollars per million tokens.
// Such lists are made of binary floats (1.5000000000000002e-06), so that what
// lies within a millionth of a micro-dollar of a whole one is that one.
func roundedMicros(perToken string) (int64, error) {
	const million = 1_000_000
	r, err := rational(perToken, million*million)
	if err != nil {
		return 0, err
	}
	half := new(big.Rat).Add(r, big.NewRat(1, 2))
	whole := new(big.Int).Div(half.Num(), half.Denom())
	off := new(big.Rat).Sub(r, new(big.Rat).SetInt(whole))
	if off.Abs(off).Cmp(big.NewRat(1, million)) > 0 {
		return 0, fmt.Errorf("%s is finer than a micro-dollar per million tokens", perToken)
	}
	return whole.Int64(), nil
}

// Change is what an import does to one model.
type Change struct {
	Model    string
	Old, New *Entry // nil: it was not there
}

// Diff lists what changes from one list to another, by name.
func Diff(from, to List) []Change {
	var out []Change
	for _, name := range slices.Sorted(maps.Keys(to.Models)) {
		n := to.Models[name]
		o, ok := from.Models[name]
		switch {
		case !ok:
			out = append(out, Change{Model: name, New: &n})
		case o.Rates != n.Rates || o.Varies != n.Varies || !sameStep(o.Above, n.Above):
			out = append(out, Change{Model: name, Old: &o, New: &n})
		}
	}
	return out
}

func sameStep(a, b *Step) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
