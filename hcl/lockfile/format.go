package lockfile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/internal/plain"
)

const header = `# This file is kept by plimsoll; edits are lost.
# Commit it: it pins what plugins, fetched skills and tools may be.
`

// Format is the one way in which f is written: plugins, then skills, then
// connectors, then tools, each sorted by its labels; digests sorted by platform; the schema indented.
// Format(Parse(src)) of a file that Format wrote is that file.
//
// ConfigSchema that is not JSON is written as it stands, for Parse to report.
func Format(f *File) []byte {
	var b bytes.Buffer
	b.WriteString(header)
	for _, p := range slices.SortedStableFunc(slices.Values(f.Plugins), func(a, b Plugin) int { return cmp.Compare(a.Name, b.Name) }) {
		fmt.Fprintf(&b, "\nplugin %s {\n", plain.Quote(p.Name))
		fmt.Fprintf(&b, "  version = %s\n  source  = %s\n", value(p.Version), value(p.Source))
		b.WriteString("  digests = {\n")
		platforms := slices.Sorted(maps.Keys(p.Digests))
		width := 0
		for _, platform := range platforms {
			width = max(width, len(value(platform)))
		}
		for _, platform := range platforms {
			fmt.Fprintf(&b, "    %-*s = %s\n", width, value(platform), value(p.Digests[platform]))
		}
		b.WriteString("  }\n")
		if p.ConfigSchema != "" {
			b.WriteString("  config_schema = " + schema(p.ConfigSchema) + "\n")
		}
		b.WriteString("}\n")
	}
	for _, s := range slices.SortedStableFunc(slices.Values(f.Skills), func(a, b Skill) int { return cmp.Compare(a.Name, b.Name) }) {
		fmt.Fprintf(&b, "\nskill %s {\n  source = %s\n  digest = %s\n}\n", plain.Quote(s.Name), value(s.Source), value(s.Digest))
	}
	for _, c := range slices.SortedStableFunc(slices.Values(f.Connectors), func(a, b Connector) int { return cmp.Compare(a.Name, b.Name) }) {
		fmt.Fprintf(&b, "\nconnector %s {\n  digest = %s\n}\n", plain.Quote(c.Name), value(c.Digest))
	}
	for _, t := range slices.SortedStableFunc(slices.Values(f.Tools), func(a, b Tool) int {
		return cmp.Or(cmp.Compare(a.Connector, b.Connector), cmp.Compare(a.Name, b.Name))
	}) {
		fmt.Fprintf(&b, "\ntool %s %s {\n  digest = %s\n}\n", plain.Quote(t.Connector), plain.Quote(t.Name), value(t.Digest))
	}
	return b.Bytes()
}

// value is a quoted string in the form in which HCL reads it; labels, unlike
// values, it leaves as they are.
func value(s string) string { return plain.Quote(plain.Normal(s)) }

// schema is the expression for a JSON document: a heredoc, in which a reviewer
// can read it, or a quoted string where the text cannot stand in one.
func schema(doc string) string {
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(doc), "  ", "  "); err != nil {
		return plain.Quote(doc)
	}
	text := indented.String()
	if plain.Normal(text) != text {
		// HCL would normalise the text to Unicode NFC, and the schema would be
		// another one; escapes it leaves alone.
		text = asciiJSON(text)
	}
	text = strings.ReplaceAll(strings.ReplaceAll(text, "${", "$${"), "%{", "%%{")
	return "<<JSON\n  " + text + "\nJSON"
}

// asciiJSON escapes all that is not ASCII in a JSON document, which stands in its
// strings only.
func asciiJSON(doc string) string {
	var b strings.Builder
	for _, r := range doc {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return b.String()
}
