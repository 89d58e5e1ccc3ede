package openai

import (
	"os"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// The official client, used as its authors mean it, reads the fake server's
// streams without a complaint and reads the same out of them as this backend.
func TestTheOfficialClientAgrees(t *testing.T) {
	for name, a := range map[string]fakeapi.Answer{
		"text":    {Text: []string{"The ", "mark"}, Usage: fakeapi.Usage{Prompt: 50, Cached: 20, Output: 8, Reasoning: 4}},
		"calls":   {Text: []string{"Looking."}, Calls: []fakeapi.Call{{ID: "c1", Name: "f", Arguments: []string{`{"a"`, `:1}`}}, {ID: "c2", Name: "g", Arguments: []string{`{}`}}}, Usage: fakeapi.Usage{Prompt: 5, Output: 8}},
		"refusal": {Refusal: []string{"I ", "won't."}, Usage: fakeapi.Usage{Prompt: 5, Output: 8}},
	} {
		t.Run(name+"/chat", func(t *testing.T) {
			s := fakeapi.New(t, fakeapi.Chat(a))
			client := openai.NewClient(option.WithBaseURL(s.URL), option.WithAPIKey(testKey), option.WithMaxRetries(0))
			stream := client.Chat.Completions.NewStreaming(t.Context(), openai.ChatCompletionNewParams{Model: "m", Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("x")}})
			var acc openai.ChatCompletionAccumulator
			for stream.Next() {
				if !acc.AddChunk(stream.Current()) {
					t.Fatal("the client cannot add a chunk")
				}
			}
			if err := stream.Err(); err != nil || len(acc.Choices) != 1 {
				t.Fatal(err)
			}
			got, err := serve(t, s, map[string]any{"api": "chat"}).Ask(t.Context(), ask("x"))
			if err != nil {
				t.Fatal(err)
			}
			m := acc.Choices[0].Message
			if m.Content+m.Refusal != got.Message.String() || len(m.ToolCalls) != len(got.Message.ToolCalls) || acc.Model != got.Model ||
				acc.Usage.PromptTokens != got.Usage.Prompt() || acc.Usage.PromptTokensDetails.CachedTokens != got.Usage.CachedInput ||
				acc.Usage.CompletionTokens != got.Usage.Output || acc.Usage.CompletionTokensDetails.ReasoningTokens != got.Usage.Reasoning {
				t.Errorf("the client reads %+v, the backend %+v", acc.ChatCompletion, got)
			}
			for i, c := range m.ToolCalls {
				ours := got.Message.ToolCalls[i]
				if c.ID != ours.ID || c.Function.Name != ours.Name || c.Function.Arguments != string(ours.Arguments) {
					t.Errorf("the client reads %+v, the backend %+v", c, ours)
				}
			}
		})
		t.Run(name+"/responses", func(t *testing.T) {
			s := fakeapi.New(t, fakeapi.Response(a))
			client := openai.NewClient(option.WithBaseURL(s.URL), option.WithAPIKey(testKey), option.WithMaxRetries(0))
			stream := client.Responses.NewStreaming(t.Context(), responses.ResponseNewParams{Model: "m", Input: responses.ResponseNewParamsInputUnion{
				OfInputItemList: responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage("x", responses.EasyInputMessageRoleUser)},
			}})
			var final responses.Response
			for stream.Next() {
				if e := stream.Current(); e.Type == "response.completed" {
					final = e.AsResponseCompleted().Response
				}
			}
			if err := stream.Err(); err != nil || final.ID == "" {
				t.Fatal(final, err)
			}
			got, err := serve(t, s, nil).Ask(t.Context(), ask("x"))
			if err != nil {
				t.Fatal(err)
			}
			if a.Refusal == nil && final.OutputText() != got.Message.String() || final.Usage.InputTokens != got.Usage.Prompt() ||
				final.Usage.OutputTokens != got.Usage.Output || final.Model != got.Model {
				t.Errorf("the client reads %+v, the backend %+v", final, got)
			}
			var calls []responses.ResponseFunctionToolCall
			for _, item := range final.Output {
				if item.Type == "function_call" {
					calls = append(calls, item.AsFunctionCall())
				}
			}
			if len(calls) != len(got.Message.ToolCalls) {
				t.Fatalf("the client reads %d calls, the backend %d", len(calls), len(got.Message.ToolCalls))
			}
			for i, c := range calls {
				if ours := got.Message.ToolCalls[i]; c.CallID != ours.ID || c.Name != ours.Name || c.Arguments != string(ours.Arguments) {
					t.Errorf("the client reads %+v, the backend %+v", c, ours)
				}
			}
		})
	}
}

// TestLive asks OpenAI itself, where a key is at hand. It costs a few tokens.
func TestLive(t *testing.T) {
	if os.Getenv(defaultKeyEnv) == "" {
		t.Skip("no " + defaultKeyEnv + " in the environment: OpenAI is not asked")
	}
	name := or(os.Getenv("PLIMSOLL_LIVE_OPENAI_MODEL"), "gpt-5.4-nano")
	for _, api := range []string{apiChat, apiResponses} {
		t.Run(api, func(t *testing.T) {
			h := backend.NewHarness(t, New, map[string]any{"api": api, "timeout_seconds": 60})
			req := message.Request{Model: name, Messages: []message.Message{message.Text(message.User, "Say the one word: aye")}, Sampling: message.Sampling{MaxOutput: 512}}
			r, err := h.Ask(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.ToLower(r.Message.String()), "aye") || r.Usage.Prompt() == 0 || r.Usage.Output == 0 || !strings.HasPrefix(r.Model, name) {
				t.Errorf("%+v", r)
			}
			req.Tools = []message.ToolDef{{Name: "report", Description: "reports the weather", Schema: []byte(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`)}}
			req.ToolChoice.Mode = modeRequired
			if r, err = h.Ask(t.Context(), req); err != nil || len(r.Message.ToolCalls) == 0 || r.Finish != message.FinishTools {
				t.Errorf("%+v, %v", r, err)
			}
			req.Model = "no-such-model"
			if _, err = h.Ask(t.Context(), req); code(err) != backend.InvalidRequest && code(err) != backend.Auth {
				t.Errorf("a model that is none: %v", err)
			}
		})
	}
}
