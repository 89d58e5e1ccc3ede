package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	anthropic "github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	openai "github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// installed is the folder that `make agent-check` installs agents from npm into.
// They are some hundred megabytes, which is why the normal tests leave them out.
func installed(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("PLIMSOLL_AGENTS")
	if dir == "" {
		t.Skip("real agents are driven by make agent-check")
	}
	path, err := filepath.Abs(filepath.Join(dir, "node_modules", ".bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is not installed: %v", name, err)
	}
	return path
}

// fakeModel answers every request of an agent by what stands in it, and keeps the
// models that were asked for.
type fakeModel struct {
	mu     sync.Mutex
	models map[string]int
	seen   []string
	answer func(path, body, model string) []string
}

func (f *fakeModel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	var body struct {
		Model string `json:"model"`
	}
	_ = json.Unmarshal(raw, &body)
	f.mu.Lock()
	f.models[body.Model]++
	f.seen = append(f.seen, r.Method+" "+r.URL.Path)
	f.mu.Unlock()
	events := f.answer(r.URL.Path, string(raw), body.Model)
	if events == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data":[],"models":[],"input_tokens":1}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range events {
		_, _ = io.WriteString(w, e)
	}
}

func serveFake(t *testing.T, answer func(path, body, model string) []string) (*fakeModel, string) {
	t.Helper()
	f := &fakeModel{models: map[string]int{}, answer: answer}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, s.URL
}

var target = regexp.MustCompile(`(/[^\s"\\]+/work)/out\.txt`)

// drive has an agent write out.txt in its folder, and answer.
func drive(t *testing.T, f *fakeModel, model string, values map[string]any, env map[string]string) backend.Result {
	t.Helper()
	h := backend.NewHarness(t, New, values)
	tk := task(t, "Write the file, then say what you did.")
	tk.Model, tk.Timeout, tk.Fixture = model, 2*time.Minute, folder(t, map[string]string{"base.txt": "base\n"})
	tk.Env = map[string]string{"PATH": os.Getenv("PATH"), "HOME": t.TempDir(), "LANG": "C.UTF-8"}
	for k, v := range env {
		tk.Env[k] = v
	}
	got, err := h.Execute(t.Context(), tk)
	if err != nil || got.ExitCode != 0 || got.TimedOut {
		t.Fatalf("%+v, %v; the model was asked %v as %v", got, err, f.seen, f.models)
	}
	if f.models[model] == 0 {
		t.Errorf("the model %s was not asked for, but %v", model, f.models)
	}
	if !strings.Contains(got.Text, "It is written.") {
		t.Errorf("the answer is %q", got.Text)
	}
	written := false
	for _, c := range got.Files {
		written = written || c.Path == "out.txt" && c.Kind == backend.Added && strings.TrimSpace(string(c.Data)) == "hello"
	}
	if !written {
		t.Errorf("out.txt is not among %+v; log %q", got.Files, got.Log)
	}
	if !got.UsageKnown || got.Usage.Output == 0 {
		t.Errorf("usage %+v, known: %t", got.Usage, got.UsageKnown)
	}
	t.Logf("usage %+v, cost %d micro-dollars (known: %t), model %q, %d files changed", got.Usage, got.Cost, got.CostKnown, got.Model, len(got.Files))
	return got
}

func TestClaudeCode(t *testing.T) {
	const model = "claude-haiku-4-5-20251001"
	f, url := serveFake(t, func(path, body, model string) []string {
		if path != "/v1/messages" {
			return nil
		}
		a := anthropic.Answer{Model: model, Text: []string{"It is written."}, Usage: anthropic.Usage{Input: 100, Read: 20, Output: 7}}
		if m := target.FindStringSubmatch(body); m != nil && !strings.Contains(body, `"tool_result"`) && strings.Contains(body, `"Write"`) {
			a.Text = nil
			a.Calls = []anthropic.Call{{ID: "toolu_1", Name: "Write", Arguments: []string{fmt.Sprintf(`{"file_path": %q, "content": "hello\n"}`, m[0])}}}
		}
		return anthropic.Events(a)
	})
	t.Setenv("ANTHROPIC_BASE_URL", url)
	t.Setenv("ANTHROPIC_API_KEY", "sk-fake-key-of-a-test")
	got := drive(t, f, model, map[string]any{
		"command": []any{installed(t, "claude"), "-p", "{prompt} The file is {dir}/out.txt.", "--model", "{model}", "--output-format", "json", "--permission-mode", "acceptEdits"},
		"env":     []any{"ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"},
	}, map[string]string{"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"})
	if !got.CostKnown || got.Cost == 0 || got.Model != model {
		t.Errorf("cost %d (known: %t), model %q", got.Cost, got.CostKnown, got.Model)
	}
}

func TestCodex(t *testing.T) {
	const model = "gpt-5.4-mini"
	f, url := serveFake(t, func(path, body, model string) []string {
		if !strings.HasSuffix(path, "/responses") {
			return nil
		}
		a := openai.Answer{Model: model, Text: []string{"It is written."}, Usage: openai.Usage{Prompt: 100, Cached: 20, Output: 7}}
		if !strings.Contains(body, `"function_call_output"`) {
			name, arguments := shellTool(body)
			a.Text, a.Calls = nil, []openai.Call{{ID: "call_1", Name: name, Arguments: []string{arguments}}}
		}
		return openai.ResponseEvents(a)
	})
	t.Setenv("FAKE_KEY", "sk-fake-key-of-a-test")
	provider := fmt.Sprintf(`model_providers.fake={name="fake",base_url="%s/v1",env_key="FAKE_KEY",wire_api="responses"}`, url)
	got := drive(t, f, model, map[string]any{
		"command": []any{installed(t, "codex"), "exec", "--json", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-c", `model_provider="fake"`, "-c", provider, "-m", "{model}", "{prompt}"},
		"env":     []any{"FAKE_KEY"}, "output": "codex",
	}, nil)
	if got.CostKnown || got.Usage.CachedInput == 0 {
		t.Errorf("cost known: %t, usage %+v", got.CostKnown, got.Usage)
	}
}

// shellTool is the name under which this version of Codex offers a shell, and what
// it wants to be told.
func shellTool(body string) (name, arguments string) {
	const script = "echo hello > out.txt"
	for _, name := range []string{"exec_command", "shell_command"} {
		if strings.Contains(body, `"name":"`+name+`"`) {
			key := map[string]string{"exec_command": "cmd", "shell_command": "command"}[name]
			return name, fmt.Sprintf(`{%q: %q}`, key, script)
		}
	}
	return "shell", fmt.Sprintf(`{"command": ["sh", "-c", %q]}`, script)
}
