package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// A test binary that is started with this set is the MCP server of the project.
const fakeServer = "AGENT_GO_FAKE_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(fakeServer) != "" {
		if err := serveNotes(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if !testing.Short() {
		dir, _ := builds()
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

// serveNotes has two tools for notes, one that fails, and forty for other things.
func serveNotes() error {
	s := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1"}, nil)
	reads, writes := &mcp.ToolAnnotations{ReadOnlyHint: true}, &mcp.ToolAnnotations{}
	type path struct {
		Path string `json:"path"`
	}
	type file struct {
		Path    string `json:"path"`
		Content string `json:"content"`
	}
	said := func(text string) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
	}
	mcp.AddTool(s, &mcp.Tool{Name: "read_note", Description: "Reads the text of a note.", Annotations: reads},
		func(_ context.Context, _ *mcp.CallToolRequest, in path) (*mcp.CallToolResult, any, error) {
			return said("Crane 2 stays shut. (" + in.Path + ")")
		})
	mcp.AddTool(s, &mcp.Tool{Name: "write_note", Description: "Saves a text as a note.", Annotations: writes},
		func(_ context.Context, _ *mcp.CallToolRequest, in file) (*mcp.CallToolResult, any, error) {
			return said("saved " + in.Path)
		})
	mcp.AddTool(s, &mcp.Tool{Name: "print_note", Description: "Prints a note on the printer in the hall.", Annotations: reads},
		func(context.Context, *mcp.CallToolRequest, path) (*mcp.CallToolResult, any, error) {
			return nil, nil, fmt.Errorf("the printer is out of paper")
		})
	for i := range 40 {
		mcp.AddTool(s, &mcp.Tool{Name: fmt.Sprintf("gauge_%d", i), Description: fmt.Sprintf("Measures the water at gauge %d.", i), Annotations: reads},
			func(context.Context, *mcp.CallToolRequest, struct{}) (*mcp.CallToolResult, any, error) {
				return said("1.2 m")
			})
	}
	return s.Run(context.Background(), &mcp.StdioTransport{})
}

const project = `connector "desk" {
  command = [%q]
  env     = [%q]
}

access {
  rule "writing is asked" {
    tools  = ["desk_write_*"]
    effect = "ask"
  }
}

serve {
  mcp {
    listen = "127.0.0.1:0"
  }
}
`

// builds makes plimsoll and the agent, once for all tests.
var builds = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "agent-go")
	if err != nil {
		return "", err
	}
	for _, b := range [][]string{{filepath.Join("..", ".."), "plimsoll", "./core/cmd/plimsoll"}, {".", "agent-go", "."}} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(dir, b[1]+exe()), b[2])
		cmd.Dir = b[0]
		if out, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("building %s: %v\n%s", b[2], err, out)
		}
	}
	return dir, nil
})

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

func binaries(t *testing.T) (plimsoll, agent string) {
	t.Helper()
	if testing.Short() {
		t.Skip("slow: builds plimsoll")
	}
	dir, err := builds()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "plimsoll"+exe()), filepath.Join(dir, "agent-go"+exe())
}

// desk makes a project and approves what its server offers.
func desk(t *testing.T, plimsoll string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(fakeServer, "1")
	dir, err := os.MkdirTemp("", "agent") // short: a socket lies in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), fmt.Appendf(nil, project, self, fakeServer), 0o644); err != nil {
		t.Fatal(err)
	}
	command(t, plimsoll, "-C", dir, "connector", "approve", "desk")
	return dir
}

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, out)
	}
	return string(out)
}

// engine serves a project and gives its address.
func engine(t *testing.T, plimsoll, dir string) string {
	t.Helper()
	cmd := exec.Command(plimsoll, "-C", dir, "serve")
	out := &notes{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return out.await(t, regexp.MustCompile(`answering agents at (http\S+/mcp)\n`))
}

// notes is a writer that can be waited at.
type notes struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.String()
}

func (n *notes) await(t *testing.T, what *regexp.Regexp) string {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if found := what.FindStringSubmatch(n.String()); found != nil {
			return found[1]
		}
	}
	t.Errorf("it does not say %s:\n%s", what, n)
	return ""
}

// fakeModel answers a chat endpoint from a list, and keeps the last conversation.
type fakeModel struct {
	*httptest.Server
	mu    sync.Mutex
	lines []string
	talk  []message
}

func newModel(t *testing.T, lines ...string) *fakeModel {
	t.Helper()
	m := &fakeModel{lines: lines}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		defer m.mu.Unlock()
		var in struct {
			Model    string
			Messages []message
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.URL.Path != "/v1/chat/completions" || in.Model != "fake" || len(m.lines) == 0 {
			http.Error(w, "what is that", http.StatusBadRequest)
			return
		}
		m.talk = in.Messages
		line := m.lines[0]
		m.lines = m.lines[1:]
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": message{"assistant", line}}}})
	}))
	t.Cleanup(m.Close)
	return m
}

func (m *fakeModel) chat() *chat { return &chat{url: m.URL + "/v1/chat/completions", name: "fake"} }

func (m *fakeModel) heard() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, one := range m.talk {
		b.WriteString(one.Role + ": " + one.Content + "\n")
	}
	return b.String()
}

