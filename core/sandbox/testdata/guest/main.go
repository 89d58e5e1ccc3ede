// Guest for the sandbox's own tests: a skill that tells what it can see, and
// misbehaves on request.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/skill"
)

// Input says what to do.
type Input struct {
	Do   string `json:"do"`
	N    int    `json:"n"`
	Text string `json:"text"`
}

// Output is what was seen.
type Output struct {
	Text  string `json:"text"`
	Calls int    `json:"calls"`
}

// Program is the skill.
var Program = skill.Register(skill.Skill[Input, Output]{
	Name: "guest",
	Prepare: func(in Input, t skill.Turn) (skill.Prompt, error) {
		return skill.Prompt{Messages: []skill.Message{skill.System("step " + t.Step), skill.User(in.Text)}, State: len(in.Text)}, nil
	},
	Finish: finish,
	Check: map[string]skill.CheckFunc[Input, Output]{
		"short": func(_ Input, out Output) (skill.Verdict, error) {
			if len(out.Text) > 5 {
				return skill.Fail("more than 5 bytes", "text"), nil
			}
			return skill.Pass(), nil
		},
	},
	Render: map[string]skill.RenderFunc[Input, Output]{
		"plain": func(_ Input, out Output) (string, error) { return out.Text, nil },
	},
})

var calls int

func finish(in Input, a skill.Answer) (Output, error) {
	calls++
	out := Output{Calls: calls}
	switch in.Do {
	case "echo":
		out.Text = a.Completion
	case "clock":
		out.Text = time.Now().UTC().Format(time.RFC3339Nano)
	case "sleep":
		before := time.Now()
		time.Sleep(time.Hour)
		out.Text = time.Since(before).Round(time.Second).String()
	case "random":
		b := make([]byte, 16)
		if _, err := rand.Read(b); err != nil {
			return out, err
		}
		keys := map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true}
		for k := range keys { // the runtime seeds the order of maps from random numbers
			out.Text += k
		}
		out.Text += hex.EncodeToString(b)
	case "world":
		_, file := os.ReadFile("/etc/passwd")
		_, folder := os.ReadDir(".")
		out.Text = fmt.Sprintf("args %d env %d file %v folder %v", len(os.Args), len(os.Environ()), file != nil, folder != nil)
	case "log":
		skill.Logf("one %s", "two")
		fmt.Println("to stdout")
		fmt.Fprint(os.Stderr, "to \x1b[31mstderr")
	case "flood":
		for range in.N {
			skill.Logf("%s", strings.Repeat("x", 1000))
		}
	case "spin":
		for {
			calls++
		}
	case "panic":
		var m map[string]int
		m["a"] = 1
	case "exit":
		os.Exit(in.N)
	case "hog":
		var all [][]byte
		for i := range in.N {
			b := make([]byte, 1<<20)
			b[i%len(b)] = 1
			all = append(all, b)
		}
		out.Calls = len(all)
	case "recurse":
		out.Calls = deep(in.N)
	case "fail":
		return out, skill.Retry("no_date", "there is no date in %q", a.Completion)
	case "big":
		out.Text = strings.Repeat("y", in.N)
	case "state":
		if err := a.State(&out.Calls); err != nil {
			return out, err
		}
	default:
		return out, fmt.Errorf("what is %q?", in.Do)
	}
	return out, nil
}

func deep(n int) int {
	if n == 0 {
		return 0
	}
	return deep(n-1) + 1
}

func main() {}
