package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/harness/desk"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
	"github.com/plimsoll-dev/plimsoll/core/store"
)

const askFor = "access {\n  unmatched = \"allow\"\n  rule \"ask\" {\n    tools  = [\"%s\"]\n    effect = \"ask\"\n  }\n}\n"

// again opens the project with more in its connector's block and after it.
func (d *desktop) again(block, config string) {
	d.t.Helper()
	d.write("plimsoll.hcl", fmt.Sprintf("connector \"desk\" {\n  url       = %q\n  private   = [\"127.0.0.0/8\"]\n  plaintext = true\n%s}\n%s", d.url, block, config))
	if err := d.engine.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.open()
	d.approve()
}

// outcomes are how the calls of a tool went, one text for each.
func (d *desktop) outcomes(tool string) []string {
	d.t.Helper()
	var out []string
	for _, list := range d.records() {
		if list[0].Tool != tool || list[0].Action != audit.ActionCall {
			continue
		}
		var of []string
		for _, c := range list {
			of = append(of, string(c.Outcome))
		}
		out = append(out, strings.Join(of, " "))
	}
	slices.Sort(out)
	return out
}

// kept are the arguments of all calls as they stand beside the log.
func (d *desktop) kept() string {
	d.t.Helper()
	d.surface.Desk.Close()
	var all strings.Builder
	err := d.engine.store.Scan([]byte{byte(store.TableRedactable)}, func(_, value []byte) error {
		_, raw, err := store.Unseal(value)
		var k desk.Kept
		if err == nil {
			err = json.Unmarshal(raw, &k)
		}
		all.Write(append(k.Value, '\n'))
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return all.String()
}

// yes answers the question that an error is.
func (d *desktop) yes(err error) {
	d.t.Helper()
	var p *mcp.Problem
	if !errors.As(err, &p) || p.Code != mcp.CodeApproval {
		d.t.Fatalf("nobody is asked: %v", err)
	}
	if _, err := d.surface.Desk.Answer(context.Background(), p.Approval, access.Principal{Name: "ann", Kind: access.KindCLI}, true, ""); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desktop) whole() mcp.Upstream {
	d.t.Helper()
	up, err := d.surface.Desk.Wholes([]string{"desk"}).Open(context.Background(), "desk", anybody, mcp.Hello{Revision: "2026-07-28", Stateless: true}, deaf{})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { up.Close() })
	return up
}

// asks adds a tool that wants input before it does anything.
func (d *desktop) asks(name string) {
	d.server.AddTool(&sdk.Tool{Name: name, Description: "Buys paper for the team.", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		if len(r.Params.InputResponses) > 0 {
			d.calls.Add(1)
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "bought"}}}, nil
		}
		form := json.RawMessage(`{"type":"object","properties":{}}`)
		return &sdk.CallToolResult{InputRequests: sdk.InputRequestMap{"q": &sdk.ElicitParams{Mode: "form", Message: "sure?", RequestedSchema: form}}, RequestState: "st"}, nil
	})
}

// round is one round of a call, and the state that it ended with.
func (d *desktop) round(tool, args, state string) (string, error) {
	r := mcp.CallTool{Tool: tool, Arguments: json.RawMessage(args), Capabilities: json.RawMessage(`{"elicitation":{"form":{}}}`)}
	if state != "" {
		r.Retry = mcp.Retry{State: state, Responses: json.RawMessage(`{"q":{"action":"accept","content":{}}}`)}
	}
	called, err := d.surface.Desk.CallTool(context.Background(), anybody, r)
	var v struct {
		State string `json:"requestState"`
	}
	if err == nil {
		err = json.Unmarshal(called.Result, &v)
	}
	return v.State, err
}

