package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// errCut is a stream that ended before its answer did.
var errCut = errors.New("the answer was cut off before its end")

// maxCalls and maxArguments bound what is held back until the end of an answer.
const (
	maxCalls     = 256
	maxArguments = 16 << 20
)

// toolCalls puts calls together from their deltas. OpenAI numbers the calls and
// gives id and name once; llama.cpp sends a call whole, Ollama too and with the
// same number for each; some versions of vLLM and some gateways send no number,
// or repeat id and name with every part.
type toolCalls struct {
	slots []*slot
	size  int
}

type slot struct {
	index    int64
	indexed  bool
	id, name string
	args     strings.Builder
}

type delta struct {
	index     int64
	indexed   bool
	id, name  string
	arguments string
}

// add takes one delta and says how many bytes of the model's it held.
func (t *toolCalls) add(d delta) (int64, error) {
	s := t.find(d)
	if s == nil {
		if len(t.slots) >= maxCalls {
			return 0, backend.Errorf(backend.Unavailable, "the answer calls more than %d tools", maxCalls)
		}
		s = &slot{index: d.index, indexed: d.indexed}
		t.slots = append(t.slots, s)
	}
	if s.id == "" {
		s.id = d.id
	}
	if s.name == "" {
		s.name = d.name
	}
	s.args.WriteString(d.arguments)
	if t.size += len(d.arguments); t.size > maxArguments {
		return 0, backend.Errorf(backend.Unavailable, "the arguments of the answer's tool calls are larger than %d MiB", maxArguments>>20)
	}
	return int64(len(d.name) + len(d.arguments)), nil
}

// find is the call that a delta continues; nil begins another one.
func (t *toolCalls) find(d delta) *slot {
	for i := len(t.slots) - 1; i >= 0; i-- {
		s := t.slots[i]
		if d.id != "" && s.id == d.id {
			return s
		}
		if d.indexed && s.indexed && s.index == d.index {
			// A second id under a number that is taken is a second call.
			if d.id != "" && s.id != "" {
				continue
			}
			// So is a second name after whole arguments, where ids are not sent.
			if d.id == "" && d.name != "" && s.name != "" && isObject(json.RawMessage(s.args.String())) {
				continue
			}
			return s
		}
	}
	if d.indexed || d.id != "" || d.name != "" || len(t.slots) == 0 {
		return nil
	}
	return t.slots[len(t.slots)-1]
}

// whole are the finished calls. A call that the limit on output cut off is left
// out when cut is set: the finish reason already says that the answer is not
// whole, and half of a call cannot be made.
func (t *toolCalls) whole(cut bool) ([]message.ToolCall, error) {
	var out []message.ToolCall
	for i, s := range t.slots {
		args := strings.TrimSpace(s.args.String())
		if args == "" {
			args = "{}"
		}
		if s.name == "" || !isObject(json.RawMessage(args)) {
			if cut && i == len(t.slots)-1 {
				continue
			}
			return nil, backend.Errorf(backend.Unavailable, "the model called tool %q with arguments that are not a JSON object", clip(s.name))
		}
		id := s.id
		if id == "" {
			id = fmt.Sprintf("call_%d", i+1)
		}
		out = append(out, message.ToolCall{ID: id, Name: s.name, Arguments: json.RawMessage(args)})
	}
	return out, nil
}

// arguments are a delta's part of the arguments: a string, or the object itself
// from servers that do not encode it twice.
func arguments(decoded, raw string) string {
	if strings.HasPrefix(strings.TrimSpace(raw), "{") {
		return raw
	}
	return decoded
}
