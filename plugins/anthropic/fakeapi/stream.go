package fakeapi

import "strings"

// Answer is what the pretended model says.
type Answer struct {
	Model    string // "" is claude-haiku-4-5-20251001
	Thinking []string
	Text     []string
	Calls    []Call
	Stop     string // "" follows from the rest: end_turn or tool_use
	Usage    Usage
}

// Call is a tool call whose arguments come in parts.
type Call struct {
	ID, Name  string
	Arguments []string
}

// Usage is counted as the API counts: Input holds neither Read nor Write, Write
// holds Write1h, Output holds Thinking.
type Usage struct{ Input, Read, Write, Write1h, Output, Thinking int64 }

const defaultModel = "claude-haiku-4-5-20251001"

// Event is one event of a stream as bytes.
func Event(name string, data object) string {
	return "event: " + name + "\ndata: " + encode(data) + "\n\n"
}

// Error is the event of an error in the middle of a stream.
func Error(kind, text string) string {
	return "event: error\ndata: " + failure(kind, text) + "\n\n"
}

// Message is an answer as the API streams it.
func Message(a Answer) Reply { return Reply{Events: Events(a)} }

// Events are the events of Message.
func Events(a Answer) []string {
	if a.Model == "" {
		a.Model = defaultModel
	}
	if a.Stop == "" {
		a.Stop = "end_turn"
		if len(a.Calls) > 0 {
			a.Stop = "tool_use"
		}
	}
	u := a.Usage
	out := []string{Event("message_start", object{"type": "message_start", "message": object{
		"id": "msg_01FakeFakeFake", "type": "message", "role": "assistant", "model": a.Model, "content": []any{},
		"stop_reason": nil, "stop_sequence": nil,
		"usage": object{
			"input_tokens": u.Input, "cache_creation_input_tokens": u.Write, "cache_read_input_tokens": u.Read,
			"cache_creation": object{"ephemeral_5m_input_tokens": u.Write - u.Write1h, "ephemeral_1h_input_tokens": u.Write1h},
			"output_tokens":  min(u.Output, 1), "service_tier": "standard",
		},
	}})}
	index := 0
	block := func(content object, kind, key string, parts []string) {
		out = append(out, Event("content_block_start", object{"type": "content_block_start", "index": index, "content_block": content}))
		if index == 0 {
			out = append(out, Event("ping", object{"type": "ping"}))
		}
		for _, p := range parts {
			out = append(out, delta(index, object{"type": kind, key: p}))
		}
		if kind == "thinking_delta" {
			out = append(out, delta(index, object{"type": "signature_delta", "signature": "RXJfRmFrZQ=="}))
		}
		out = append(out, Event("content_block_stop", object{"type": "content_block_stop", "index": index}))
		index++
	}
	if len(a.Thinking) > 0 {
		block(object{"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking", a.Thinking)
	}
	if len(a.Text) > 0 {
		block(object{"type": "text", "text": ""}, "text_delta", "text", a.Text)
	}
	for _, c := range a.Calls {
		block(object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": object{}}, "input_json_delta", "partial_json", append([]string{""}, c.Arguments...))
	}
	usage := object{"input_tokens": u.Input, "cache_creation_input_tokens": u.Write, "cache_read_input_tokens": u.Read, "output_tokens": u.Output}
	if u.Thinking > 0 {
		usage["output_tokens_details"] = object{"thinking_tokens": u.Thinking}
	}
	return append(out,
		Event("message_delta", object{"type": "message_delta", "delta": object{"stop_reason": a.Stop, "stop_sequence": nil}, "usage": usage}),
		Event("message_stop", object{"type": "message_stop"}))
}

func delta(index int, d object) string {
	return Event("content_block_delta", object{"type": "content_block_delta", "index": index, "delta": d})
}

// Without leaves out the events of a name, to make a stream that the API would
// not send.
func Without(events []string, name string) []string {
	var out []string
	for _, e := range events {
		if !strings.HasPrefix(e, "event: "+name+"\n") {
			out = append(out, e)
		}
	}
	return out
}
