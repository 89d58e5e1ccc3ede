package abi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// RunInput asks a skill for its whole flow. Failure is what was wrong with the
// attempt before this one; nil in the first.
type RunInput struct {
	Input   json.RawMessage `json:"input"`
	Failure *RunFailure     `json:"failure,omitempty"`
}

// RunFailure is an attempt that did not pass. Message is what a model would be
// told about it; Gates names the gates that failed, Output is the output that
// they looked at, after fixes. Both are absent when there was no output.
type RunFailure struct {
	Message string          `json:"message"`
	Gates   []string        `json:"gates,omitempty"`
	Output  json.RawMessage `json:"output,omitempty"`
}

// RunOutput is the skill's output, any JSON value.
type RunOutput = FinishOutput

// GenerateInput is the payload of model.generate. Step names a step of the
// skill, hence a tier; "" is its first. Where no message is of role system, the
// host puts the step's own prompt before them.
type GenerateInput struct {
	Step     string    `json:"step,omitempty"`
	Messages []Message `json:"messages"`
}

// GenerateOutput is what the model said.
type GenerateOutput struct {
	Completion string `json:"completion"`
}

// GetInput is the payload of kv.get. A key has 1 to MaxKey bytes of UTF-8.
type GetInput struct {
	Key string `json:"key"`
}

// GetOutput is the value of a key; null when it is not there.
type GetOutput struct {
	Found bool            `json:"found"`
	Value json.RawMessage `json:"value"`
}

// PutInput is the payload of kv.put. The value null deletes the key. The answer
// is {}.
type PutInput struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

// ToolInput is the payload of tool.call. Arguments is an object; absent means
// {}.
type ToolInput struct {
	Tool      string          `json:"tool"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
}

// ToolOutput is what the tool answered, any JSON value.
type ToolOutput struct {
	Result json.RawMessage `json:"result"`
}

// ListOutput is the answer to host op 0: the numbers of the ops that this guest
// may use now.
type ListOutput struct {
	Ops []HostOp `json:"ops"`
}

// MaxKey is the length of a kv key in bytes. MaxPayload is that of the payload
// of any host call.
const (
	MaxKey     = 256
	MaxPayload = 1 << 20
)

// Codes of failures that host calls answer with, beside CodeInput. CodeRefused
// and CodeUnavailable come from model.generate, CodeToolFailed and
// CodeUnmeasurable from tool.call, CodeQuota from kv.put.
const (
	CodeCapability   = "capability"   // not granted; the message has the line to add
	CodeUnavailable  = "unavailable"  // no answer; it may come later when Retryable is set
	CodeRefused      = "refused"      // the model declined
	CodeQuota        = "quota"        // the skill's kv is full; nothing was written
	CodeToolFailed   = "tool_failed"  // the tool ran and reported a failure
	CodeUnmeasurable = "unmeasurable" // a trial may not do this, because trials never act
)

// Capabilities are the names that a manifest may ask for.
func Capabilities() []string {
	return append([]string(nil), hostNames[HostGenerate:]...)
}

// ParseHostOp finds a host op by the name of its capability. List is none.
func ParseHostOp(name string) (HostOp, bool) {
	for n := int(HostGenerate); n < len(hostNames); n++ {
		if hostNames[n] == name {
			return HostOp(n), true
		}
	}
	return 0, false
}

// ReadRun decodes the answer to run. A missing output is an error; null is an
// output.
func ReadRun(raw []byte) (RunOutput, error) { return ReadFinish(raw) }

// ReadGenerate decodes the payload of model.generate.
func ReadGenerate(raw []byte) (GenerateInput, error) {
	var wire struct {
		Step     string        `json:"step"`
		Messages list[Message] `json:"messages"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return GenerateInput{}, err
	}
	return GenerateInput{wire.Step, wire.Messages}, checkMessages(wire.Messages)
}

// ReadGet decodes the payload of kv.get.
func ReadGet(raw []byte) (GetInput, error) {
	var in GetInput
	if err := json.Unmarshal(raw, &in); err != nil {
		return in, err
	}
	return in, checkKey(in.Key)
}

// ReadPut decodes the payload of kv.put. A missing value is an error: only a
// null that somebody wrote deletes.
func ReadPut(raw []byte) (PutInput, error) {
	var in PutInput
	if err := json.Unmarshal(raw, &in); err != nil {
		return in, err
	}
	if len(in.Value) == 0 {
		return in, errors.New("value is missing; null deletes the key")
	}
	return in, checkKey(in.Key)
}

// ReadTool decodes the payload of tool.call.
func ReadTool(raw []byte) (ToolInput, error) {
	var in ToolInput
	if err := json.Unmarshal(raw, &in); err != nil {
		return in, err
	}
	if in.Tool == "" {
		return in, errors.New("tool is missing")
	}
	if len(in.Arguments) == 0 || string(in.Arguments) == "null" {
		in.Arguments = json.RawMessage("{}")
	}
	if strings.TrimSpace(string(in.Arguments))[0] != '{' {
		return in, errors.New("arguments must be an object")
	}
	return in, nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("key is missing or empty")
	case len(key) > MaxKey:
		return fmt.Errorf("key has %d bytes; at most %d are allowed", len(key), MaxKey)
	case !utf8.ValidString(key):
		return errors.New("key is not UTF-8")
	}
	return nil
}

func checkMessages(all []Message) error {
	if len(all) == 0 {
		return errors.New("messages is missing or empty")
	}
	for i, m := range all {
		switch m.Role {
		case "system", "user", "assistant":
		default:
			return fmt.Errorf("messages[%d].role is %q; it must be system, user or assistant", i, m.Role)
		}
	}
	return nil
}
