// Package label has a person say what outputs are worth, blind to who wrote them:
// two outputs of one input side by side, on a page of this machine alone.
//
// It chooses the order of pairs and of the two works, writes each answer down
// before it says so, and serves the page. It does not choose what is compared
// (core/engine does), never shows a judge's word, and makes nothing of the answers:
// the file that it writes is what `plimsoll judge calibrate --labels` reads.
//
//	s, diags, err := label.Open(label.Config{File: path, Pairs: pairs, Dimensions: dims, N: 100, Again: 10})
//	err = s.Serve(ctx, label.Door{Port: 0, Ready: func(url string) { fmt.Println(url) }})
//	sum := s.Summary()
package label

import (
	"encoding/json"

	"github.com/plimsoll-dev/plimsoll/hcl/config"
)

// Pair is two outputs of one input. Item names the input; Reference is for
// simulated judges alone and is never shown.
type Pair struct {
	Skill, Item      string
	Input, Reference json.RawMessage
	Works            [2]Work
	Names            []string // what could tell who wrote a work, see judge.NamesOf
}

// Work is one output, by the tier that wrote it.
type Work struct {
	Arm    string
	Output json.RawMessage
}

// Config is what a session is about.
type Config struct {
	File       string // JSON lines, as judge.ReadSheet reads them
	Judge      string
	Seed       string // of all orders
	Pairs      []Pair
	Dimensions map[string][]*config.Dimension // by skill
	Comparing  bool                           // the judge compares: which is better is asked, not which is good
	N          int                            // pairs to label, at least 1
	Again      int                            // every so-manieth pair is shown a second time, in the other order; 0 none
	Finish     string                         // the command that takes the file, shown at the end
}

// Answers that a person can give.
const (
	First   = "first"   // the left one alone, or it is better
	Second  = "second"  // the right one
	Same    = "same"    // both are good, or neither is better
	Neither = "neither" // neither is good; not where works are compared
)

// Summary is how far a session is.
type Summary struct {
	Of      int `json:"of"`      // questions
	Done    int `json:"done"`    // answered, now or earlier
	Fresh   int `json:"fresh"`   // of these, answered in this session
	Skipped int `json:"skipped"` // in this session: they are asked again the next time
	Pairs   int `json:"pairs"`   // that the questions are about
	Twice   int `json:"twice"`   // questions that were answered in both orders
	Alike   int `json:"alike"`   // of these, with the same answer both times
}
