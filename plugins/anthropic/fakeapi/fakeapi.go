// Package fakeapi is an endpoint for tests that speaks Anthropic's Messages API
// on 127.0.0.1. It plays prepared replies and counts tokens by bytes. No model is
// behind it, and what it says is never evidence. It must not be lenient: a
// request that the API would refuse is answered as the API would.
//
//	server := fakeapi.New(t, fakeapi.Message(fakeapi.Answer{Text: []string{"all ", "hands"}, Usage: usage}))
//	model, err := anthropic.New(map[string]any{"base_url": server.URL})
//	asked := server.Requests()[0].Body["messages"]
package fakeapi

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/plimsoll-dev/plimsoll/plugins/internal/fakehttp"
)

// Reply, Request and Server are those of every fake API.
type (
	Reply   = fakehttp.Reply
	Request = fakehttp.Request
	Server  = fakehttp.Server
)

// New starts a server that ends with the test.
func New(t fakehttp.TB, replies ...Reply) *Server { return fakehttp.New(t, refuse, replies...) }

// Failure is an error as the API writes it.
func Failure(status int, kind, text string, header map[string]string) Reply {
	return Reply{Status: status, Header: header, Body: failure(kind, text)}
}

func failure(kind, text string) string {
	return encode(object{"type": "error", "error": object{"type": kind, "message": text}, "request_id": "req_011CFakeFakeFake"})
}

type object = map[string]any

func encode(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // the values are this package's own
	}
	return string(raw)
}

// refuse answers what the API would refuse, and what it answers without a model.
func refuse(r Request) *Reply {
	no := func(status int, kind, text string) *Reply {
		reply := Failure(status, kind, text, map[string]string{"X-Should-Retry": "false"})
		return &reply
	}
	counting := r.Path == "/v1/messages/count_tokens"
	switch {
	case r.Path != "/v1/messages" && !counting:
		return no(404, "not_found_error", "Not found")
	case r.Header.Get("X-Api-Key") == "" && r.Header.Get("Authorization") == "":
		return no(401, "authentication_error", "x-api-key header is required")
	case r.Header.Get("Anthropic-Version") == "":
		return no(400, "invalid_request_error", "anthropic-version: header is required")
	case r.Body == nil:
		return no(400, "invalid_request_error", "The request body is not valid JSON")
	}
	if wrong := check(r.Body, counting); wrong != "" {
		return no(400, "invalid_request_error", wrong)
	}
	if counting {
		return &Reply{Body: encode(object{"input_tokens": len(r.Raw)})}
	}
	return nil
}

// known are the fields of a request. Any other one is refused.
var known = []string{
	"model", "messages", "max_tokens", "system", "temperature", "top_p", "top_k", "stop_sequences", "stream", "tools", "tool_choice",
	"thinking", "output_config", "metadata", "service_tier", "cache_control", "container", "inference_geo", "speed",
}

var (
	toolID   = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
)

func check(body object, counting bool) string {
	for name := range body {
		if !slices.Contains(known, name) || counting && slices.Contains([]string{"max_tokens", "temperature", "top_p", "stop_sequences", "stream"}, name) {
			return name + ": Extra inputs are not permitted"
		}
	}
	if s, _ := body["model"].(string); s == "" {
		return "model: Field required"
	}
	most, _ := body["max_tokens"].(float64)
	if !counting && most < 1 {
		return "max_tokens: Field required"
	}
	for _, name := range []string{"temperature", "top_p"} {
		if v, ok := body[name].(float64); ok && (v < 0 || v > 1) {
			return name + ": range: 0..1"
		}
	}
	if n := marks(body); n > 4 {
		return fmt.Sprintf("A maximum of 4 blocks with cache_control may be provided. Found %d.", n)
	}
	for _, check := range []func(object) string{checkSystem, checkMessages, checkTools, checkFormat} {
		if wrong := check(body); wrong != "" {
			return wrong
		}
	}
	thinking, _ := body["thinking"].(object)
	choice, _ := body["tool_choice"].(object)
	on := thinking["type"] == "enabled" || thinking["type"] == "adaptive"
	if on && (choice["type"] == "any" || choice["type"] == "tool") {
		return "Thinking may not be enabled when tool_choice forces tool use."
	}
	if budget, _ := thinking["budget_tokens"].(float64); thinking["type"] == "enabled" && !counting && (budget < 1024 || budget >= most) {
		return "`max_tokens` must be greater than `thinking.budget_tokens`."
	}
	return ""
}

