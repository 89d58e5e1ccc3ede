// Command plugin is a skill's code written with Extism's kit for Go. It is a
// module of its own, so that the kit is no dependency; tests build it with
// -buildmode=c-shared where the kit can be had.
package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/extism/go-pdk"
)

var calls int

//go:wasmexport finish
func finish() int32 {
	calls++
	var in struct {
		Input struct {
			Do string `json:"do"`
		} `json:"input"`
		Completion string `json:"completion"`
	}
	if err := json.Unmarshal(pdk.Input(), &in); err != nil {
		pdk.SetError(err)
		return 1
	}
	text := in.Completion
	switch in.Input.Do {
	case "fail":
		pdk.SetError(errors.New("there is no date"))
		return 1
	case "code":
		pdk.SetErrorString(`{"code":"no_date","message":"there is no date","retryable":true}`)
		return 1
	case "quiet":
		return 5
	case "nothing":
		return 0
	case "fetch":
		res := pdk.NewHTTPRequest(pdk.MethodGet, "https://example.com/secret").Send()
		text = string(res.Body())
	case "var":
		text = fmt.Sprintf("before %q", pdk.GetVar("key"))
		pdk.SetVar("key", []byte("value"))
		text += fmt.Sprintf(" after %q", pdk.GetVar("key"))
		pdk.RemoveVar("key")
		text += fmt.Sprintf(" removed %q", pdk.GetVar("key"))
	case "config":
		v, ok := pdk.GetConfig("key")
		text = fmt.Sprint(v, ok)
	case "log":
		pdk.Log(pdk.LogWarn, "watch out")
		pdk.Log(pdk.LogTrace, "a detail")
	case "memory":
		for range 100 {
			pdk.Allocate(1 << 20)
		}
	case "free":
		for range 500 {
			m := pdk.AllocateString(in.Completion)
			m.Free()
		}
	case "panic":
		panic("this is wrong")
	}
	if err := pdk.OutputJSON(map[string]any{"output": map[string]any{"text": text, "calls": calls}}); err != nil {
		pdk.SetError(err)
		return 1
	}
	return 0
}

func main() {}
