package connector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/connector/wire"
)

// asking is what a call has for the questions that a server asks during it.
type asking struct {
	answer func(ctx context.Context, method string, params json.RawMessage) (any, error)
}

func (a Asker) any() bool { return a.Elicit != nil || a.Sample != nil || a.Roots != nil }

var errCannot = errors.New("cannot be asked for that")

// answer asks whoever called.
func (a Asker) answer(ctx context.Context, method string, params json.RawMessage) (any, error) {
	switch method {
	case "elicitation/create":
		var p mcp.ElicitParams
		if a.Elicit == nil {
			return nil, errCannot
		}
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, fmt.Errorf("the parameters of %s: %w", method, err)
		}
		return a.Elicit(ctx, &p)
	case "sampling/createMessage":
		var p mcp.CreateMessageWithToolsParams
		if a.Sample == nil {
			return nil, errCannot
		}
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, fmt.Errorf("the parameters of %s: %w", method, err)
		}
		return a.Sample(ctx, &p)
	case "roots/list":
		if a.Roots == nil {
			return nil, errCannot
		}
		return a.Roots(ctx)
	}
	return nil, errCannot
}

// declares tells whether capabilities hold anything that a server can ask for.
func declares(c *mcp.ClientCapabilities) bool {
	return c != nil && (c.Elicitation != nil || c.Sampling != nil || c.RootsV2 != nil)
}

// capabilities are what a server is told: what the caller declared, or what the
// Asker can answer. Nothing else of the caller's reaches a server.
func capabilities(c *mcp.ClientCapabilities, a Asker) json.RawMessage {
	out := map[string]any{}
	switch {
	case declares(c):
		if c.Elicitation != nil {
			out["elicitation"] = c.Elicitation
		}
		if c.Sampling != nil {
			out["sampling"] = c.Sampling
		}
		if c.RootsV2 != nil {
			out["roots"] = map[string]any{} // changes of roots are not announced upstream
		}
	case a.any():
		if a.Elicit != nil {
			out["elicitation"] = map[string]any{"form": map[string]any{}}
		}
		if a.Sample != nil {
			out["sampling"] = map[string]any{}
		}
		if a.Roots != nil {
			out["roots"] = map[string]any{}
		}
	}
	b, err := json.Marshal(out) // sorted, so that equal sets share a lane
	if err != nil {
		return json.RawMessage("{}")
	}
	return b
}

// asked answers a question that a server of 2025-11-25 asks.
func (c *Connector) asked(ctx context.Context, l *lane, from *wire.Request, method string, params json.RawMessage) (any, *wire.Answer) {
	ask := (func(context.Context, string, json.RawMessage) (any, error))(nil)
	if from != nil {
		if a, ok := from.Owner.(*asking); ok && a != nil {
			ask = a.answer
		}
	}
	if ask == nil { // of a session that has this lane to itself
		c.mu.Lock()
		for v := range c.views {
			if v.lane == l {
				ask = v.o.Ask.answer
			}
		}
		c.mu.Unlock()
	}
	if ask == nil {
		return nil, &wire.Answer{Code: wire.CodeNoMethod, Message: "there is nobody who could answer " + wire.Show(method, 60) + " now"}
	}
	result, err := ask(ctx, method, params)
	switch {
	case errors.Is(err, errCannot):
		return nil, &wire.Answer{Code: wire.CodeNoMethod, Message: "the caller cannot be asked for " + wire.Show(method, 60)}
	case err != nil:
		var e *wire.Answer
		if errors.As(err, &e) {
			return nil, e
		}
		return nil, &wire.Answer{Code: wire.CodeInternal, Message: wire.Show(err.Error(), 500)}
	}
	return result, nil
}

// answerAll asks the caller at once for what a server of 2026-07-28 wants, and
// makes the next round of it.
func (k *invocation) answerAll(ctx context.Context, res *Result) error {
	var v struct {
		Requests map[string]struct {
			Method string          `json:"method"`
			Params json.RawMessage `json:"params"`
		} `json:"inputRequests"`
		State string `json:"requestState"`
	}
	if err := json.Unmarshal(res.Raw, &v); err != nil {
		return &Error{Kind: Protocol, Connector: k.c.config.Name, Text: fmt.Sprintf("what it asks for cannot be read: %v", err)}
	}
	if len(v.Requests) > maxQuestions {
		return &Error{Kind: Flood, Connector: k.c.config.Name, Text: fmt.Sprintf("it asks %d questions at once, %d are allowed", len(v.Requests), maxQuestions)}
	}
	k.o.InputResponses, k.o.RequestState = mcp.InputResponseMap{}, v.State
	for id, q := range v.Requests {
		answer, err := k.o.Ask.answer(ctx, q.Method, q.Params)
		if err != nil {
			return &Error{Kind: BadInput, Connector: k.c.config.Name, Text: fmt.Sprintf("it asks the caller for %s: %v", wire.Show(q.Method, 60), err)}
		}
		r, ok := answer.(mcp.InputResponse)
		if !ok {
			return &Error{Kind: BadInput, Connector: k.c.config.Name, Text: "the answer to " + wire.Show(q.Method, 60) + " has no known form"}
		}
		k.o.InputResponses[id] = r
	}
	return nil
}
