package anthropic

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// The official client is the judge of the fake API: what it gathers from the
// fake's stream is what the fake meant to say, and it reads the fake's errors.
func TestTheOfficialClientReadsTheFake(t *testing.T) {
	server := fakeapi.New(t, fakeapi.Reply{Events: fakeapi.Events(full), Chunk: 3}, fakeapi.Failure(529, "overloaded_error", "Overloaded", nil))
	client := anthropic.NewMessageService(option.WithBaseURL(server.URL), option.WithAPIKey("k"), option.WithMaxRetries(0))
	params := anthropic.MessageNewParams{Model: "m", MaxTokens: 10, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hello"))}}
	stream := client.NewStreaming(t.Context(), params)
	var got anthropic.Message
	for stream.Next() {
		if err := got.Accumulate(stream.Current()); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if len(got.Content) != 4 || got.StopReason != anthropic.StopReasonToolUse || got.Model != "claude-haiku-4-5-20251001" {
		t.Fatalf("%+v", got)
	}
	u := got.Usage
	if got.Content[0].Thinking != strings.Join(full.Thinking, "") || got.Content[1].Text != strings.Join(full.Text, "") ||
		string(got.Content[2].Input) != `{"port":"Køge"}` || string(got.Content[3].Input) != `{}` {
		t.Errorf("%+v", got.Content)
	}
	if u.InputTokens != 11 || u.CacheReadInputTokens != 2000 || u.CacheCreationInputTokens != 300 || u.CacheCreation.Ephemeral1hInputTokens != 100 ||
		u.OutputTokens != 60 || u.OutputTokensDetails.ThinkingTokens != 20 {
		t.Errorf("%+v", u)
	}
	failed := client.NewStreaming(t.Context(), params)
	var apiError *anthropic.Error
	if failed.Next() || !errors.As(failed.Err(), &apiError) || apiError.Type() != anthropic.ErrorTypeOverloadedError || apiError.StatusCode != 529 {
		t.Errorf("%v", failed.Err())
	}
}

// The same call at the real API. It costs a fraction of a cent and runs only
// where somebody put a key for it.
func TestLive(t *testing.T) {
	if os.Getenv("ANTHROPIC_API_KEY") == "" {
		t.Skip("ANTHROPIC_API_KEY is not set: no call of the real API is made")
	}
	h := backend.NewHarness(t, New, map[string]any{"max_output": 200})
	name := os.Getenv("PLIMSOLL_LIVE_ANTHROPIC_MODEL")
	if name == "" {
		name = anthropic.ModelClaudeHaiku4_5
	}
	req := message.Request{
		Model: name, Messages: []message.Message{message.Text(message.System, "Answer in JSON."), message.Text(message.User, "Which planet is the third from the sun?")},
		ResponseSchema: []byte(`{"type":"object","properties":{"planet":{"type":"string"}},"required":["planet"]}`),
	}
	got, err := h.Ask(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got.Finish != message.FinishStop || !strings.Contains(got.Message.String(), "Earth") || got.Usage.Output == 0 || got.Usage.Prompt() == 0 || !strings.HasPrefix(got.Model, "claude") {
		t.Errorf("%+v", got)
	}
	req.ResponseSchema = nil
	req.Tools, req.ToolChoice.Mode = []message.ToolDef{{Name: "planet", Schema: []byte(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`)}}, "required"
	got, err = h.Ask(t.Context(), req)
	if err != nil || got.Finish != message.FinishTools || len(got.Message.ToolCalls) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	req.Model = "claude-none"
	if _, err = h.Ask(t.Context(), req); code(err) != backend.InvalidRequest {
		t.Errorf("an unknown model: %v", err)
	}
}
