package openai

import (
	"context"
	"mime"
	"net/http"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// streamChat makes one try of a call over chat completions.
func (m *model) streamChat(ctx context.Context, p openai.ChatCompletionNewParams, opts []option.RequestOption, req message.Request, out backend.Sink) error {
	var resp *http.Response
	stream := m.chats.NewStreaming(ctx, p, append(opts[:len(opts):len(opts)], option.WithResponseInto(&resp))...)
	defer stream.Close()
	a := chatAnswer{errs: m.errs}
	for stream.Next() {
		if err := a.add(stream.Current(), out); err != nil {
			return err
		}
	}
	err := stream.Err()
	if err == nil && !a.any {
		return noStream(resp)
	}
	if a.finish == "" && err != nil {
		return err
	}
	if a.finish == "" {
		// Not typed: nobody knows what a cut answer cost, and the caller counts
		// such tries apart.
		return errCut
	}
	a.usage, a.known = readTimings(a.timings, a.usage, a.known)
	if !a.known && err != nil {
		return err
	}
	return a.end(m, req, out)
}

// noStream explains an answer that holds no event at all.
func noStream(resp *http.Response) error {
	kind := ""
	if resp != nil {
		kind, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	}
	if kind == "text/event-stream" {
		return errCut
	}
	if kind == "" {
		kind = "something without a type"
	}
	return backend.Errorf(backend.InvalidRequest, "the server answers with %s and not with a stream of events: does base_url lead to the API, up to and with /v1?", kind)
}

// chatAnswer gathers what is only known at the end of a stream.
type chatAnswer struct {
	errs    errorReader
	calls   toolCalls
	usage   message.Usage
	known   bool   // usage was sent
	timings string // the last that llama.cpp sent
	finish  string
	model   string
	bytes   int64 // of everything that the model wrote, shown or not
	any     bool
	refuse  bool
}

// add takes one chunk and passes its text on.
func (a *chatAnswer) add(chunk openai.ChatCompletionChunk, out backend.Sink) error {
	if chunk.JSON.ExtraFields["message"].Raw() != "" && len(chunk.Choices) == 0 && string(chunk.Object) == "error" {
		return a.errs.object([]byte(chunk.RawJSON())) // vLLM and SGLang, without an error member
	}
	a.any = true
	if chunk.Model != "" {
		a.model = chunk.Model
	}
	a.count(chunk)
	for _, choice := range chunk.Choices {
		if choice.Index != 0 { // one answer was asked for
			continue
		}
		if choice.FinishReason != "" {
			a.finish = choice.FinishReason
		}
		d := choice.Delta
		// Reasoning is counted and never shown: it is no part of the answer.
		for _, name := range []string{"reasoning_content", "reasoning"} {
			a.bytes += int64(len(d.JSON.ExtraFields[name].Raw()))
		}
		a.bytes += int64(len(d.Content) + len(d.Refusal))
		if d.Refusal != "" {
			a.refuse = true
		}
		for _, t := range []string{d.Content, d.Refusal} {
			if t == "" {
				continue
			}
			if err := out.Text(t); err != nil {
				return err
			}
		}
		for _, t := range d.ToolCalls {
			n, err := a.calls.add(delta{
				index: t.Index, indexed: t.JSON.Index.Valid(), id: t.ID, name: t.Function.Name,
				arguments: arguments(t.Function.Arguments, t.Function.JSON.Arguments.Raw()),
			})
			if err != nil {
				return err
			}
			a.bytes += n
		}
	}
	return nil
}

// count keeps the last usage: some send it with every chunk, growing, some once
// in a chunk without choices, some within the choice, and llama.cpp as timings.
func (a *chatAnswer) count(chunk openai.ChatCompletionChunk) {
	raws := []string{chunk.JSON.Usage.Raw()}
	for _, choice := range chunk.Choices {
		raws = append(raws, choice.JSON.ExtraFields["usage"].Raw())
	}
	if u, ok := groqUsage(chunk.JSON.ExtraFields["x_groq"].Raw()); ok {
		a.usage, a.known = u, true
	}
	for _, raw := range raws {
		if u, ok := readUsage(raw); ok {
			a.usage, a.known = u, true
		}
	}
	a.timings = or(chunk.JSON.ExtraFields["timings"].Raw(), a.timings)
}

// end passes on what had to wait for the end, and ends the answer.
func (a *chatAnswer) end(m *model, req message.Request, out backend.Sink) error {
	finish, err := a.reason()
	if err != nil {
		return err
	}
	calls, err := a.calls.whole(finish == message.FinishLength)
	if err != nil {
		return err
	}
	usage, err := m.accounted(a.usage, a.known, bound(req), a.bytes)
	if err != nil {
		return err
	}
	for _, c := range calls {
		if err := out.ToolCall(c); err != nil {
			return err
		}
	}
	if len(calls) > 0 && finish == message.FinishStop {
		finish = message.FinishTools // llama.cpp and Ollama have said stop here
	}
	return out.Done(usage, finish, or(a.model, req.Model))
}

// reason translates why the model stopped.
func (a *chatAnswer) reason() (message.Finish, error) {
	if a.refuse {
		return message.FinishRefusal, nil
	}
	switch a.finish {
	case "stop", "eos", "eos_token", "stop_sequence", "end_turn":
		return message.FinishStop, nil
	case "length", "max_tokens", "model_length":
		return message.FinishLength, nil
	case "tool_calls", "function_call", "tool_use":
		return message.FinishTools, nil
	case "content_filter", "refusal", "safety":
		return message.FinishRefusal, nil
	}
	// "abort", "error", "insufficient_system_resource" and what is not known: an
	// answer of which nobody can tell whether it is whole is none.
	return "", backend.Errorf(backend.Unavailable, "the answer ended with the reason %q, so that it may not be whole", clip(a.finish))
}

// accounted is the usage to report. Where an endpoint does not say, and is not
// required to, the numbers of bytes stand in: too many, so that a cost is never
// reported too low.
func (m *model) accounted(u message.Usage, known bool, prompt, output int64) (message.Usage, error) {
	switch {
	case known:
		return u, nil
	case m.cfg.Usage == usageBound:
		return message.Usage{Input: prompt, Output: output}, nil
	}
	return u, backend.Errorf(backend.Unavailable, `the answer does not say what it used; usage = "bound" in this backend's config would count its bytes instead`)
}

// clip bounds a word that comes from a server.
func clip(s string) string { return s[:min(len(s), 256)] }
