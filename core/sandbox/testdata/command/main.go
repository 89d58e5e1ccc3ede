// Command command is a skill that was not written with the SDK: a program that
// looks at its second argument, reads stdin and writes stdout. Tests build it for
// GOOS=wasip1, without -buildmode=c-shared.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

var calls int // of this process: always one

func main() {
	calls++
	raw, err := io.ReadAll(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "reading stdin:", err)
		os.Exit(1)
	}
	var in struct {
		Input struct {
			Do string `json:"do"`
		} `json:"input"`
		Completion string `json:"completion"`
	}
	switch op := os.Args[1]; op {
	case "describe":
		fmt.Println(`{"abi": 1, "name": "command", "ops": ["finish"]}`)
		return
	case "finish":
		err = json.Unmarshal(raw, &in)
	default:
		err = fmt.Errorf("there is no op %q", op)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "a first line")
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	switch in.Input.Do {
	case "fail":
		fmt.Println(`{"code": "no_date", "message": "there is no date", "retryable": true}`)
		os.Exit(3)
	case "quiet":
		os.Exit(4)
	case "nothing":
		return
	case "panic":
		panic("this is wrong")
	case "spin":
		for {
			calls++
		}
	case "flood":
		for {
			fmt.Println(in.Completion)
		}
	}
	fmt.Fprintln(os.Stderr, "all is well")
	answer := map[string]any{"output": map[string]any{"text": in.Completion, "calls": calls, "args": os.Args, "env": os.Environ()}}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		os.Exit(1)
	}
}
