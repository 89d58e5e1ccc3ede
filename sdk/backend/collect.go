package backend

import (
	"context"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// MaxAnswer bounds the text and tool arguments of one collected answer, in
// bytes. The longest answers that models give are a few MiB; what goes beyond
// is a backend that floods.
const MaxAnswer = 64 << 20

// Collect runs one Generate and assembles the stream. On an error the response
// holds what had arrived until then.
func Collect(ctx context.Context, m Model, req message.Request) (message.Response, error) {
	var c Collector
	if err := m.Generate(ctx, req, &c); err != nil {
		return c.Response(), err
	}
	if !c.done {
		return c.Response(), Errorf(Unavailable, "the backend ended its answer without Done")
	}
	return c.Response(), nil
}

// Collector is a Sink that assembles a response. The zero value is ready.
type Collector struct {
	text  strings.Builder
	calls []message.ToolCall
	size  int
	resp  message.Response
	done  bool
}

var _ Sink = (*Collector)(nil)

// Text appends to the answer's text.
func (c *Collector) Text(delta string) error {
	if err := c.take(len(delta)); err != nil {
		return err
	}
	c.text.WriteString(delta)
	return nil
}

// ToolCall adds a call.
func (c *Collector) ToolCall(call message.ToolCall) error {
	if err := c.take(len(call.Arguments) + len(call.Name) + len(call.ID)); err != nil {
		return err
	}
	c.calls = append(c.calls, call)
	return nil
}

// Done keeps the end of the answer.
func (c *Collector) Done(usage message.Usage, finish message.Finish, model string) error {
	if c.done {
		return ErrFinished
	}
	c.done = true
	c.resp.Usage, c.resp.Finish, c.resp.Model = usage, finish, model
	return nil
}

// Response is the answer so far.
func (c *Collector) Response() message.Response {
	r := c.resp
	r.Message = message.Message{Role: message.Assistant, ToolCalls: c.calls}
	if c.text.Len() > 0 {
		r.Message.Parts = []message.Part{{Type: "text", Text: c.text.String()}}
	}
	return r
}

func (c *Collector) take(n int) error {
	if c.done {
		return ErrFinished
	}
	if c.size += n; c.size > MaxAnswer {
		return flooded()
	}
	return nil
}

func flooded() error {
	return &Error{Code: Unavailable, Message: "the answer grew beyond 64 MiB and was cut off: the backend floods"}
}
