package anthropic

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// full has everything that an answer can hold, with characters of two to four
// bytes for the chunks to cut.
var full = fakeapi.Answer{
	Thinking: []string{"The user ", "wants the tide."},
	Text:     []string{"Ünder ", "way – ", "⛵🌊", " data: x\n\nevent: y"},
	Calls: []fakeapi.Call{
		{ID: "toolu_01A", Name: "tide", Arguments: []string{`{"po`, `rt":"Kø`, `ge"}`}},
		{ID: "toolu_01B", Name: "weather", Arguments: nil},
	},
	Usage: fakeapi.Usage{Input: 11, Read: 2000, Write: 300, Write1h: 100, Output: 60, Thinking: 20},
}

func TestAWholeAnswer(t *testing.T) {
	raw := strings.Join(fakeapi.Events(full), "")
	for name, reply := range map[string]fakeapi.Reply{
		"event by event": {Events: fakeapi.Events(full)},
		"byte by byte":   {Events: fakeapi.Events(full), Chunk: 1},
		"cut anywhere":   {Events: fakeapi.Events(full), Chunk: 7},
		"all at once":    {Events: []string{raw}},
		"CRLF":           {Events: []string{strings.ReplaceAll(raw, "\n", "\r\n")}, Chunk: 5},
		"comments":       {Events: []string{": keep-alive\n\n" + strings.ReplaceAll(raw, "\n\n", "\n\n: keep-alive\n\n")}},
		"new events":     {Events: slices.Insert(fakeapi.Events(full), 3, fakeapi.Event("mood", map[string]any{"type": "mood", "index": 9}))},
		"held open":      {Events: fakeapi.Events(full), Hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			server := fakeapi.New(t, reply)
			got, err := serve(t, server, nil).Ask(t.Context(), ask("hello"))
			if err != nil {
				t.Fatal(err)
			}
			want := message.Response{
				Message: message.Message{Role: message.Assistant,
					Parts: []message.Part{{Type: "text", Text: strings.Join(full.Text, "")}},
					ToolCalls: []message.ToolCall{
						{ID: "toolu_01A", Name: "tide", Arguments: []byte(`{"port":"Køge"}`)},
						{ID: "toolu_01B", Name: "weather", Arguments: []byte(`{}`)},
					}},
				Usage:  message.Usage{Input: 11, CachedInput: 2000, CacheWrite: 300, CacheWrite1h: 100, Output: 60, Reasoning: 20},
				Finish: message.FinishTools,
				Model:  "claude-haiku-4-5-20251001",
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if n := len(server.Requests()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestWhyItEnds(t *testing.T) {
	usage := fakeapi.Usage{Input: 5, Output: 4}
	cut := []fakeapi.Call{{ID: "toolu_1", Name: "tide", Arguments: []string{`{"port":"Kø`}}}
	for _, c := range []struct {
		name   string
		answer fakeapi.Answer
		want   message.Finish // "" is an error
		calls  int
	}{
		{"the turn is over", fakeapi.Answer{Text: []string{"x"}}, message.FinishStop, 0},
		{"nothing is said", fakeapi.Answer{}, message.FinishStop, 0},
		{"a stop sequence", fakeapi.Answer{Text: []string{"x"}, Stop: "stop_sequence"}, message.FinishStop, 0},
		{"the limit", fakeapi.Answer{Text: []string{"x"}, Stop: "max_tokens"}, message.FinishLength, 0},
		{"the limit, within a call", fakeapi.Answer{Calls: cut, Stop: "max_tokens"}, message.FinishLength, 0},
		{"the context is full", fakeapi.Answer{Text: []string{"x"}, Stop: "model_context_window_exceeded"}, message.FinishLength, 0},
		{"a pause", fakeapi.Answer{Text: []string{"x"}, Stop: "pause_turn"}, message.FinishLength, 0},
		{"a refusal", fakeapi.Answer{Text: []string{"x"}, Stop: "refusal"}, message.FinishRefusal, 0},
		{"a call", fakeapi.Answer{Calls: []fakeapi.Call{{ID: "toolu_1", Name: "tide"}}}, message.FinishTools, 1},
		{"a call that is no JSON", fakeapi.Answer{Calls: cut}, "", 0},
		{"a call of a list", fakeapi.Answer{Calls: []fakeapi.Call{{ID: "toolu_1", Name: "tide", Arguments: []string{"[1]"}}}}, "", 0},
		{"a call of no name", fakeapi.Answer{Calls: []fakeapi.Call{{ID: "toolu_1"}}}, "", 0},
		{"an unknown reason", fakeapi.Answer{Text: []string{"x"}, Stop: "bored"}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.answer.Usage = usage
			server := fakeapi.New(t, fakeapi.Message(c.answer))
			got, err := serve(t, server, nil).Ask(t.Context(), ask("hello"))
			if (err == nil) != (c.want != "") || got.Finish != c.want || len(got.Message.ToolCalls) != c.calls {
				t.Errorf("finish %q, %d calls, %v", got.Finish, len(got.Message.ToolCalls), err)
			}
			if err != nil && (code(err) != backend.Unavailable || len(server.Requests()) != 1) {
				t.Errorf("%v after %d requests", err, len(server.Requests()))
			}
		})
	}
}

// With structured = "tool" the answer is text like any other.
func TestAnAnswerByTool(t *testing.T) {
	answer := fakeapi.Answer{Calls: []fakeapi.Call{{ID: "toolu_1", Name: answerTool, Arguments: []string{`{"port":`, `"Køge"}`}}}, Usage: fakeapi.Usage{Input: 5, Output: 4}}
	server := fakeapi.New(t, fakeapi.Message(answer))
	req := ask("hello")
	req.ResponseSchema = []byte(`{"type":"object"}`)
	got, err := serve(t, server, map[string]any{"structured": "tool"}).Ask(t.Context(), req)
	if err != nil || got.Message.String() != `{"port":"Køge"}` || got.Finish != message.FinishStop || len(got.Message.ToolCalls) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// What the API would never send must end in an error, not in an answer that
// looks whole.
func TestBrokenAnswers(t *testing.T) {
	good := fakeapi.Events(full)
	start := func(block string) string {
		return "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":" + block + "}\n\n"
	}
	for name, events := range map[string][]string{
		"no beginning":         fakeapi.Without(good, "message_start"),
		"two beginnings":       slices.Insert(slices.Clone(good), 1, good[0]),
		"no usage":             fakeapi.Without(good, "message_delta"),
		"no block begins":      fakeapi.Without(good, "content_block_start"),
		"no block ends":        fakeapi.Without(good, "content_block_stop"),
		"a block begins twice": slices.Insert(slices.Clone(good), 1, start(`{"type":"text","text":""}`)),
		"a block goes on":      slices.Insert(slices.Clone(good), len(good)-2, good[3]),
		"no end":               good[:len(good)-1],
		"an event of no JSON":  slices.Insert(slices.Clone(good), 1, "event: content_block_delta\ndata: {\"type\":\n\n"),
		"no reason":            slices.Insert(fakeapi.Without(good, "message_delta"), len(good)-2, fakeapi.Event("message_delta", map[string]any{"type": "message_delta", "delta": map[string]any{"stop_reason": nil}, "usage": map[string]any{"output_tokens": 3}})),
		"no count":             slices.Insert(fakeapi.Without(good, "message_delta"), len(good)-2, fakeapi.Event("message_delta", map[string]any{"type": "message_delta", "delta": map[string]any{"stop_reason": "end_turn"}, "usage": map[string]any{}})),
	} {
		t.Run(name, func(t *testing.T) {
			server := fakeapi.New(t, fakeapi.Reply{Events: events})
			got, err := serve(t, server, map[string]any{"retries": 0}).Ask(t.Context(), ask("hello"))
			if code(err) != backend.Unavailable || got.Finish != "" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// Gateways send some things in other places than the API does.
func TestUsageInOtherShapes(t *testing.T) {
	begin := func(usage map[string]any) string {
		return fakeapi.Event("message_start", map[string]any{"type": "message_start", "message": map[string]any{"model": "m-1", "usage": usage}})
	}
	end := func(usage map[string]any) []string {
		return []string{
			fakeapi.Event("message_delta", map[string]any{"type": "message_delta", "delta": map[string]any{"stop_reason": "end_turn"}, "usage": usage}),
			fakeapi.Event("message_stop", map[string]any{"type": "message_stop"}),
		}
	}
	for name, c := range map[string]struct {
		begin, end map[string]any
		want       message.Usage
	}{
		"only at the beginning but output": {map[string]any{"input_tokens": 5, "cache_read_input_tokens": 6, "output_tokens": 1}, map[string]any{"output_tokens": 9}, message.Usage{Input: 5, CachedInput: 6, Output: 9}},
		"only at the end":                  {map[string]any{}, map[string]any{"input_tokens": 5, "cache_creation_input_tokens": 7, "output_tokens": 9}, message.Usage{Input: 5, CacheWrite: 7, Output: 9}},
		"the end replaces the beginning":   {map[string]any{"input_tokens": 900, "output_tokens": 1}, map[string]any{"input_tokens": 5, "output_tokens": 9}, message.Usage{Input: 5, Output: 9}},
		"lifetimes without their sum":      {map[string]any{"input_tokens": 5, "cache_creation": map[string]any{"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4}}, map[string]any{"output_tokens": 9}, message.Usage{Input: 5, CacheWrite: 7, CacheWrite1h: 4, Output: 9}},
		"nulls":                            {map[string]any{"input_tokens": 5, "cache_read_input_tokens": nil, "cache_creation": nil}, map[string]any{"output_tokens": 9, "input_tokens": nil, "output_tokens_details": nil}, message.Usage{Input: 5, Output: 9}},
		"a part larger than its whole":     {map[string]any{"input_tokens": 5, "cache_creation": map[string]any{"ephemeral_1h_input_tokens": 40}}, map[string]any{"output_tokens": 9, "cache_creation_input_tokens": 8, "output_tokens_details": map[string]any{"thinking_tokens": 50}}, message.Usage{Input: 5, CacheWrite: 8, CacheWrite1h: 8, Output: 9, Reasoning: 9}},
		"negative counts":                  {map[string]any{"input_tokens": -5}, map[string]any{"output_tokens": -9}, message.Usage{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := fakeapi.New(t, fakeapi.Reply{Events: append([]string{begin(c.begin)}, end(c.end)...)})
			got, err := serve(t, server, nil).Ask(t.Context(), ask("hello"))
			if err != nil || got.Usage != c.want || got.Model != "m-1" {
				t.Errorf("%+v, %v\nwant %+v", got.Usage, err, c.want)
			}
		})
	}
}

// Some gateways send a block's text or arguments with its beginning.
func TestBlocksThatBeginWhole(t *testing.T) {
	events := fakeapi.Events(fakeapi.Answer{Usage: fakeapi.Usage{Input: 1, Output: 1}, Stop: "tool_use"})
	block := func(i int, content string) string {
		n := string(rune('0' + i))
		return "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":" + n + ",\"content_block\":" + content + "}\n\n" +
			"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":" + n + "}\n\n"
	}
	events = slices.Insert(events, 1, block(0, `{"type":"text","text":"whole"}`), block(1, `{"type":"tool_use","id":"t1","name":"tide","input":{"port":"Køge"}}`),
		block(2, `{"type":"redacted_thinking","data":"abc"}`), block(3, `{"type":"server_tool_use","id":"s1","name":"web_search","input":{}}`))
	got, err := serve(t, fakeapi.New(t, fakeapi.Reply{Events: events}), nil).Ask(t.Context(), ask("hello"))
	if err != nil || got.Message.String() != "whole" || len(got.Message.ToolCalls) != 1 || string(got.Message.ToolCalls[0].Arguments) != `{"port":"Køge"}` {
		t.Errorf("%+v, %v", got.Message, err)
	}
}
