package policyfile

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/internal/plain"
)

// header begins a file that had nothing in it.
const header = `# The desired tier of every step of every skill. Plimsoll moves the values when
# the evidence allows it; you may edit, comment and pin: nothing else is touched.
`

// indent of attributes where the file shows no other.
const indent = "  "

// Set gives an assignment the values of a, and returns the whole new source. In a
// block that exists only the values that differ are replaced, added or removed;
// values that are zero are not written, comments stay. A new block goes to the
// end. Nothing to change returns the identical bytes.
func (f *File) Set(a Assignment) []byte { return f.SetAll([]Assignment{a}) }

// SetAll is Set for many at once, in one pass; of equal keys the last one counts.
// A night that moves hundreds of skills should not parse the file for each.
func (f *File) SetAll(list []Assignment) []byte {
	var edits []edit
	var fresh []Assignment
	last := map[[2]string]int{}
	for i, a := range list {
		last[a.key()] = i
	}
	for i, a := range list {
		if last[a.key()] != i {
			continue
		}
		if b := f.find(a.key()); b != nil {
			edits = append(edits, f.change(b, a)...)
		} else {
			fresh = append(fresh, a)
		}
	}
	if len(fresh) > 0 {
		edits = append(edits, edit{len(f.src), len(f.src), f.newBlocks(fresh)})
	}
	return f.apply(edits)
}

// Remove takes a block out of the file and returns the whole new source. Comments
// above and behind it stay. Of the blank lines around it one goes with it, so that
// Remove undoes a Set. Without such a block the bytes are the same.
func (f *File) Remove(skill, step string) []byte {
	b := f.find(Assignment{Skill: skill, Step: step}.key())
	if b == nil {
		return f.src
	}
	cut := f.cutLines(b.syntax.TypeRange.Start.Byte, b.syntax.CloseBraceRange.End.Byte)
	before, after := f.src[:cut.start], f.src[cut.end:]
	for _, blank := range []string{"\r\n", "\n"} {
		if bytes.HasSuffix(before, []byte("\n"+blank)) && (len(after) == 0 || bytes.HasPrefix(after, []byte(blank))) {
			cut.start -= len(blank)
			break
		}
	}
	return f.apply([]edit{cut})
}

// edit replaces the bytes from start to end.
type edit struct {
	start, end int
	text       string
}

// apply splices the edits and reads the result again.
func (f *File) apply(edits []edit) []byte {
	if len(edits) == 0 {
		return f.src
	}
	// An insertion goes before a cut that begins at the same byte.
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		out.Write(f.src[at:e.start])
		out.WriteString(e.text)
		at = e.end
	}
	out.Write(f.src[at:])
	// Without the limit of size: an edit is never lost, and the next reader of a
	// file that grew too large is told. Nothing else can fail to read, which the
	// fuzz target of Set holds; if it does all the same, f keeps its last sound
	// state, and the bytes go out for their reader to complain about.
	if next, diags := parse(f.name, out.Bytes(), math.MaxInt); !diags.HasErrors() {
		*f = *next
	}
	return out.Bytes()
}

// change lists the edits that give block b the values of a.
func (f *File) change(b *block, a Assignment) []edit {
	var edits []edit
	var missing []field
	table := fields()
	for _, fd := range table {
		attr, want := b.syntax.Body.Attributes[fd.name], fd.write(normal(a))
		switch {
		case fd.write(b.Assignment) == want:
		case attr == nil:
			missing = append(missing, fd)
		case want == "":
			edits = append(edits, f.cutLines(attr.NameRange.Start.Byte, attr.Expr.Range().End.Byte))
		default:
			r := attr.Expr.Range()
			edits = append(edits, edit{r.Start.Byte, r.End.Byte, want})
		}
	}
	if len(missing) == 0 {
		return edits
	}
	if f.oneLine(b.syntax) {
		return append(edits, f.unfold(b.syntax, missing, a)...)
	}
	for _, fd := range missing {
		edits = append(edits, f.insert(b.syntax, fd, normal(a)))
	}
	return edits
}

// normal is a as it reads after a way through a file.
func normal(a Assignment) Assignment {
	a.Reason, a.Evidence = plain.Normal(a.Reason), plain.Normal(a.Evidence)
	return a
}

