package anthropic

import (
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

func TestConfig(t *testing.T) {
	keyed := func(name string) string {
		return map[string]string{"ANTHROPIC_API_KEY": " k1\n", "MINE": "k2", "ODD": "k 3"}[name]
	}
	none := func(string) string { return "" }
	for _, c := range []struct {
		name   string
		values map[string]any
		env    func(string) string
		want   backend.ErrorCode // "" is accepted
		says   []string
		key    string
	}{
		{"nothing", map[string]any{}, keyed, "", nil, "k1"},
		{"no key at the hosted API", map[string]any{}, none, backend.Auth, []string{"ANTHROPIC_API_KEY", "env ="}, ""},
		{"no key at one's own", map[string]any{"base_url": "http://127.0.0.1:9/gateway"}, none, "", nil, ""},
		{"a key of another name", map[string]any{"api_key_env": "MINE"}, keyed, "", nil, "k2"},
		{"a named key that is absent", map[string]any{"base_url": "http://127.0.0.1:9", "api_key_env": "YOURS"}, keyed, backend.Auth, []string{"YOURS"}, ""},
		{"a key with a blank", map[string]any{"api_key_env": "ODD"}, keyed, backend.Auth, []string{"ODD"}, ""},
		{"a host that only ends alike", map[string]any{"base_url": "https://notanthropic.com"}, none, "", nil, ""},
		{"an unknown key", map[string]any{"model": "x"}, keyed, backend.InvalidRequest, []string{"model"}, ""},
		{"all that is wrong at once", map[string]any{
			"base_url": "api.example", "auth": "basic", "structured": "xml", "cache_ttl": "2h", "effort": "huge", "thinking": "much",
			"max_output": -1, "omit": []any{"model"}, "betas": []any{"a,b"}, "extra": map[string]any{"model": 1}, "concurrency": -1, "retries": 21,
		}, keyed, backend.InvalidRequest, []string{"base_url", "auth", "structured", "cache_ttl", "effort", "thinking", "max_output", "omit[0]", "betas", "extra", "concurrency", "retries"}, ""},
		{"the path twice", map[string]any{"base_url": "https://api.anthropic.com/v1/"}, keyed, backend.InvalidRequest, []string{"/v1"}, ""},
		{"a password in the address", map[string]any{"base_url": "https://me:pw@gateway.example"}, keyed, backend.InvalidRequest, []string{"base_url"}, ""},
		{"a budget for thinking", map[string]any{"thinking_budget": 1024, "max_output": 1025}, keyed, "", nil, "k1"},
		{"a budget that is too small", map[string]any{"thinking_budget": 1023}, keyed, backend.InvalidRequest, []string{"thinking_budget"}, ""},
		{"a budget that is all", map[string]any{"thinking_budget": 2048, "max_output": 2048}, keyed, backend.InvalidRequest, []string{"thinking_budget"}, ""},
		{"two ways to think", map[string]any{"thinking_budget": 2048, "thinking": "off"}, keyed, backend.InvalidRequest, []string{"exclude"}, ""},
		{"thinking and a forced tool", map[string]any{"thinking": "adaptive", "structured": "tool"}, keyed, backend.InvalidRequest, []string{"structured"}, ""},
	} {
		got, err := readConfig(c.values, c.env)
		if code(err) != c.want || err == nil && got.key != c.key {
			t.Errorf("%s: key %q, %v", c.name, got.key, err)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s: %v does not name %s", c.name, err, s)
			}
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: a password is in %v", c.name, err)
		}
	}
}

func TestConfigOfTheNetwork(t *testing.T) {
	for key, value := range map[string]string{"proxy": "nowhere", "ca_pem": "-----BEGIN NOTHING-----"} {
		_, err := New(map[string]any{"base_url": "http://127.0.0.1:9", key: value})
		if code(err) != backend.InvalidRequest || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestDescribe(t *testing.T) {
	made, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := made.Describe(t.Context())
	if err != nil || d.Name != "anthropic" || !d.Capabilities.PrefixCaching || d.Simulated {
		t.Errorf("%+v, %v", d, err)
	}
	if err := made.Generate(t.Context(), ask("hello"), &backend.Collector{}); code(err) != backend.InvalidRequest {
		t.Error(err)
	}
	// A key that is declared is a key that the struct has, and the other way.
	for _, f := range d.ConfigSchema {
		value := map[string]any{backend.TypeString: "", backend.TypeNumber: int64(0), backend.TypeList: []any{}, backend.TypeMap: map[string]any{}}[f.Type]
		var c config
		if err := backend.DecodeConfig(map[string]any{f.Name: value}, &c); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}
