package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

// rule is what every stream has to keep, whatever it answers.
type rule string

const (
	oneEnd     rule = "one end"
	noneAfter  rule = "none after the end"
	closes     rule = "closes"
	events     rule = "events"
	bounded    rule = "bounded"
	typed      rule = "typed"
	modelID    rule = "model id"
	finishWord rule = "finish"
	usageSums  rule = "usage"
)

// breach is a rule that a stream broke, and how.
type breach struct {
	rule rule
	how  string
}

// call is one Generate as it was seen on the wire.
type call struct {
	what   string // which request it was, for people
	blank  bool   // the request has no text at all
	text   strings.Builder
	room   int // what may still be kept in text
	size   int // of the whole text
	deltas int
	tools  []*pb.ToolCall
	done   *pb.Done
	error  *pb.Error
	lost   error // the status of a stream that ended without either
	dead   string
	took   time.Duration // until the end
	*account
}

// account is what the run keeps of a call: answers may be large, and there are
// hundreds.
type account struct {
	breaches []breach
	ended    bool // by Done or an error
}

// What is kept of one answer, alone and among a hundred at once. The kit lives
// through backends that flood.
const (
	keptAlone = 16 << 20
	keptCrowd = 64 << 10
)

// closeTime is what a stream has to close after its last event. The host needs
// less: it has gone by then.
const closeTime = 2 * time.Second

// whole tells whether there is an answer.
func (c *call) whole() bool { return c.done != nil }

// refused tells whether there is a typed error, of one of the codes when any are
// given.
func (c *call) refused(codes ...string) bool {
	if c.error == nil || len(codes) == 0 {
		return c.error != nil
	}
	for _, code := range codes {
		if c.error.GetCode() == code {
			return true
		}
	}
	return false
}

// how is what came, in a few words.
func (c *call) how() string {
	switch {
	case c.done != nil:
		return fmt.Sprintf("an answer of %d bytes in %d parts and %d tool calls, finish %q", c.size, c.deltas, len(c.tools), c.done.GetFinish())
	case c.error != nil:
		return fmt.Sprintf("%s: %.200s", c.error.GetCode(), c.error.GetMessage())
	case c.lost != nil:
		return fmt.Sprintf("%.300v%s", c.lost, c.dead)
	}
	return "nothing" + c.dead
}

func (c *call) breach(r rule, format string, args ...any) {
	c.breaches = append(c.breaches, breach{r, fmt.Sprintf(format, args...)})
}

// generate makes one call to its end.
func (k *kit) generate(s *session, what string, req *pb.GenerateRequest) *call {
	ctx, cancel := context.WithTimeout(k.ctx, k.o.Timeout)
	defer cancel()
	c := newCall(what, req, keptAlone)
	k.stream(ctx, s, c, req, nil)
	k.keep(c)
	return c
}

// keep takes a call into the account of the run.
func (k *kit) keep(c *call) {
	if c.error != nil {
		k.errors = append(k.errors, &fault{c.what, c.error})
		k.look("the error of "+c.what, c.error.GetMessage())
	}
	k.look("the answer to "+c.what, c.text.String())
	c.ended = c.whole() || c.error != nil
	k.calls = append(k.calls, c.account)
}

// newCall is a call that has not been made yet.
func newCall(what string, req *pb.GenerateRequest, room int) *call {
	c := &call{what: what, blank: true, room: room, account: &account{}}
	for _, m := range req.GetMessages() {
		for _, p := range m.GetParts() {
			c.blank = c.blank && p.GetText() == ""
		}
	}
	return c
}

// stream makes a call and reads it until it ends; between, when set, is called
// after the first event. It is safe for concurrent use: keep is the caller's.
func (k *kit) stream(ctx context.Context, s *session, c *call, req *pb.GenerateRequest, between func()) {
	begun := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	events, err := s.model.Generate(ctx, req)
	if err != nil {
		c.lost, c.took = err, time.Since(begun)
		return
	}
	var timer *time.Timer
	defer func() {
		if timer != nil {
			timer.Stop()
		}
	}()
	for n := 0; ; n++ {
		event, err := events.Recv()
		if n == 0 && between != nil {
			between()
		}
		if err != nil {
			c.closed(err, timer != nil)
			break
		}
		ending := c.take(event)
		if c.size > maxAnswer {
			c.breach(bounded, "after %d MiB there was no end of the answer to %s", maxAnswer>>20, c.what)
			break
		}
		if n := len(c.breaches); n > 16 {
			break
		}
		if ending && timer == nil {
			c.took = time.Since(begun)
			timer = time.AfterFunc(k.patience(closeTime), cancel)
		}
	}
	if c.took == 0 {
		c.took = time.Since(begun)
	}
	if !c.whole() && c.error == nil {
		c.dead = s.dead()
	}
}

