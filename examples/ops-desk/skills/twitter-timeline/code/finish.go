package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/examples/ops-desk/internal/answer"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

// finish reads an answer however it is wrapped and puts its shape right. What
// gates and their fixes mend (case, lengths, a fourth decision) is left to them,
// because they report what they did.
func finish(in Timeline, a skill.Answer) (Digest, error) {
	var said Digest
	if err := json.Unmarshal([]byte(answer.Document(a.Completion)), &said); err != nil {
		return Digest{}, skill.Retry("not_json", "the answer holds no JSON object with tweets and decisions: %v", err)
	}
	counted := in.counted()
	place := map[ID]int{}
	links := map[ID]string{}
	for i, t := range counted {
		place[ID(t.ID)] = i
		links[ID(t.ID)] = firstLink(t.Text)
	}
	out := Digest{Tweets: []Entry{}, Decisions: []string{}}
	seen := map[ID]bool{}
	for _, e := range said.Tweets {
		if seen[e.ID] {
			continue
		}
		seen[e.ID] = true
		e.Summary = answer.Plain(e.Summary)
		if _, ok := place[e.ID]; ok {
			e.Link = links[e.ID] // copied, never retyped
		}
		out.Tweets = append(out.Tweets, e)
	}
	// An id that nobody tweeted keeps its place at the end: the gate known-ids
	// has to see it. Dropping it here would hide an invention.
	slices.SortStableFunc(out.Tweets, func(x, y Entry) int {
		return at(place, x.ID) - at(place, y.ID)
	})
	for _, d := range said.Decisions {
		if d = answer.Plain(d); d != "" && !slices.Contains(out.Decisions, d) {
			out.Decisions = append(out.Decisions, d)
		}
	}
	return out, nil
}

func at(place map[ID]int, id ID) int {
	if i, ok := place[id]; ok {
		return i
	}
	return len(place)
}

var link = regexp.MustCompile(`https?://[^\s<>]+`)

func firstLink(text string) string {
	return strings.TrimRight(link.FindString(text), `.,;:!?)»"'`)
}
