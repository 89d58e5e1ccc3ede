package abi

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Message is one turn of a prompt as guests write it. Role is system, user or
// assistant; Content is text.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// PrepareInput asks for the messages of one step. Done has the completions of
// the steps before it, by name.
type PrepareInput struct {
	Input json.RawMessage   `json:"input"`
	Step  string            `json:"step"`
	Done  map[string]string `json:"done,omitempty"`
}

// PrepareOutput is the prompt. State is opaque to the host; finish receives it,
// because nothing else of the guest outlives a call.
type PrepareOutput struct {
	Messages []Message       `json:"messages"`
	State    json.RawMessage `json:"state,omitempty"`
}

// FinishInput asks for the output. Completion is that of the last step,
// Completions has all of them by step, State is what prepare gave for the last
// step.
type FinishInput struct {
	Input       json.RawMessage   `json:"input"`
	Completion  string            `json:"completion"`
	Completions map[string]string `json:"completions,omitempty"`
	State       json.RawMessage   `json:"state,omitempty"`
}

// FinishOutput is the skill's output, any JSON value.
type FinishOutput struct {
	Output json.RawMessage `json:"output"`
}

// CheckInput asks one named gate about an output.
type CheckInput struct {
	Gate   string          `json:"gate"`
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
}

// CheckOutput is a gate's answer. Reason is shown to people and put before the
// model at a retry; FailedIDs names the elements that failed.
type CheckOutput struct {
	Passed    bool     `json:"passed"`
	Reason    string   `json:"reason,omitempty"`
	FailedIDs []string `json:"failed_ids,omitempty"`
}

// RenderInput asks for an output as text in one format.
type RenderInput struct {
	Format string          `json:"format"`
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
}

// RenderOutput is the text.
type RenderOutput struct {
	Text string `json:"text"`
}

// ReadPrepare decodes the answer to prepare. A prompt without messages, or with
// a role that no model knows, is an error.
func ReadPrepare(raw []byte) (PrepareOutput, error) {
	var wire struct {
		Messages list[Message]   `json:"messages"`
		State    json.RawMessage `json:"state"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return PrepareOutput{}, err
	}
	return PrepareOutput{wire.Messages, wire.State}, checkMessages(wire.Messages)
}

// ReadFinish decodes the answer to finish. A missing output is an error; null
// is an output.
func ReadFinish(raw []byte) (FinishOutput, error) {
	var out FinishOutput
	if err := json.Unmarshal(raw, &out); err != nil {
		return out, err
	}
	if len(out.Output) == 0 {
		return out, errors.New("output is missing")
	}
	return out, nil
}

// ReadCheck decodes the answer to check. Without passed nothing was checked,
// which is an error and never a pass.
func ReadCheck(raw []byte) (CheckOutput, error) {
	var wire struct {
		Passed    *bool        `json:"passed"`
		Reason    string       `json:"reason"`
		FailedIDs list[string] `json:"failed_ids"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return CheckOutput{}, err
	}
	if wire.Passed == nil {
		return CheckOutput{}, errors.New("passed is missing")
	}
	return CheckOutput{Passed: *wire.Passed, Reason: wire.Reason, FailedIDs: wire.FailedIDs}, nil
}

// ReadRender decodes the answer to render. A missing text is an error; an empty
// one is a text.
func ReadRender(raw []byte) (RenderOutput, error) {
	var wire struct {
		Text *string `json:"text"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return RenderOutput{}, err
	}
	if wire.Text == nil {
		return RenderOutput{}, errors.New("text is missing")
	}
	return RenderOutput{Text: *wire.Text}, nil
}

// CheckAnswer tells whether raw is a payload that op may answer with.
func CheckAnswer(op Op, raw []byte) error {
	var err error
	switch op {
	case OpDescribe:
		_, err = ParseManifest(raw)
	case OpPrepare:
		_, err = ReadPrepare(raw)
	case OpFinish:
		_, err = ReadFinish(raw)
	case OpCheck:
		_, err = ReadCheck(raw)
	case OpRender:
		_, err = ReadRender(raw)
	case OpRun:
		_, err = ReadRun(raw)
	default:
		err = fmt.Errorf("%s has no payload in version %d of the ABI", op, Version)
	}
	return err
}
