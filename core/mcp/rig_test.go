package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/plimsoll-dev/plimsoll/core/access"
)

// counter is a desk whose answers tell what it was asked.
type counter struct {
	mu     sync.Mutex
	calls  []CallTool
	who    []Caller
	find   func(Caller, Find) (Found, error)
	call   func(context.Context, Caller, CallTool) (Called, error)
	skills func(context.Context, Caller, RunSkill) (Ran, error)
}

func (d *counter) Find(_ context.Context, c Caller, q Find) (Found, error) {
	d.saw(c)
	if d.find != nil {
		return d.find(c, q)
	}
	return Found{Hits: []Hit{{Name: "digest-mail", Kind: "skill", Summary: "Sums up mail. Asked: " + strings.Join(q.Queries, " | ")}}}, nil
}

func (d *counter) Describe(_ context.Context, c Caller, names []string) (Described, error) {
	d.saw(c)
	var out Described
	for _, n := range names {
		if n == "digest-mail" {
			out.Items = append(out.Items, Description{Name: n, Kind: "skill", Description: "Sums up mail.", Input: json.RawMessage(`{"type":"object"}`)})
			continue
		}
		out.Items = append(out.Items, Description{Name: n, Unknown: true, Note: "Find by what it does."})
	}
	return out, nil
}

func (d *counter) RunSkill(ctx context.Context, c Caller, r RunSkill) (Ran, error) {
	d.saw(c)
	if d.skills != nil {
		return d.skills(ctx, c, r)
	}
	r.Progress(1, 2, "half")
	return Ran{Run: "run-1", Text: "done", Output: json.RawMessage(`{"z":1,"a":18446744073709551615}`)}, nil
}

func (d *counter) CallTool(ctx context.Context, c Caller, r CallTool) (Called, error) {
	d.saw(c)
	d.mu.Lock()
	d.calls = append(d.calls, r)
	d.mu.Unlock()
	if d.call != nil {
		return d.call(ctx, c, r)
	}
	return Called{Result: json.RawMessage(`{"content":[{"type":"text","text":"called"}],"x-unknown":{"b":1,"a":2}}`)}, nil
}

func (d *counter) saw(c Caller) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.who = append(d.who, c)
}

func (d *counter) last() Caller {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.who[len(d.who)-1]
}

// shelf is a library in memory. Skills named in hidden are "bob"'s alone.
type shelf struct {
	files  map[string]map[string]string // skill -> path -> text
	hidden map[string]bool
	fail   error
}

func testShelf() *shelf {
	return &shelf{hidden: map[string]bool{"secret-plans": true}, files: map[string]map[string]string{
		"digest-mail":  {manifest: "---\nname: digest-mail\ndescription: Sums up mail.\n---\nSum up $ARGUMENTS.\n", "references/how.md": "# How\n", "references/deep/er.txt": "x", "logo.png": "\x89PNG\xff"},
		"plan-week":    {manifest: "---\nname: plan-week\ndescription: Plans a week.\n---\nPlan.\n"},
		"secret-plans": {manifest: "---\nname: secret-plans\ndescription: Hush.\n---\nHush.\n"},
	}}
}

func (l *shelf) seen(c Caller, skill string) bool {
	return l.files[skill] != nil && (!l.hidden[skill] || c.Principal.Name == "bob")
}

func (l *shelf) Skills(_ context.Context, c Caller) ([]Skill, error) {
	if l.fail != nil {
		return nil, l.fail
	}
	var out []Skill
	for _, name := range slices.Sorted(maps.Keys(l.files)) {
		if !l.seen(c, name) {
			continue
		}
		_, after, _ := strings.Cut(l.files[name][manifest], "description: ")
		text, _, _ := strings.Cut(after, "\n")
		front, err := json.Marshal(map[string]string{"name": name, "description": text})
		if err != nil {
			return nil, err
		}
		s := Skill{Name: name, Description: text, Frontmatter: front, Prompt: true, Arguments: []Argument{{Name: "arguments", Description: "What to work on."}}}
		for _, p := range slices.Sorted(maps.Keys(l.files[name])) {
			sum := sha256.Sum256([]byte(l.files[name][p]))
			s.Files = append(s.Files, File{Path: p, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(l.files[name][p]))})
		}
		out = append(out, s)
	}
	return out, nil
}

