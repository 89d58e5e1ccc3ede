package evidence

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// maxLine bounds a line: a pair without content is under 4 KiB, so a longer
// line is damage, not evidence.
const maxLine = 64 << 10

// Log is a parsed file: its epochs in the order in which their level counts.
type Log struct {
	Skill  string
	Epochs []*Opened
	Events []Event // by time
	// Shadows are the pairs of watches, by watch, night and run.
	Shadows []Shadow
	Lines   int
}

// Opened is an epoch with its pairs, sorted by order.
type Opened struct {
	Epoch
	Index   int    // j of the level: 1 for the skill's first epoch
	Closed  string // the event that ended it, "" while it is open
	Pairs   []Pair // every claim, duplicates included: core/verdict merges them
	Tried   []Pair // one pair for each item
	Planted []Pair
	// Acceptance is what the false-discovery rule made of it, nil without. Moved
	// tells whether the move was made that it allowed.
	Acceptance *Acceptance
	Moved      bool
}

// Parse reads a file. Lines that are not understood are errors in diags and are
// left out of the log; a last line without a newline is a torn write and only a
// warning, since it was never acknowledged.
func Parse(name string, src []byte) (*Log, diag.List) {
	p := parser{name: name, log: &Log{}, byID: map[string]*Opened{}}
	rest := src
	for n := 1; len(rest) > 0; n++ {
		line := rest
		end := bytes.IndexByte(rest, '\n')
		if end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		p.line(n, len(src)-len(rest)-len(line), bytes.TrimSuffix(line, []byte("\r")), end < 0)
	}
	p.finish()
	return p.log, p.diags
}

type parser struct {
	name  string
	log   *Log
	diags diag.List
	byID  map[string]*Opened
	pairs []located
}

type located struct {
	pair Pair
	at   diag.Range
}

func (p *parser) line(n, offset int, line []byte, torn bool) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	p.log.Lines++
	at := diag.Range{File: p.name, Start: diag.Pos{Line: n, Column: 1, Byte: offset}, End: diag.Pos{Line: n, Column: 2, Byte: offset + 1}}
	if len(line) > maxLine {
		p.errorf(at, "evidence-line", "Line too long", "Line %d has %d bytes; a record of evidence never has more than %d.", n, len(line), maxLine)
		return
	}
	var head struct {
		V    int    `json:"v"`
		Kind string `json:"kind"`
	}
	if err := decode(line, &head, false); err != nil {
		if torn {
			p.diags = append(p.diags, diag.Warnf(at, "evidence-torn", "Torn last line", "The last line was cut off while it was written. It was never acknowledged and is left out; the next night writes it again."))
			return
		}
		p.errorf(at, "evidence-json", "Not a record of evidence", "Line %d is not valid JSON: %v. Restore the file from version control; evidence is never edited by hand.", n, err)
		return
	}
	if head.V != Version {
		p.errorf(at, "evidence-version", "Unknown evidence version", "Line %d has version %d; this plimsoll reads version %d. Use a newer plimsoll.", n, head.V, Version)
		return
	}
	switch head.Kind {
	case KindEpoch:
		var e Epoch
		if err := decode(line, &e, true); err != nil {
			p.errorf(at, "evidence-json", "Not a record of evidence", "Line %d: %v.", n, err)
			return
		}
		p.epoch(e, at)
	case KindEvent:
		var ev Event
		if err := decode(line, &ev, true); err != nil {
			p.errorf(at, "evidence-json", "Not a record of evidence", "Line %d: %v.", n, err)
			return
		}
		if why := ev.check(); why != "" {
			p.errorf(at, "evidence-event", "Impossible event", "Line %d: %s. The line was changed after it was written; restore the file from version control.", n, why)
			return
		}
		p.log.Events = append(p.log.Events, ev)
	case KindPair, KindPlanted:
		var pair Pair
		if err := decode(line, &pair, true); err != nil {
			p.errorf(at, "evidence-json", "Not a record of evidence", "Line %d: %v.", n, err)
			return
		}
		if why := pair.check(); why != "" {
			p.errorf(at, "evidence-pair", "Impossible pair", "Line %d: %s. The line was changed after it was written; restore the file from version control.", n, why)
			return
		}
		p.pairs = append(p.pairs, located{pair, at})
	case KindShadow:
		var s Shadow
		if err := decode(line, &s, true); err != nil {
			p.errorf(at, "evidence-json", "Not a record of evidence", "Line %d: %v.", n, err)
			return
		}
		if why := s.check(); why != "" {
			p.errorf(at, "evidence-shadow", "Impossible pair", "Line %d: %s. The line was changed after it was written; restore the file from version control.", n, why)
			return
		}
		p.log.Shadows = append(p.log.Shadows, s)
	default:
		p.errorf(at, "evidence-kind", "Unknown kind of record", "Line %d has kind %q; known are epoch, pair, planted, shadow and event.", n, head.Kind)
	}
}