func connect(t *testing.T, url string) *mcp.ClientSession {
	t.Helper()
	s, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url, MaxRetries: -1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// The agent works against the real surface: it finds at every step, sees only what
// it found, waits for a person, and goes on after what fails.
func TestAgent(t *testing.T) {
	plimsoll, _ := binaries(t)
	dir := desk(t, plimsoll)
	url := engine(t, plimsoll, dir)
	m := newModel(t,
		"Sure! Let me think.",
		`{"need": "read the text of a note"}`,
		"```json\n"+`{"call": "desk_read_note", "arguments": {"path": "monday"}}`+"\n```",
		`{"call": "desk_gauge_7"}`,
		`{"need": "zqxv wvutz"}`,
		`{"need": "print a note on the printer"}`,
		`{"call": "desk_print_note", "arguments": {"path": "monday"}}`,
		`{"need": "save a text as a note"}`,
		`{"call": "desk_write_note", "arguments": {"path": "plan", "content": "Crane 2 stays shut."}}`,
		`{"call": "desk_write_note", "arguments": {"path": "plan", "content": "something else"}}`,
		`{"answer": "saved as plan"}`)
	out := &notes{}
	a := &agent{model: m.chat(), surface: connect(t, url), steps: 20, patience: time.Minute, poll: 10 * time.Millisecond, out: out}
	done := make(chan struct{})
	go func() {
		defer close(done)
		waits := regexp.MustCompile(` 9 waits  for a person: plimsoll approve (\w+)\n`)
		command(t, plimsoll, "-C", dir, "approve", out.await(t, waits))
		waits = regexp.MustCompile(`10 waits  for a person: plimsoll approve (\w+)\n`)
		command(t, plimsoll, "-C", dir, "approve", out.await(t, waits), "--refuse", "--note", "one is enough")
	}()
	answer, err := a.work(t.Context(), "save what the note of Monday says")
	<-done
	if err != nil || answer != "saved as plan" {
		t.Errorf("%q %v", answer, err)
	}
	for _, want := range []string{
		" 2 finds  desk_read_note", " 3 gets   Crane 2 stays shut. (monday)", " 4 fails  it was not found before", " 5 finds  nothing that fits",
		" 7 fails  the printer is out of paper", " 9 gets   saved plan", "10 fails ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the agent does not say %q:\n%s", want, out)
		}
	}
	heard := m.heard()
	for _, want := range []string{"no JSON object", `"path"`, "was not shown to you", "out of paper", "other words"} {
		if !strings.Contains(heard, want) {
			t.Errorf("the model does not hear %q:\n%s", want, heard)
		}
	}
	if n := strings.Count(heard, "Measures the water"); n > 4 {
		t.Errorf("the model saw %d gauges that it never asked for:\n%s", n, heard)
	}
	if strings.Count(out.String(), "waits") != 2 {
		t.Errorf("it says more than once that it waits:\n%s", out)
	}
}

// An approval that nobody gives, steps that lead nowhere, and a model that is down
// all end.
func TestAgentEnds(t *testing.T) {
	plimsoll, _ := binaries(t)
	surface := connect(t, engine(t, plimsoll, desk(t, plimsoll)))
	a := &agent{surface: surface, steps: 4, poll: time.Millisecond, out: &notes{}}
	m := newModel(t, `{"need": "save a text as a note"}`, `{"call": "desk_write_note", "arguments": {"path": "x", "content": "y"}}`, `{"answer": "nobody was there"}`)
	a.model = m.chat()
	if answer, err := a.work(t.Context(), "x"); err != nil || answer != "nobody was there" || !strings.Contains(m.heard(), "nobody answered") {
		t.Errorf("%q %v\n%s", answer, err, m.heard())
	}
	a.model = newModel(t, `{}`, `{"need": 3}`, `[]`, `nothing`, `{"answer": "too late"}`).chat()
	if _, err := a.work(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "no answer after 4 steps") {
		t.Errorf("steps without end: %v", err)
	}
	a.model = newModel(t).chat()
	if _, err := a.work(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "400 Bad Request: what is that") {
		t.Errorf("a model that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.work(ctx, "x"); err == nil {
		t.Error("a cancelled task goes on")
	}
}

// The binary runs a script over stdio, where it launches plimsoll itself.
func TestScript(t *testing.T) {
	plimsoll, binary := binaries(t)
	dir := desk(t, plimsoll)
	steps := filepath.Join(dir, "steps.jsonl")
	if err := os.WriteFile(steps, []byte("# a note\n"+`{"need": "read the text of a note"}
{"call": "desk_read_note", "arguments": {"path": "monday"}}

{"answer": "Crane 2"}
`), 0o644); err != nil {
		t.Fatal(err)
	}
	out := command(t, binary, "-stdio", plimsoll+" -C "+dir+" serve --stdio", "-script", steps, "which crane is shut?")
	for _, want := range []string{"SCRIPTED: the steps stand in ", " 2 gets   Crane 2 stays shut. (monday)\n", "answer: Crane 2\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not print %q:\n%s", want, out)
		}
	}
	for _, c := range [][]string{
		{"-script", steps, "x"},
		{"-mcp", "http://127.0.0.1:1/mcp", "x"},
		{"-mcp", "http://127.0.0.1:1/mcp", "-script", steps},
		{"-mcp", "http://127.0.0.1:1/mcp", "-script", steps + ".gone", "x"},
		{"-mcp", "http://127.0.0.1:1/mcp", "-script", steps, "x"},
	} {
		if out, err := exec.Command(binary, c...).CombinedOutput(); err == nil || !strings.Contains(string(out), "agent-go: ") {
			t.Errorf("%v: %v %s", c, err, out)
		}
	}
	if raw, err := os.ReadFile("steps.jsonl"); err != nil {
		t.Error(err)
	} else if s, err := readScript("steps.jsonl"); err != nil || len(s.lines) < 3 {
		t.Errorf("the README's script: %d steps, %v\n%s", len(s.lines), err, raw)
	}
}
