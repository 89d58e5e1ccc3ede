// Package trace reads recorded arrivals, so that a load generator can replay
// traffic as it was instead of a rate.
//
// It knows its own form, and those of two public traces, by their header line. It
// must not drop or mend a line in silence: a file with a bad line is refused with
// the line's number.
//
//	arrivals, err := trace.Read(file, trace.Limits{Arrivals: 500})
//	config.Workload.Trace, config.Workload.TraceName = arrivals, "azure-conv-2023"
//
// Its own form is CSV: `timestamp_s,input_tokens,output_tokens`, seconds from any
// origin, not falling. Azure's is TIMESTAMP (a date and time), ContextTokens,
// GeneratedTokens; Mooncake's timestamp_ms, input_length, output_length and more.
package trace

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/topology/load"
)

// Limits cut a long trace. The zero value takes all of it, up to 262,144 arrivals.
type Limits struct {
	Arrivals int           // the first so many
	Span     time.Duration // those within so long of the first
}

// most arrivals that are ever read, and bytes of a file after unpacking.
const (
	most      = 1 << 18
	mostBytes = 256 << 20
	mostToken = 1 << 21
)

// columns of one form: names of the header, and how its time is read.
type columns struct {
	time, input, output string
	parse               func(string) (time.Duration, error)
}

var forms = []columns{
	{"timestamp_s", "input_tokens", "output_tokens", seconds(1)},
	{"timestamp_ms", "input_length", "output_length", seconds(1e-3)},
	{"timestamp", "contexttokens", "generatedtokens", date},
}

// Read a trace, packed by gzip or not.
func Read(r io.Reader, l Limits) ([]load.Arrival, error) {
	in := bufio.NewReader(r)
	if magic, err := in.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		unpacked, err := gzip.NewReader(in)
		if err != nil {
			return nil, fmt.Errorf("unpacking the trace: %w", err)
		}
		in = bufio.NewReader(unpacked)
	}
	left := &io.LimitedReader{R: in, N: mostBytes}
	lines := csv.NewReader(left)
	lines.ReuseRecord = true
	header, err := lines.Read()
	if err != nil {
		return nil, fmt.Errorf("reading the trace's header: %w", err)
	}
	form, at, err := recognise(header)
	if err != nil {
		return nil, err
	}
	out, err := read(lines, form, at, l)
	if err == nil && left.N <= 0 {
		err = fmt.Errorf("the trace is longer than %d MiB", mostBytes>>20)
	}
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errors.New("the trace has no arrivals")
	}
	return out, nil
}

func recognise(header []string) (columns, [3]int, error) {
	var names []string
	for _, h := range header {
		names = append(names, strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff"))))
	}
	for _, f := range forms {
		at := [3]int{slices.Index(names, f.time), slices.Index(names, f.input), slices.Index(names, f.output)}
		if slices.Min(at[:]) >= 0 {
			return f, at, nil
		}
	}
	return columns{}, [3]int{}, fmt.Errorf("the trace's columns are %q; known are timestamp_s,input_tokens,output_tokens and those of the Azure and Mooncake traces", strings.Join(names, ","))
}

func read(lines *csv.Reader, form columns, at [3]int, l Limits) ([]load.Arrival, error) {
	want := most
	if l.Arrivals > 0 {
		want = min(l.Arrivals, most)
	}
	var out []load.Arrival
	var origin time.Duration
	for len(out) < want {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the trace: %w", err)
		}
		line, _ := lines.FieldPos(0)
		when, err := form.parse(strings.TrimSpace(cells[at[0]]))
		if err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w", line, err)
		}
		if len(out) == 0 {
			origin = when
		}
		a := load.Arrival{At: when - origin}
		for _, n := range []struct {
			cell string
			into *int
		}{{cells[at[1]], &a.Input}, {cells[at[2]], &a.Output}} {
			if *n.into, err = strconv.Atoi(strings.TrimSpace(n.cell)); err != nil || *n.into < 0 || *n.into > mostToken {
				return nil, fmt.Errorf("line %d of the trace: %q is no number of tokens in 0..%d", line, n.cell, mostToken)
			}
			*n.into = max(*n.into, 1) // a request has a token at least: some traces count failed ones as 0
		}
		if len(out) > 0 && a.At < out[len(out)-1].At {
			return nil, fmt.Errorf("line %d of the trace: its time is before that of the line above", line)
		}
		if l.Span > 0 && a.At > l.Span {
			return out, nil
		}
		out = append(out, a)
	}
	if l.Arrivals == 0 {
		if _, err := lines.Read(); !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("the trace has more than %d arrivals: say how many to take", most)
		}
	}
	return out, nil
}

func seconds(unit float64) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(v) || math.Abs(v*unit) > 1e9 {
			return 0, fmt.Errorf("%q is no time", s)
		}
		return time.Duration(math.Round(v * unit * 1e9)), nil
	}
}

// date of the Azure traces, which have seven digits of a second.
func date(s string) (time.Duration, error) {
	t, err := time.Parse("2006-01-02 15:04:05", s)
	if err != nil || t.Year() < 1970 || t.Year() > 2200 {
		return 0, fmt.Errorf("%q is no date and time", s)
	}
	return time.Duration(t.UnixNano()), nil
}

// Write arrivals in the package's own form.
func Write(w io.Writer, arrivals []load.Arrival) error {
	b := bufio.NewWriter(w)
	fmt.Fprintln(b, "timestamp_s,input_tokens,output_tokens")
	for _, a := range arrivals {
		fmt.Fprintf(b, "%s,%d,%d\n", strconv.FormatFloat(a.At.Seconds(), 'f', -1, 64), a.Input, a.Output)
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing the trace: %w", err)
	}
	return nil
}