// insert makes a line for an attribute that the block does not have: behind the
// nearest one that belongs before it, with the same indent and, where the name
// fits, the same column of the equals sign.
func (f *File) insert(b *hclsyntax.Block, fd field, a Assignment) edit {
	var anchor *hclsyntax.Attribute
	for _, other := range fields() {
		if other.name == fd.name {
			break
		}
		// What this very edit takes out is nothing to line up with.
		if attr := b.Body.Attributes[other.name]; attr != nil && other.write(a) != "" {
			anchor = attr
		}
	}
	end, lead, width := b.OpenBraceRange.End.Byte, f.indentOf(b.TypeRange.Start.Byte)+indent, 0
	if anchor != nil {
		end = anchor.Expr.Range().End.Byte
		lead = f.indentOf(anchor.NameRange.Start.Byte)
		width = anchor.EqualsRange.Start.Byte - anchor.NameRange.Start.Byte - 1
	} else if attrs := plain.InOrder(b.Body); len(attrs) > 0 {
		lead = f.indentOf(attrs[0].NameRange.Start.Byte)
		width = attrs[0].EqualsRange.Start.Byte - attrs[0].NameRange.Start.Byte - 1
	}
	at := f.endOfLine(end)
	return edit{at, at, fmt.Sprintf("%s%-*s = %s%s", lead, width, fd.name, fd.write(a), f.eol())}
}

// unfold turns a block on one line into one with a line for each attribute, since
// HCL allows one attribute only in the short form. What stands between the braces
// stays as it is.
func (f *File) unfold(b *hclsyntax.Block, missing []field, a Assignment) []edit {
	open, closing := b.OpenBraceRange.End.Byte, b.CloseBraceRange.Start.Byte
	inner := f.src[open:closing]
	base, eol := f.indentOf(b.TypeRange.Start.Byte), f.eol()
	line := func(fd field) string { return base + indent + fd.name + " = " + fd.write(normal(a)) + eol }
	var before, after string
	for _, fd := range missing {
		if precedes(fd.name, b.Body) {
			before += line(fd)
		} else {
			after += line(fd)
		}
	}
	if len(bytes.TrimSpace(inner)) == 0 {
		return []edit{{open, closing, eol + before + after + base}}
	}
	start := open + len(inner) - len(bytes.TrimLeft(inner, " \t"))
	end := open + len(bytes.TrimRight(inner, " \t"))
	return []edit{{open, start, eol + before + base + indent}, {end, closing, eol + after + base}}
}

// precedes tells whether the attribute called name belongs before all that body has.
func precedes(name string, body *hclsyntax.Body) bool {
	for _, fd := range fields() {
		if fd.name == name {
			return true
		}
		if body.Attributes[fd.name] != nil {
			return false
		}
	}
	return false
}

// newBlocks is the text to append for assignments that the file does not have.
func (f *File) newBlocks(list []Assignment) string {
	eol := f.eol()
	var b strings.Builder
	switch {
	case len(bytes.TrimSpace(bytes.TrimPrefix(f.src, []byte("\ufeff")))) == 0:
		b.WriteString(strings.ReplaceAll(header, "\n", eol) + eol)
	case !bytes.HasSuffix(f.src, []byte("\n")):
		b.WriteString(eol + eol)
	case !bytes.HasSuffix(f.src, []byte("\n\n")) && !bytes.HasSuffix(f.src, []byte("\n\r\n")):
		b.WriteString(eol)
	}
	for i, a := range list {
		if i > 0 {
			b.WriteString(eol)
		}
		a = normal(a)
		width := 0
		for _, fd := range fields() {
			if fd.write(a) != "" {
				width = max(width, len(fd.name))
			}
		}
		fmt.Fprintf(&b, "%s %s %s {%s", blockType, plain.Quote(a.Skill), plain.Quote(a.Step), eol)
		for _, fd := range fields() {
			if value := fd.write(a); value != "" {
				fmt.Fprintf(&b, "%s%-*s = %s%s", indent, width, fd.name, value, eol)
			}
		}
		b.WriteString("}" + eol)
	}
	return b.String()
}
