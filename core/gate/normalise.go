package gate

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold is what two spellings of the same choice have in common: Unicode NFC,
// no case, and one underscore for any run of spaces, hyphens and underscores;
// none at the ends.
func fold(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFC.String(s) {
		if unicode.IsSpace(r) || unicode.Is(unicode.Dash, r) || r == '_' {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(lowest(r))
	}
	return b.String()
}

// lowest is the first code point of those that differ from r in case only.
func lowest(r rune) rune {
	low := r
	for n := unicode.SimpleFold(r); n != r; n = unicode.SimpleFold(n) {
		low = min(low, n)
	}
	return low
}

// folded maps folded spellings to the allowed values. Two values that only
// differ in spelling cannot be normalised to.
func folded(allowed []string) (map[string]string, error) {
	out := make(map[string]string, len(allowed))
	for _, a := range allowed {
		k := fold(a)
		if other, ok := out[k]; ok && other != a {
			return nil, fmt.Errorf("normalise cannot tell %q from %q", other, a)
		}
		out[k] = a
	}
	return out, nil
}
