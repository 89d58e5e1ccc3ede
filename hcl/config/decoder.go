package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// decoder collects what is wrong while blocks are read. gohcl is not used: it
// misses required expressions, accepts duplicate labels, and knows nothing of
// the words that people should see.
type decoder struct {
	diags   diag.List
	sources map[string][]byte
	eval    *hcl.EvalContext // nil in skill.hcl, where only literals are allowed
	table   *table           // names of a project; nil in skill.hcl
	skill   string           // name of the skill whose skill.hcl this is
}

func (d *decoder) source(file string) []byte { return d.sources[file] }
func (d *decoder) inProject() bool           { return d.table != nil }

// add keeps a finding. Where the parser recovered from a mistake, its ranges can
// be half empty.
func (d *decoder) add(x diag.Diagnostic) {
	if x.Range.Start.Line > 0 {
		x.Range = inside(x.Range, d.source(x.Range.File))
	}
	d.diags = append(d.diags, x)
}

// body is a block's content with the description that it is checked against.
type body struct {
	d      *decoder
	doc    *BlockDoc
	syn    *hclsyntax.Body
	title  string     // `tier_policy "standard"`
	header diag.Range // type and labels
}

// open checks the shape of a block: only known attributes and blocks, all that
// are required, single ones once, each with its labels.
func (d *decoder) open(doc *BlockDoc, syn *hclsyntax.Body, title string, header diag.Range) *body {
	b := &body{d: d, doc: doc, syn: syn, title: title, header: header}
	// What a misspelt name was meant to be is not missing as well.
	meant := map[string]bool{}
	for _, a := range b.attributes() {
		if !doc.Free && doc.Attribute(a.Name) == nil {
			b.unknownAttribute(a)
			meant[diag.Closest(a.Name, doc.names(false))] = true
		}
	}
	seen := map[string]diag.Range{}
	for _, n := range syn.Blocks {
		nested := doc.Block(n.Type)
		if nested == nil {
			b.unknownBlock(n)
			meant[n.Type] = true
			meant[diag.Closest(n.Type, doc.names(true))] = true
			continue
		}
		if first, again := seen[n.Type]; again && nested.Single {
			d.add(duplicateBlock.at(headerOf(n), "%s takes one %s block, and the first stands at %s. Put everything in one of them.", title, n.Type, first))
		} else if !again {
			seen[n.Type] = headerOf(n)
		}
	}
	for _, a := range doc.Attributes {
		if _, ok := syn.Attributes[a.Name]; a.Required && !ok && !meant[a.Name] {
			d.add(missingAttribute.at(header, "%s needs %s: %s", title, a.Name, inText(a.Doc)).WithSuggestion(a.line()))
		}
	}
	for _, n := range doc.Blocks {
		if _, ok := seen[n.Type]; n.Required && !ok && !meant[n.Type] {
			d.add(missingBlock.at(header, "%s needs at least one %s block: %s", title, n.Type, inText(n.Doc)).WithSuggestion(n.Example))
		}
	}
	return b
}