func TestOneYesIsForAllRoundsOfOneCall(t *testing.T) {
	d := newDesktop(t, fmt.Sprintf(askFor, "*_buy"))
	d.asks("notes_buy")
	d.approve()
	_, err := d.round("desk_notes_buy", `{}`, "")
	d.yes(err)
	state, err := d.round("desk_notes_buy", `{}`, "")
	if err != nil || state == "" {
		t.Fatalf("after the yes: %q, %v", state, err)
	}
	if _, err := d.round("desk_notes_buy", `{"n":1}`, state); code(err) != mcp.CodeApproval {
		t.Errorf("the answer with other arguments: %v", err)
	}
	if _, err := d.round("desk_notes_buy", `{}`, "x"+state); code(err) != mcp.CodeApproval {
		t.Errorf("the answer with a state of its own: %v", err)
	}
	if _, err := d.round("desk_notes_buy", `{}`, state); err != nil || d.calls.Load() != 1 {
		t.Errorf("the answer: %v, %d bought", err, d.calls.Load())
	}
	if _, err := d.round("desk_notes_buy", `{}`, state); code(err) != mcp.CodeApproval || d.calls.Load() != 1 {
		t.Errorf("the same answer once more: %v, %d bought", err, d.calls.Load())
	}
	if got := d.outcomes("desk_notes_buy"); !slices.Equal(got, []string{"asked", "asked", "asked", "asked", "begun input_required", "begun ok"}) {
		t.Errorf("in the log: %q", got)
	}
	for _, list := range d.records() {
		if last := list[len(list)-1]; last.Outcome == audit.OutcomeOK && last.Tool == "desk_notes_buy" && last.Approval == "" {
			t.Error("the second round does not say who let it through")
		}
	}
}