// take adds an event and tells whether it is an end.
func (c *call) take(event *pb.GenerateEvent) bool {
	over := c.done != nil || c.error != nil
	late := func(kind string) {
		if over {
			c.breach(noneAfter, "%s came after the end of the answer to %s", kind, c.what)
		}
	}
	switch e := event.GetEvent().(type) {
	case *pb.GenerateEvent_Text:
		late("text")
		if !over {
			kept := min(len(e.Text), c.room)
			c.text.WriteString(e.Text[:kept])
			c.room -= kept
			c.size += len(e.Text)
			c.deltas++
		}
	case *pb.GenerateEvent_ToolCall:
		late("a tool call")
		c.size += len(e.ToolCall.GetArguments())
		var object map[string]json.RawMessage
		if err := json.Unmarshal(e.ToolCall.GetArguments(), &object); err != nil || object == nil || e.ToolCall.GetName() == "" {
			c.breach(events, "in the answer to %s a tool call (%q) has no name, or arguments that are no JSON object: %.80q", c.what, e.ToolCall.GetName(), e.ToolCall.GetArguments())
		}
		if !over {
			c.tools = append(c.tools, e.ToolCall)
		}
	case *pb.GenerateEvent_Done:
		late("a Done")
		if !over {
			c.done = e.Done
			c.checkDone(e.Done)
		}
		return true
	case *pb.GenerateEvent_Error:
		late("an error")
		if !over {
			c.error = e.Error
		}
		return true
	default:
		if len(event.ProtoReflect().GetUnknown()) == 0 {
			c.breach(events, "an event of the answer to %s holds nothing", c.what)
		}
	}
	return false
}

// closed judges how the stream was closed.
func (c *call) closed(err error, afterEnd bool) {
	switch {
	case errors.Is(err, io.EOF) && afterEnd:
	case errors.Is(err, io.EOF):
		c.lost = errors.New("the stream closed without Done and without an error")
		c.breach(oneEnd, "the answer to %s closed without Done and without an error, after %d bytes", c.what, c.size)
	case afterEnd && status.Code(err) == codes.Canceled:
		c.breach(closes, "the answer to %s was still open %s after its last event", c.what, closeTime)
	case afterEnd:
		c.breach(closes, "after its last event the answer to %s ended with the status %v", c.what, err)
	default:
		c.lost = err
		switch status.Code(err) {
		case codes.DeadlineExceeded:
			c.breach(oneEnd, "the answer to %s had no end in time; until then there were %d bytes", c.what, c.size)
		case codes.Canceled, codes.Unavailable, codes.ResourceExhausted:
		default:
			c.breach(typed, "%s was answered with the gRPC status %v, and not with an error event", c.what, err)
		}
	}
}

// checkDone holds the last event to its promises.
func (c *call) checkDone(d *pb.Done) {
	if strings.TrimSpace(d.GetModel()) == "" {
		c.breach(modelID, "the answer to %s does not say which model answered", c.what)
	}
	switch d.GetFinish() {
	case "stop", "length", "refusal":
	case "tool_calls":
		if len(c.tools) == 0 {
			c.breach(finishWord, "the answer to %s ended for tool_calls, and has none", c.what)
		}
	default:
		c.breach(finishWord, "the answer to %s ended for %q", c.what, d.GetFinish())
	}
	u := d.GetUsage()
	figures := fmt.Sprintf("input %d, cached %d, written %d (1h %d), output %d, reasoning %d",
		u.GetInput(), u.GetCachedInput(), u.GetCacheWrite(), u.GetCacheWrite_1H(), u.GetOutput(), u.GetReasoning())
	wrong := ""
	switch {
	case u == nil:
		wrong = "is not there"
	case min(u.GetInput(), u.GetCachedInput(), u.GetCacheWrite(), u.GetCacheWrite_1H(), u.GetOutput(), u.GetReasoning()) < 0:
		wrong = "has a number below zero"
	case u.GetCacheWrite_1H() > u.GetCacheWrite():
		wrong = "has more written for an hour than written at all"
	case u.GetReasoning() > u.GetOutput():
		wrong = "has more reasoning than output, which includes it"
	case u.GetOutput() == 0 && c.size > 0:
		wrong = "has no output, and something was said"
	case u.GetInput()+u.GetCachedInput()+u.GetCacheWrite() == 0 && !c.blank:
		wrong = "has no prompt at all"
	}
	if wrong != "" {
		c.breach(usageSums, "the usage of the answer to %s %s: %s", c.what, wrong, figures)
	}
}

// text makes a message.
func text(role, words string) *pb.Message {
	return &pb.Message{Role: role, Parts: []*pb.Part{{Type: "text", Text: words}}}
}

// request is a plain one to the model under test. It sets a seed where seeds are
// offered, and no other parameter: models refuse what they do not have.
func (k *kit) request(messages ...*pb.Message) *pb.GenerateRequest {
	req := &pb.GenerateRequest{Model: k.model(), Messages: messages}
	if k.desc.GetCapabilities().GetSeeds() {
		seed := int64(7)
		req.Sampling = &pb.Sampling{Seed: &seed}
	}
	return req
}

// ask makes one call of the shared session and tells whether the backend lives.
func (k *kit) ask(what string, req *pb.GenerateRequest) (*call, error) {
	s, err := k.session()
	if err != nil {
		return nil, err
	}
	return k.generate(s, what, req), nil
}

// sameTools compares tool calls.
func sameTools(a, b []*pb.ToolCall) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].GetName() != b[i].GetName() || !bytes.Equal(a[i].GetArguments(), b[i].GetArguments()) {
			return false
		}
	}
	return true
}