// attributes in the order of the file; the parser keeps them in a map.
func (b *body) attributes() []*hclsyntax.Attribute {
	var out []*hclsyntax.Attribute
	for _, a := range b.syn.Attributes {
		if a != nil && a.Expr != nil {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(x, y *hclsyntax.Attribute) int {
		return cmp.Compare(x.SrcRange.Start.Byte, y.SrcRange.Start.Byte)
	})
	return out
}

func (b *body) attr(name string) *hclsyntax.Attribute {
	a := b.syn.Attributes[name]
	if a == nil || a.Expr == nil || b.doc.Attribute(name) == nil {
		return nil
	}
	return a
}

func (b *body) has(name string) bool { return b.attr(name) != nil }

// rng is where an attribute stands, else where the block does.
func (b *body) rng(name string) diag.Range {
	if a := b.syn.Attributes[name]; a != nil {
		return convert(a.SrcRange)
	}
	return b.header
}

// each opens the nested blocks of a type whose labels are right, in order.
func (b *body) each(typ string, do func(n *body, label label)) {
	doc := b.doc.Block(typ)
	if doc == nil {
		return
	}
	for _, n := range b.syn.Blocks {
		if n.Type != typ || n.Body == nil {
			continue
		}
		l, ok := b.d.labelOf(doc, n)
		if !ok {
			continue
		}
		do(b.d.open(doc, n.Body, titleOf(n), headerOf(n)), l)
	}
}

// label of a block: its text and where that stands.
type label struct {
	text string
	rng  diag.Range
}

// labelOf checks the labels of a block and gives the first.
func (d *decoder) labelOf(doc *BlockDoc, n *hclsyntax.Block) (label, bool) {
	if len(n.Labels) != len(doc.Labels) {
		want := "no label"
		example := n.Type + " {"
		if len(doc.Labels) > 0 {
			want = "one label, its name"
			example = n.Type + ` "NAME" {`
		}
		if len(doc.Labels) > 0 && doc.Labels[0] == labelElement {
			want = "one label, the list"
			example = n.Type + ` "output.list" {`
		}
		d.add(wrongLabels.at(headerOf(n), "A %s block takes %s; this one has %d.", n.Type, want, len(n.Labels)).WithSuggestion(example))
		return label{}, false
	}
	if len(doc.Labels) == 0 {
		return label{rng: headerOf(n)}, true
	}
	l := label{text: n.Labels[0], rng: convert(n.LabelRanges[0])}
	switch doc.Labels[0] {
	case labelElement:
		if strings.TrimSpace(l.text) == "" {
			d.add(emptyValue.at(l.rng, "The label of an each block is the list whose elements are checked, such as \"output.tweets\"."))
			return l, false
		}
		return l, true
	case labelTitle:
		if strings.TrimSpace(l.text) == "" || len(l.text) > maxName || strings.ContainsFunc(l.text, unicode.IsControl) {
			d.add(badName.at(l.rng, "The label of a %s says in one line of at most %d characters what it is for, such as \"readers read\".", doc.Type, maxName))
			return l, false
		}
	case labelHeader:
		if !validHeader(l.text) {
			d.add(badName.at(l.rng, "%q is not the name of an HTTP header, such as \"Authorization\".", l.text))
			return l, false
		}
	case labelName:
		if doc.Type == "skill" {
			return l, d.skillName(l)
		}
		return l, d.name(l, doc.Type)
	}
	return l, true
}

func (d *decoder) name(l label, what string) bool {
	if validName(l.text) {
		return true
	}
	x := badName.at(l.rng, "A %s is named by %s; %q is no such name.", what, nameRule, l.text)
	if s := repaired(l.text, false); s != "" {
		x = x.WithSuggestion(fmt.Sprintf("%q", s))
	}
	d.add(x)
	return false
}

func (d *decoder) skillName(l label) bool {
	if validSkillName(l.text) {
		return true
	}
	x := badName.at(l.rng, "The name of a skill has %s (the Agent Skills standard); %q does not follow that. It must be the name in SKILL.md, and the folder's.", skillRule, l.text)
	if s := repaired(strings.ToLower(l.text), true); s != "" {
		x = x.WithSuggestion(fmt.Sprintf("%q", s))
	}
	d.add(x)
	return false
}

// once reports a name that was given before in the same place.
func (d *decoder) once(seen map[string]diag.Range, l label, what string) bool {
	first, again := seen[l.text]
	if !again {
		seen[l.text] = l.rng
		return true
	}
	d.add(duplicateName.at(l.rng, "There is %s %q already, at %s. Rename one of them, or remove it.", Type(what).article(), l.text, first))
	return false
}

// headerOf is the range of a block's type and labels.
func headerOf(n *hclsyntax.Block) diag.Range {
	r := n.TypeRange
	for _, l := range n.LabelRanges {
		if l.End.Byte > r.End.Byte {
			r.End = l.End
		}
	}
	return convert(r)
}

func titleOf(n *hclsyntax.Block) string {
	if len(n.Labels) == 0 {
		return n.Type
	}
	return fmt.Sprintf("%s %q", n.Type, n.Labels[0])
}

// inText is the first sentence of a description, to stand behind a colon.
func inText(s string) string {
	s = strings.ReplaceAll(s, "`", "")
	if first, _, more := strings.Cut(s, ". "); more {
		s = first + "."
	}
	if s == "" || len(s) > 1 && s[1] >= 'A' && s[1] <= 'Z' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
