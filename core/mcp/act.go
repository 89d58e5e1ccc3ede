package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

func (m *meta) find(ctx context.Context, c Caller, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	var in struct {
		Queries []string `json:"queries"`
		Limit   *int     `json:"limit"`
		Kind    string   `json:"kind"`
	}
	if err := arguments(req, &in); err != nil {
		return nil, err
	}
	q := Find{Limit: anyLimit, Kind: in.Kind}
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	switch {
	case len(in.Queries) == 0 || len(in.Queries) > maxQueries:
		return nil, invalid("find takes 1 to %d queries, and got %d.", maxQueries, len(in.Queries))
	case q.Limit < 1 || q.Limit > maxLimit:
		return nil, invalid("limit is %d; it is 1 to %d.", q.Limit, maxLimit)
	case q.Kind != "" && q.Kind != "skill" && q.Kind != "tool":
		return nil, invalid(`kind is "skill", "tool" or left out.`)
	}
	for i, s := range in.Queries {
		s = plain(s)
		if s == "" {
			return nil, invalid("query %d has no words in it.", i+1)
		}
		if len(s) > maxQuery {
			return nil, invalid("query %d is longer than %d bytes; say in a sentence what the step needs.", i+1, maxQuery)
		}
		q.Queries = append(q.Queries, s)
	}
	found, err := m.config.Desk.Find(ctx, c, q)
	if err != nil {
		return nil, err
	}
	if found.Hits == nil {
		found.Hits = []Hit{}
	}
	var b strings.Builder
	for _, h := range found.Hits {
		fmt.Fprintf(&b, "%s (%s%s): %s\n", h.Name, h.Kind, stale(h.Stale), h.Summary)
	}
	if len(found.Hits) == 0 {
		b.WriteString("Nothing fits.\n")
	}
	if found.Note != "" {
		b.WriteString(found.Note + "\n")
	}
	return answered(b.String(), struct {
		Hits []Hit  `json:"hits"`
		Note string `json:"note,omitempty"`
	}{found.Hits, found.Note})
}

func stale(yes bool) string {
	if yes {
		return ", its server does not answer at the moment"
	}
	return ""
}

// plain turns control characters into spaces and trims: a query is words.
func plain(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s))
}

func (m *meta) describe(ctx context.Context, c Caller, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	var in struct {
		Names []string `json:"names"`
	}
	if err := arguments(req, &in); err != nil {
		return nil, err
	}
	if len(in.Names) == 0 || len(in.Names) > maxNames {
		return nil, invalid("describe takes 1 to %d names, and got %d.", maxNames, len(in.Names))
	}
	for _, n := range in.Names {
		if err := name("describe", "a name", n); err != nil {
			return nil, err
		}
	}
	d, err := m.config.Desk.Describe(ctx, c, in.Names)
	if err != nil {
		return nil, err
	}
	if d.Items == nil {
		d.Items = []Description{}
	}
	var b strings.Builder
	for _, i := range d.Items {
		if i.Unknown {
			fmt.Fprintf(&b, "%s: there is no such skill or tool. %s\n", i.Name, i.Note)
			continue
		}
		fmt.Fprintf(&b, "%s (%s%s): %s\n", i.Name, i.Kind, stale(i.Stale), i.Description)
		if len(i.Input) > 0 {
			fmt.Fprintf(&b, "input: %s\n", i.Input)
		}
		if i.Approval {
			b.WriteString("A person has to approve each call.\n")
		}
		if i.Note != "" {
			b.WriteString(i.Note + "\n")
		}
	}
	return answered(b.String(), struct {
		Items []Description `json:"items"`
	}{d.Items})
}

func (m *meta) runSkill(ctx context.Context, c Caller, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	var in struct {
		Skill string          `json:"skill"`
		Input json.RawMessage `json:"input"`
	}
	if err := arguments(req, &in); err != nil {
		return nil, err
	}
	if err := name("run_skill", "skill", in.Skill); err != nil {
		return nil, err
	}
	var err error
	if in.Input, err = anObject("run_skill", "input", in.Input); err != nil {
		return nil, err
	}
	ran, err := m.config.Desk.RunSkill(ctx, c, RunSkill{Skill: in.Skill, Input: in.Input, Progress: progress(ctx, req)})
	if err != nil {
		return nil, err
	}
	text := ran.Text
	if text == "" && len(ran.Output) > 0 {
		text = string(ran.Output)
	}
	res := &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}
	if len(ran.Output) > 0 {
		res.StructuredContent = ran.Output
	}
	if ran.Run != "" {
		res.Meta = sdk.Meta{metaRun: ran.Run}
	}
	return res, nil
}

// Members of _meta that are Plimsoll's.
const (
	metaRun     = "dev.plimsoll/run"
	metaBlob    = "dev.plimsoll/blob"
	metaProblem = "dev.plimsoll/problem"
)

