package mcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// The four tools. Nothing in them depends on the caller, the catalogue or the
// moment: a client's prompt cache holds for as long as it runs one version of
// Plimsoll. Their definitions stay within 2 kB (a golden file), descriptions and
// schemas together, and are listed by name.
var metaTools = []metaTool{
	{
		name:  "call_tool",
		text:  "Call one tool found with find. approval: id from an earlier answer, once a person approved.",
		input: `{"type":"object","properties":{"tool":{"type":"string"},"arguments":{"type":"object"},"approval":{"type":"string"}},"required":["tool"],"additionalProperties":false}`,
		hints: `{"destructiveHint":true,"openWorldHint":true}`,
	},
	{
		name:   "describe",
		text:   "Input and output schemas of skills and tools by name. Read before the first use.",
		input:  `{"type":"object","properties":{"names":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":20}},"required":["names"],"additionalProperties":false}`,
		output: `{"type":"object","properties":{"items":{"type":"array","items":{"type":"object"}}},"required":["items"]}`,
		hints:  `{"readOnlyHint":true,"idempotentHint":true,"openWorldHint":false}`,
	},
	{
		name:   "find",
		text:   "Find skills and tools for the next step. Search at every step, in plain words, several queries at once. No hit means none fits.",
		input:  `{"type":"object","properties":{"queries":{"type":"array","items":{"type":"string"},"minItems":1,"maxItems":10},"limit":{"type":"integer","minimum":1,"maximum":50,"default":5},"kind":{"enum":["skill","tool"]}},"required":["queries"],"additionalProperties":false}`,
		output: `{"type":"object","properties":{"hits":{"type":"array","items":{"type":"object"}},"note":{"type":"string"}},"required":["hits"]}`,
		hints:  `{"readOnlyHint":true,"idempotentHint":true,"openWorldHint":false}`,
	},
	{
		name:  "run_skill",
		text:  "Run one skill found with find. input: an object that fits its schema.",
		input: `{"type":"object","properties":{"skill":{"type":"string"},"input":{"type":"object"}},"required":["skill"],"additionalProperties":false}`,
		hints: `{"destructiveHint":true,"openWorldHint":true}`,
	},
}

type metaTool struct{ name, text, input, output, hints string }

func (t metaTool) definition() (*sdk.Tool, error) {
	d := &sdk.Tool{Name: t.name, Description: t.text, InputSchema: json.RawMessage(t.input), Annotations: &sdk.ToolAnnotations{}}
	if t.output != "" {
		d.OutputSchema = json.RawMessage(t.output)
	}
	if err := json.Unmarshal([]byte(t.hints), d.Annotations); err != nil {
		return nil, fmt.Errorf("mcp: annotations of %s: %w", t.name, err)
	}
	return d, nil
}

// Bounds of what a meta-tool takes; the schemas say the same.
const (
	maxQueries = 10
	maxQuery   = 4 << 10 // bytes of one
	maxNames   = 20
	maxName    = 256 // bytes of one name
	maxLimit   = 50
	anyLimit   = 5 // when the caller gives none
)

const instructions = "Behind this server are many skills and tools, and none of them is listed. " +
	"At every step: find what the step needs, describe it once, then run_skill or call_tool. " +
	"When find has no hit, nothing fits: do the step yourself or ask."

// meta is the endpoint at /mcp.
type meta struct {
	config Config
	shared *sdk.Server // of stateless requests
}

func newMeta(c Config) (*meta, error) {
	m := &meta{config: c}
	shared, err := m.server("")
	if err != nil {
		return nil, err
	}
	m.shared = shared
	return m, nil
}

func (m *meta) session(_ context.Context, v *visit, _ Hello) (*sdk.Server, func(), error) {
	s, err := m.server(v.session)
	if err != nil {
		return nil, nil, err
	}
	if v.live != nil {
		s.AddReceivingMiddleware(alive(v))
	}
	return s, func() {}, nil
}

func (m *meta) request(context.Context, *visit, Hello, *probe) (*sdk.Server, func(), error) {
	return m.shared, func() {}, nil
}

// listTTL is how long a client may keep a list of skills: what it shows changes
// when somebody edits a skill, and being late by so much costs nothing.
const listTTL = 60_000 // ms

// toolsTTL is how long it may keep the tools: they never change.
const toolsTTL = 24 * 3600_000 // ms

