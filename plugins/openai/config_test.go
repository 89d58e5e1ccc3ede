package openai

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func TestConfigIsChecked(t *testing.T) {
	none := func(string) string { return "" }
	keyed := func(name string) string {
		return map[string]string{defaultKeyEnv: " " + testKey + "\n", "BAD": "a b"}[name]
	}
	for name, c := range map[string]struct {
		values map[string]any
		getenv func(string) string
		code   backend.ErrorCode
		says   string
	}{
		"OpenAI":              {map[string]any{}, keyed, "", ""},
		"OpenAI, no key":      {map[string]any{}, none, backend.Auth, `env = ["OPENAI_API_KEY"]`},
		"an engine, no key":   {map[string]any{"base_url": "http://127.0.0.1:8000/v1"}, none, "", ""},
		"a named key":         {map[string]any{"base_url": "http://127.0.0.1:8000/v1", "api_key_env": "VLLM_KEY"}, none, backend.InvalidRequest, "VLLM_KEY"},
		"a key with a space":  {map[string]any{"api_key_env": "BAD"}, keyed, backend.InvalidRequest, "characters"},
		"no address":          {map[string]any{"base_url": "127.0.0.1:8000"}, keyed, backend.InvalidRequest, "base_url"},
		"another scheme":      {map[string]any{"base_url": "ftp://x/v1"}, keyed, backend.InvalidRequest, "base_url"},
		"a password":          {map[string]any{"base_url": "http://me:pass@x/v1"}, keyed, backend.InvalidRequest, "more than an address"},
		"dialect":             {map[string]any{"dialect": "llama"}, keyed, backend.InvalidRequest, "llamacpp"},
		"api":                 {map[string]any{"api": "assistants"}, keyed, backend.InvalidRequest, "responses"},
		"structured":          {map[string]any{"structured": "yes"}, keyed, backend.InvalidRequest, "guided_json"},
		"usage":               {map[string]any{"usage": "no"}, keyed, backend.InvalidRequest, "bound"},
		"omit":                {map[string]any{"omit": []any{"top_k"}}, keyed, backend.InvalidRequest, "omit[0]"},
		"retries":             {map[string]any{"retries": -1}, keyed, backend.InvalidRequest, "retries"},
		"too many retries":    {map[string]any{"retries": 21}, keyed, backend.InvalidRequest, "retries"},
		"no limit that large": {map[string]any{"idle_seconds": 1e18}, keyed, backend.InvalidRequest, "idle_seconds"},
		"header":              {map[string]any{"session_header": "authorization"}, keyed, backend.InvalidRequest, "session_header"},
		"a header of lines":   {map[string]any{"session_header": "a\r\nb"}, keyed, backend.InvalidRequest, "session_header"},
		"extra":               {map[string]any{"extra": map[string]any{"model": "x"}}, keyed, backend.InvalidRequest, "model"},
		"extra path":          {map[string]any{"extra": map[string]any{"a.b": "x"}}, keyed, backend.InvalidRequest, "a.b"},
		"typo":                {map[string]any{"baseurl": "x"}, keyed, backend.InvalidRequest, "baseurl"},
		"several at once":     {map[string]any{"api": "x", "dialect": "y", "usage": "z"}, keyed, backend.InvalidRequest, `usage is "z"`},
	} {
		_, err := readConfig(c.values, c.getenv)
		if code(err) != c.code || err != nil && (!strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), testKey) || strings.Contains(err.Error(), "pass@")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, values := range map[string]map[string]any{"proxy": {"proxy": "no proxy"}, "ca_pem": {"ca_pem": "ca.pem"}} {
		values["dialect"] = dialectVLLM
		if _, err := New(values); code(err) != backend.InvalidRequest || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	c, err := readConfig(map[string]any{}, func(string) string { return " " + testKey + "\n" })
	if err != nil || c.BaseURL != defaultBaseURL || c.Dialect != dialectOpenAI || c.key != testKey || c.Usage != usageRequired || *c.Retries != 4 || *c.IdleSeconds != 600 {
		t.Errorf("%+v, %v", c, err)
	}
	// Every key that the struct reads is declared, and the other way round.
	values := map[string]any{}
	for _, f := range schema() {
		switch f.Type {
		case backend.TypeNumber:
			values[f.Name] = 1
		case backend.TypeBool:
			values[f.Name] = true
		case backend.TypeList:
			values[f.Name] = []any{}
		case backend.TypeMap:
			values[f.Name] = map[string]any{}
		default:
			values[f.Name] = ""
		}
	}
	if _, err := readConfig(values, func(string) string { return testKey }); err != nil {
		t.Error(err)
	}
	if got := len(schema()); got != 24 {
		t.Errorf("%d keys are declared: change this number with the struct", got)
	}
}
