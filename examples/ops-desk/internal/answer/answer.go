// Package answer takes the wrapping off what cheap models say: the fence around
// a document, the greeting before it, the phrase that says nothing. It changes
// no fact and must not: whatever it cannot read as padding stays, for the gates
// to judge.
//
//	raw := answer.Document(completion)     // the JSON object, without fence and talk
//	summary = answer.Plain(said.Summary)   // one line, without filler
package answer

import (
	"regexp"
	"strings"
)

// Document is the outermost JSON object of a completion, or the completion as
// it is when it holds none.
func Document(completion string) string {
	from, to := strings.IndexByte(completion, '{'), strings.LastIndexByte(completion, '}')
	if from < 0 || to < from {
		return completion
	}
	return completion[from : to+1]
}

// In front of a text an opener is taken off; a later sentence that begins with
// one is padding and goes as a whole.
var (
	opener  = regexp.MustCompile(`(?i)^(it is worth noting that|it is important to note that|please note that|in summary,|overall,)\s+`)
	padding = regexp.MustCompile(`(?i)([.!?])\s+(it is worth noting that|it is important to note that|please note that)\b[^.!?]*[.!?]`)
)

// Plain is a text on one line without openers and padding.
func Plain(s string) string {
	s = opener.ReplaceAllString(OneLine(s), "")
	for {
		shorter := padding.ReplaceAllString(s, "$1")
		if shorter == s {
			return s
		}
		s = shorter
	}
}

// OneLine is a text with every run of white space as one space.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
