package forge

import (
	"fmt"
	"strconv"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// claude writes turns: a question, a skill that is opened by a tool, a command or
// its file, and calls in it, each streamed as one to three lines.
func (f *writer) claude() {
	l := &f.truth.Lines
	f.line(&l.NoCall, obj{"type": "summary", "summary": "s", "leafUuid": "x"})
	for n := 0; f.more(); {
		session := fmt.Sprintf("%s-%d", f.o.Session, n/50)
		base := func(kind string) obj {
			return obj{"type": kind, "sessionId": session, "timestamp": f.tick(), "uuid": fmt.Sprint("u", n), "cwd": "/home/someone"}
		}
		ask := base("user")
		ask["message"] = obj{"role": "user", "content": "please do this with " + Secret + f.bulk}
		s := f.skill()
		how := f.rnd.IntN(3)
		if s != nil && how == 0 {
			ask["message"] = obj{"role": "user", "content": "<command-message>x</command-message>\n<command-name>/" + s.Name + "</command-name>\n<command-args>now</command-args>"}
		}
		f.line(&l.NoCall, ask)
		open := s
		if s != nil && how > 0 {
			// The call that opens a skill comes before it.
			tool := obj{"type": "tool_use", "id": "t", "name": "Skill", "input": obj{"skill": "plug:" + s.Name}}
			if how == 2 {
				tool = obj{"type": "tool_use", "id": "t", "name": "Read", "input": obj{"file_path": "/home/someone/.claude/skills/" + s.Name + "/SKILL.md"}}
			}
			f.streamed(base("assistant"), session, n, nil, tool)
			n++
			result := base("user")
			result["message"] = obj{"role": "user", "content": []obj{{"type": "tool_result", "tool_use_id": "t", "content": "ok " + f.bulk}}}
			f.line(&l.NoCall, result)
		}
		for range 1 + f.rnd.IntN(3) {
			f.streamed(base("assistant"), session, n, open, obj{"type": "text", "text": "done" + f.bulk})
			n++
		}
		f.noise()
		if !f.o.Clean && f.rnd.IntN(15) == 0 {
			f.unknown("telepathy", obj{"type": "telepathy", "sessionId": session})
		}
	}
}

// streamed writes one answer: the last of its lines has the whole usage.
func (f *writer) streamed(base obj, session string, n int, s *Skill, part obj) {
	u, model := f.use(true, true), f.model()
	id := fmt.Sprintf("msg_%s_%d", f.o.Session, n)
	line := func(class *int64, output int64, content []obj) {
		base["requestId"] = "req_" + id
		base["message"] = obj{"id": id, "type": "message", "role": "assistant", "model": model, "content": content, "usage": obj{
			"input_tokens": u.Input, "cache_read_input_tokens": u.CachedInput, "cache_creation_input_tokens": u.CacheWrite, "output_tokens": output,
			"cache_creation": obj{"ephemeral_1h_input_tokens": u.CacheWrite1h},
		}}
		f.line(class, base)
	}
	l := &f.truth.Lines
	class := &l.Used
	if extra := f.rnd.IntN(3); extra > 0 {
		for range extra {
			line(class, 1, []obj{{"type": "thinking", "thinking": "hm"}})
			class = &l.Repeated
		}
	}
	line(class, u.Output, []obj{part})
	f.called(transcript.Call{Session: session, Model: model, Usage: u}, s)
}

// codex writes turns whose calls show as counts of tokens.
func (f *writer) codex() {
	l := &f.truth.Lines
	rec := func(class *int64, kind string, payload obj) {
		f.line(class, obj{"timestamp": f.tick(), "type": kind, "payload": payload})
	}
	var total message.Usage
	rec(&l.NoCall, "session_meta", obj{"id": f.o.Session, "cwd": "/home/someone", "model_provider": "openai", "cli_version": "1"})
	for f.more() {
		model := f.model()
		rec(&l.NoCall, "event_msg", obj{"type": "task_started"})
		rec(&l.NoCall, "turn_context", obj{"model": model, "cwd": "/home/someone"})
		rec(&l.NoCall, "response_item", obj{"type": "message", "role": "user", "content": []obj{{"type": "input_text", "text": "do it " + Secret + f.bulk}}})
		rec(&l.NoCall, "event_msg", obj{"type": "user_message", "message": "do it"})
		s := f.skill()
		opened := s
		if s != nil && f.rnd.IntN(2) == 0 {
			rec(&l.NoCall, "response_item", obj{"type": "message", "role": "user", "content": []obj{{"type": "input_text", "text": "<skill>\n<name>" + s.Name + "</name>\n<path>/p/SKILL.md</path>\nbody\n</skill>"}}})
		} else if s != nil {
			// Read by the first call, which is before it.
			rec(&l.NoCall, "response_item", obj{"type": "function_call", "name": "shell", "arguments": `{"command":["bash","-lc","cat /home/someone/.codex/skills/` + s.Name + `/SKILL.md"]}`})
			opened = nil
		}
		for range 1 + f.rnd.IntN(3) {
			u := f.use(true, false)
			u.Reasoning = int64(f.rnd.IntN(int(u.Output)))
			total = total.Add(u)
			event := obj{"type": "token_count", "info": obj{"total_token_usage": openAI(total), "last_token_usage": openAI(u)}, "rate_limits": obj{}}
			rec(&l.Used, "event_msg", event)
			f.called(transcript.Call{Session: f.o.Session, Model: model, Usage: u}, opened)
			if f.rnd.IntN(3) == 0 {
				rec(&l.Repeated, "event_msg", event)
			}
			opened = s
		}
		rec(&l.NoCall, "event_msg", obj{"type": "token_count", "info": nil})
		f.noise()
	}
}

func openAI(u message.Usage) obj {
	return obj{"input_tokens": u.Input + u.CachedInput, "cached_input_tokens": u.CachedInput, "output_tokens": u.Output, "reasoning_output_tokens": u.Reasoning, "total_tokens": u.Input + u.CachedInput + u.Output}
}

// spans writes exports of an agent's trace: its calls, the tool spans, and the
// agent's own span with the sum of the tokens, which ends last.
func (f *writer) spans() {
	l := &f.truth.Lines
	attr := func(k string, v any) obj {
		switch v := v.(type) {
		case int64:
			return obj{"key": k, "value": obj{"intValue": strconv.FormatInt(v, 10)}}
		default:
			return obj{"key": k, "value": obj{"stringValue": v}}
		}
	}
	for n := 0; f.more(); n++ {
		s := f.skill()
		trace := fmt.Sprintf("%s%08x", f.o.Session, n)
		var all []obj
		span := func(id, up string, attrs ...obj) obj {
			f.tick()
			sp := obj{"traceId": trace, "spanId": id, "parentSpanId": up, "name": "x", "startTimeUnixNano": strconv.FormatInt(f.at.UnixNano(), 10), "attributes": attrs}
			all = append(all, sp)
			return sp
		}
		count := func(class *int64, n int) { l.Read += int64(n); *class += int64(n) }
		var sum message.Usage
		for i := range 1 + f.rnd.IntN(3) {
			u, model := f.use(true, false), f.model()
			sum = sum.Add(u)
			sp := span(fmt.Sprint("c", i), "agent", attr("gen_ai.operation.name", "chat"), attr("gen_ai.provider.name", "openai"), attr("gen_ai.request.model", model),
				attr("gen_ai.usage.input_tokens", u.Input+u.CachedInput), attr("gen_ai.usage.cache_read.input_tokens", u.CachedInput), attr("gen_ai.usage.output_tokens", u.Output),
				attr("gen_ai.response.id", fmt.Sprint(trace, i)), attr("gen_ai.input.messages", `[{"role":"user","parts":[{"type":"text","content":"`+Secret+f.bulk+`"}]}]`))
			f.called(transcript.Call{Session: trace, Model: model, Usage: u}, s)
			count(&l.Used, 1)
			if f.rnd.IntN(4) == 0 { // a second instrumentation of the same call
				again := obj{"traceId": trace, "spanId": fmt.Sprint("d", i), "parentSpanId": "agent", "name": "y", "startTimeUnixNano": sp["startTimeUnixNano"], "attributes": sp["attributes"]}
				all = append(all, again)
				count(&l.Repeated, 1)
			}
			span(fmt.Sprint("t", i), "agent", attr("gen_ai.operation.name", "execute_tool"))
			count(&l.NoCall, 1)
		}
		top := []obj{attr("gen_ai.operation.name", "invoke_agent"), attr("gen_ai.usage.input_tokens", sum.Input), attr("gen_ai.usage.output_tokens", sum.Output), attr("gen_ai.request.model", "m")}
		if s != nil {
			top = append(top, attr("plimsoll.skill", s.Name))
		}
		span("agent", "", top...)
		count(&l.NoCall, 1)
		// The agent's span comes in an export of its own.
		for _, part := range [][]obj{all[:len(all)-1], all[len(all)-1:]} {
			before := l.Read
			var none int64
			f.line(&none, obj{"resourceSpans": []obj{{"resource": obj{"attributes": []obj{attr("service.name", "agent")}}, "scopeSpans": []obj{{"spans": part}}}}})
			l.Read = before // spans are counted, not the line
		}
		f.noise()
	}
}

// exchanges writes requests and answers of both APIs.
func (f *writer) exchanges() {
	l := &f.truth.Lines
	for n := 0; f.more(); n++ {
		s, model := f.skill(), f.model()
		prompt := "You help."
		if s != nil {
			prompt = "You help.\n\n<skill>\n" + s.Body + "\n</skill>\n"
		}
		id := fmt.Sprintf("%s-%d", f.o.Session, n)
		rec := obj{"timestamp": f.tick(), "session_id": f.o.Session}
		var u message.Usage
		switch n % 3 {
		case 0:
			u = f.use(true, true)
			rec["request"] = obj{"model": model, "system": []obj{{"type": "text", "text": prompt}}, "messages": []obj{{"role": "user", "content": "hi " + Secret + f.bulk}}}
			rec["response"] = obj{"id": "msg_" + id, "type": "message", "role": "assistant", "model": model, "content": []obj{{"type": "text", "text": "yes"}}, "usage": obj{
				"input_tokens": u.Input, "cache_read_input_tokens": u.CachedInput, "cache_creation_input_tokens": u.CacheWrite, "output_tokens": u.Output, "cache_creation": obj{"ephemeral_1h_input_tokens": u.CacheWrite1h},
			}}
		case 1:
			u = f.use(true, false)
			rec["request"] = obj{"body": obj{"model": model, "messages": []obj{{"role": "system", "content": prompt}, {"role": "user", "content": "hi"}}}}
			rec["response"] = obj{"status_code": 200, "body": obj{"id": "chatcmpl-" + id, "object": "chat.completion", "model": model, "choices": []obj{{"message": obj{"role": "assistant", "content": "yes"}}}, "usage": obj{
				"prompt_tokens": u.Input + u.CachedInput, "completion_tokens": u.Output, "prompt_tokens_details": obj{"cached_tokens": u.CachedInput},
			}}}
		default:
			u = f.use(true, false)
			rec["request"] = obj{"model": model, "instructions": prompt, "input": "hi"}
			rec["response"] = obj{"id": "resp_" + id, "object": "response", "model": model, "output": []obj{{"type": "message", "content": []obj{{"type": "output_text", "text": "yes"}}}}, "usage": obj{
				"input_tokens": u.Input + u.CachedInput, "output_tokens": u.Output, "input_tokens_details": obj{"cached_tokens": u.CachedInput},
			}}
		}
		f.line(&l.Used, rec)
		f.called(transcript.Call{Session: f.o.Session, Model: model, Usage: u}, s)
		if f.rnd.IntN(4) == 0 {
			rec["retried"] = true
			f.line(&l.Repeated, rec)
		}
		if !f.o.Clean && f.rnd.IntN(10) == 0 {
			f.line(&l.NoCall, obj{"timestamp": f.at, "request": obj{"model": model}, "response": obj{"status_code": 529, "body": obj{"error": obj{"type": "overloaded"}}}})
		}
		f.noise()
	}
}

// Mapping is the one that logs of the shape Mapped are read with.
func Mapping() *transcript.Mapping {
	return &transcript.Mapping{
		At: "when", Model: "llm.0.name", Skill: "tags.skill", Session: "job", ID: "id", Input: "q", Output: "a",
		InputTokens: "llm.0.in", CachedTokens: "llm.0.cached", OutputTokens: "llm.0.out", Provider: "=openai",
	}
}

func (f *writer) mapped() {
	l := &f.truth.Lines
	for n := 0; f.more(); n++ {
		s, model, u := f.skill(), f.model(), f.use(true, false)
		f.tick()
		rec := obj{
			"when": f.at.UnixMilli(), "job": f.o.Session, "id": fmt.Sprintf("%s-%d", f.o.Session, n), "q": Secret + f.bulk, "a": "yes",
			"llm": []obj{{"name": model, "in": u.Input + u.CachedInput, "cached": u.CachedInput, "out": u.Output}},
		}
		if s != nil {
			rec["tags"] = obj{"skill": s.Name}
		}
		f.line(&l.Used, rec)
		f.called(transcript.Call{Session: f.o.Session, Model: model, Usage: u}, s)
		if f.rnd.IntN(5) == 0 {
			f.line(&l.Repeated, rec)
		}
		if !f.o.Clean && f.rnd.IntN(10) == 0 {
			f.unknown("heartbeat", obj{"type": "heartbeat"})
		}
		f.noise()
	}
}
