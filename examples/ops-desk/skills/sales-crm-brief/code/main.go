// Command code is what sales-crm-brief does itself: it reads the two answers in
// whatever wrapping they come, checks that the brief names nobody and no figure
// that the events do not, and renders the brief for the chat, where numbering,
// links and the thread have to be right every time. It must not write prose: that
// is the model's part.
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o ../skill.wasm .
//
// Tests call the functions natively: go test ./examples/ops-desk/...
package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

// Program answers the ops of this module.
var Program = skill.Register(skill.Skill[Week, Output]{
	Name:   "sales-crm-brief",
	Finish: finish,
	Check:  map[string]skill.CheckFunc[Week, Output]{"known_accounts": knownAccounts},
	Render: map[string]skill.RenderFunc[Week, Output]{"slack": slack},
})

func main() {}

// Week is the input: the events of one ISO week, such as 2026-W26, and the
// account that gets a note.
type Week struct {
	Week    string  `json:"week"`
	WriteTo string  `json:"write_to"`
	Events  []Event `json:"events"`
}

// Event is one line of the CRM. Amount is nil where nobody gave a figure.
type Event struct {
	Account string   `json:"account"`
	Type    string   `json:"type"`
	Date    string   `json:"date"`
	Owner   string   `json:"owner"`
	Note    string   `json:"note"`
	Amount  *float64 `json:"amount"`
}

// Output is the brief for the team and the note to one customer.
type Output struct {
	Brief Brief  `json:"brief"`
	Copy  string `json:"copy"`
}

// Brief is what the Monday call goes through.
type Brief struct {
	Headline string    `json:"headline"`
	Accounts []Account `json:"accounts"`
}

// Account is where one customer stands.
type Account struct {
	Name     string   `json:"name"`
	Change   string   `json:"change"`
	NextStep string   `json:"next_step"`
	Owner    string   `json:"owner"`
	Amount   *float64 `json:"amount"`
}

// knownAccounts fails on an account without an event, on an owner whom no event
// names, and on a figure that no event of the account gives.
func knownAccounts(in Week, out Output) (skill.Verdict, error) {
	owners := map[string]bool{}
	figures := map[string][]float64{}
	for _, e := range in.Events {
		owners[e.Owner] = true
		k := key(e.Account)
		if _, ok := figures[k]; !ok {
			figures[k] = nil // an account without a figure is known all the same
		}
		if e.Amount != nil {
			figures[k] = append(figures[k], *e.Amount)
		}
	}
	var why, failed []string
	fail := func(a Account, format string, args ...any) {
		why = append(why, fmt.Sprintf(format, args...))
		if !slices.Contains(failed, a.Name) {
			failed = append(failed, a.Name)
		}
	}
	for _, a := range out.Brief.Accounts {
		have, ok := figures[key(a.Name)]
		if !ok {
			fail(a, "no event is about %q", a.Name)
			continue
		}
		if !owners[a.Owner] {
			fail(a, "no event names %q, the owner of %s", a.Owner, a.Name)
		}
		if a.Amount != nil && !slices.Contains(have, *a.Amount) {
			fail(a, "no event of %s gives the figure %s", a.Name, figure(*a.Amount))
		}
	}
	if len(why) > 0 {
		return skill.Fail(strings.Join(why, "; "), failed...), nil
	}
	return skill.Pass(), nil
}

// key makes one account of two spellings: people type "Spoke & Co" and "spoke
// and co".
func key(name string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(strings.ToLower(name), "&", " and ")), " ")
}
