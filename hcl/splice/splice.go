// Package splice edits a file of HCL by its bytes: it sets an attribute, adds or
// removes a block, takes a word out of a list, and leaves every other byte as it
// was. Proposals are made with it: what a person would have typed, as a diff.
//
// It evaluates nothing and never writes a file: it returns bytes. hclwrite is
// refused, since it deletes the comment above what it removes. A file that was in
// canonical form stays in it; any other keeps its own form.
//
//	at := []splice.Ref{{Type: "each", Labels: []string{"output.tweets"}}, {Type: "gate", Labels: []string{"summary"}}}
//	after, err := splice.SetAttribute("skill.hcl", src, at, "fix", `"truncate"`)
//	fmt.Print(policyfile.Diff(src, after, "skill.hcl"))
package splice

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/config"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/internal/plain"
)

// maxBytes is the largest file that config reads.
const maxBytes = 256 << 10

const indent = "  "

// Ref names a block by its type and labels.
type Ref struct {
	Type   string
	Labels []string
}

func (r Ref) String() string {
	out := r.Type
	for _, l := range r.Labels {
		out += " " + plain.Quote(l)
	}
	return out
}

// ErrNoBlock says that a file has no such block.
var ErrNoBlock = errors.New("there is no such block")

// Quote writes a text as a quoted HCL string.
func Quote(s string) string { return plain.Quote(s) }

// Has tells whether a file has the block; a file that cannot be read has none.
func Has(name string, src []byte, at []Ref) bool {
	_, _, err := locate(name, src, at)
	return err == nil
}

// SetAttribute gives a block's attribute the expression expr: in its place where
// the block has it, else in a line of its own at the block's end.
func SetAttribute(name string, src []byte, at []Ref, attr, expr string) ([]byte, error) {
	f, b, err := locate(name, src, at)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("setting %s in %s: name the block that it belongs to", attr, name)
	}
	if old := b.Body.Attributes[attr]; old != nil {
		r := old.Expr.Range()
		return f.with(r.Start.Byte, r.End.Byte, expr)
	}
	return f.into(b, []string{attr + " = " + expr}, false)
}

// AddBlock puts a block, given as its lines without indent, at the end of another
// one, or of the file when at is empty.
func AddBlock(name string, src []byte, at []Ref, block string) ([]byte, error) {
	f, b, err := locate(name, src, at)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
	if b != nil {
		return f.into(b, lines, len(b.Body.Attributes)+len(b.Body.Blocks) > 0)
	}
	eol := f.eol()
	text := strings.Join(lines, eol) + eol
	switch {
	case len(bytes.TrimSpace(src)) == 0:
	case !bytes.HasSuffix(src, []byte("\n")):
		text = eol + eol + text
	default:
		text = eol + text
	}
	return f.with(len(src), len(src), text)
}

// RemoveBlock takes a block out, with its lines. Comments around it stay.
func RemoveBlock(name string, src []byte, at []Ref) ([]byte, error) {
	f, b, err := locate(name, src, at)
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("removing a block from %s: name it", name)
	}
	start, end := f.lines(b.TypeRange.Start.Byte, b.CloseBraceRange.End.Byte)
	before := src[:start]
	for _, blank := range []string{"\r\n", "\n"} {
		if bytes.HasSuffix(before, []byte("\n"+blank)) && (end == len(src) || bytes.HasPrefix(src[end:], []byte(blank))) {
			start -= len(blank)
			break
		}
	}
	return f.with(start, end, "")
}

// RemoveWord takes a string out of an attribute that is a list of literals. The
// last one takes the attribute's lines with it.
func RemoveWord(name string, src []byte, at []Ref, attr, word string) ([]byte, error) {
	f, b, err := locate(name, src, at)
	if err != nil {
		return nil, err
	}
	if b == nil || b.Body.Attributes[attr] == nil {
		return nil, fmt.Errorf("taking %q out of %s: %w with %s", word, name, ErrNoBlock, attr)
	}
	a := b.Body.Attributes[attr]
	list, ok := a.Expr.(*hclsyntax.TupleConsExpr)
	if !ok {
		return nil, fmt.Errorf("taking %q out of %s in %s: it is no list of literals; edit it by hand", word, attr, name)
	}
	i := slices.IndexFunc(list.Exprs, func(e hclsyntax.Expression) bool {
		s, ok := plain.Literal(e)
		return ok && s == word
	})
	switch {
	case i < 0:
		return nil, fmt.Errorf("taking %q out of %s in %s: it is not there", word, attr, name)
	case len(list.Exprs) == 1:
		start, end := f.lines(a.NameRange.Start.Byte, a.Expr.Range().End.Byte)
		return f.with(start, end, "")
	case i+1 < len(list.Exprs):
		return f.with(list.Exprs[i].Range().Start.Byte, list.Exprs[i+1].Range().Start.Byte, "")
	}
	return f.with(list.Exprs[i-1].Range().End.Byte, list.Exprs[i].Range().End.Byte, "")
}