func (l *shelf) File(_ context.Context, c Caller, skill, path string) ([]byte, error) {
	text, ok := l.files[skill][path]
	if !ok || !l.seen(c, skill) {
		return nil, &Problem{Code: CodeUnknown, What: "There is no such file."}
	}
	return []byte(text), nil
}

// Result has one kept result, of "abcdef".
func (l *shelf) Result(_ context.Context, _ Caller, digest string, from int64) (Part, error) {
	const text = "abcdef"
	if digest != "sha256:known" || from > int64(len(text)) {
		return Part{}, &Problem{Code: CodeUnknown, What: "There is no such result."}
	}
	part := Part{Text: text[from:], Bytes: int64(len(text))}
	if len(part.Text) > 4 {
		part.Text, part.Next = part.Text[:4], from+4
	}
	return part, nil
}

func (l *shelf) Prompt(_ context.Context, c Caller, skill string, args map[string]string) (string, error) {
	if !l.seen(c, skill) {
		return "", &Problem{Code: CodeUnknown, What: "There is no such skill."}
	}
	return strings.ReplaceAll(l.files[skill][manifest], "$ARGUMENTS", args["arguments"]), nil
}

// relay is a Whole over the SDK's own client: what a connector does, without
// launching, egress, caps and lock. transport makes a transport to the upstream.
type relay struct {
	transport func() sdk.Transport
	revision  string
	deny      map[string]bool // tools that are not there for anybody

	mu     sync.Mutex
	shared map[string]*relayed // by principal, of stateless requests
	opened int
	closed int
}

func (r *relay) Names() []string { return []string{"up"} }

func (r *relay) Open(ctx context.Context, name string, c Caller, h Hello, p Peer) (Upstream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.opened++
	if h.Stateless {
		if u := r.shared[who(c.Principal)]; u != nil {
			return u.view(p), nil
		}
	}
	u := &relayed{relay: r, peers: map[string]Peer{}, own: !h.Stateless, session: p}
	var caps sdk.ClientCapabilities
	if h.Capabilities != nil && !h.Stateless {
		if err := json.Unmarshal(h.Capabilities, &caps); err != nil {
			return nil, err
		}
		if strings.Contains(string(h.Capabilities), `"roots"`) {
			caps.RootsV2 = &sdk.RootCapabilities{}
		}
	}
	opts := &sdk.ClientOptions{
		Capabilities:                &caps,
		MultiRoundTrip:              &sdk.MultiRoundTripOptions{Disabled: true},
		ProgressNotificationHandler: u.progress,
		LoggingMessageHandler: func(ctx context.Context, q *sdk.LoggingMessageRequest) {
			u.tell(ctx, "notifications/message", q.Params)
		},
		ResourceUpdatedHandler: func(ctx context.Context, q *sdk.ResourceUpdatedNotificationRequest) {
			u.tell(ctx, "notifications/resources/updated", q.Params)
		},
		ToolListChangedHandler: func(ctx context.Context, q *sdk.ToolListChangedRequest) {
			u.tell(ctx, "notifications/tools/list_changed", nil)
		},
		PromptListChangedHandler: func(ctx context.Context, q *sdk.PromptListChangedRequest) {
			u.tell(ctx, "notifications/prompts/list_changed", nil)
		},
	}
	if !h.Stateless {
		opts.CreateMessageWithToolsHandler = func(ctx context.Context, q *sdk.CreateMessageWithToolsRequest) (*sdk.CreateMessageWithToolsResult, error) {
			return asked[sdk.CreateMessageWithToolsResult](ctx, u, "sampling/createMessage", q.Params)
		}
	}
	client := sdk.NewClient(&sdk.Implementation{Name: "relay", Version: "1"}, opts)
	client.AddReceivingMiddleware(func(next sdk.MethodHandler) sdk.MethodHandler {
		return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
			switch {
			case method == "roots/list" && !h.Stateless:
				return asked[sdk.ListRootsResult](ctx, u, method, nil)
			case method == "elicitation/create" && !h.Stateless: // the SDK's own client refuses schemas that the protocol has
				return asked[sdk.ElicitResult](ctx, u, method, req.GetParams())
			}
			return next(ctx, method, req)
		}
	})
	cs, err := client.Connect(context.WithoutCancel(ctx), r.transport(), &sdk.ClientSessionOptions{ProtocolVersion: r.revision})
	if err != nil {
		return nil, err
	}
	u.cs = cs
	if h.Stateless {
		if r.shared == nil {
			r.shared = map[string]*relayed{}
		}
		r.shared[who(c.Principal)] = u
		return u.view(p), nil
	}
	return u, nil
}

