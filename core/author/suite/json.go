package suite

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// maxDepth bounds nesting: nothing that people write comes near.
const maxDepth = 200

// span is a stretch of the file in bytes.
type span struct{ start, end int }

// node is a JSON value that knows its place, which encoding/json forgets.
type node struct {
	span
	kind    byte // '{', '[', '"', 'n' number, 't' true or false, '0' null
	text    string
	members []member
	items   []*node
}

type member struct {
	name  string
	at    span
	value *node
}

// document is one file.
type document struct {
	name string
	src  []byte
}

// at is a span as people read it.
func (d document) at(s span) diag.Range {
	return diag.Range{File: d.name, Start: d.pos(s.start), End: d.pos(s.end)}
}

func (d document) pos(offset int) diag.Pos {
	offset = min(max(offset, 0), len(d.src))
	before := d.src[:offset]
	start := bytes.LastIndexByte(before, '\n') + 1
	return diag.Pos{Line: 1 + bytes.Count(before, []byte("\n")), Column: 1 + utf8.RuneCount(before[start:]), Byte: offset}
}

func (d document) raw(n *node) json.RawMessage { return json.RawMessage(d.src[n.start:n.end]) }

// misread is a syntax error with its place.
type misread struct {
	at      span
	message string
}

func (e *misread) Error() string { return e.message }

// parse reads the whole document.
func (d document) parse() (*node, error) {
	dec := json.NewDecoder(bytes.NewReader(d.src))
	dec.UseNumber()
	p := parser{dec: dec, src: d.src}
	if !utf8.Valid(d.src) {
		return nil, &misread{span{0, 0}, "the file is not UTF-8"}
	}
	n, err := p.value(0)
	if err != nil {
		return nil, p.explain(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		at := p.next()
		return nil, &misread{span{at, min(at+1, len(d.src))}, "there is text behind the end of the document"}
	}
	return n, nil
}

type parser struct {
	dec *json.Decoder
	src []byte
}

// next is where the next token starts.
func (p *parser) next() int {
	at := int(p.dec.InputOffset())
	for at < len(p.src) && bytes.IndexByte([]byte(" \t\r\n,:"), p.src[at]) >= 0 {
		at++
	}
	return at
}

func (p *parser) explain(err error) error {
	var known *misread
	if errors.As(err, &known) {
		return err
	}
	at := int(p.dec.InputOffset())
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = max(int(syntax.Offset)-1, 0)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &misread{span{len(p.src), len(p.src)}, "the document ends too early"}
	}
	return &misread{span{at, min(at+1, len(p.src))}, err.Error()}
}

func (p *parser) value(depth int) (*node, error) {
	start := p.next()
	token, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	n := &node{span: span{start, int(p.dec.InputOffset())}}
	switch t := token.(type) {
	case string:
		n.kind, n.text = '"', t
	case json.Number:
		n.kind, n.text = 'n', t.String()
	case bool:
		n.kind, n.text = 't', fmt.Sprint(t)
	case nil:
		n.kind = '0'
	case json.Delim:
		n.kind = byte(t)
		if depth == maxDepth {
			return nil, &misread{n.span, fmt.Sprintf("values are nested more than %d deep", maxDepth)}
		}
		return n, p.inside(n, depth)
	}
	return n, nil
}

func (p *parser) inside(n *node, depth int) error {
	seen := map[string]bool{}
	for p.dec.More() {
		if n.kind == '[' {
			item, err := p.value(depth + 1)
			if err != nil {
				return err
			}
			n.items = append(n.items, item)
			continue
		}
		start := p.next()
		key, err := p.dec.Token()
		if err != nil {
			return err
		}
		name, ok := key.(string)
		if !ok {
			return &misread{span{start, start + 1}, "a member's name is not a string"}
		}
		at := span{start, int(p.dec.InputOffset())}
		if seen[name] {
			return &misread{at, fmt.Sprintf("%q stands here twice, and readers differ in which one they take", name)}
		}
		seen[name] = true
		v, err := p.value(depth + 1)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{name, at, v})
	}
	if _, err := p.dec.Token(); err != nil {
		return err
	}
	n.end = int(p.dec.InputOffset())
	return nil
}
