// Package fakeapi is an endpoint for tests that speaks OpenAI's API on
// 127.0.0.1: it plays prepared replies and writes down what it was asked. No
// model is behind it, and what it says is never evidence. It must not be lenient:
// a request that the API would refuse is answered as the API would.
//
//	server := fakeapi.New(t, fakeapi.Chat(fakeapi.Answer{Text: []string{"all ", "hands"}, Usage: usage}))
//	model, err := openai.New(map[string]any{"base_url": server.URL})
//	asked := server.Requests()[0].Body["messages"]
package fakeapi

import (
	"encoding/json"
	"strings"

	"github.com/plimsoll-dev/plimsoll/plugins/internal/fakehttp"
)

// Reply, Request and Server are those of every fake API.
type (
	Reply   = fakehttp.Reply
	Request = fakehttp.Request
	Server  = fakehttp.Server
)

// New starts a server that ends with the test; its URL ends with /v1.
func New(t fakehttp.TB, replies ...Reply) *Server {
	t.Helper()
	s := fakehttp.New(t, answer, replies...)
	s.URL += "/v1"
	return s
}

// answer is what the API says to a request that it refuses, nil to others.
func answer(r Request) *Reply {
	wrong := "We could not parse the JSON body of your request."
	if r.Body != nil {
		wrong = refuse(r)
	}
	if wrong == "" {
		return nil
	}
	return &Reply{Status: 400, Body: Failure(wrong, "invalid_request_error", "", "")}
}

// refuse says what the API would find wrong with a request.
func refuse(req Request) string {
	if req.Body["model"] == nil || req.Body["model"] == "" {
		return "you must provide a model parameter"
	}
	switch {
	case strings.HasSuffix(req.Path, "/chat/completions"):
		list, _ := req.Body["messages"].([]any)
		if len(list) == 0 {
			return "Invalid 'messages': empty array. Expected an array with minimum length 1."
		}
		for _, m := range list {
			if role := m.(map[string]any)["role"]; role != "system" && role != "user" && role != "assistant" && role != "tool" {
				return "Invalid value: 'messages[0].role'."
			}
		}
		if req.Body["tool_choice"] != nil && req.Body["tools"] == nil {
			return "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."
		}
	case strings.HasSuffix(req.Path, "/responses"):
		if list, _ := req.Body["input"].([]any); len(list) == 0 {
			return "Missing required parameter: 'input'."
		}
		for _, name := range []string{"stop", "seed", "messages", "max_tokens"} {
			if req.Body[name] != nil {
				return "Unknown parameter: '" + name + "'."
			}
		}
	}
	return ""
}

// Failure is the body of an error as the API writes it.
func Failure(text, kind, code, param string) string {
	null := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	raw, err := json.MarshalIndent(map[string]any{"error": map[string]any{"message": text, "type": kind, "param": null(param), "code": null(code)}}, "", "    ")
	if err != nil {
		panic(err) // strings are always JSON
	}
	return string(raw)
}