// view is one request's hold of a shared session.
type view struct {
	*relayed
	peer Peer
}

func (u *relayed) view(p Peer) *view {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.subs = append(u.subs, p)
	return &view{u, p}
}

func (v *view) Close() error {
	v.mu.Lock()
	v.subs = slices.DeleteFunc(v.subs, func(p Peer) bool { return p == v.peer })
	v.mu.Unlock()
	return v.relayed.Close()
}

func (r *relay) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.shared {
		_ = u.cs.Close()
	}
	r.shared = nil
}

type relayed struct {
	relay   *relay
	cs      *sdk.ClientSession
	own     bool
	session Peer

	mu    sync.Mutex
	peers map[string]Peer // by progress token
	count int
	asks  []Peer // of running requests
	subs  []Peer
}

func (u *relayed) progress(ctx context.Context, q *sdk.ProgressNotificationClientRequest) {
	u.mu.Lock()
	p := u.peers[fmt.Sprint(q.Params.ProgressToken)]
	u.mu.Unlock()
	if p != nil {
		raw, _ := marshal(q.Params)
		_ = p.Notify(ctx, "notifications/progress", raw)
	}
}

func (u *relayed) tell(ctx context.Context, method string, params any) {
	raw, _ := marshal(params)
	u.mu.Lock()
	to := append([]Peer{}, u.subs...)
	if method == "notifications/message" {
		to = append([]Peer{}, u.asks...)
	}
	u.mu.Unlock()
	if u.own && method != "notifications/message" {
		to = []Peer{u.session}
	}
	for _, p := range to {
		_ = p.Notify(ctx, method, raw)
	}
}

func asked[T any](ctx context.Context, u *relayed, method string, params any) (*T, error) {
	raw, err := marshal(params)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	p := u.session
	if len(u.asks) > 0 {
		p = u.asks[len(u.asks)-1]
	}
	u.mu.Unlock()
	res, err := p.Request(ctx, method, raw)
	if err != nil {
		return nil, err
	}
	var out T
	return &out, json.Unmarshal(res, &out)
}

func (u *relayed) Welcome() Welcome {
	i := u.cs.InitializeResult()
	info, _ := marshal(i.ServerInfo)
	caps, _ := marshal(i.Capabilities)
	return Welcome{Revision: i.ProtocolVersion, Info: info, Capabilities: caps, Instructions: i.Instructions}
}

func (u *relayed) Notify(context.Context, string, json.RawMessage) error { return nil }

func (u *relayed) Close() error {
	u.relay.mu.Lock()
	u.relay.closed++
	u.relay.mu.Unlock()
	if !u.own {
		return nil
	}
	return u.cs.Close()
}

