// Command code is the code of two-step-skill, built as a WASM module. It drives
// its own flow: a draft, a review by another step, a revision if the review asks
// for one, and a key that remembers how the last announcements began.
package main

import (
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

// Input is input.schema.json.
type Input struct {
	Topic string   `json:"topic"`
	Facts []string `json:"facts"`
}

// Output is output.schema.json.
type Output struct {
	Text   string `json:"text"`
	Review string `json:"review"`
}

// Program is what the module answers with.
var Program = skill.Register(skill.Skill[Input, Output]{
	Name:         "two-step-skill",
	Version:      "1.0.0",
	Run:          run,
	Check:        map[string]skill.CheckFunc[Input, Output]{"facts": facts},
	Capabilities: []string{"model.generate", "kv.get", "kv.put"},
})

// openings is the key under which the last openings are kept, remembered how
// many of them.
const (
	openings   = "openings"
	remembered = 5
)

func run(in Input, h skill.Host) (Output, error) {
	var used []string
	if _, err := h.Get(openings, &used); err != nil {
		return Output{}, err
	}
	ask := []skill.Message{skill.User(prompt(in, used))}
	if h.Failed != nil {
		ask = append(ask, skill.User("Your last announcement did not pass: "+h.Failed.Message))
	}
	text, err := h.Generate("draft", ask...)
	if err != nil {
		return Output{}, err
	}
	review, err := h.Generate("review", skill.User(prompt(in, nil)+"\nThe announcement:\n"+text))
	if err != nil {
		return Output{}, err
	}
	if !approved(review) {
		if text, err = h.Generate("draft", append(ask, skill.Assistant(text), skill.User(review))...); err != nil {
			return Output{}, err
		}
	}
	used = append(used, opening(text))
	if err := h.Put(openings, used[max(len(used)-remembered, 0):]); err != nil {
		return Output{}, err
	}
	return Output{Text: strings.TrimSpace(text), Review: strings.TrimSpace(review)}, nil
}

func prompt(in Input, used []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Topic: %s\nFacts:\n", in.Topic)
	for _, f := range in.Facts {
		fmt.Fprintf(&b, "- %s\n", f)
	}
	if len(used) > 0 {
		fmt.Fprintf(&b, "Openings that were used before: %s\n", strings.Join(used, "; "))
	}
	return b.String()
}

// approved takes what models make of "the one word OK".
func approved(review string) bool {
	return strings.EqualFold(strings.Trim(strings.TrimSpace(review), `.*"'`), "ok")
}

// opening is the first three words.
func opening(text string) string {
	words := strings.Fields(text)
	return strings.Join(words[:min(len(words), 3)], " ")
}

// facts checks that every fact is said as it was given.
func facts(in Input, out Output) (skill.Verdict, error) {
	var missing []string
	text := strings.ToLower(strings.Join(strings.Fields(out.Text), " "))
	for _, f := range in.Facts {
		if !strings.Contains(text, strings.ToLower(strings.Join(strings.Fields(f), " "))) {
			missing = append(missing, f)
		}
	}
	if len(missing) > 0 {
		return skill.Fail("these facts are not said as they were given: "+strings.Join(missing, "; "), missing...), nil
	}
	return skill.Pass(), nil
}

func main() {}
