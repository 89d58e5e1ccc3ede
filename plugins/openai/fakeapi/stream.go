package fakeapi

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Answer is what the pretended model says.
type Answer struct {
	Model   string // "" is gpt-5.4-mini-2026-03-05
	Text    []string
	Refusal []string
	Calls   []Call
	Finish  string // "" follows from the rest: stop or tool_calls
	Usage   Usage
}

// Call is a tool call whose arguments come in parts.
type Call struct {
	ID, Name  string
	Arguments []string
}

// Usage is counted as the API counts: Prompt holds Cached and Write, Output
// holds Reasoning.
type Usage struct{ Prompt, Cached, Write, Output, Reasoning int64 }

const defaultModel = "gpt-5.4-mini-2026-03-05"

// Event is one event of a stream as bytes.
func Event(name string, data any) string {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(err) // callers give JSON values
	}
	if name != "" {
		name = "event: " + name + "\n"
	}
	return name + "data: " + string(raw) + "\n\n"
}

type object = map[string]any

// Chat is a stream of chat completions as OpenAI sends it with include_usage.
func Chat(a Answer) Reply { return Reply{Events: ChatEvents(a)} }

// ChatEvents are the events of Chat.
func ChatEvents(a Answer) []string {
	model := a.Model
	if model == "" {
		model = defaultModel
	}
	chunk := func(choices []any, usage any) string {
		return Event("", object{
			"id": "chatcmpl-CqAn1", "object": "chat.completion.chunk", "created": 1783000000, "model": model, "service_tier": "default",
			"system_fingerprint": nil, "choices": choices, "usage": usage, "obfuscation": "x8Lq",
		})
	}
	choice := func(delta object, finish any) []any {
		return []any{object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}}
	}
	out := []string{chunk(choice(object{"role": "assistant", "content": "", "refusal": nil}, nil), nil)}
	for _, t := range a.Text {
		out = append(out, chunk(choice(object{"content": t}, nil), nil))
	}
	for _, t := range a.Refusal {
		out = append(out, chunk(choice(object{"refusal": t}, nil), nil))
	}
	for i, c := range a.Calls {
		out = append(out, chunk(choice(object{"tool_calls": []any{object{
			"index": i, "id": c.ID, "type": "function", "function": object{"name": c.Name, "arguments": ""},
		}}}, nil), nil))
		for _, part := range c.Arguments {
			out = append(out, chunk(choice(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": part}}}}, nil), nil))
		}
	}
	finish := a.Finish
	if finish == "" {
		finish = "stop"
		if len(a.Calls) > 0 {
			finish = "tool_calls"
		}
	}
	return append(out,
		chunk(choice(object{}, finish), nil),
		chunk([]any{}, object{
			"prompt_tokens": a.Usage.Prompt, "completion_tokens": a.Usage.Output, "total_tokens": a.Usage.Prompt + a.Usage.Output,
			"prompt_tokens_details":     object{"cached_tokens": a.Usage.Cached, "cache_write_tokens": a.Usage.Write, "audio_tokens": 0},
			"completion_tokens_details": object{"reasoning_tokens": a.Usage.Reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
		}),
		"data: [DONE]\n\n")
}

// Response is a stream of the responses API.
func Response(a Answer) Reply { return Reply{Events: ResponseEvents(a)} }

// ResponseEvents are the events of Response. Finish may be max_output_tokens or
// content_filter: the response is then incomplete.
func ResponseEvents(a Answer) []string {
	s := responseStream{answer: a}
	if s.answer.Model == "" {
		s.answer.Model = defaultModel
	}
	s.send("response.created", object{"response": s.response("in_progress", nil, nil)})
	s.send("response.in_progress", object{"response": s.response("in_progress", nil, nil)})
	if a.Usage.Reasoning > 0 {
		item := object{"id": "rs_1", "type": "reasoning", "summary": []any{}}
		s.send("response.output_item.added", object{"output_index": s.index, "item": item})
		s.send("response.reasoning_summary_text.delta", object{"item_id": "rs_1", "output_index": s.index, "summary_index": 0, "delta": "weighing"})
		s.finish(item)
	}
	if len(a.Text) > 0 {
		s.message(a.Text, "output_text", "text")
	}
	if len(a.Refusal) > 0 {
		s.message(a.Refusal, "refusal", "refusal")
	}
	for i, c := range a.Calls {
		s.call(fmt.Sprintf("fc_%d", i), c)
	}
	switch a.Finish {
	case "":
		s.send("response.completed", object{"response": s.response("completed", nil, s.usage())})
	default:
		s.send("response.incomplete", object{"response": s.response("incomplete", object{"reason": a.Finish}, s.usage())})
	}
	return s.events
}

type responseStream struct {
	answer Answer
	events []string
	output []any
	index  int
}

func (s *responseStream) send(name string, data object) {
	data["type"], data["sequence_number"] = name, len(s.events)
	s.events = append(s.events, Event(name, data))
}

func (s *responseStream) finish(item object) {
	s.send("response.output_item.done", object{"output_index": s.index, "item": item})
	s.output = append(s.output, item)
	s.index++
}

func (s *responseStream) message(parts []string, kind, member string) {
	content := func(text string) object {
		c := object{"type": kind, member: text}
		if kind == "output_text" {
			c["annotations"], c["logprobs"] = []any{}, []any{}
		}
		return c
	}
	item := func(status string, list ...any) object {
		return object{"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": append([]any{}, list...)}
	}
	at := func(o object) object {
		o["item_id"], o["output_index"], o["content_index"] = "msg_1", s.index, 0
		return o
	}
	s.send("response.output_item.added", object{"output_index": s.index, "item": item("in_progress")})
	s.send("response.content_part.added", at(object{"part": content("")}))
	for _, t := range parts {
		s.send("response."+kind+".delta", at(object{"delta": t}))
	}
	whole := strings.Join(parts, "")
	s.send("response."+kind+".done", at(object{member: whole}))
	s.send("response.content_part.done", at(object{"part": content(whole)}))
	s.finish(item("completed", content(whole)))
}

func (s *responseStream) call(id string, c Call) {
	item := func(status, args string) object {
		return object{"id": id, "type": "function_call", "status": status, "call_id": c.ID, "name": c.Name, "arguments": args}
	}
	s.send("response.output_item.added", object{"output_index": s.index, "item": item("in_progress", "")})
	for _, part := range c.Arguments {
		s.send("response.function_call_arguments.delta", object{"item_id": id, "output_index": s.index, "delta": part})
	}
	whole := strings.Join(c.Arguments, "")
	s.send("response.function_call_arguments.done", object{"item_id": id, "output_index": s.index, "arguments": whole})
	s.finish(item("completed", whole))
}

func (s *responseStream) usage() object {
	u := s.answer.Usage
	return object{
		"input_tokens": u.Prompt, "output_tokens": u.Output, "total_tokens": u.Prompt + u.Output,
		"input_tokens_details":  object{"cached_tokens": u.Cached, "cache_write_tokens": u.Write},
		"output_tokens_details": object{"reasoning_tokens": u.Reasoning},
	}
}

func (s *responseStream) response(status string, incomplete, usage any) object {
	return object{
		"id": "resp_1", "object": "response", "created_at": 1783000000, "status": status, "error": nil, "incomplete_details": incomplete,
		"instructions": nil, "max_output_tokens": nil, "model": s.answer.Model, "output": append([]any{}, s.output...), "parallel_tool_calls": true,
		"previous_response_id": nil, "reasoning": object{"effort": nil, "summary": nil}, "store": false, "temperature": 1.0, "tool_choice": "auto",
		"tools": []any{}, "top_p": 1.0, "truncation": "disabled", "usage": usage, "user": nil, "metadata": object{},
	}
}
