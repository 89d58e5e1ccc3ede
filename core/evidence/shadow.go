package evidence

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// KindShadow is a line of the watch over a step after its move down.
const KindShadow = "shadow"

// Shadow is one production run on the present tier that was also tried on the
// former one. Current is the former tier, Candidate the present one, so that D
// is present - former, as everywhere.
type Shadow struct {
	V         int      `json:"v"`
	Kind      string   `json:"kind"`
	Skill     string   `json:"skill"`
	Step      string   `json:"step"`
	Watch     string   `json:"watch"` // which watch: see core/watch
	Night     string   `json:"night"` // the day it was measured, 2006-01-02: the pairs of a day share a restart
	Run       string   `json:"run"`   // the production run that was chosen
	Canary    bool     `json:"canary,omitempty"`
	Item      string   `json:"item"` // digest of what was tried: the run's input, or for a canary an item of the pool
	Margin    int64    `json:"margin"`
	Alpha     int64    `json:"alpha"`
	Share     int64    `json:"share"`  // of runs that were chosen, millionths
	Source    string   `json:"source"` // code or pointwise
	Current   Result   `json:"current"`
	Candidate Result   `json:"candidate"`
	D         *int64   `json:"d"`
	Audit     AuditRef `json:"audit"`
}

// check says what is impossible about a shadow pair, or "".
func (s Shadow) check() string {
	if s.Watch == "" || s.Run == "" || s.Night == "" {
		return "a shadow pair names its watch, its night and its run"
	}
	if s.Margin <= 0 || s.Margin >= million || s.Alpha <= 0 || s.Alpha > million/2 {
		return fmt.Sprintf("a margin of %d or an alpha of %d millionths is impossible", s.Margin, s.Alpha)
	}
	return Pair{Current: s.Current, Candidate: s.Candidate, D: s.D, Item: s.Item}.check()
}

// shadows sorts by watch, night and run, and keeps one line for each run: the
// smaller D where two checkouts differ.
func (p *parser) shadows() {
	lines := p.log.Shadows
	slices.SortFunc(lines, func(a, b Shadow) int {
		return cmp.Or(strings.Compare(a.Watch, b.Watch), strings.Compare(a.Run, b.Run), a.smaller(b))
	})
	lines = slices.CompactFunc(lines, func(a, b Shadow) bool { return a.Watch == b.Watch && a.Run == b.Run })
	SortShadows(lines)
	p.log.Shadows = lines
}

// SortShadows puts shadow pairs in the order in which a watch counts them: by
// watch, night and run. It is the order of no file and of no outcome.
func SortShadows(lines []Shadow) {
	slices.SortFunc(lines, func(a, b Shadow) int {
		return cmp.Or(strings.Compare(a.Watch, b.Watch), strings.Compare(a.Night, b.Night), strings.Compare(a.Run, b.Run))
	})
}

// smaller orders two claims about one run; a missing score reads as no loss, so
// it comes last.
func (s Shadow) smaller(o Shadow) int {
	value := func(d *int64) int64 {
		if d == nil {
			return million + 1
		}
		return *d
	}
	a, errA := canonjson.Marshal(s)
	b, errB := canonjson.Marshal(o)
	if errA != nil || errB != nil {
		return cmp.Compare(value(s.D), value(o.D))
	}
	return cmp.Or(cmp.Compare(value(s.D), value(o.D)), strings.Compare(s.Night, o.Night), bytes.Compare(a, b))
}

// Worse is the difference as the worse null reads it: what is missing is never
// taken for a loss of the present tier, so an outage raises no alarm.
func (s Shadow) Worse() int64 {
	former, present := int64(0), int64(million)
	if s.Current.Score != nil {
		former = *s.Current.Score
	}
	if s.Candidate.Score != nil {
		present = *s.Candidate.Score
	}
	return present - former
}
