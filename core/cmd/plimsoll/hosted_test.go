package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	anthropic "github.com/plimsoll-dev/plimsoll/plugins/anthropic/fakeapi"
	openai "github.com/plimsoll-dev/plimsoll/plugins/openai/fakeapi"
)

const hostedAnswer = `{"language": "de", "greeting": "Moin!"}`

// hostedProject is a project whose one backend is a bundled one of a hosted API,
// at an address of this machine.
func hostedProject(t *testing.T, plugin, config string) string {
	t.Helper()
	dir := tempProject(t, usual, "greet")
	before, _, _ := strings.Cut(projectConfig, "ladder")
	before = strings.NewReplacer("SLOW", "120", "QUICK", "15").Replace(before)
	file := filepath.Join(dir, "plimsoll.hcl")
	edit(t, file, before, fmt.Sprintf("backend \"lab\" {\n  plugin = %q\n  env    = [\"DESK_KEY\"]\n  config {\n    api_key_env = \"DESK_KEY\"\n    %s\n  }\n}\n\n", plugin, config))
	edit(t, file, "input = 5, output = 25 }", "input = 5, output = 25, cache_read = 0.5, cache_write = 6.25, cache_write_1h = 10 }")
	if err := os.WriteFile(filepath.Join(dir, "in.json"), []byte(`{"name": "Ada", "place": "Bremen"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DESK_KEY", "key-of-this-test")
	t.Setenv("OPENAI_BASE_URL", "http://127.0.0.1:9") // nobody declared it, so nobody sees it
	t.Setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
	return dir
}

// The whole way through the binary and the subprocess: the declared key reaches
// the API and nothing else does, the answer is gated, and the cost is that of the
// usage, to the micro-dollar.
func TestHostedAnthropic(t *testing.T) {
	api := anthropic.New(t, anthropic.Message(anthropic.Answer{
		Text:  []string{hostedAnswer[:9], hostedAnswer[9:]},
		Usage: anthropic.Usage{Input: 1000, Read: 2000, Write: 300, Write1h: 100, Output: 40},
	}))
	run, code, text := runGreet(t, hostedProject(t, "anthropic", fmt.Sprintf("base_url = %q", api.URL)))
	if code != 0 || run.Status != "ok" {
		t.Fatalf("exit %d: %s", code, text)
	}
	if want := int64(1000*5 + 2000/2 + 200*6.25 + 100*10 + 40*25); run.Cost != want {
		t.Errorf("it cost %d micro-dollars, want %d", run.Cost, want)
	}
	asked := api.Requests()
	if len(asked) != 1 || asked[0].Header.Get("X-Api-Key") != "key-of-this-test" || asked[0].Body["model"] != "sim-large" {
		t.Errorf("asked %d times: %+v", len(asked), asked)
	}
	for _, r := range asked {
		if strings.Contains(r.Raw, "plimsoll.") || strings.Contains(r.Raw, "reference") {
			t.Errorf("what only simulated models may know was sent: %s", r.Raw)
		}
	}
}

func TestHostedOpenAI(t *testing.T) {
	for name, reply := range map[string]openai.Reply{
		"chat":      openai.Chat(openai.Answer{Text: []string{hostedAnswer[:9], hostedAnswer[9:]}, Usage: openai.Usage{Prompt: 3000, Cached: 2000, Output: 40, Reasoning: 10}}),
		"responses": openai.Response(openai.Answer{Text: []string{hostedAnswer[:9], hostedAnswer[9:]}, Usage: openai.Usage{Prompt: 3000, Cached: 2000, Output: 40, Reasoning: 10}}),
	} {
		t.Run(name, func(t *testing.T) {
			api := openai.New(t, reply)
			run, code, text := runGreet(t, hostedProject(t, "openai", fmt.Sprintf("base_url = %q\n    api      = %q", api.URL, name)))
			if code != 0 || run.Status != "ok" {
				t.Fatalf("exit %d: %s", code, text)
			}
			if want := int64(1000*5 + 2000/2 + 40*25); run.Cost != want {
				t.Errorf("it cost %d micro-dollars, want %d", run.Cost, want)
			}
			asked := api.Requests()
			if len(asked) != 1 || asked[0].Header.Get("Authorization") != "Bearer key-of-this-test" || strings.Contains(asked[0].Raw, "plimsoll.") {
				t.Errorf("asked %d times: %+v", len(asked), asked)
			}
		})
	}
}
