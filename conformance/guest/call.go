package guest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/sandbox"
	"github.com/plimsoll-dev/plimsoll/sdk/skill/abi"
)

// mark stands in texts so that a change of it shows: two bytes, three, four, a
// combining letter.
const (
	markBegin = "Zq7"
	markText  = "é漢😀e\u0301"
	markEnd   = "7qZ"
)

// call is one call that a host might make.
type call struct {
	name  string // for messages: check everybody
	op    abi.Op
	input []byte
}

// outcome is how a call ended.
type outcome struct {
	answer []byte
	err    *sandbox.Error // nil: there is an answer
	used   sandbox.Used
	took   time.Duration
}

// text is what must be the same for the same call.
func (o outcome) text() string {
	if o.err != nil {
		return o.err.Code + ": " + o.err.Message
	}
	return string(o.answer)
}

// ended tells whether the host had to end the call.
func (o outcome) ended() bool { return o.err != nil && !o.err.Guest }

// says is for messages: at most 120 bytes of what came.
func (o outcome) says() string {
	switch {
	case o.ended():
		return fmt.Sprintf("the host ended the call with code %s (%.200s)", o.err.Code, o.err.Message)
	case o.err != nil:
		return fmt.Sprintf("the failure %s (%.120s)", o.err.Code, o.err.Message)
	}
	return fmt.Sprintf("the answer %.120s", o.answer)
}

// failure is one that the guest said, in which call.
type failure struct {
	call string
	err  *sandbox.Error
}

func (k *kit) call(c call, fresh bool) outcome {
	var o outcome
	start := time.Now()
	raw, err := k.code.Call(k.ctx, c.op, c.input, sandbox.CallOptions{
		Time: time.Date(2026, 7, 2, 2, 0, 0, 0, time.UTC), Seed: []byte("conformance"), Used: &o.used, Unchecked: true, Fresh: fresh,
	})
	o.took, o.answer = time.Since(start), raw
	if err == nil {
		return o
	}
	if !errors.As(err, &o.err) {
		o.err = &sandbox.Error{Code: "kit", Message: err.Error()}
	}
	if o.err.Guest {
		k.failures = append(k.failures, failure{c.name, o.err})
	}
	return o
}

// calls lists a call for every op, gate and format that the guest says it has.
// What finish answers is what check and render are asked about.
func (k *kit) calls(e example) []call {
	var out []call
	has := k.code.Has
	if has(abi.OpPrepare) {
		out = append(out, call{"prepare", abi.OpPrepare, encode(abi.PrepareInput{Input: e.input, Step: "main"})})
	}
	output := e.output
	if has(abi.OpFinish) {
		c := call{"finish", abi.OpFinish, encode(abi.FinishInput{Input: e.input, Completion: e.completion, Completions: map[string]string{"main": e.completion}})}
		out = append(out, c)
		if o := k.call(c, false); o.err == nil {
			if f, err := abi.ReadFinish(o.answer); err == nil && output == nil {
				output = f.Output
			}
		}
	}
	if output == nil {
		output = json.RawMessage(`{}`)
	}
	if has(abi.OpCheck) {
		for _, gate := range orOne(k.manifest.Gates) {
			out = append(out, call{"check " + gate, abi.OpCheck, encode(abi.CheckInput{Gate: gate, Input: e.input, Output: output})})
		}
	}
	if has(abi.OpRender) {
		for _, format := range orOne(k.manifest.Formats) {
			out = append(out, call{"render " + format, abi.OpRender, encode(abi.RenderInput{Format: format, Input: e.input, Output: output})})
		}
	}
	return out
}

// orOne makes up a name where a guest names none.
func orOne(names []string) []string {
	if len(names) == 0 {
		return []string{"any"}
	}
	return names
}

// encode writes what hosts write. Its arguments hold JSON that was checked when
// it was read; what cannot be written becomes an empty object, which a guest may
// refuse.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return []byte(`{}`)
	}
	return bytes.TrimSpace(b.Bytes())
}

// marked puts the mark behind every text of a JSON value and every line of the
// completion.
func marked(e example) example {
	e.input = markJSON(e.input)
	if e.output != nil {
		e.output = markJSON(e.output)
	}
	lines := strings.Split(strings.TrimRight(e.completion, "\n"), "\n")
	e.completion = strings.Join(lines, " "+markBegin+markText+markEnd+"\n") + " " + markBegin + markText + markEnd + "\n"
	return e
}

func markJSON(raw json.RawMessage) json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return raw
	}
	return encode(markValue(v))
}

func markValue(v any) any {
	switch v := v.(type) {
	case string:
		return v + markBegin + markText + markEnd
	case []any:
		for i := range v {
			v[i] = markValue(v[i])
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = markValue(v[k])
		}
		return v
	}
	return v
}

// withMember adds a member to an input, which is an object.
func withMember(input []byte, name, value string) []byte {
	if bytes.Equal(input, []byte("{}")) {
		return []byte(`{"` + name + `":` + value + `}`)
	}
	return append([]byte(`{"`+name+`":`+value+`,`), input[1:]...)
}
