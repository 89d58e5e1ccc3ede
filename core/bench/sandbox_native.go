package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

// The floor of every ratio: finish of examples/hello-skill as ordinary Go code in
// this process. It is written out here, because a program in examples cannot be
// imported; the bench compares its answers with those of every guest, so that it
// cannot come to do something else.

type greeted struct {
	Occasion string `json:"occasion"`
	People   []struct {
		Name     string `json:"name"`
		KnownFor string `json:"known_for"`
	} `json:"people"`
}

type greeting struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type greetings struct {
	Greetings []greeting `json:"greetings"`
}

var numberedLine = regexp.MustCompile(`^\s*[-*]?\s*\**(\d+)\**\s*[.:)]\**\s*(\S.*)$`)

// native is the program with that one op.
func native() *skill.Program {
	return skill.Register(skill.Skill[greeted, greetings]{
		Name: "hello-skill",
		Finish: func(in greeted, a skill.Answer) (greetings, error) {
			texts := map[int]string{}
			for line := range strings.Lines(a.Completion) {
				m := numberedLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
				if m == nil {
					continue
				}
				n, err := strconv.Atoi(m[1])
				if err != nil || n < 1 || n > len(in.People) {
					return greetings{}, skill.Retry("no_such_number", "there is no person number %s; there are %d", m[1], len(in.People))
				}
				if texts[n] != "" {
					return greetings{}, skill.Retry("number_twice", "number %d stands there twice; write one line for each person", n)
				}
				texts[n] = m[2]
			}
			out := greetings{Greetings: []greeting{}}
			for i, p := range in.People {
				if text := texts[i+1]; text != "" {
					out.Greetings = append(out.Greetings, greeting{p.Name, text})
				}
			}
			return out, nil
		},
	})
}
