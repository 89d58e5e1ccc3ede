package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ask is what of a request's body matters.
type ask struct {
	Model         string          `json:"model"`
	Prompt        json.RawMessage `json:"prompt"`
	PromptIDs     []int           `json:"prompt_token_ids"`
	Messages      []turn          `json:"messages"`
	MaxTokens     *int            `json:"max_tokens"`
	MaxCompletion *int            `json:"max_completion_tokens"`
	Stream        bool            `json:"stream"`
	StreamOptions struct {
		IncludeUsage    bool `json:"include_usage"`
		ContinuousUsage bool `json:"continuous_usage_stats"`
	} `json:"stream_options"`
	IgnoreEOS *bool `json:"ignore_eos"`
	MinTokens *int  `json:"min_tokens"`

	chat   bool
	input  int // tokens
	output int
	words  int
}

type turn struct {
	Content json.RawMessage `json:"content"`
}

// read understands the body of a request, or says what is wrong with it.
func (e *Engine) read(r *http.Request, chat bool) (ask, int, error) {
	var a ask
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20+1))
	if err != nil {
		return a, http.StatusBadRequest, fmt.Errorf("reading the request: %w", err)
	}
	if len(body) > 64<<20 {
		return a, http.StatusRequestEntityTooLarge, errors.New("the request is longer than 64 MiB")
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return a, http.StatusBadRequest, fmt.Errorf("the request is no JSON of the right shape: %w", err)
	}
	a.chat = chat
	if !slices.Contains(e.launch.Served, a.Model) {
		return a, http.StatusNotFound, fmt.Errorf("The model `%s` does not exist.", a.Model) // vLLM's own words
	}
	if e.script.RefuseExtras && (a.IgnoreEOS != nil || a.MinTokens != nil || a.PromptIDs != nil) {
		return a, http.StatusBadRequest, errors.New("Unrecognized request argument supplied: ignore_eos") // OpenAI's own words
	}
	if err := e.count(&a); err != nil {
		return a, http.StatusBadRequest, err
	}
	a.output = 16
	for _, n := range []*int{a.MaxTokens, a.MaxCompletion} {
		if n != nil {
			a.output = *n
		}
	}
	if a.output < 1 || a.output > 1<<20 {
		return a, http.StatusBadRequest, fmt.Errorf("max_tokens must be at least 1, got %d", a.output)
	}
	if e.script.OutputTokens > 0 {
		a.output = e.script.OutputTokens
	}
	return a, 0, nil
}

// count the tokens of the prompt.
func (e *Engine) count(a *ask) error {
	text := ""
	var ids []int
	switch {
	case a.chat:
		for _, m := range a.Messages {
			var s string
			if json.Unmarshal(m.Content, &s) == nil {
				text += " " + s
			}
		}
		a.input = e.script.Template
	case a.PromptIDs != nil:
		ids = a.PromptIDs
	case json.Unmarshal(a.Prompt, &ids) == nil:
	case json.Unmarshal(a.Prompt, &text) == nil:
	default:
		return errors.New("prompt is neither a text nor a list of token ids")
	}
	if ids != nil && e.script.RefuseIDs {
		return errors.New("this server takes no token ids")
	}
	a.words = len(strings.Fields(text))
	a.input += len(ids) + int(math.Round(float64(a.words)*e.script.TokensPerWord))
	return nil
}

// generate answers one request as the script says.
func (e *Engine) generate(w http.ResponseWriter, r *http.Request, chat bool) {
	arrived := time.Now()
	n, leave, ok := e.enter(r)
	if !ok {
		return
	}
	admitted := time.Now()
	defer leave()
	a, status, err := e.read(r, chat)
	if err != nil {
		kind := "BadRequestError"
		if status == http.StatusNotFound {
			kind = "NotFoundError"
		}
		refuse(w, status, kind, err.Error())
		return
	}
	p := e.plan(n, a, r.Header.Get("X-Request-Id"), arrived, admitted)
	defer func() { e.truth.add(p.truth); e.metrics.done(p.truth) }()
	if e.before(w, r, p) {
		return
	}
	if !a.Stream || p.is("not-stream") {
		e.whole(w, r, p)
		return
	}
	e.stream(w, r, p)
}

