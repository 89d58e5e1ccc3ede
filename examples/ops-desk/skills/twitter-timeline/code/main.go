// Command code is what twitter-timeline does itself instead of asking a model
// to: it leaves out old and repeated tweets, writes the rest as short lines,
// reads whatever shape the answer has, copies links from the tweets, and checks
// that nothing was invented. It must not judge content: summaries and statuses
// are the model's.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o ../skill.wasm .
//
// Tests call the functions natively: go test ./examples/ops-desk/...
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/examples/ops-desk/internal/answer"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

// Program answers the ops of this module.
var Program = skill.Register(skill.Skill[Timeline, Digest]{
	Name:    "twitter-timeline",
	Prepare: prepare,
	Finish:  finish,
	Check:   map[string]skill.CheckFunc[Timeline, Digest]{"known_ids": knownIDs},
})

func main() {}

// Timeline is the input. From is YYYY-MM-DD, as are the dates, so that they
// compare as text.
type Timeline struct {
	Handle string  `json:"handle"`
	From   string  `json:"from"`
	Tweets []Tweet `json:"tweets"`
}

// Tweet is one line of the timeline.
type Tweet struct {
	ID     string `json:"id"`
	Author string `json:"author"`
	Date   string `json:"date"`
	Text   string `json:"text"`
}

// Digest is the output.
type Digest struct {
	Tweets    []Entry  `json:"tweets"`
	Decisions []string `json:"decisions"`
}

// Entry is what is said about one tweet.
type Entry struct {
	ID      ID     `json:"id"`
	Summary string `json:"summary"`
	Status  string `json:"status"`
	Link    string `json:"link,omitempty"`
}

// ID is a tweet's id. Models like to write ids that look like numbers as
// numbers; both are taken, and a string is given.
type ID string

// UnmarshalJSON takes a string or a number.
func (id *ID) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*id = ID(strings.TrimSpace(s))
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(raw, &n); err != nil {
		return fmt.Errorf("an id is a string or a number, not %s", raw)
	}
	*id = ID(n.String())
	return nil
}

//go:embed prompt.md
var instructions string

// prepare writes the tweets that count as one line each: about a third of the
// tokens of the same timeline as JSON. The model never sees what has to be left
// out, so that it cannot forget to.
func prepare(in Timeline, _ skill.Turn) (skill.Prompt, error) {
	var b strings.Builder
	if in.Handle != "" {
		fmt.Fprintf(&b, "Timeline of %s\n", in.Handle)
	}
	counted := in.counted()
	for _, t := range counted {
		fmt.Fprintf(&b, "%s | %s | %s\n", t.ID, t.Author, answer.OneLine(t.Text))
	}
	if len(counted) == 0 {
		b.WriteString("(no tweets)\n")
	}
	return skill.Prompt{Messages: []skill.Message{skill.System(instructions), skill.User(b.String())}}, nil
}

// counted is the tweets that belong in the digest: dated From or later, the
// first of each id.
func (in Timeline) counted() []Tweet {
	seen := map[string]bool{}
	var out []Tweet
	for _, t := range in.Tweets {
		if t.Date < in.From || seen[t.ID] {
			continue
		}
		seen[t.ID] = true
		out = append(out, t)
	}
	return out
}

// knownIDs fails on an entry that no counted tweet stands behind, and on a link
// that its tweet does not have.
func knownIDs(in Timeline, out Digest) (skill.Verdict, error) {
	text := map[string]string{}
	for _, t := range in.counted() {
		text[t.ID] = t.Text
	}
	var unknown, wrong []string
	for _, e := range out.Tweets {
		t, ok := text[string(e.ID)]
		switch {
		case !ok:
			unknown = append(unknown, string(e.ID))
		case e.Link != "" && !strings.Contains(t, e.Link):
			wrong = append(wrong, string(e.ID))
		}
	}
	switch {
	case len(unknown) > 0:
		return skill.Fail(fmt.Sprintf("no tweet since %s has the id %s", in.From, strings.Join(unknown, ", ")), append(unknown, wrong...)...), nil
	case len(wrong) > 0:
		return skill.Fail("a link is not in its tweet", wrong...), nil
	}
	return skill.Pass(), nil
}