// marks counts the blocks with cache_control, wherever they stand.
func marks(v any) int {
	n := 0
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			n += marks(e)
		}
	case object:
		for k, e := range v {
			if k == "cache_control" {
				n++
			} else if k != "input" && k != "input_schema" {
				n += marks(e)
			}
		}
	}
	return n
}

func checkSystem(body object) string {
	list, _ := body["system"].([]any)
	for _, b := range list {
		if b.(object)["text"] == "" {
			return "system: text content blocks must be non-empty"
		}
	}
	return ""
}

// checkMessages checks the turns, and that every call has its result right
// after it.
func checkMessages(body object) string {
	list, _ := body["messages"].([]any)
	if len(list) == 0 {
		return "messages: at least one message is required"
	}
	var open []string
	for i, m := range list {
		msg, _ := m.(object)
		role, blocks := msg["role"], blocks(msg["content"])
		if role != "user" && role != "assistant" && role != "system" {
			return fmt.Sprintf("messages.%d.role: Input should be 'user' or 'assistant'", i)
		}
		if role == "system" && i == 0 {
			return `messages: Unexpected role "system". The Messages API accepts a top-level 'system' parameter.`
		}
		if len(blocks) == 0 {
			return fmt.Sprintf("messages.%d: all messages must have non-empty content", i)
		}
		var calls []string
		for _, b := range blocks {
			id, _ := b["id"].(string)
			of, _ := b["tool_use_id"].(string)
			switch b["type"] {
			case "text":
				if b["text"] == "" {
					return "messages: text content blocks must be non-empty"
				}
			case "tool_use":
				if input, ok := b["input"].(object); !ok || input == nil || !toolID.MatchString(id) || role != "assistant" {
					return fmt.Sprintf("messages.%d.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", i)
				}
				calls = append(calls, id)
			case "tool_result":
				at := slices.Index(open, of)
				if at < 0 || role != "user" {
					return fmt.Sprintf("messages.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s", i, of)
				}
				open = slices.Delete(open, at, at+1)
			default:
				return fmt.Sprintf("messages.%d.content: Input tag '%v' is not known", i, b["type"])
			}
		}
		if len(open) > 0 {
			return fmt.Sprintf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s", i-1, open[0])
		}
		open = calls
	}
	return ""
}

func blocks(v any) []object {
	if s, ok := v.(string); ok && s != "" {
		return []object{{"type": "text", "text": s}}
	}
	list, _ := v.([]any)
	var out []object
	for _, b := range list {
		o, _ := b.(object)
		out = append(out, o)
	}
	return out
}

func checkTools(body object) string {
	list, _ := body["tools"].([]any)
	choice, chosen := body["tool_choice"].(object)
	if chosen && len(list) == 0 {
		return "tool_choice: may only be specified while providing tools"
	}
	found := choice["type"] != "tool"
	for i, t := range list {
		tool, _ := t.(object)
		name, _ := tool["name"].(string)
		if !toolName.MatchString(name) {
			return fmt.Sprintf("tools.%d.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", i)
		}
		if schema, _ := tool["input_schema"].(object); schema["type"] != "object" {
			return fmt.Sprintf("tools.%d.custom.input_schema.type: Field required", i)
		}
		found = found || name == choice["name"]
	}
	if !found {
		return fmt.Sprintf("Tool '%v' not found in provided tools", choice["name"])
	}
	return ""
}

func checkFormat(body object) string {
	config, _ := body["output_config"].(object)
	format, ok := config["format"].(object)
	if !ok {
		return ""
	}
	if format["type"] != "json_schema" {
		return "output_config.format.type: Field required"
	}
	return checkSchema(format["schema"])
}

// checkSchema refuses what constrained decoding does not take.
func checkSchema(v any) string {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if wrong := checkSchema(e); wrong != "" {
				return wrong
			}
		}
	case object:
		if v["type"] == "object" && v["additionalProperties"] != false {
			return "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
		}
		for _, word := range []string{"minimum", "maximum", "minLength", "maxLength", "maxItems", "oneOf", "patternProperties"} {
			if _, ok := v[word]; ok {
				return fmt.Sprintf("output_config.format.schema: For '%v' type, property '%s' is not supported", v["type"], word)
			}
		}
		for k, e := range v {
			if k == "properties" || k == "$defs" {
				named, _ := e.(object)
				for _, s := range named {
					if wrong := checkSchema(s); wrong != "" {
						return wrong
					}
				}
			} else if wrong := checkSchema(e); wrong != "" && k != "enum" && k != "const" {
				return wrong
			}
		}
	}
	return ""
}
