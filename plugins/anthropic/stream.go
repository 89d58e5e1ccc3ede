package anthropic

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// maxArguments bounds the arguments of one tool call, which are the only thing
// that is gathered here; the rest streams through. The wire's own limit on a
// message is twice as large.
const maxArguments = backend.MaxMessage / 2

// stream makes one attempt: it sends the request and passes the answer on as it
// comes.
func (m *model) stream(ctx context.Context, p anthropic.MessageNewParams, opts []option.RequestOption, byTool bool, out backend.Sink) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events := m.messages.NewStreaming(ctx, p, opts...)
	defer func() { _ = events.Close() }()
	a := answer{out: out, byTool: byTool, blocks: map[int64]*block{}}
	for events.Next() {
		if err := a.take(events.Current()); err != nil {
			return err
		}
		if a.finish != "" {
			// What follows is the end of the body. Reading it lets the next call
			// use the connection, and it has to come first: the host hangs up as
			// soon as it has Done. A server that holds it open is not waited for.
			alarm := time.AfterFunc(drainTime, cancel)
			events.Next()
			alarm.Stop()
			return out.Done(a.usage, a.finish, a.model)
		}
	}
	if err := events.Err(); err != nil {
		return err
	}
	return fmt.Errorf("the answer ended before it was whole: %w", io.ErrUnexpectedEOF)
}

const drainTime = 50 * time.Millisecond

// answer turns the events of one stream into an answer.
type answer struct {
	out    backend.Sink
	byTool bool // the call of answerTool is the answer's text

	blocks  map[int64]*block
	began   bool
	model   string
	usage   message.Usage
	counted bool // the output was counted
	stop    anthropic.StopReason
	finish  message.Finish // set when the answer is over
	calls   int
	// cut is a tool call that is not whole. An answer that the limit on output
	// ended may hold one; it is dropped then.
	cut *block
}

// block is a content block that is open.
type block struct {
	kind string
	call message.ToolCall
	done bool
}

func (a *answer) take(e anthropic.MessageStreamEventUnion) error {
	if !a.began && e.Type != "message_start" {
		return broken("it begins with %q", e.Type)
	}
	switch e.Type {
	case "message_start":
		if a.began {
			return broken("it begins twice")
		}
		a.began, a.model = true, e.Message.Model
		a.start(e.Message.Usage)
	case "content_block_start":
		return a.open(e.Index, e.ContentBlock)
	case "content_block_delta":
		return a.delta(e.Index, e.Delta)
	case "content_block_stop":
		return a.shut(e.Index)
	case "message_delta":
		if e.Delta.StopReason != "" {
			a.stop = e.Delta.StopReason
		}
		a.update(e.Usage)
	case "message_stop":
		return a.end()
	}
	return nil // the API says that there may be events of new kinds
}

func (a *answer) open(i int64, b anthropic.ContentBlockStartEventContentBlockUnion) error {
	if a.blocks[i] != nil {
		return broken("it begins block %d twice", i)
	}
	// Thinking is counted by the API's usage and shown to nobody; blocks of other
	// kinds belong to tools that run on the server, which are never asked for.
	n := &block{kind: b.Type}
	a.blocks[i] = n
	switch b.Type {
	case "text":
		return a.out.Text(b.Text)
	case "tool_use":
		n.call = message.ToolCall{ID: b.ID, Name: b.Name}
		// The beginning holds {} for arguments that are still to come, and some
		// gateways send all of them at once here.
		if raw := b.JSON.Input.Raw(); isObject(json.RawMessage(raw)) && raw != "{}" {
			return a.arguments(n, raw)
		}
	}
	return nil
}

func (a *answer) delta(i int64, d anthropic.MessageStreamEventUnionDelta) error {
	b := a.blocks[i]
	if b == nil || b.done {
		return broken("it continues block %d, which is not open", i)
	}
	switch d.Type {
	case "text_delta":
		if b.kind == "text" {
			return a.out.Text(d.Text)
		}
	case "input_json_delta":
		if b.kind == "tool_use" {
			return a.arguments(b, d.PartialJSON)
		}
	}
	return nil
}

// arguments adds to a call, or to the text when the call is the answer.
func (a *answer) arguments(b *block, part string) error {
	if a.byTool && b.call.Name == answerTool {
		return a.out.Text(part)
	}
	if len(b.call.Arguments)+len(part) > maxArguments {
		return broken("the arguments of tool %q are larger than %d MiB", b.call.Name, maxArguments>>20)
	}
	b.call.Arguments = append(b.call.Arguments, part...)
	return nil
}

