package table

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/verdict"
)

// Options of a verdict over a table. Zero values take the defaults.
type Options struct {
	Margin   int64          // millionths; 0 is 50_000
	Alpha    int64          // millionths, taken as it is: no epochs; 0 is 50_000
	MaxItems int            // items to look at in each skill; 0 is all its rows
	Method   verdict.Method // "" is Pool2
	Seed     string         // of the item order
}

// Summary counts a table's verdicts.
type Summary struct {
	Skills       int   `json:"skills"`
	Downgrade    int   `json:"downgrade"`
	Hold         int   `json:"hold"`
	Inconclusive int   `json:"inconclusive"`
	Items        int   `json:"items"`   // rows of all skills
	Missing      int   `json:"missing"` // of those, rows that miss either score
	Gap          int64 `json:"gap"`     // mean D over rows with both scores, millionths
}

// Verdicts draws one verdict per skill, in the order of the file.
//
// The default method is pool2 with the pool of all the skill's rows, also when
// MaxItems is smaller: a file is a fixed set of items, the order makes any
// prefix a draw from it without replacement, and what is claimed is about these
// rows. Star2, star1 and grid8 claim future runs, with the deadline at MaxItems or the
// rows; that claim is the caller's, who knows whether the rows were sampled.
// A file has no planted-bad arm, and its scores are what measures content.
func (t *Table) Verdicts(current, candidate string, o Options) ([]verdict.Record, Summary, error) {
	cur, err := t.model("current", current)
	if err != nil {
		return nil, Summary{}, err
	}
	cand, err := t.model("candidate", candidate)
	if err != nil {
		return nil, Summary{}, err
	}
	if o.MaxItems < 0 {
		return nil, Summary{}, fmt.Errorf("max-items is %d: it is a number of items, and 0 takes them all", o.MaxItems)
	}
	o.Margin, o.Alpha = cmp.Or(o.Margin, 50_000), cmp.Or(o.Alpha, 50_000)
	o.Method = cmp.Or(o.Method, verdict.Pool2)
	if err := (verdict.Params{Method: o.Method, Margin: o.Margin, Alpha: o.Alpha, N: 1}).Validate(); err != nil {
		return nil, Summary{}, fmt.Errorf("verdict over %s: %w", t.Name, err)
	}
	var out []verdict.Record
	var sum Summary
	var gap, both int64
	for _, skill := range t.Skills {
		pairs := t.pairs(skill, cur, cand, o.Seed)
		for _, p := range pairs {
			if p.Cur == nil || p.Cand == nil {
				sum.Missing++
				continue
			}
			gap += *p.Cand - *p.Cur
			both++
		}
		sum.Items += len(pairs)
		r := decide(skill, current, candidate, pairs, o)
		r.Evidence = t.Name
		sum.Skills++
		switch r.Decision {
		case verdict.Downgrade:
			sum.Downgrade++
		case verdict.Hold:
			sum.Hold++
		default:
			sum.Inconclusive++
		}
		out = append(out, r)
	}
	if both > 0 {
		sum.Gap = gap / both
	}
	return out, sum, nil
}

func decide(skill, current, candidate string, pairs []verdict.Pair, o Options) verdict.Record {
	look := len(pairs)
	if o.MaxItems > 0 {
		look = min(look, o.MaxItems)
	}
	p := verdict.Params{Method: o.Method, Margin: o.Margin, Alpha: o.Alpha, N: look}
	if o.Method.Pool() {
		p.N = len(pairs)
	}
	a := verdict.Assess(verdict.Spec{
		Skill: skill, Step: "main", Current: current, Candidate: candidate, Params: p,
		Content: verdict.ContentReference, NoPlanted: true,
	}, pairs[:look], nil)
	return verdict.Decide(a, verdict.Rules{}, verdict.Money{})
}

// Pairs are a skill's rows as pairs, in the order that the seed gives.
func (t *Table) Pairs(skill, current, candidate, seed string) ([]verdict.Pair, error) {
	if _, ok := t.rows[skill]; !ok {
		return nil, fmt.Errorf("%s has no skill %q; %s", t.Name, skill, suggest(skill, t.Skills))
	}
	cur, err := t.model("current", current)
	if err != nil {
		return nil, err
	}
	cand, err := t.model("candidate", candidate)
	if err != nil {
		return nil, err
	}
	return t.pairs(skill, cur, cand, seed), nil
}

func (t *Table) pairs(skill string, cur, cand int, seed string) []verdict.Pair {
	type ranked struct {
		row
		rank [32]byte
	}
	rows := make([]ranked, 0, len(t.rows[skill]))
	for _, r := range t.rows[skill] {
		rows = append(rows, ranked{r, rank(seed, r.item)})
	}
	slices.SortFunc(rows, func(a, b ranked) int {
		return cmp.Or(bytes.Compare(a.rank[:], b.rank[:]), strings.Compare(a.item, b.item))
	})
	out := make([]verdict.Pair, len(rows))
	for i, r := range rows {
		out[i] = verdict.Pair{Order: i, Item: r.item, Cur: cell(r.scores[cur]), Cand: cell(r.scores[cand]), Source: "code"}
	}
	return out
}

// rank is sha256(seed, item), the seed length-prefixed so that no two pairs of
// seed and item are the same bytes.
func rank(seed, item string) [32]byte {
	buf := binary.BigEndian.AppendUint64(nil, uint64(len(seed)))
	return sha256.Sum256(append(append(buf, seed...), item...))
}

func cell(v int64) *int64 {
	if v == missing {
		return nil
	}
	return &v
}

func (t *Table) model(side, name string) (int, error) {
	if i := slices.Index(t.Models, name); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("%s has no column %q for the %s side; %s", t.Name, name, side, suggest(name, t.Models))
}

func suggest(name string, have []string) string {
	best, least := "", len(name)/2+1
	for _, h := range have {
		if d := distance(strings.ToLower(name), strings.ToLower(h)); d < least {
			best, least = h, d
		}
	}
	hint := "it has " + quoted(have)
	if best != "" {
		return fmt.Sprintf("did you mean %q? %s", best, hint)
	}
	return hint
}

// distance is Levenshtein's, by bytes, on names cut to 200.
func distance(a, b string) int {
	a, b = a[:min(len(a), 200)], b[:min(len(b), 200)]
	line := make([]int, len(b)+1)
	for j := range line {
		line[j] = j
	}
	for i := range len(a) {
		diagonal := line[0]
		line[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, line[j+1] = line[j+1], min(line[j+1]+1, line[j]+1, diagonal+cost)
		}
	}
	return line[len(b)]
}
