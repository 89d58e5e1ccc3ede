package command

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

const claudeDoc = `{"type":"result","subtype":"success","is_error":false,"result":"Done.","total_cost_usd":0.0123456,
"usage":{"input_tokens":4,"cache_creation_input_tokens":100,"cache_read_input_tokens":200,"output_tokens":50,"cache_creation":{"ephemeral_1h_input_tokens":60,"ephemeral_5m_input_tokens":40}},
"modelUsage":{"claude-haiku-4-5-20251001":{"inputTokens":4},"claude-small":{"inputTokens":1}}}`

const codexDoc = `{"type":"thread.started","thread_id":"t"}
{"type":"turn.started"}
{"type":"error","message":"Reconnecting... 1/5"}
not json
{"type":"item.completed","item":{"id":"0","type":"reasoning","text":"hm"}}
{"type":"item.completed","item":{"id":"1","type":"agent_message","text":"First."}}
{"type":"item.completed","item":{"id":"2","type":"agent_message","text":"Last."}}
{"type":"turn.completed","usage":{"input_tokens":1000,"cached_input_tokens":900,"output_tokens":20,"reasoning_output_tokens":5}}
`

func TestAnswers(t *testing.T) {
	mapped := map[string]string{"prompt": "u.in", "cached": "u.cached", "output": "u.out", "cost": "usd", "model": "m"}
	for name, c := range map[string]struct {
		output  string
		usage   map[string]string
		printed string
		want    answer
		err     string
	}{
		"text":               {output: "text", printed: "Hello\r\n\n", want: answer{text: "Hello"}},
		"no text":            {output: "text"},
		"json":               {output: "json:a.0.text", printed: "log line\n" + `{"a":[{"text":"x"}]}` + "\n", want: answer{text: "x"}},
		"json object":        {output: "json:a", printed: `{"a":{"b":1.50}}`, want: answer{text: `{"b":1.50}`}},
		"broken json":        {output: "json:a", printed: `{"a":`, err: `was to print JSON, and printed "{\"a\":"`},
		"printed nothing":    {output: "json:a", err: "printed nothing"},
		"no such path":       {output: "json:a.b", printed: `{"a":1}`, err: "no answer at a.b"},
		"beyond a list":      {output: "json:a.3", printed: `{"a":[1]}`, err: "no answer at a.3"},
		"mapped":             {output: "json:t", usage: mapped, printed: `{"t":"x","u":{"in":100,"cached":90,"out":7},"usd":1e-7,"m":"m-1"}`, want: answer{text: "x", model: "m-1", usage: message.Usage{Input: 10, CachedInput: 90, Output: 7}, usageKnown: true, cost: 1, costKnown: true}},
		"half of the usage":  {output: "json:t", usage: mapped, printed: `{"t":"x","u":{"out":7}}`, want: answer{text: "x"}},
		"nonsense usage":     {output: "json:t", usage: mapped, printed: `{"t":"x","u":{"in":-1,"out":"7"},"usd":"free","m":4}`, want: answer{text: "x"}},
		"a cost of a planet": {output: "json:t", usage: mapped, printed: `{"t":"x","usd":1e300}`, want: answer{text: "x"}},
		"a tiny exponent":    {output: "json:t", usage: mapped, printed: `{"t":"x","usd":1e-999999999}`, want: answer{text: "x", costKnown: true}},
		"claude":             {output: "claude", printed: claudeDoc, want: answer{text: "Done.", model: "claude-haiku-4-5-20251001", usage: message.Usage{Input: 4, CachedInput: 200, CacheWrite: 100, CacheWrite1h: 60, Output: 50}, usageKnown: true, cost: 12346, costKnown: true}},
		"claude in a list":   {output: "claude", printed: `[{"type":"system"},` + claudeDoc + `]`, want: answer{text: "Done.", model: "claude-haiku-4-5-20251001", usage: message.Usage{Input: 4, CachedInput: 200, CacheWrite: 100, CacheWrite1h: 60, Output: 50}, usageKnown: true, cost: 12346, costKnown: true}},
		"claude failed":      {output: "claude", printed: `{"type":"result","subtype":"error_max_turns","is_error":true,"total_cost_usd":0.5}`, want: answer{cost: 500_000, costKnown: true, failed: "error_max_turns"}},
		"claude said hello":  {output: "claude", printed: "Hello", err: `result of claude --output-format json, and printed "Hello"`},
		"claude negative":    {output: "claude", printed: `{"type":"result","result":"x","usage":{"input_tokens":-4}}`, want: answer{text: "x"}},
		"codex":              {output: "codex", printed: codexDoc, want: answer{text: "Last.", usage: message.Usage{Input: 100, CachedInput: 900, Output: 20, Reasoning: 5}, usageKnown: true}},
		"codex failed":       {output: "codex", printed: `{"type":"turn.failed","error":{"message":"no quota"}}`, want: answer{failed: "no quota"}},
		"codex said nothing": {output: "codex", printed: `{"type":"turn.completed"}`, err: "without a message"},
		"codex said hello":   {output: "codex", printed: "Hello", err: "events of codex"},
	} {
		r := &runner{config: config{Output: c.output, Usage: c.usage}}
		got, err := r.read([]byte(c.printed), "claude-haiku-4-5")
		switch {
		case c.err == "" && (err != nil || got != c.want):
			t.Errorf("%s: %+v, %v", name, got, err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// Whatever an agent prints, usage and cost are never negative, and a usage that is
// not known is nothing.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{claudeDoc, codexDoc, "", "[]", `{"type":"result"}`, `{"t":"x","u":{"in":1,"out":2},"usd":1}`, "[[[[", `{"usd":1e999}`} {
		f.Add(s)
	}
	mapped := map[string]string{"prompt": "u.in", "output": "u.out", "cost": "usd"}
	f.Fuzz(func(t *testing.T, printed string) {
		for _, form := range []string{formText, formClaude, formCodex, "json:t"} {
			r := &runner{config: config{Output: form, Usage: mapped}}
			a, err := r.read([]byte(printed), "m")
			if err != nil {
				continue
			}
			if !sane(a.usage) || a.cost < 0 || !a.usageKnown && a.usage != (message.Usage{}) || !a.costKnown && a.cost != 0 {
				t.Fatalf("%s of %q: %+v", form, printed, a)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]any
		want   string
	}{
		"no command":  {map[string]any{}, "needs command"},
		"placeholder": {map[string]any{"command": []any{"a", "{modell}"}}, "{modell} is no placeholder"},
		"output":      {map[string]any{"command": []any{"a"}, "output": "xml"}, "output is \"xml\""},
		"path":        {map[string]any{"command": []any{"a"}, "output": "json:"}, "lacks the path"},
		"usage":       {map[string]any{"command": []any{"a"}, "usage": map[string]any{"output": "x"}}, "only json:PATH takes it"},
		"usage key":   {map[string]any{"command": []any{"a"}, "output": "json:a", "usage": map[string]any{"tokens": "x"}}, "no key tokens"},
		"unknown key": {map[string]any{"command": []any{"a"}, "comand": 1}, "comand"},
	} {
		if _, err := New(c.values); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for command, want := range map[string]string{
		"claude -p {prompt} --output-format json":             formClaude,
		"/opt/bin/claude -p {prompt} --output-format=json":    formClaude,
		"claude -p {prompt} --output-format text":             formText,
		"codex exec --json {prompt}":                          formCodex,
		"codex exec {prompt}":                                 formText,
		"python3 agent.py --json --output-format json claude": formText,
	} {
		if got := defaultForm(strings.Fields(command)); got != want {
			t.Errorf("%s prints %s", command, got)
		}
	}
}

// What is quoted is cut, and half a secret is found by nobody who looks for it
// later.
func TestQuotesHoldNoSecret(t *testing.T) {
	const secret = "hunter2222-and-a-little-more"
	t.Setenv("AGENT_KEY", secret)
	t.Setenv("AGENT_PEM", "-----BEGIN-----\nMIIE\"abcdef\n-----END-----\n")
	cut := strings.Repeat("x", maxLine-10) + secret
	for name, c := range map[string]struct{ output, printed, want string }{
		"no json":       {"json:a", "oh no " + secret, `printed "oh no [AGENT_KEY]"`},
		"cut":           {"json:a", cut, `x[AGENT_KEY`},
		"no such path":  {"json:a", `{"b":"` + secret + `"}`, `[AGENT_KEY]`},
		"json in quote": {"json:a", `{"b":"MIIE\"abcdef\n"}`, `[AGENT_PEM]`},
		"lines":         {"json:a", "-----BEGIN-----\nMIIE\"abcdef\n-----END-----\n", `printed "[AGENT_PEM]"`},
		"claude":        {"claude", cut, `x[AGENT_KEY`},
		"codex":         {"codex", cut, `x[AGENT_KEY`},
		"claude failed": {"claude", `{"type":"result","is_error":true,"result":"` + cut + `"}`, `x[AGENT_KEY`},
		"codex failed":  {"codex", `{"type":"turn.failed","error":{"message":"` + cut + `"}}`, `x[AGENT_KEY`},
	} {
		r := &runner{config: config{Output: c.output, Env: []string{"AGENT_KEY", "AGENT_PEM"}}}
		got, err := r.read([]byte(c.printed), "m")
		said := got.failed
		if err != nil {
			said = err.Error()
		}
		if !strings.Contains(said, c.want) || strings.Contains(said, "hunter") || strings.Contains(said, "MIIE") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
