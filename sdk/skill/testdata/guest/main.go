package main

import "github.com/plimsoll-dev/plimsoll/sdk/skill"

type In struct{ Name string }
type Out struct{ Text string }

var Program = skill.Register(skill.Skill[In, Out]{
	Finish: func(in In, a skill.Answer) (Out, error) { return Out{in.Name + a.Completion}, nil },
})

func main() {}