// locate parses a source and finds a block of it; the file itself is no block.
func locate(name string, src []byte, at []Ref) (*file, *hclsyntax.Block, error) {
	f, err := open(name, src)
	if err != nil {
		return nil, nil, err
	}
	b, err := f.find(at)
	return f, b, err
}

// file is a parsed source.
type file struct {
	name string
	src  []byte
	body *hclsyntax.Body
}

func open(name string, src []byte) (*file, error) {
	body, diags := plain.Parse(name, src, maxBytes)
	if diags.HasErrors() {
		return nil, fmt.Errorf("reading %s: %s", name, diag.Summary(diags))
	}
	return &file{name, src, body}, nil
}

// find goes down the blocks; nil is the file itself.
func (f *file) find(at []Ref) (*hclsyntax.Block, error) {
	body := f.body
	var found *hclsyntax.Block
	for _, r := range at {
		i := slices.IndexFunc(body.Blocks, func(b *hclsyntax.Block) bool { return b.Type == r.Type && slices.Equal(b.Labels, r.Labels) })
		if i < 0 {
			return nil, fmt.Errorf("%s: %w: %s", f.name, ErrNoBlock, r)
		}
		found = body.Blocks[i]
		body = found.Body
	}
	return found, nil
}

// into adds lines at the end of a block, after a blank line where asked.
func (f *file) into(b *hclsyntax.Block, lines []string, apart bool) ([]byte, error) {
	eol, base := f.eol(), f.indentOf(b.TypeRange.Start.Byte)
	var text strings.Builder
	if apart {
		text.WriteString(eol)
	}
	for _, l := range lines {
		if l != "" {
			l = base + indent + l
		}
		text.WriteString(l + eol)
	}
	open, closing := b.OpenBraceRange.End.Byte, b.CloseBraceRange.Start.Byte
	start := f.lineStart(closing)
	if start > open && len(bytes.TrimSpace(f.src[start:closing])) == 0 {
		return f.with(start, start, text.String())
	}
	// The brace shares its line with what the block has: HCL takes one argument on
	// a line, so the block gets lines of its own.
	inner := bytes.TrimSpace(f.src[open:closing])
	out := eol
	if len(inner) > 0 {
		out += base + indent + string(inner) + eol
	}
	return f.with(open, closing, out+text.String()+base)
}

// with replaces bytes and reads the result again: an edit that does not parse is
// never handed out.
func (f *file) with(start, end int, text string) ([]byte, error) {
	out := slices.Concat(f.src[:start], []byte(text), f.src[end:])
	if before, diags := config.Format(f.name, f.src); !diags.HasErrors() && bytes.Equal(before, f.src) {
		if tidy, diags := config.Format(f.name, out); !diags.HasErrors() {
			out = tidy
		}
	}
	if _, err := open(f.name, out); err != nil {
		return nil, fmt.Errorf("editing %s: the result cannot be read: %w", f.name, err)
	}
	return out, nil
}

func (f *file) eol() string {
	if i := bytes.IndexByte(f.src, '\n'); i > 0 && f.src[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

func (f *file) lineStart(at int) int { return bytes.LastIndexByte(f.src[:at], '\n') + 1 }

// indentOf is the white space that begins the line of an offset.
func (f *file) indentOf(at int) string {
	line := f.src[f.lineStart(at):at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// lines widens a stretch to whole lines when nothing else stands on them.
func (f *file) lines(start, end int) (int, int) {
	first := f.lineStart(start)
	rest := f.src[end:]
	next := len(f.src)
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest, next = rest[:i], end+i+1
	}
	if len(bytes.TrimSpace(f.src[first:start])) == 0 && len(bytes.TrimSpace(rest)) == 0 {
		return first, next
	}
	return start, end
}