func TestFurtherRoundCountsNoLimitAndPassesNoRule(t *testing.T) {
	const limit = "access {\n  unmatched = \"allow\"\n  limit \"few\" {\n    per    = \"principal\"\n    calls  = 1\n    within = \"1h\"\n  }\n%s}\n"
	d := newDesktop(t, fmt.Sprintf(limit, ""))
	d.asks("notes_buy")
	d.approve()
	state, err := d.round("desk_notes_buy", `{}`, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.round("desk_notes_buy", `{}`, ""); code(err) != mcp.CodeLimited {
		t.Fatalf("a second call of one: %v", err)
	}
	if _, err := d.round("desk_notes_buy", `{}`, state); err != nil {
		t.Errorf("the second round: %v", err)
	}

	d = newDesktop(t, "access {\n  unmatched = \"allow\"\n}\n")
	d.asks("notes_buy")
	d.approve()
	if state, err = d.round("desk_notes_buy", `{}`, ""); err != nil {
		t.Fatal(err)
	}
	d.write("access.hcl", "access {\n  rule \"no\" {\n    tools  = [\"*_buy\"]\n    effect = \"deny\"\n    when   = \"true\"\n  }\n}\n")
	d.write("plimsoll.hcl", strings.Replace(d.read("plimsoll.hcl"), "access {\n  unmatched = \"allow\"\n}\n", "", 1))
	d.refresh()
	if _, err := d.round("desk_notes_buy", `{}`, state); err == nil || d.calls.Load() != 0 {
		t.Errorf("the second round of what is denied by now: %v", err)
	}
}

func TestQuestionTeachesNothing(t *testing.T) {
	d := newDesktop(t, "access {\n  unmatched = \"allow\"\n}\n")
	d.asks("notes_buy")
	d.approve()
	d.find("buy paper for the team")
	state, err := d.round("desk_notes_buy", `{}`, "")
	if err != nil {
		t.Fatal(err)
	}
	d.surface.Desk.Close()
	if l, err := d.engine.state.readLearned(); err != nil || l.Len() != 0 {
		t.Errorf("a question taught %+v, %v", l.Uses(), err)
	}
	if _, err := d.round("desk_notes_buy", `{}`, state); err != nil {
		t.Fatal(err)
	}
	d.surface.Desk.Close()
	if l, err := d.engine.state.readLearned(); err != nil || l.Len() != 1 || !l.Uses()[0].Succeeded {
		t.Errorf("its answer taught %+v, %v", l.Uses(), err)
	}
}

func TestRollbackFollowsWhatReachedTheServer(t *testing.T) {
	d := newDesktop(t, "")
	var undone atomic.Int64
	reached, over := make(chan struct{}, 1), make(chan struct{})
	t.Cleanup(func() { close(over) })
	d.server.AddTool(&sdk.Tool{Name: "notes_undo", Description: "Undoes what the call has done.", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		undone.Add(1)
		return &sdk.CallToolResult{}, nil
	})
	d.server.AddTool(&sdk.Tool{Name: "notes_hang", Description: "Waits for the team.", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(ctx context.Context, _ *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		reached <- struct{}{}
		select {
		case <-ctx.Done():
		case <-over:
		}
		return nil, errors.New("nobody waits any more")
	})
	// It is not offered: only Plimsoll itself may call it.
	d.again("  rollback  = \"notes_undo\"\n  tools     = [\"notes_fail\", \"notes_read\", \"notes_hang\"]\n", "access {\n  unmatched = \"allow\"\n  redact    = [\"note.text\"]\n}\n")

	forged := mcp.CallTool{Tool: "desk_notes_read", Arguments: json.RawMessage(`{"text":"x"}`), Retry: mcp.Retry{State: "forged.state"}}
	if _, err := d.surface.Desk.CallTool(context.Background(), anybody, forged); code(err) != mcp.CodeInvalid {
		t.Errorf("a forged state: %v", err)
	}
	gone, end := context.WithCancel(context.Background())
	end()
	_, err := d.surface.Desk.CallTool(gone, anybody, mcp.CallTool{Tool: "desk_notes_read", Arguments: json.RawMessage(`{"text":"x"}`)})
	if n := undone.Load(); n != 0 || err == nil {
		t.Errorf("%d calls were undone that never left; %v", n, err)
	}
	if _, err := d.call("desk_notes_fail", `{"text":"x"}`, ""); err != nil || undone.Load() != 1 {
		t.Errorf("a call that failed: %v, %d undone", err, undone.Load())
	}
	_, _ = d.call("desk_notes_fail", `{"text":"x","note":{"text":"quite secret"}}`, "")
	if got := d.kept(); strings.Contains(got, "quite secret") || undone.Load() != 2 || !strings.Contains(got, `"tool":"notes_fail"`) {
		t.Errorf("%d undone; beside the log stands %s", undone.Load(), got)
	}
	gone, end = context.WithCancel(context.Background())
	defer end()
	go func() {
		<-reached
		end()
	}()
	if _, err := d.surface.Desk.CallTool(gone, anybody, mcp.CallTool{Tool: "desk_notes_hang", Arguments: json.RawMessage(`{}`)}); err == nil || undone.Load() != 3 {
		t.Errorf("a call that its caller gave up: %v, %d undone", err, undone.Load())
	}
	if _, err := d.call("desk_notes_undo", `{}`, ""); code(err) != mcp.CodeUnknown || undone.Load() != 3 {
		t.Errorf("an agent calls the rollback itself: %v", err)
	}
	if got := d.outcomes("desk_notes_undo"); !slices.Equal(got, []string{"begun ok", "begun ok", "begun ok", "unknown"}) {
		t.Errorf("in the log: %q", got)
	}
}

func TestHiddenCharactersComeFromNoMethod(t *testing.T) {
	const hidden = "a\u200b\u202eb\U000E0041"
	d := newDesktop(t, "")
	d.server.AddResource(&sdk.Resource{Name: "r", URI: "file:///r"}, func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: "file:///r", Text: hidden}}}, nil
	})
	d.server.AddPrompt(&sdk.Prompt{Name: "p"}, func(context.Context, *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
		return &sdk.GetPromptResult{Messages: []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: hidden}}}}, nil
	})
	d.server.AddTool(&sdk.Tool{Name: "show", Description: "Shows the notes of the team.", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: hidden}}, StructuredContent: map[string]any{hidden: "x"}}, nil
	})
	d.again("  sanitise  = true\n", "access {\n  unmatched = \"allow\"\n  redact    = [\"card.number\"]\n}\n")
	up := d.whole()
	for method, params := range map[string]string{
		"resources/read": `{"uri":"file:///r"}`, "prompts/get": `{"name":"p","arguments":{"card.number":"1","x":"y"}}`,
		"tools/call": `{"name":"show","arguments":{}}`,
	} {
		raw, err := up.Request(context.Background(), mcp.Request{Caller: anybody, Method: method, Params: json.RawMessage(params), Peer: deaf{}})
		if err != nil || !strings.Contains(string(raw), `"ab"`) || strings.ContainsAny(string(raw), "\u200b\u202e\U000E0041") || strings.Contains(string(raw), `\u200b`) {
			t.Errorf("%s: %+q, %v", method, raw, err)
		}
	}
}

// simulated is a skill with all that it needs to be declared.
const simulated = `
backend "lab" {
  plugin = "sim"
  config {
    models = { "m" = {} }
  }
}

ladder "l" {
  tier "t" {
    backend = backend.lab
    model   = "m"
    family  = "f"
    price   = { input = 1, output = 1 }
  }
}

skills "all" {
  from   = "skills/*"
  policy = preset.standard
  ladder = ladder.l
}
`