func (p *parser) epoch(e Epoch, at diag.Range) {
	if why := e.check(); why != "" {
		p.errorf(at, "evidence-epoch", "Impossible epoch", "%s. The line was changed after it was written; restore the file from version control.", why)
		return
	}
	if p.log.Skill == "" {
		p.log.Skill = e.Skill
	}
	if e.Skill != p.log.Skill {
		p.errorf(at, "evidence-skill", "Evidence of another skill", "This file holds evidence of %q, this line is about %q.", p.log.Skill, e.Skill)
		return
	}
	if old, ok := p.byID[e.ID()]; ok {
		old.Current.Reported = cmp.Or(old.Current.Reported, e.Current.Reported)
		old.Candidate.Reported = cmp.Or(old.Candidate.Reported, e.Candidate.Reported)
		old.Fleet = lesser(old.Fleet, e.Fleet)
		if !sameEpoch(old.Epoch, e) {
			p.errorf(at, "evidence-epoch", "Two epochs with one name", "Epoch %s is described twice, differently. One of the lines was changed; restore the file from version control.", e.ID())
		}
		return
	}
	o := &Opened{Epoch: e}
	p.byID[e.ID()] = o
	p.log.Epochs = append(p.log.Epochs, o)
}

// finish sorts epochs, gives them their index and hands pairs to them.
func (p *parser) finish() {
	slices.SortFunc(p.log.Epochs, func(a, b *Opened) int {
		if a.Counter != b.Counter {
			return a.Counter - b.Counter
		}
		return strings.Compare(a.Hash, b.Hash)
	})
	for i, e := range p.log.Epochs {
		e.Index = i + 1
	}
	for _, l := range p.pairs {
		e, ok := p.byID[l.pair.Epoch]
		if !ok {
			p.errorf(l.at, "evidence-orphan", "Pair without an epoch", "This pair belongs to epoch %s, which no line of the file opens. The epoch's line was lost in a merge; restore it.", l.pair.Epoch)
			continue
		}
		if l.pair.Skill != e.Skill || l.pair.Step != e.Step {
			p.errorf(l.at, "evidence-pair", "Impossible pair", "This pair is about %s/%s, its epoch about %s/%s.", l.pair.Skill, l.pair.Step, e.Skill, e.Step)
			continue
		}
		if l.pair.Kind == KindPlanted {
			e.Planted = append(e.Planted, l.pair)
		} else {
			e.Pairs = append(e.Pairs, l.pair)
		}
	}
	for _, e := range p.log.Epochs {
		byOrder(e.Pairs)
		byOrder(e.Planted)
		e.Planted = once(e.Planted)
		e.Tried = once(e.Pairs)
		p.order(e)
	}
	p.events()
	p.shadows()
}

// rank puts what a person lifted behind what it lifts, where both carry one time.
func rank(ev Event) int {
	if ev.Event == Lifted {
		return 1
	}
	return 0
}