func (a *answer) shut(i int64) error {
	b := a.blocks[i]
	if b == nil || b.done {
		return broken("it ends block %d, which is not open", i)
	}
	b.done = true
	if b.kind != "tool_use" || a.byTool && b.call.Name == answerTool {
		return nil
	}
	b.call.Arguments = arguments(b.call.Arguments)
	if !isObject(b.call.Arguments) || b.call.ID == "" || b.call.Name == "" {
		a.cut = b
		return nil
	}
	a.calls++
	return a.out.ToolCall(b.call)
}

// end checks that the answer is whole.
func (a *answer) end() error {
	finish, err := a.reason()
	if err != nil {
		return err
	}
	if !a.counted || a.model == "" {
		// Nothing could be charged, or to the wrong model. Neither may pass as free.
		return broken("it does not say what it used, or which model gave it")
	}
	for _, b := range a.blocks {
		if finish != message.FinishLength && !b.done {
			return broken("a block of it never ends")
		}
	}
	a.finish = finish
	return nil
}

// reason is why the model stopped.
func (a *answer) reason() (message.Finish, error) {
	var finish message.Finish
	switch a.stop {
	case anthropic.StopReasonEndTurn, anthropic.StopReasonStopSequence:
		finish = message.FinishStop
	case anthropic.StopReasonToolUse:
		finish = message.FinishTools
		if a.byTool && a.calls == 0 {
			finish = message.FinishStop
		}
	// A paused turn would go on if it were sent back. Only tools on the server
	// pause turns; should one be configured, its answer is not whole.
	case anthropic.StopReasonMaxTokens, anthropic.StopReasonModelContextWindowExceeded, anthropic.StopReasonPauseTurn:
		return message.FinishLength, nil
	case anthropic.StopReasonRefusal:
		return message.FinishRefusal, nil
	case "":
		return "", broken("it does not say why it ended")
	default:
		return "", broken("it ended for a reason that this version does not know: %.40q", string(a.stop))
	}
	if a.cut != nil {
		return "", broken("its call of tool %q is not whole: it takes an id, a name and an object of arguments", a.cut.call.Name)
	}
	return finish, nil
}

// start takes the usage that is known when the answer begins.
func (a *answer) start(u anthropic.Usage) {
	a.usage.Input = max(u.InputTokens, 0)
	a.usage.CachedInput = max(u.CacheReadInputTokens, 0)
	a.usage.CacheWrite = max(u.CacheCreationInputTokens, 0)
	a.usage.CacheWrite1h = max(u.CacheCreation.Ephemeral1hInputTokens, 0)
	// The sum is the older field, and the two lifetimes may come without it.
	a.usage.CacheWrite = max(a.usage.CacheWrite, a.usage.CacheWrite1h+max(u.CacheCreation.Ephemeral5mInputTokens, 0))
	a.usage.Output = max(u.OutputTokens, 0)
}

// update takes the totals at the end, which replace those of the beginning.
func (a *answer) update(u anthropic.MessageDeltaUsage) {
	if u.JSON.InputTokens.Valid() {
		a.usage.Input = max(u.InputTokens, 0)
	}
	if u.JSON.CacheReadInputTokens.Valid() {
		a.usage.CachedInput = max(u.CacheReadInputTokens, 0)
	}
	if u.JSON.CacheCreationInputTokens.Valid() {
		a.usage.CacheWrite = max(u.CacheCreationInputTokens, 0)
		a.usage.CacheWrite1h = min(a.usage.CacheWrite1h, a.usage.CacheWrite)
	}
	if u.JSON.OutputTokens.Valid() {
		a.counted = true
		a.usage.Output = max(u.OutputTokens, 0)
	}
	a.usage.Reasoning = min(max(u.OutputTokensDetails.ThinkingTokens, a.usage.Reasoning), a.usage.Output)
}

// broken is an answer that breaks the protocol. Its cost is unknown and another
// try may well do the same, so it is not repeated.
func broken(format string, args ...any) error {
	e := backend.Errorf(backend.Unavailable, "the server's answer cannot be used: "+format, args...)
	e.Retryable = false
	return e
}