func TestPromptsAreRedacted(t *testing.T) {
	d := newDesktop(t, "")
	d.server.AddPrompt(&sdk.Prompt{Name: "p", Arguments: []*sdk.PromptArgument{{Name: "card"}}}, func(context.Context, *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
		return &sdk.GetPromptResult{Messages: []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: "x"}}}}, nil
	})
	if err := os.MkdirAll(filepath.Join(d.dir, "skills", "hello"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.write("skills/hello/SKILL.md", "---\nname: hello\ndescription: Greets somebody.\n---\nSay hello.\n")
	d.again("", "access {\n  unmatched = \"allow\"\n  redact    = [\"card\", \"*.number\"]\n}\n"+simulated)
	up := d.whole()
	for method, params := range map[string]string{
		"prompts/get":         `{"name":"p","arguments":{"card":"4111 1111","a":{"number":"0815"}}}`,
		"completion/complete": `{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"card","value":"4111 1111"},"context":{"arguments":{"card":"4111 1111"}}}`,
	} {
		_, _ = up.Request(context.Background(), mcp.Request{Caller: anybody, Method: method, Params: json.RawMessage(params), Peer: deaf{}})
	}
	ctx := context.Background()
	if _, err := d.surface.Desk.Prompt(ctx, anybody, "hello", map[string]string{"card": "4111 1111"}); code(err) != mcp.CodeInvalid {
		t.Errorf("a prompt that cannot be filled in: %v", err)
	}
	if _, err := d.surface.Desk.File(ctx, anybody, "hello", "nothing.md"); code(err) != mcp.CodeUnknown {
		t.Errorf("a file that is not there: %v", err)
	}
	got := d.kept()
	if strings.Contains(got, "4111") || strings.Contains(got, "0815") || strings.Count(got, "redacted") < 5 {
		t.Errorf("beside the log stands %s", got)
	}
	refused := map[audit.Outcome]int{}
	for _, list := range d.records() {
		if list[0].Skill == "hello" {
			refused[list[0].Outcome]++
		}
	}
	if refused[audit.OutcomeDenied] != 1 || refused[audit.OutcomeUnknown] != 1 {
		t.Errorf("the refusals are in the log as %v", refused)
	}
}

func TestLoserOfARaceIsAskedAgain(t *testing.T) {
	d := newDesktop(t, fmt.Sprintf(askFor, "*_write"))
	d.approve()
	_, err := d.call("desk_notes_write", `{"text":"x"}`, "")
	d.yes(err)
	var id string
	var p *mcp.Problem
	if errors.As(err, &p) {
		id = p.Approval
	}
	const callers = 16
	var wait sync.WaitGroup
	var ok, asked atomic.Int64
	for i := range callers {
		wait.Go(func() {
			_, err := d.call("desk_notes_write", `{"text":"x"}`, []string{"", id}[i%2])
			switch {
			case err == nil:
				ok.Add(1)
			case code(err) == mcp.CodeApproval:
				asked.Add(1)
			default:
				t.Errorf("a caller was answered: %v", err)
			}
		})
	}
	wait.Wait()
	if ok.Load() != 1 || asked.Load() != callers-1 || d.calls.Load() != 1 {
		t.Errorf("%d passed, %d were asked, %d reached the server", ok.Load(), asked.Load(), d.calls.Load())
	}
	if got := d.outcomes("desk_notes_write"); len(got) != callers+1 { // with the first, that asked
		t.Errorf("%d calls have a record: %q", len(got), got)
	}
}

func TestOnlyReadsAreReadOnly(t *testing.T) {
	d := newDesktop(t, "")
	d.server.AddResource(&sdk.Resource{Name: "r", URI: "file:///r"}, func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: "file:///r", Text: "x"}}}, nil
	})
	d.again("", "access {\n  unmatched = \"deny\"\n  rule \"reads\" {\n    connectors = [\"desk\"]\n    effect     = \"allow\"\n    when       = \"annotations.read_only ?? false\"\n  }\n}\n")
	up := d.whole()
	for method, want := range map[string]bool{"resources/read": true, "tasks/cancel": false} {
		_, err := up.Request(context.Background(), mcp.Request{Caller: anybody, Method: method, Params: json.RawMessage(`{"uri":"file:///r","taskId":"1"}`), Peer: deaf{}})
		if (err == nil) != want {
			t.Errorf("%s: %v", method, err)
		}
	}
	if got := d.outcomes("tasks/cancel"); !slices.Equal(got, []string{"denied"}) {
		t.Errorf("in the log: %q", got)
	}
}
