package config

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Grant is what a skill whose code drives its own flow (op run) may reach. What
// is not in it is refused. A nil *Grant grants nothing.
type Grant struct {
	Steps    []string   `json:"steps,omitempty"`    // steps that it may generate with
	KV       int64      `json:"kv,omitempty"`       // bytes of keys and values that it may keep; 0 is no kv
	Tools    []string   `json:"tools,omitempty"`    // tools that it may call
	ReadOnly []string   `json:"readonly,omitempty"` // tools that it may call and that change nothing: open in trials too
	Calls    int        `json:"calls"`              // host calls of one run, all attempts together
	Range    diag.Range `json:"-"`
}

// Host calls of one run: what a grant says that names no number, and the most
// that it may say, so that a run's record stays within one audit entry.
const (
	DefaultCalls = 100
	MaxCalls     = 500
)

// maxKV bounds what one skill may keep: it is read to add it up, and it is no
// place for files.
const maxKV = 64 << 20

func grantDoc() *BlockDoc {
	return &BlockDoc{
		Type: "grant", Single: true,
		Doc: "What the skill's code may reach when it drives its own flow (op `run` of sdk/ABI.md). It starts with nothing: what is not named here is refused. What a skill asks for stands in its manifest; `validate` compares the two. Each host call is part of the run's audit entry.",
		Attributes: []*AttributeDoc{
			{Name: "steps", Type: Strings, Default: "[]", Example: `["draft", "review"]`, Doc: "The steps that it may generate with (`model.generate`), each on its own tier."},
			{Name: "kv", Type: Size, Range: "[1,67108864]", Default: "none", Example: `"1MiB"`, Doc: "It may keep keys and values of its own (`kv.get`, `kv.put`), so many bytes of them."},
			{Name: "tools", Type: Strings, Default: "[]", Example: `["mail.send"]`, Doc: "The tools that it may call (`tool.call`). A trial never calls them."},
			{Name: "readonly", Type: Strings, Default: "[]", Example: `["mail.search"]`, Doc: "Tools that it may call and that, by your word, change nothing: trials call them too."},
			{Name: "calls", Type: Integer, Range: fmt.Sprintf("[1,%d]", MaxCalls), Default: fmt.Sprint(DefaultCalls), Doc: "Host calls of one run at most, its attempts together."},
		},
		Example: `grant {
  steps    = ["draft", "review"]
  kv       = "1MiB"
  readonly = ["mail.search"]
}`,
	}
}

// grant reads the block of a skill; nil without one.
func (b *body) grant() *Grant {
	var out *Grant
	b.each("grant", func(n *body, _ label) {
		out = &Grant{
			Steps: n.distinct("steps"), KV: n.size("kv"), Tools: n.distinct("tools"), ReadOnly: n.distinct("readonly"),
			Calls: n.integerOr("calls", DefaultCalls), Range: n.header,
		}
	})
	return out
}

// distinct is strs for lists in which a name stands once.
func (b *body) distinct(name string) []string {
	all := b.strs(name)
	seen := map[string]bool{}
	out := all[:0:0]
	for _, s := range all {
		if seen[s] {
			b.d.add(duplicateName.at(b.rng(name), "%s names %q twice. Remove one of them.", name, s))
			continue
		}
		seen[s] = true
		out = append(out, s)
	}
	return out
}

var sizePattern = regexp.MustCompile(`^([0-9]{1,10}(?:\.[0-9]{1,6})?) ?(B|KiB|MiB|GiB)$`)

var sizeUnits = map[string]int64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

// size reads a number of bytes such as "1MiB"; 0 when it is absent or wrong.
// KB and MB are refused: half of all readers take them for 1,000 and a million.
func (b *body) size(name string) int64 {
	s := b.str(name)
	if s == "" {
		return 0
	}
	rng := convert(b.attr(name).Expr.Range())
	m := sizePattern.FindStringSubmatch(s)
	if m == nil {
		x := badSize.at(rng, "%q is not a size. Write a number and B, KiB, MiB or GiB, such as \"1MiB\": 1,024 bytes are 1KiB.", s)
		if h := inUnits(s); h != "" {
			x = x.WithSuggestion(fmt.Sprintf("%s = %q", name, h))
		}
		b.d.add(x)
		return 0
	}
	n, ok := new(big.Rat).SetString(m[1])
	if ok {
		n.Mul(n, new(big.Rat).SetInt64(sizeUnits[m[2]]))
	}
	if !ok || !n.IsInt() || !n.Num().IsInt64() {
		b.d.add(badSize.at(rng, "%q is no whole number of bytes.", s))
		return 0
	}
	v := n.Num().Int64()
	if doc := b.doc.Attribute(name); v > math.MaxInt64/2 || !holds(doc.Range, float64(v)) {
		least, most := bounds(doc.Range)
		b.d.add(outOfRange.at(rng, "%s must be from %s to %s; this is %s.", name, sizeWords(least), sizeWords(most), s))
		return 0
	}
	return v
}

// bounds are those of a closed interval of whole numbers.
func bounds(interval string) (least, most int64) {
	if _, err := fmt.Sscanf(interval, "[%d,%d]", &least, &most); err != nil {
		return 1, maxKV
	}
	return least, most
}

// inUnits reads "1MB", "64 kb" or "2m" with binary units, for a suggestion.
func inUnits(s string) string {
	m := regexp.MustCompile(`^([0-9]{1,10}) ?([kKmMgG])(?:i?[bB])?$`).FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return ""
	}
	return m[1] + strings.ToUpper(m[2]) + "iB"
}
