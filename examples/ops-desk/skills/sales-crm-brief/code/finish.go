package main

import (
	"encoding/json"
	"strings"

	"github.com/plimsoll-dev/plimsoll/examples/ops-desk/internal/answer"
	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

// The steps of skill.hcl.
const (
	stepMain = "main"
	stepCopy = "customer-copy"
)

// finish puts the brief and the note together. An account that is listed twice
// counts once, in either spelling; case and lengths are left to gates and their
// fixes, which report what they did.
func finish(_ Week, a skill.Answer) (Output, error) {
	var said Brief
	if err := json.Unmarshal([]byte(answer.Document(a.Completions[stepMain])), &said); err != nil {
		return Output{}, skill.Retry("not_json", "the brief holds no JSON object with headline and accounts: %v", err)
	}
	out := Output{Brief: Brief{Headline: answer.Plain(said.Headline), Accounts: []Account{}}, Copy: note(a.Completions[stepCopy])}
	seen := map[string]bool{}
	for _, account := range said.Accounts {
		if k := key(account.Name); !seen[k] {
			seen[k] = true
			account.Name = answer.OneLine(account.Name)
			account.Owner = answer.OneLine(account.Owner)
			account.NextStep = answer.Plain(account.NextStep)
			out.Brief.Accounts = append(out.Brief.Accounts, account)
		}
	}
	return out, nil
}

// note is the text of a note without a fence around it. Its lines stay: they
// are paragraphs.
func note(completion string) string {
	s := strings.TrimSpace(completion)
	if inner, ok := strings.CutPrefix(s, "```"); ok {
		if inner, ok = strings.CutSuffix(inner, "```"); ok {
			if _, body, ok := strings.Cut(inner, "\n"); ok { // the word after the fence goes too
				s = strings.TrimSpace(body)
			}
		}
	}
	return s
}