// progress tells the client how far a run is, when it asked to be told.
func progress(ctx context.Context, req *sdk.CallToolRequest) func(done, total float64, message string) {
	token := req.Params.GetProgressToken()
	if token == nil {
		return func(float64, float64, string) {}
	}
	return func(done, total float64, message string) {
		_ = req.Session.NotifyProgress(ctx, &sdk.ProgressNotificationParams{ProgressToken: token, Progress: done, Total: total, Message: message})
	}
}

func (m *meta) callTool(ctx context.Context, c Caller, req *sdk.CallToolRequest) (json.RawMessage, error) {
	var in struct {
		Tool      string          `json:"tool"`
		Arguments json.RawMessage `json:"arguments"`
		Approval  string          `json:"approval"`
	}
	if err := arguments(req, &in); err != nil {
		return nil, err
	}
	if err := name("call_tool", "tool", in.Tool); err != nil {
		return nil, err
	}
	var err error
	if in.Arguments, err = anObject("call_tool", "arguments", in.Arguments); err != nil {
		return nil, err
	}
	if in.Approval != "" {
		if err := name("call_tool", "approval", in.Approval); err != nil {
			return nil, err
		}
	}
	call := CallTool{Tool: in.Tool, Arguments: in.Arguments, Approval: in.Approval, Ask: !stateless(req.Session),
		Peer:  &peer{ss: req.Session, ctx: ctx, token: req.Params.GetProgressToken()},
		Retry: Retry{State: req.Params.RequestState}}
	if call.Capabilities, err = capabilities(req.Session); err != nil {
		return nil, err
	}
	if len(req.Params.InputResponses) > 0 {
		if call.Retry.Responses, err = marshal(req.Params.InputResponses); err != nil {
			return nil, fmt.Errorf("reading the inputResponses: %w", err)
		}
	}
	called, err := m.config.Desk.CallTool(ctx, c, call)
	if err != nil || called.Blob == "" {
		return called.Result, err
	}
	body, err := readObject(called.Result)
	if err != nil {
		return called.Result, nil // receive says so
	}
	about := object{}
	if raw := body.get("_meta"); raw != nil {
		if own, err := readObject(raw); err == nil {
			about = own
		}
	}
	return body.set("_meta", about.set(metaBlob, quote(called.Blob)).bytes()).bytes(), nil
}

// capabilities are the client's, as JSON; nil when it told none. The SDK's type
// writes roots even for a client that has none.
func capabilities(ss *sdk.ServerSession) (json.RawMessage, error) {
	p := ss.InitializeParams()
	if p == nil || p.Capabilities == nil {
		return nil, nil
	}
	raw, err := marshal(p.Capabilities)
	if err != nil {
		return nil, fmt.Errorf("reading the client's capabilities: %w", err)
	}
	body, err := readObject(raw)
	if err != nil {
		return nil, err
	}
	body = body.drop("roots")
	if p.Capabilities.RootsV2 != nil {
		roots, err := marshal(p.Capabilities.RootsV2)
		if err != nil {
			return nil, err
		}
		body = append(body, member{"roots", roots})
	}
	return body.bytes(), nil
}

// stateless tells the revision of the client apart.
func stateless(ss *sdk.ServerSession) bool {
	p := ss.InitializeParams()
	return p != nil && p.ProtocolVersion >= rev2026
}

// typed reads a CallToolResult that came as JSON.
func typed(raw json.RawMessage) (*sdk.CallToolResult, error) {
	var res sdk.CallToolResult
	if err := json.Unmarshal(raw, &res); err != nil {
		return nil, &Problem{Code: CodeFailed, What: "The tool answered with something that is no tool result.", Why: err.Error(), Next: "Try another tool, and tell the operator."}
	}
	return &res, nil
}

func answered(text string, v any) (*sdk.CallToolResult, error) {
	raw, err := marshal(v)
	if err != nil {
		return nil, fmt.Errorf("writing the answer: %w", err)
	}
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: strings.TrimRight(text, "\n")}}, StructuredContent: raw}, nil
}

// problemResult is a problem as a tool result: the text for the model, the parts
// for programs. They stand in _meta, because clients hold structuredContent
// against the output schema of the tool even when it failed.
func problemResult(p *Problem) json.RawMessage {
	parts := object{{"code", quote(p.Code)}, {"what", quote(p.What)}}
	for _, m := range []struct{ key, text string }{{"why", p.Why}, {"next", p.Next}, {"approval", p.Approval}} {
		if m.text != "" {
			parts = append(parts, member{m.key, quote(m.text)})
		}
	}
	text := p.Error()
	if p.Approval != "" {
		text += " Approval: " + p.Approval
	}
	return object{
		{"content", append(append(json.RawMessage(`[{"type":"text","text":`), quote(text)...), "}]"...)},
		{"isError", json.RawMessage("true")},
		{"_meta", object{{metaProblem, parts.bytes()}}.bytes()},
	}.bytes()
}
