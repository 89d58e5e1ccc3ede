package harness

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of what is remembered.
const (
	HalfLife     = 90 * day // after which a use counts half
	Horizon      = 4 * HalfLife
	PerPrincipal = 24  // the newest uses of one principal that count for a document
	PerDocument  = 96  // the newest uses that count for a document
	MaxLearned   = 512 // characters of a query that is remembered; a longer one teaches nothing

	day = 24 * time.Hour
)

// Use is one run of a skill or tool that a query had found, and how it ended.
// It is written down by the host, which knows who ran what and which gates
// passed; what a model or an upstream server says of itself is no Use.
type Use struct {
	Document  string    `json:"document"` // Document.ID
	Query     string    `json:"query"`
	Run       string    `json:"run"` // one run counts once
	Principal string    `json:"principal"`
	At        time.Time `json:"at"`
	Succeeded bool      `json:"succeeded"` // verified: the gates passed, or a person said so
}

// Learned is what verified use has taught: the uses themselves, so that each
// can be traced to a run and forgotten. It is a set: the order of Add makes no
// difference. The zero value is empty. It is not safe for concurrent use.
type Learned struct {
	uses map[useKey]Use
}

type useKey struct{ document, run, query string }

// Add takes a use in. The same run of the same document with the same query
// counts once: the later of two reports stands, and of two of the same time the
// failure. A use that cannot be attributed is an error and changes nothing.
func (l *Learned) Add(u Use) error {
	u.Query = strings.TrimSpace(strings.ToValidUTF8(u.Query, "\uFFFD"))
	u.At = u.At.UTC().Round(0)
	switch {
	case u.Document == "" || u.Run == "" || u.Principal == "":
		return fmt.Errorf("learning from a use: document %q, run %q and principal %q must all be given", u.Document, u.Run, u.Principal)
	case u.At.IsZero():
		return fmt.Errorf("learning from run %s: it has no time", u.Run)
	case u.Query == "":
		return fmt.Errorf("learning from run %s: its query is empty", u.Run)
	case utf8.RuneCountInString(u.Query) > MaxLearned:
		return fmt.Errorf("learning from run %s: its query has more than %d characters, which is content and no search", u.Run, MaxLearned)
	case !utf8.ValidString(u.Document) || !utf8.ValidString(u.Run) || !utf8.ValidString(u.Principal):
		return fmt.Errorf("learning from a use: document %q, run %q or principal %q is not UTF-8", u.Document, u.Run, u.Principal)
	}
	if l.uses == nil {
		l.uses = map[useKey]Use{}
	}
	k := useKey{u.Document, u.Run, u.Query}
	if old, ok := l.uses[k]; ok && !later(u, old) {
		return nil
	}
	l.uses[k] = u
	return nil
}

func later(u, old Use) bool {
	if c := u.At.Compare(old.At); c != 0 {
		return c > 0
	}
	if u.Succeeded != old.Succeeded {
		return !u.Succeeded
	}
	return u.Principal < old.Principal
}

// Fold takes in what another has learned, and lets go of what no longer counts
// at that time: uses past the Horizon, and what is beyond the caps. Folding the
// same things in any order gives the same bytes.
func (l *Learned) Fold(other *Learned, now time.Time) {
	if other != nil {
		for _, u := range other.uses {
			_ = l.Add(u) // was checked when other took it in
		}
	}
	for _, group := range l.byDocument() {
		for _, u := range group[len(capped(group, now)):] {
			delete(l.uses, u.key())
		}
	}
}

func (u Use) key() useKey { return useKey{u.Document, u.Run, u.Query} }

// Forget drops the uses that match, of a person who left or a run that turned
// out to be wrong, and says how many they were.
func (l *Learned) Forget(match func(Use) bool) int {
	n := len(l.uses)
	for k, u := range l.uses {
		if match(u) {
			delete(l.uses, k)
		}
	}
	return n - len(l.uses)
}

// Len is the number of uses.
func (l *Learned) Len() int { return len(l.uses) }

// Uses are all of them: where each learned word comes from. By document, then
// newest first.
func (l *Learned) Uses() []Use {
	out := make([]Use, 0, len(l.uses))
	for _, u := range l.uses {
		out = append(out, u)
	}
	slices.SortFunc(out, order)
	return out
}

func order(a, b Use) int {
	return cmp.Or(cmp.Compare(a.Document, b.Document), b.At.Compare(a.At), cmp.Compare(a.Run, b.Run), cmp.Compare(a.Query, b.Query), cmp.Compare(a.Principal, b.Principal))
}

func (l *Learned) byDocument() [][]Use {
	var out [][]Use
	for _, u := range l.Uses() {
		if n := len(out); n == 0 || out[n-1][0].Document != u.Document {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], u)
	}
	return out
}

// capped moves the uses of one document that count at a time to the front and
// gives them back: PerPrincipal of each principal, PerDocument in all. The cap
// of the document is filled in turns, so that nobody crowds the others out.
func capped(uses []Use, now time.Time) []Use {
	turn := make(map[useKey]int, len(uses))
	taken := map[string]int{}
	for _, u := range uses {
		if now.Sub(u.At) >= Horizon {
			turn[u.key()] = PerPrincipal
			continue
		}
		turn[u.key()] = taken[u.Principal]
		taken[u.Principal]++
	}
	slices.SortStableFunc(uses, func(a, b Use) int { return cmp.Compare(turn[a.key()], turn[b.key()]) })
	n := 0
	for n < len(uses) && n < PerDocument && turn[uses[n].key()] < PerPrincipal {
		n++
	}
	return uses[:n]
}

// Phrases are what an index needs to know, by document: each use with what its
// age has left of it, negative for a failure. They change from day to day and
// not within one, so that an index keeps its digest for a day.
func (l *Learned) Phrases(now time.Time) map[string][]Phrase {
	out := map[string][]Phrase{}
	for _, group := range l.byDocument() {
		for _, u := range capped(group, now) {
			w := fading(now.Sub(u.At))
			if !u.Succeeded {
				w = -w
			}
			out[u.Document] = append(out[u.Document], Phrase{Text: u.Query, Principal: u.Principal, Weight: w})
		}
	}
	return out
}

// fading is what an age leaves of a use, in millionths: halved with every
// HalfLife, on a straight line between, in whole days.
func fading(age time.Duration) int64 {
	if age < 0 {
		age = 0
	}
	half, days := int64(HalfLife/day), int64(age/day)
	w := int64(million) >> min(days/half, 62)
	return w - w/2*(days%half)/half
}

// Bytes are one JSON object a line, sorted: the same uses give the same bytes.
func (l *Learned) Bytes() []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	for _, u := range l.Uses() {
		_ = e.Encode(u) // strings and a time, into memory
	}
	return out.Bytes()
}

// ParseLearned reads Bytes. A line that is not a use is an error that names the
// line: half of what was learned would be another ranking without a word.
func ParseLearned(data []byte) (*Learned, error) {
	l := &Learned{}
	r := bufio.NewReader(bytes.NewReader(data))
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			d := json.NewDecoder(bytes.NewReader(line))
			d.DisallowUnknownFields()
			var u Use
			if e := d.Decode(&u); e != nil {
				return nil, fmt.Errorf("reading what was learned: line %d: %w", n, e)
			}
			if _, e := d.Token(); e != io.EOF {
				return nil, fmt.Errorf("reading what was learned: line %d has more than one value", n)
			}
			if e := l.Add(u); e != nil {
				return nil, fmt.Errorf("reading what was learned: line %d: %w", n, e)
			}
		}
		if err != nil {
			return l, nil // the end; a reader of memory has no other error
		}
	}
}
