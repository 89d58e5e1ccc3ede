package openai

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// streamResponse makes one try of a call over the responses API.
func (m *model) streamResponse(ctx context.Context, p responses.ResponseNewParams, opts []option.RequestOption, req message.Request, out backend.Sink) error {
	var resp *http.Response
	stream := m.answers.NewStreaming(ctx, p, append(opts[:len(opts):len(opts)], option.WithResponseInto(&resp))...)
	defer stream.Close()
	a := responseAnswer{m: m, req: req}
	for stream.Next() {
		a.any = true
		done, err := a.add(stream.Current(), out)
		if done || err != nil {
			return err
		}
	}
	if err := stream.Err(); err != nil {
		return err
	}
	if !a.any {
		return noStream(resp)
	}
	return errCut
}

// responseAnswer follows the events of one response.
type responseAnswer struct {
	m      *model
	req    message.Request
	calls  []message.ToolCall
	bytes  int64
	refuse bool
	any    bool
}

// add takes one event. done: the answer is whole and was ended.
func (a *responseAnswer) add(e responses.ResponseStreamEventUnion, out backend.Sink) (done bool, err error) {
	switch e.Type {
	case "response.output_text.delta", "response.refusal.delta":
		a.refuse = a.refuse || e.Type == "response.refusal.delta"
		a.bytes += int64(len(e.Delta))
		if e.Delta != "" {
			return false, out.Text(e.Delta)
		}
	case "response.reasoning_text.delta", "response.reasoning_summary_text.delta":
		a.bytes += int64(len(e.Delta))
	case "response.output_item.done":
		return false, a.item(e.Item)
	case "error":
		return false, a.m.errs.object([]byte(e.RawJSON()))
	case "response.failed":
		return false, a.m.errs.object([]byte(e.Response.JSON.Error.Raw()))
	case "response.completed", "response.incomplete":
		return true, a.end(e, out)
	}
	return false, nil // an event that carries nothing of the answer, or is newer than this
}

// item keeps a call that is finished.
func (a *responseAnswer) item(item responses.ResponseOutputItemUnion) error {
	if item.Type != "function_call" {
		return nil
	}
	call := item.AsFunctionCall()
	args := or(call.Arguments, "{}")
	a.bytes += int64(len(call.Name) + len(args))
	switch {
	case call.Status == "incomplete":
		return nil // the limit on output cut it off; the response's end says so
	case len(a.calls) >= maxCalls:
		return backend.Errorf(backend.Unavailable, "the answer calls more than %d tools", maxCalls)
	case call.Name == "" || !isObject(json.RawMessage(args)):
		return backend.Errorf(backend.Unavailable, "the model called tool %q with arguments that are not a JSON object", clip(call.Name))
	}
	a.calls = append(a.calls, message.ToolCall{ID: or(call.CallID, call.ID), Name: call.Name, Arguments: json.RawMessage(args)})
	return nil
}

func (a *responseAnswer) end(e responses.ResponseStreamEventUnion, out backend.Sink) error {
	r := e.Response
	finish := message.FinishStop
	switch {
	case e.Type == "response.incomplete" && r.IncompleteDetails.Reason == "max_output_tokens":
		finish = message.FinishLength
	case e.Type == "response.incomplete" && r.IncompleteDetails.Reason == "content_filter":
		finish = message.FinishRefusal
	case e.Type == "response.incomplete":
		return backend.Errorf(backend.Unavailable, "the answer ended with the reason %q, so that it may not be whole", clip(r.IncompleteDetails.Reason))
	case a.refuse:
		finish = message.FinishRefusal
	case len(a.calls) > 0:
		finish = message.FinishTools
	}
	u := r.Usage
	var usage message.Usage
	known := r.JSON.Usage.Valid() && u.InputTokens+u.OutputTokens > 0
	if known {
		usage = split(u.InputTokens, u.InputTokensDetails.CachedTokens, u.InputTokensDetails.CacheWriteTokens, u.OutputTokens, u.OutputTokensDetails.ReasoningTokens)
	}
	usage, err := a.m.accounted(usage, known, bound(a.req), a.bytes)
	if err != nil {
		return err
	}
	for _, c := range a.calls {
		if err := out.ToolCall(c); err != nil {
			return err
		}
	}
	return out.Done(usage, finish, or(r.Model, a.req.Model))
}
