package main

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/bench/figure"
	"github.com/plimsoll-dev/plimsoll/core/harness"
)

// chat is what no catalogue of the public sets has a tool for, written for this
// benchmark.
var chat = strings.Split(`thank you very much|hello, how are you today?|what is the meaning of life|I feel sad and lonely|tell me a joke|who won the war of 1812|that was great, good job|why is the sky blue|my cat ate my homework|do you love me|let's talk about philosophy|I am bored|what did you do yesterday|sing me a lullaby|please be quiet|can you keep a secret|my grandmother was born in a small village|the quick brown fox jumps over the lazy dog|lorem ipsum dolor sit amet|asdf qwer zxcv|never mind|ok sounds good|which came first, the chicken or the egg|I disagree with you|I lost my umbrella on the bus|is water wet|my knee hurts when it rains|should I marry him|the neighbours are too loud|teach me how to whistle|fold a paper crane|knit a scarf for winter|sharpen a kitchen knife|tie a bow tie|repair a leaking tap|plant tulips in autumn|bake sourdough bread|polish leather shoes|catch a trout|tune a guitar`, "|")

// heldOut says that a query is not of the half on which the threshold was set.
func heldOut(id string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash takes everything
	return h.Sum32()%2 == 1
}

// rate counts abstentions.
type rate struct{ abstained, all int }

func (r *rate) add(f harness.Found) {
	r.all++
	if f.Outcome != harness.Matched {
		r.abstained++
	}
}

func (r rate) String() string {
	return fmt.Sprintf("%.3f of %d", float64(r.abstained)/float64(max(1, r.all)), r.all)
}

// abstention counts, on held-out queries, how often a find says "none": where
// the right document is among the first five it should not; where the right
// documents are out of sight, for small talk, and for the queries of the other
// sets it should. The last two are weak labels: catalogues overlap.
func abstention(b bench) ([]figure.Figure, error) {
	loaded := map[string]set{}
	for _, name := range sets {
		s, err := b.load(name)
		if err != nil {
			return nil, err
		}
		s.queries = slices.DeleteFunc(s.queries, func(q asked) bool { return !heldOut(q.ID) })
		if n := len(s.queries); n > 1000 {
			var some []asked
			for i := range 1000 {
				some = append(some, s.queries[i*n/1000])
			}
			s.queries = some
		}
		loaded[name] = s
	}
	var out []figure.Figure
	for _, name := range sets {
		s := loaded[name]
		x, err := harness.Build(s.docs)
		if err != nil {
			return nil, err
		}
		v := x.View(harness.Viewer{Allowed: harness.Everything})
		var right, wrong, gone, talk rate
		for _, q := range s.queries {
			found := v.Find([]string{q.Query}, harness.Options{})
			if recall(ids(v.Find([]string{q.Query}, never(5))), q.Gold, 5) > 0 {
				right.add(found)
			} else {
				wrong.add(found)
			}
			blind := x.View(harness.Viewer{Allowed: func(d *harness.Document) bool { return !slices.Contains(q.Gold, d.ID) }})
			gone.add(blind.Find([]string{q.Query}, harness.Options{}))
		}
		for _, c := range chat {
			talk.add(v.Find([]string{c}, harness.Options{}))
		}
		share := float64(right.abstained) / float64(max(1, right.all))
		out = append(out,
			figure.Figure{What: name + ": abstains though the right one is among the first five", Target: "<= 0.050", Measured: right.String(), Holds: share <= .05},
			figure.Show(name+": abstains where the first five are wrong", wrong.String()),
			figure.Show(name+": abstains where the right ones are out of sight", gone.String()),
			figure.Show(name+": abstains on small talk", talk.String()))
		for _, other := range sets {
			if other == name {
				continue
			}
			var r rate
			for _, q := range loaded[other].queries {
				r.add(v.Find([]string{q.Query}, harness.Options{}))
			}
			out = append(out, figure.Show(name+": abstains on queries of "+other, r.String()))
		}
	}
	return out, nil
}
