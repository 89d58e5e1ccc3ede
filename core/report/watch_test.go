package report

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// What got worse is said before anything else, in every form, and names from
// outside stay harmless.
func TestAlarmsComeFirst(t *testing.T) {
	n := Night{Version: Version, Project: "shop", AsOf: time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC), Watched: []Watched{
		{Skill: "digest", Step: "main", Present: "small", Former: "large", Alarm: true, Escalated: true, Reason: "worse by more than 5 points <b>", Pairs: 120, Tonight: 12, Gap: -180_000, Priced: true, Spent: 1000},
		{Skill: "notes", Step: "main", Present: "small", Former: "large", Pairs: 40, Tonight: 3, Waiting: 2, Priced: true},
		{Skill: "poem", Step: "main", Present: "small", Former: "large", Reason: "its dimensions need a judge", Priced: true},
	}}
	var terminal bytes.Buffer
	Terminal(&terminal, n, TerminalOptions{Width: 100})
	page, err := HTML(n)
	if err != nil {
		t.Fatal(err)
	}
	md := string(Markdown(n))
	if s := n.sentence(); !strings.HasPrefix(s, "1 step got worse and was moved back up. ") {
		t.Errorf("the sentence is %q", s)
	}
	if text := terminal.String(); !strings.Contains(text, "\nBack up: digest") || strings.Index(text, "Back up") > strings.Index(text, "Watching") {
		t.Errorf("the terminal begins %q", text)
	}
	for form, text := range map[string]string{"terminal": terminal.String(), "markdown": md, "html": string(page)} {
		if !strings.Contains(text, "Watching 2 steps that moved down before: 15 shadow pairs tonight") {
			t.Errorf("%s does not say what is watched:\n%s", form, text)
		}
	}
	if !strings.Contains(md, "is not watched: its dimensions need a judge") || strings.Contains(md, "points <b>") {
		t.Errorf("markdown:\n%s", md)
	}
	if strings.Contains(string(page), "points <b>") || !strings.Contains(string(page), `<h2 id="worse">Got worse</h2>`) {
		t.Error("the page lets a reason open a tag, or leaves the section out")
	}
	// A step that could not go up says so.
	n.Watched[0].Escalated = false
	if s := n.sentence(); !strings.HasPrefix(s, "1 step got worse and could not be moved back up. ") {
		t.Errorf("the sentence is %q", s)
	}
}
