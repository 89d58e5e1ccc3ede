package script

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// sourceMap leads from a place in a bundle to the author's files. The format is
// ECMA-426 (source map version 3), without sections, as bundlers write it.
type sourceMap struct {
	sources []string
	texts   [][]string // lines of each source; nil when the map does not carry them
	lines   [][]segment
}

// segment says that from column col of a line on, the text comes from there.
// All count from 0, columns in UTF-16 units.
type segment struct {
	col                int
	source, line, from int // source -1: comes from nowhere
}

func readMap(raw []byte) (*sourceMap, error) {
	var file struct {
		Version        int       `json:"version"`
		Sources        []string  `json:"sources"`
		SourcesContent []*string `json:"sourcesContent"`
		Mappings       string    `json:"mappings"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, err
	}
	if file.Version != 3 {
		return nil, fmt.Errorf("version is %d, not 3", file.Version)
	}
	m := &sourceMap{texts: make([][]string, len(file.Sources))}
	for i, name := range file.Sources {
		m.sources = append(m.sources, strings.TrimPrefix(name, authored+":"))
		if i < len(file.SourcesContent) && file.SourcesContent[i] != nil {
			m.texts[i] = strings.Split(strings.ReplaceAll(*file.SourcesContent[i], "\r\n", "\n"), "\n")
		}
	}
	var source, line, from, name int
	for _, text := range strings.Split(file.Mappings, ";") {
		var segments []segment
		col := 0
		for _, part := range strings.Split(text, ",") {
			if part == "" {
				continue
			}
			n, err := vlq(part)
			if err != nil {
				return nil, fmt.Errorf("mapping %q: %w", part, err)
			}
			s := segment{source: -1}
			switch len(n) {
			case 5:
				name += n[4]
				fallthrough
			case 4:
				source, line, from = source+n[1], line+n[2], from+n[3]
				if source < 0 || source >= len(m.sources) || line < 0 || from < 0 {
					return nil, fmt.Errorf("mapping %q leads outside of the sources", part)
				}
				s.source, s.line, s.from = source, line, from
				fallthrough
			case 1:
				if col += n[0]; col < 0 {
					return nil, fmt.Errorf("mapping %q begins before its line", part)
				}
				s.col = col
			default:
				return nil, fmt.Errorf("mapping %q has %d numbers; it must have 1, 4 or 5", part, len(n))
			}
			segments = append(segments, s)
		}
		slices.SortStableFunc(segments, func(a, b segment) int { return a.col - b.col })
		m.lines = append(m.lines, segments)
	}
	return m, nil
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// vlq reads numbers of 32 bits: base 64 digits of 5 bits each, lowest first, the
// sixth bit saying that there are more, the lowest bit of a number its sign.
func vlq(s string) ([]int, error) {
	out := make([]int, 0, 5)
	var value, shift uint64
	for i := range len(s) {
		d := strings.IndexByte(base64Digits, s[i])
		if d < 0 {
			return nil, fmt.Errorf("%q is no digit", s[i])
		}
		if shift > 30 {
			return nil, errors.New("a number is too long")
		}
		value |= uint64(d&31) << shift
		shift += 5
		if d&32 != 0 {
			continue
		}
		if value>>1 > math.MaxInt32 {
			return nil, errors.New("a number does not fit in 32 bits")
		}
		n := int(value >> 1)
		if value&1 != 0 {
			n = -n
		}
		out = append(out, n)
		value, shift = 0, 0
	}
	if shift != 0 {
		return nil, errors.New("it ends inside of a number")
	}
	return out, nil
}

// place is a spot in a source file; Line and Col count from 1.
type place struct {
	file      string
	line, col int
	text      string // the source line; empty when it is not known
}

// find leads from line and column of the bundle, both from 1, to the source.
func (m *sourceMap) find(line, col int) (place, bool) {
	if m == nil || line < 1 || line > len(m.lines) {
		return place{}, false
	}
	segments := m.lines[line-1]
	i := sort.Search(len(segments), func(i int) bool { return segments[i].col > col-1 }) - 1
	if i < 0 || segments[i].source < 0 {
		return place{}, false
	}
	s := segments[i]
	p := place{file: m.sources[s.source], line: s.line + 1, col: s.from + 1}
	if lines := m.texts[s.source]; s.line < len(lines) {
		p.text = lines[s.line]
	}
	return p, true
}