// events sorts what happened and closes the epochs that it closes. Two checkouts
// may both have written one down.
func (p *parser) events() {
	slices.SortFunc(p.log.Events, func(a, b Event) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Step, b.Step), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Event, b.Event), cmp.Compare(a.To, b.To), cmp.Compare(b.bar(), a.bar()))
	})
	p.log.Events = slices.CompactFunc(p.log.Events, func(a, b Event) bool {
		return a.At.Equal(b.At) && a.Step == b.Step && a.Event == b.Event && a.From == b.From && a.To == b.To && slices.Equal(a.Closes, b.Closes)
	})
	accepted := map[[3]string][]*Opened{} // by step and tiers; no move followed yet
	for _, ev := range p.log.Events {
		on := [3]string{ev.Step, ev.From, ev.To}
		if a := ev.Acceptance; a != nil {
			// Two checkouts may both have accepted it: the first one counts.
			if e := p.byID[a.Epoch]; e != nil && e.Acceptance == nil {
				e.Acceptance = a
				accepted[on] = append(accepted[on], e)
			}
		}
		if waiting := accepted[on]; ev.Event == Moved && len(waiting) > 0 {
			// One move is of one epoch: what was accepted before that came to nothing.
			waiting[len(waiting)-1].Moved = true
			delete(accepted, on)
		}
		for _, id := range ev.Closes {
			if e := p.byID[id]; e != nil {
				e.Closed = ev.Event
			}
		}
	}
}

// order checks that the pairs stand in the epoch's seeded order: the ranks of
// their items ascend with their places.
func (p *parser) order(e *Opened) {
	seed := e.Seed()
	for i := 1; i < len(e.Tried); i++ {
		a, b := e.Tried[i-1], e.Tried[i]
		if a.Order == b.Order || Rank(seed, a.Item) >= Rank(seed, b.Item) {
			p.errorf(diag.Range{File: p.name}, "evidence-order", "Items out of order",
				"In epoch %s items %d and %d do not stand in the order that its seed gives. Evidence whose items were chosen proves nothing; restore the file from version control.", e.ID(), a.Order, b.Order)
			e.Tried = e.Tried[:i]
			return
		}
	}
}

// byOrder sorts by place, then by the canonical bytes: the order of lines in the
// file means nothing.
func byOrder(pairs []Pair) {
	slices.SortFunc(pairs, func(a, b Pair) int {
		if c := cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Item, b.Item)); c != 0 {
			return c // seldom anything else, and canonical bytes cost more than parsing the line
		}
		return bytes.Compare(canonical(a), canonical(b))
	})
}

// once keeps the first claim about every item, for whoever counts items or
// money. Which claim counts for a verdict is core/verdict's to say.
func once(pairs []Pair) []Pair {
	return slices.CompactFunc(slices.Clone(pairs), func(a, b Pair) bool { return a.Item == b.Item })
}

func canonical(p Pair) []byte {
	raw, err := canonjson.Marshal(p)
	if err != nil {
		// A Pair holds strings and integers only; strings that came through
		// encoding/json are valid UTF-8.
		return []byte(err.Error())
	}
	return raw
}

func sameEpoch(a, b Epoch) bool {
	// The audit reference and the time may differ: two checkouts that continue
	// one epoch each write its line.
	// So may the ids, when the first answer of one of them was missing.
	for _, e := range []*Epoch{&a, &b} {
		if e.Fleet != nil { // places and moves are counted by each checkout
			e.Fleet = &Fleet{Policy: e.Fleet.Policy}
		}
		e.Audit, e.Opened, e.Current.Reported, e.Candidate.Reported = AuditRef{}, time.Time{}, "", ""
	}
	x, errX := canonjson.Marshal(a)
	y, errY := canonjson.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// lesser is the one of two claims about an epoch's place that proves less: two
// checkouts may each have opened it.
func lesser(a, b *Fleet) *Fleet {
	switch {
	case a == nil || b == nil:
		return a
	case b.Weight < a.Weight || b.Weight == a.Weight && b.Accepted < a.Accepted:
		return b
	}
	return a
}

func (p *parser) errorf(at diag.Range, code, summary, format string, args ...any) {
	p.diags = append(p.diags, diag.Errorf(at, code, summary, format, args...))
}

func decode(line []byte, into any, strict bool) error {
	d := json.NewDecoder(bytes.NewReader(line))
	if strict {
		d.DisallowUnknownFields()
	}
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("more than one value on the line")
	}
	return nil
}
