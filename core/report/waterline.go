package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// waterline is the overview: one row of water for each step, the deeper the
// cheaper. A ring is where the step stood, the mark where it stands.
type waterline struct {
	ID    string
	Tiers []string // the dearest first, as they are drawn
	Bands []band
	Rows  []track
}

// band is the water of one tier.
type band struct{ X, Width, Class string }

// track is one row.
type track struct {
	ID, Name, Link   string
	Class            string // moved, may, open, worse, holds
	Desc, Says       string
	Stood, At, Goal  string // shares of the width; Goal is "" when nothing was compared
	DriveX, DriveEnd string // the way covered: by the move, or by evidence so far; "" is none
	Wall             string // proved worse: where the way ends
}

// tracksMost keeps the overview an overview. What is left out is counted under
// it, and the table below has every row.
const tracksMost = 40

// waterlines draws up to tracksMost rows, in the night's order, and says in a
// sentence what it does not draw.
func waterlines(rows []Row, link func(Row) string) (out []waterline, rest []string) {
	drawn := rows
	if len(rows) > tracksMost {
		drawn = rows[:tracksMost]
		rest = append(rest, fmt.Sprintf("%s not drawn here: %s. The table has them all.", plural(len(rows)-tracksMost, "more step is", "more steps are"), standing(rows[tracksMost:])))
	}
	grouped, lost := ladders(drawn)
	for _, l := range grouped {
		out = append(out, newWaterline(l, link, len(out)))
	}
	if len(lost) > 0 {
		what := plural(len(lost), "step stands where it stood, on a ladder", "steps stand where they stood, on ladders")
		rest = append(rest, fmt.Sprintf("%s that tonight's comparisons do not show: %s.", what, standing(lost)))
	}
	return out, rest
}

// standing counts rows by the tier on which they stand.
func standing(rows []Row) string {
	var tiers []string
	n := map[string]int{}
	for _, r := range rows {
		t := plain(r.stands())
		if t == "" {
			t = "no tier"
		}
		if n[t] == 0 {
			tiers = append(tiers, t)
		}
		n[t]++
	}
	slices.SortStableFunc(tiers, func(a, b string) int { return n[b] - n[a] })
	parts := make([]string, len(tiers))
	for i, t := range tiers {
		parts[i] = count(n[t]) + " on " + t
	}
	return list(parts)
}

func newWaterline(l ladder, link func(Row) string, number int) waterline {
	k := len(l.tiers)
	w := waterline{ID: "water" + strconv.Itoa(number)}
	for i := range k {
		w.Tiers = append(w.Tiers, plain(l.tiers[k-1-i]))
		depth := 0
		if k > 1 {
			depth = i * min(4, 2*(k-1)) / (k - 1) // a short ladder is not a deep one
		}
		w.Bands = append(w.Bands, band{X: coordinate(100*float64(i)/float64(k)) + "%", Width: coordinate(100/float64(k)) + "%", Class: "depth" + strconv.Itoa(depth)})
	}
	at := func(tier string) float64 {
		return (float64(k-1-slices.Index(l.tiers, tier)) + 0.5) / float64(k) * 100
	}
	for i, r := range l.rows {
		w.Rows = append(w.Rows, newTrack(r, at, fmt.Sprintf("w%d-%d", number, i), link(r)))
	}
	return w
}

func newTrack(r Row, at func(string) float64, id, link string) track {
	share := func(x float64) string { return coordinate(x) + "%" }
	from, to := at(r.Current), at(r.Current)
	if r.Candidate != "" {
		to = at(r.Candidate)
	}
	t := track{ID: id, Name: r.name(), Link: link, Class: "holds", Says: r.says(), Stood: share(from), At: share(from)}
	if r.Candidate != "" {
		t.Goal = share(to)
	}
	t.Desc = "stands on " + plain(r.stands()) + "; " + t.Says
	switch r.status() {
	case "moved":
		t.Class, t.At, t.DriveX, t.DriveEnd = "moved", share(to), share(from), share(to)
		t.Desc = "moved from " + plain(r.Current) + " to " + plain(r.Candidate)
	case "may move":
		t.Class, t.DriveX, t.DriveEnd = "may", share(from), share(to)
	case "open":
		t.Class = "open"
		if n := len(r.Series); n > 0 && r.Target > 0 {
			way := plot{lo: 0, hi: r.Target}.share(r.Series[n-1].NotWorse)
			t.DriveX, t.DriveEnd = share(from), share(from+(to-from)*0.9*way)
		}
	default:
		if r.Record != nil && r.Record.Outcome == "disproved" {
			t.Class, t.Wall = "worse", share(from+(to-from)*0.5)
			t.DriveX, t.DriveEnd = share(from), t.Wall
		}
	}
	return t
}

// says is the state in a few words, for a margin beside a drawing.
func (r Row) says() string {
	switch r.status() {
	case "moved":
		return joined("moved", r.saving(true), ", saves ")
	case "may move":
		return joined("may move", r.saving(true), ", would save ")
	case "open":
		s := count(r.Items) + " of " + count(r.Of)
		if r.Needed > 0 {
			s += ", about " + count(r.Needed) + " more"
		}
		return s
	}
	switch {
	case r.Pinned:
		return "pinned"
	case r.Cooling != nil:
		return "cooldown until " + r.Cooling.UTC().Format("2006-01-02")
	case r.Record != nil && r.Items > 0:
		if s, ok := causes[r.Record.Rule]; ok {
			return s
		}
	}
	return clip(clause(plain(r.Reason)), 64)
}

// clause is a reason up to where it begins to explain.
func clause(s string) string {
	for i := range s {
		if rest := s[i:]; i >= 12 && (strings.HasPrefix(rest, ": ") || strings.HasPrefix(rest, "; ")) {
			return s[:i]
		}
	}
	return s
}

func joined(a, b, with string) string {
	switch b {
	case "", "nothing":
		return a
	case notPriced:
		return a + ", " + notPriced
	}
	return a + with + b
}

// causes are the codes of verdict.Cause in a few words.
var causes = map[string]string{
	"evidence": "its evidence cannot be read", "content": "nothing measures its content",
	"disproved": "worse by more than the margin", "part": "a part of the score is worse than its own margin", "gate": "a gate is passed less often",
	"never": "a gate that tolerates nothing", "dimension": "reasoning got worse", "format": "format got worse",
	"rule": "a rule cannot be evaluated", "hold": "a rule of the policy", "judge": "the judge may only hold",
	"reach": "out of reach of this many items", "planted": "planted damage was not seen", "latency": "too slow",
	"recency": "the last items lean to worse", "floor": "fewer items than the floor",
	"downgrade_when": "downgrade_when is false", "open": "not proved by the deadline",
}
