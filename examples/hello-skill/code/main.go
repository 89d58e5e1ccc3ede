// Command code is the code of hello-skill, built as a WASM module. It shows all
// four ops; a skill of your own takes those that it needs.
package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

// Input is input.schema.json.
type Input struct {
	Occasion string   `json:"occasion"`
	People   []Person `json:"people"`
}

// Person is somebody to greet.
type Person struct {
	Name     string `json:"name"`
	KnownFor string `json:"known_for"`
}

// Output is output.schema.json.
type Output struct {
	Greetings []Greeting `json:"greetings"`
}

// Greeting is one line.
type Greeting struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Program is what the module answers with.
var Program = skill.Register(skill.Skill[Input, Output]{
	Name:    "hello-skill",
	Version: "1.0.0",
	Prepare: prepare,
	Finish:  finish,
	Check:   map[string]skill.CheckFunc[Input, Output]{"everybody": everybody},
	Render:  map[string]skill.RenderFunc[Input, Output]{"card": card},
})

// instructions must say what SKILL.md says. The code does not see that file, so
// a test compares the two.
//
//go:embed instructions.md
var instructions string

// prepare numbers the people: a cheap model keeps numbers apart better than
// names, and they cost fewer tokens.
func prepare(in Input, _ skill.Turn) (skill.Prompt, error) {
	var list strings.Builder
	fmt.Fprintf(&list, "Occasion: %s\n", in.Occasion)
	for i, p := range in.People {
		fmt.Fprintf(&list, "%d: %s, known for: %s\n", i+1, p.Name, p.KnownFor)
	}
	return skill.Prompt{Messages: []skill.Message{skill.System(strings.TrimSpace(instructions)), skill.User(list.String())}}, nil
}

// numbered is "3: text", with the decoration that models like to add.
var numbered = regexp.MustCompile(`^\s*[-*]?\s*\**(\d+)\**\s*[.:)]\**\s*(\S.*)$`)

// finish reads the lines. Asking for lines and making the JSON here leaves the
// model nothing to get wrong in the format.
func finish(in Input, a skill.Answer) (Output, error) {
	texts := map[int]string{}
	for line := range strings.Lines(a.Completion) {
		m := numbered.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[1])
		if err != nil || n < 1 || n > len(in.People) {
			return Output{}, skill.Retry("no_such_number", "there is no person number %s; there are %d", m[1], len(in.People))
		}
		if texts[n] != "" {
			return Output{}, skill.Retry("number_twice", "number %d stands there twice; write one line for each person", n)
		}
		texts[n] = m[2]
	}
	out := Output{Greetings: []Greeting{}}
	for i, p := range in.People {
		if text := texts[i+1]; text != "" {
			out.Greetings = append(out.Greetings, Greeting{p.Name, text})
		}
	}
	return out, nil
}

// everybody checks that each person has a greeting that says their name.
func everybody(in Input, out Output) (skill.Verdict, error) {
	texts := map[string]string{}
	for _, g := range out.Greetings {
		texts[g.Name] = g.Text
	}
	var missing []string
	for _, p := range in.People {
		if !strings.Contains(strings.ToLower(texts[p.Name]), strings.ToLower(p.Name)) {
			missing = append(missing, p.Name)
		}
	}
	if len(missing) > 0 {
		return skill.Fail("these people have no greeting that says their name: "+strings.Join(missing, ", "), missing...), nil
	}
	return skill.Pass(), nil
}

// card aligns the names, which a template could not.
func card(in Input, out Output) (string, error) {
	width := 0
	for _, g := range out.Greetings {
		width = max(width, len([]rune(g.Name)))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n", in.Occasion, strings.Repeat("=", len([]rune(in.Occasion))))
	for _, g := range out.Greetings {
		fmt.Fprintf(&b, "%-*s  %s\n", width, g.Name, g.Text)
	}
	return b.String(), nil
}

func main() {}