// before does the faults that come instead of an answer, and tells whether one did.
func (e *Engine) before(w http.ResponseWriter, r *http.Request, p *plan) bool {
	switch p.kind() {
	case "hang":
		p.pause(r, time.Duration(p.fault.For))
		p.truth.End = "hang"
		return p.fault.For == 0
	case "429":
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, "RateLimitError", "too many requests")
	case "500":
		refuse(w, http.StatusInternalServerError, "InternalServerError", "EngineCore encountered an issue. See stack trace (above) for the root cause.")
	case "503":
		refuse(w, http.StatusServiceUnavailable, "ServiceUnavailableError", "the server is overloaded")
	case "404":
		refuse(w, http.StatusNotFound, "NotFoundError", "The model `"+p.ask.Model+"` does not exist.")
	default:
		return false
	}
	p.truth.End = p.kind()
	return true
}

// whole answers without a stream: one JSON after all the delays.
func (e *Engine) whole(w http.ResponseWriter, r *http.Request, p *plan) {
	last := p.offset(e, p.chunks()-1)
	if !p.until(r, p.admitted.Add(last)) {
		p.truth.End = "left"
		return
	}
	text := strings.Repeat(word, p.ask.output)
	choice := map[string]any{"index": 0, "finish_reason": "length", "text": text}
	object, id := "text_completion", "cmpl-"
	if p.ask.chat {
		choice = map[string]any{"index": 0, "finish_reason": "length", "message": map[string]any{"role": "assistant", "content": text}}
		object, id = "chat.completion", "chatcmpl-"
	}
	body := map[string]any{"id": fmt.Sprint(id, p.truth.N), "object": object, "created": p.created, "model": p.model, "choices": []any{choice}}
	if e.script.Usage != UsageNever && !p.is("no-usage") {
		body["usage"] = p.usage(p.ask.output)
	}
	p.truth.sent(0)
	p.truth.Tokens, p.truth.Last, p.truth.End = p.ask.output, last.Seconds(), "whole"
	answer(w, http.StatusOK, body)
}

// word is a token's text.
const word = " tide"

// shape has the chunks of a request's stream, all but what varies in it.
func (p *plan) shape() (role, head, tail []byte) {
	object, id := "text_completion", "cmpl-"
	if p.ask.chat {
		object, id = "chat.completion.chunk", "chatcmpl-"
	}
	model, _ := json.Marshal(p.model)
	start := fmt.Sprintf(`data: {"id":"%s%d","object":"%s","created":%d,"model":%s,"choices":[{"index":0,`, id, p.truth.N, object, p.created, model)
	if p.ask.chat {
		return []byte(start + `"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]`), []byte(start + `"delta":{"content":"`), []byte(`"},"logprobs":null,"finish_reason":`)
	}
	return nil, []byte(start + `"text":"`), []byte(`","logprobs":null,"finish_reason":`)
}

func (p *plan) usage(tokens int) map[string]int {
	return map[string]int{"prompt_tokens": p.ask.input, "total_tokens": p.ask.input + tokens, "completion_tokens": tokens}
}

// usageEvent is the chunk without choices that ends an answer.
func (p *plan) usageEvent(tokens int) []byte {
	var b bytes.Buffer
	model, _ := json.Marshal(p.model)
	usage, _ := json.Marshal(p.usage(tokens))
	fmt.Fprintf(&b, "data: {\"id\":\"cmpl-%d\",\"object\":\"chat.completion.chunk\",\"created\":%d,\"model\":%s,\"choices\":[],\"usage\":%s}\n\n", p.truth.N, p.created, model, usage)
	return b.Bytes()
}
