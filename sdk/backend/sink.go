package backend

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// ErrFinished is returned by a Sink that is used after Done.
var ErrFinished = errors.New("the answer is already finished: nothing may follow Done")

// maxDelta keeps one event well under MaxMessage; longer deltas are sent in parts.
const maxDelta = 1 << 20

// wireSink puts an answer on the wire and holds the author to the contract.
type wireSink struct {
	send func(*pb.GenerateEvent) error
	rest string // the beginning of a UTF-8 character whose end has not come yet
	done bool
}

var _ Sink = (*wireSink)(nil)

func (s *wireSink) Text(delta string) error {
	if s.done {
		return ErrFinished
	}
	// Protobuf strings are UTF-8. APIs split deltas anywhere, so an unfinished
	// character waits for its end; sending bytes instead would push the same
	// work onto every host.
	delta = s.rest + delta
	cut := len(delta) - unfinished(delta)
	delta, s.rest = delta[:cut], delta[cut:]
	for len(delta) > 0 {
		n := min(len(delta), maxDelta)
		for n < len(delta) && !utf8.RuneStart(delta[n]) {
			n--
		}
		if n == 0 {
			n = min(len(delta), maxDelta)
		}
		if err := s.text(delta[:n]); err != nil {
			return err
		}
		delta = delta[n:]
	}
	return nil
}

func (s *wireSink) text(t string) error {
	return s.send(&pb.GenerateEvent{Event: &pb.GenerateEvent_Text{Text: validText(t)}})
}

func (s *wireSink) ToolCall(call message.ToolCall) error {
	if s.done {
		return ErrFinished
	}
	if err := s.flush(); err != nil {
		return err
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(call.Arguments, &object); err != nil || object == nil {
		return Errorf(Unavailable, "the arguments of the call of tool %q are not a JSON object", call.Name)
	}
	return s.send(&pb.GenerateEvent{Event: &pb.GenerateEvent_ToolCall{ToolCall: toolCallToWire(call)}})
}

func (s *wireSink) Done(usage message.Usage, finish message.Finish, model string) error {
	if s.done {
		return ErrFinished
	}
	if finish == "" || model == "" {
		return Errorf(Unavailable, "an answer was finished without its finish reason and the id of the model that answered")
	}
	if err := s.flush(); err != nil {
		return err
	}
	s.done = true
	return s.send(&pb.GenerateEvent{Event: &pb.GenerateEvent_Done{
		Done: &pb.Done{Usage: usageToWire(usage), Finish: string(finish), Model: model},
	}})
}

// flush sends a character that never got its end as a replacement character.
func (s *wireSink) flush() error {
	if s.rest == "" {
		return nil
	}
	rest := s.rest
	s.rest = ""
	return s.text(rest)
}

// unfinished counts the bytes at the end of t that begin a character of which
// bytes are missing.
func unfinished(t string) int {
	for n := 1; n <= min(utf8.UTFMax-1, len(t)); n++ {
		if b := t[len(t)-n]; utf8.RuneStart(b) {
			if b >= utf8.RuneSelf && !utf8.FullRuneInString(t[len(t)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

func validText(t string) string { return strings.ToValidUTF8(t, "\uFFFD") }
