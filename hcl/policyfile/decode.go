package policyfile

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/hcl/internal/plain"
)

const blockType = "assignment"

var labelNames = []string{"SKILL", "STEP"}

// A field is one attribute of the block, in both directions. The table is in the
// order in which a new block is written.
type field struct {
	name string
	// read puts the attribute's value into a.
	read func(a *Assignment, attr *hclsyntax.Attribute) *diag.Diagnostic
	// write is the expression for a's value; "" when the value is zero.
	write func(a Assignment) string
}

// fields is a function, since a table in a variable could be changed.
func fields() []field {
	return []field{
		{"tier",
			func(a *Assignment, attr *hclsyntax.Attribute) *diag.Diagnostic { return readTier(&a.Tier, attr) },
			func(a Assignment) string { return writeTier(a.Tier) }},
		{"since",
			func(a *Assignment, attr *hclsyntax.Attribute) *diag.Diagnostic { return readTime(&a.Since, attr) },
			func(a Assignment) string { return writeTime(a.Since) }},
		{"from",
			func(a *Assignment, attr *hclsyntax.Attribute) *diag.Diagnostic { return readTier(&a.From, attr) },
			func(a Assignment) string { return writeTier(a.From) }},
		{"reason",
			func(a *Assignment, attr *hclsyntax.Attribute) *diag.Diagnostic { return readText(&a.Reason, attr) },
			func(a Assignment) string { return writeText(a.Reason) }},
		{"evidence",
			func(a *Assignment, attr *hclsyntax.Attribute) *diag.Diagnostic { return readText(&a.Evidence, attr) },
			func(a Assignment) string { return writeText(a.Evidence) }},
		{"cooldown_until",
			func(a *Assignment, attr *hclsyntax.Attribute) *diag.Diagnostic {
				return readTime(&a.CooldownUntil, attr)
			},
			func(a Assignment) string { return writeTime(a.CooldownUntil) }},
		{"pin",
			func(a *Assignment, attr *hclsyntax.Attribute) (d *diag.Diagnostic) {
				a.Pin, d = plain.Bool(attr)
				return d
			},
			func(a Assignment) string {
				if a.Pin {
					return "true"
				}
				return ""
			}},
	}
}

// decode reads a block; what it could not read is zero and has a diagnostic.
func decode(b *hclsyntax.Block) (Assignment, diag.List) {
	var a Assignment
	var names []string
	table := fields()
	for _, f := range table {
		names = append(names, f.name)
	}
	diags := plain.CheckBlock(b, labelNames, names, []string{"tier"})
	if len(b.Labels) == len(labelNames) {
		a.Skill, a.Step = b.Labels[0], b.Labels[1]
	}
	for _, f := range table {
		if attr := b.Body.Attributes[f.name]; attr != nil {
			if d := f.read(&a, attr); d != nil {
				diags = append(diags, *d)
			}
		}
	}
	return a, diags
}

func readTier(to *TierRef, attr *hclsyntax.Attribute) *diag.Diagnostic {
	words, ok := plain.Reference(attr.Expr)
	if ok && len(words) == 3 && words[0] == "ladder" {
		to.Ladder, to.Tier = words[1], words[2]
		return nil
	}
	d := diag.Errorf(plain.Range(attr.Expr.Range()), "wrong-reference", "Not a reference to a tier",
		"%s takes a reference to a tier, without quotes: ladder, the ladder's name, the tier's name.", attr.Name).
		WithSuggestion(attr.Name + " = ladder.claude.haiku")
	if s, quoted := plain.Literal(attr.Expr); quoted && strings.HasPrefix(s, "ladder.") {
		d.Suggest = attr.Name + " = " + s
	}
	return &d
}

// isWord tells whether a name can follow a dot. hclsyntax.ValidIdentifier is
// refused: it skips a byte order mark, which the parser then trips over.
func isWord(name string) bool {
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_'
		if !letter && (i == 0 || (r < '0' || r > '9') && r != '-') {
			return false
		}
	}
	return name != ""
}

// writeTier puts a name that is no identifier in brackets, so that whatever the
// name, the file can be read again.
func writeTier(r TierRef) string {
	if r == (TierRef{}) {
		return ""
	}
	out := "ladder"
	for _, name := range []string{r.Ladder, r.Tier} {
		if isWord(name) {
			out += "." + name
		} else {
			out += "[" + plain.Quote(name) + "]"
		}
	}
	return out
}

func readText(to *string, attr *hclsyntax.Attribute) (d *diag.Diagnostic) {
	*to, d = plain.String(attr)
	return d
}

func writeText(s string) string {
	if s == "" {
		return ""
	}
	return plain.Quote(s)
}

func readTime(to *time.Time, attr *hclsyntax.Attribute) *diag.Diagnostic {
	s, d := plain.String(attr)
	if d != nil {
		return d
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		d := diag.Errorf(plain.Range(attr.Expr.Range()), "bad-time", "Not a time",
			"%s takes a time as RFC 3339 writes it, and %q is none: date, T, time of day, and Z for UTC.", attr.Name, s).
			WithSuggestion(attr.Name + ` = "2026-07-01T02:00:00Z"`)
		return &d
	}
	*to = t.UTC()
	return nil
}

func writeTime(t time.Time) string {
	t = t.UTC()
	switch {
	case t.IsZero():
		return ""
	case t.Year() > 9999:
		t = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	case t.Year() < 0:
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return `"` + t.Format(time.RFC3339Nano) + `"`
}