func (u *relayed) Request(ctx context.Context, r Request) (json.RawMessage, error) {
	var p struct {
		Meta map[string]any `json:"_meta"`
		Name string         `json:"name"`
	}
	if err := json.Unmarshal(r.Params, &p); err != nil {
		return nil, err
	}
	u.relay.mu.Lock()
	denied := u.relay.deny[p.Name]
	u.relay.mu.Unlock()
	if r.Method == "tools/call" && denied {
		return nil, &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: fmt.Sprintf("unknown tool %q", p.Name)}
	}
	token := p.Meta["progressToken"]
	u.mu.Lock()
	u.count++
	mine := fmt.Sprintf("t%d", u.count)
	if token != nil {
		u.peers[mine] = r.Peer
	}
	u.asks = append(u.asks, r.Peer)
	u.mu.Unlock()
	defer func() {
		if token != nil || u.own && r.Method == "tools/call" {
			time.Sleep(5 * time.Millisecond) // the SDK hands notifications over behind our back
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.peers, mine)
		u.asks = slices.DeleteFunc(u.asks, func(q Peer) bool { return q == r.Peer })
	}()
	raw, err := u.send(ctx, r, func(m sdk.Params) {
		if token != nil {
			meta := m.GetMeta()
			meta["progressToken"] = mine
			m.SetMeta(meta)
		}
	})
	if r.Method == "tools/call" && token != nil && err == nil {
		raw = json.RawMessage(strings.ReplaceAll(string(raw), `"`+mine+`"`, string(must(marshal(fmt.Sprint(token))))))
	}
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		return nil, wire
	}
	return raw, err
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (u *relayed) send(ctx context.Context, r Request, fix func(sdk.Params)) (json.RawMessage, error) {
	old := u.cs.InitializeResult().ProtocolVersion < rev2026
	switch r.Method {
	case "tools/list":
		return sent(ctx, r, old, fix, func(ctx context.Context, p *sdk.ListToolsParams) (*sdk.ListToolsResult, error) {
			l, err := u.cs.ListTools(ctx, p)
			if err != nil {
				return nil, err
			}
			u.relay.mu.Lock()
			defer u.relay.mu.Unlock()
			shown := *l
			shown.Tools = slices.DeleteFunc(slices.Clone(l.Tools), func(t *sdk.Tool) bool { return u.relay.deny[t.Name] })
			return &shown, nil
		})
	case "prompts/list":
		return sent(ctx, r, old, fix, u.cs.ListPrompts)
	case "resources/list":
		return sent(ctx, r, old, fix, u.cs.ListResources)
	case "resources/templates/list":
		return sent(ctx, r, old, fix, u.cs.ListResourceTemplates)
	case "tools/call":
		return sent(ctx, r, old, fix, func(ctx context.Context, p *sdk.CallToolParams) (*sdk.CallToolResult, error) {
			var raw struct{ Arguments json.RawMessage }
			if err := json.Unmarshal(r.Params, &raw); err != nil {
				return nil, err
			}
			if p.Arguments = raw.Arguments; raw.Arguments == nil {
				p.Arguments = struct{}{}
			}
			return u.cs.CallTool(ctx, p)
		})
	case "prompts/get":
		return sent(ctx, r, old, fix, u.cs.GetPrompt)
	case "resources/read":
		return sent(ctx, r, old, fix, u.cs.ReadResource)
	case "completion/complete":
		return sent(ctx, r, old, fix, u.cs.Complete)
	case "logging/setLevel":
		return done(ctx, r, u.cs.SetLoggingLevel)
	case "resources/subscribe":
		return done(ctx, r, u.cs.Subscribe)
	case "resources/unsubscribe":
		return done(ctx, r, u.cs.Unsubscribe)
	}
	return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: r.Method + " is not known"}
}

func sent[P any, PP interface {
	*P
	sdk.Params
}, R any](ctx context.Context, r Request, old bool, fix func(sdk.Params), call func(context.Context, PP) (R, error)) (json.RawMessage, error) {
	p := PP(new(P))
	if err := json.Unmarshal(r.Params, p); err != nil {
		return nil, err
	}
	if old {
		meta := p.GetMeta()
		maps.DeleteFunc(meta, func(k string, _ any) bool { return strings.HasPrefix(k, "io.modelcontextprotocol/") })
	}
	fix(p)
	return encode(call(ctx, p))
}

func done[P any, PP interface {
	*P
	sdk.Params
}](ctx context.Context, r Request, call func(context.Context, PP) error) (json.RawMessage, error) {
	p := PP(new(P))
	if err := json.Unmarshal(r.Params, p); err != nil {
		return nil, err
	}
	return json.RawMessage("{}"), call(ctx, p)
}

// program starts an upstream over stdio.
func program(argv ...string) func() sdk.Transport {
	return func() sdk.Transport { return &sdk.CommandTransport{Command: exec.Command(argv[0], argv[1:]...)} }
}

// local is a principal.
func local(name string) access.Principal { return access.Principal{Name: name, Kind: access.KindLocal} }