func (m *meta) server(id string) (*sdk.Server, error) {
	caps := &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}}
	if m.config.Library != nil {
		caps.Prompts = &sdk.PromptCapabilities{}
		caps.Resources = &sdk.ResourceCapabilities{}
		caps.AddExtension(skillsExtension, map[string]any{"directoryRead": true})
	}
	s := sdk.NewServer(&sdk.Implementation{Name: "plimsoll", Title: "Plimsoll", Version: m.config.Version}, &sdk.ServerOptions{
		Capabilities: caps,
		Instructions: instructions,
		GetSessionID: func() string { return id },
		SetCacheable: func(_ context.Context, req sdk.Request, c *sdk.Cacheable) {
			if _, ok := req.(*sdk.ListToolsRequest); ok {
				*c = sdk.Cacheable{TTLMs: toolsTTL, CacheScope: "public"}
				return
			}
			// What else is said is said to one principal.
			c.CacheScope = "private"
		},
	})
	for _, t := range metaTools {
		d, err := t.definition()
		if err != nil {
			return nil, err
		}
		s.AddTool(d, m.tool)
	}
	s.AddReceivingMiddleware(m.receive)
	s.AddSendingMiddleware(asItCame)
	if m.config.Library != nil {
		if err := m.shelve(s); err != nil {
			return nil, err
		}
	}
	s.AddReceivingMiddleware(measured(m.config.Recorder, ""))
	return s, nil
}

// tool is a call of one of the four.
func (m *meta) tool(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	v := visitOf(ctx)
	if v == nil {
		return nil, errors.New("mcp: a call that nobody made")
	}
	c := v.caller(ctx, req)
	var res *sdk.CallToolResult
	var err error
	switch req.Params.Name {
	case "find":
		res, err = m.find(ctx, c, req)
	case "describe":
		res, err = m.describe(ctx, c, req)
	case "run_skill":
		res, err = m.runSkill(ctx, c, req)
	default:
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "there is no such tool; this server has find, describe, run_skill and call_tool"}
	}
	if err == nil {
		return res, nil
	}
	problem, err := m.problem(ctx, req.Params.Name, err)
	if err != nil {
		return nil, err
	}
	return typed(problemResult(problem))
}

// problem is what an agent is told of an error; the error is for what belongs
// to the protocol.
func (m *meta) problem(ctx context.Context, tool string, err error) (*Problem, error) {
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		return nil, wire
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var p *Problem
	if errors.As(err, &p) {
		return p, nil
	}
	m.log("a call failed", "tool", tool, "error", err)
	return &Problem{Code: CodeFailed, What: "The call failed inside Plimsoll.", Next: "Try again; if it stays, tell the operator: the log says why."}, nil
}

func (m *meta) log(text string, pairs ...any) {
	if m.config.Log != nil {
		m.config.Log.Error(text, pairs...)
	}
}

// receive takes calls of call_tool before the SDK does: its result type would
// drop what it does not know of an upstream's result.
func (m *meta) receive(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
		call, ok := req.(*sdk.CallToolRequest)
		v := visitOf(ctx)
		if !ok || v == nil || call.Params.Name != "call_tool" {
			return next(ctx, method, req)
		}
		raw, err := m.callTool(ctx, v.caller(ctx, req), call)
		if err != nil {
			problem, err := m.problem(ctx, call.Params.Name, err)
			if err != nil {
				return nil, err
			}
			raw = problemResult(problem)
		}
		body, err := readObject(raw)
		if err != nil {
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "the tool's result is " + err.Error()}
		}
		revision := rev2025
		if stateless(call.Session) {
			revision = rev2026
		}
		return &reply{body: dress(body, method, revision)}, nil
	}
}

// arguments reads the arguments strictly: a misspelt member would otherwise pass
// in silence.
func arguments(req *sdk.CallToolRequest, into any) error {
	raw := bytes.TrimSpace(req.Params.Arguments)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		raw = []byte("{}")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return invalid("The arguments of %s cannot be read: %s.", req.Params.Name, strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return invalid("The arguments of %s are more than one JSON object.", req.Params.Name)
	}
	return nil
}

func invalid(format string, args ...any) *Problem {
	return &Problem{Code: CodeInvalid, What: fmt.Sprintf(format, args...), Next: "Call again with arguments that fit the tool's input schema."}
}

// name checks a name that an agent gives.
func name(tool, member, s string) error {
	switch {
	case s == "":
		return invalid("%s needs %s.", tool, member)
	case len(s) > maxName || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f }):
		return invalid("%s of %s is no name: at most %d bytes without control characters.", member, tool, maxName)
	}
	return nil
}

// anObject reads a member that has to be a JSON object when it is there. A null is
// what many clients write for none.
func anObject(tool, member string, raw json.RawMessage) (json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || bytes.Equal(raw, []byte("null")):
		return nil, nil
	case raw[0] != '{':
		return nil, invalid("%s of %s is no JSON object.", member, tool)
	}
	return raw, nil
}
