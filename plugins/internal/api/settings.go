package api

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// Settings are the config keys that every backend of a hosted API has. A
// backend embeds them in the struct that it decodes its config into.
type Settings struct {
	APIKeyEnv string `json:"api_key_env"`
	Proxy     string `json:"proxy"`
	CAPEM     string `json:"ca_pem"`

	Concurrency       int      `json:"concurrency"`
	RequestsPerMinute int64    `json:"requests_per_minute"`
	TokensPerMinute   int64    `json:"tokens_per_minute"`
	Retries           *int     `json:"retries"`
	RetryMaxSeconds   float64  `json:"retry_max_seconds"`
	TimeoutSeconds    float64  `json:"timeout_seconds"`
	IdleSeconds       *float64 `json:"idle_seconds"`
}

// The values of what a config leaves out.
const (
	standardRetries = 4
	standardIdle    = 600 // seconds
)

// SettingsFields declares the keys of Settings. keyEnv is the variable that
// holds the key unless api_key_env names another one.
func SettingsFields(keyEnv string) []backend.ConfigField {
	field := func(name, kind, doc string) backend.ConfigField {
		return backend.ConfigField{Name: name, Type: kind, Doc: doc}
	}
	return []backend.ConfigField{
		field("api_key_env", backend.TypeString, "the declared variable that holds the key; default "+keyEnv),
		field("proxy", backend.TypeString, "the URL of a proxy; default HTTPS_PROXY where the backend declares it"),
		field("ca_pem", backend.TypeString, `certificates to trust besides the system's, as text: file("ca.pem")`),
		field("concurrency", backend.TypeNumber, "calls at a time over all skills; default no limit of its own"),
		field("requests_per_minute", backend.TypeNumber, "over all skills; default no limit"),
		field("tokens_per_minute", backend.TypeNumber, "prompt and output over all skills; default no limit"),
		field("retries", backend.TypeNumber, fmt.Sprintf("tries after the first, at most 20; default %d", standardRetries)),
		field("retry_max_seconds", backend.TypeNumber, "the longest wait between tries; default 60"),
		field("timeout_seconds", backend.TypeNumber, "the longest time for a call with all its tries; default none but the caller's"),
		field("idle_seconds", backend.TypeNumber, fmt.Sprintf("the longest silence of the server; default %d, 0 is none", standardIdle)),
	}
}

// Check lays the standard values under what was left out and says what is wrong.
func (s *Settings) Check(say func(format string, args ...any)) {
	if s.Retries == nil {
		n := standardRetries
		s.Retries = &n
	}
	if s.IdleSeconds == nil {
		n := float64(standardIdle)
		s.IdleSeconds = &n
	}
	for _, k := range []struct {
		name        string
		value, most float64
	}{
		{"concurrency", float64(s.Concurrency), math.MaxInt32},
		{"requests_per_minute", float64(s.RequestsPerMinute), math.MaxInt32},
		{"tokens_per_minute", float64(s.TokensPerMinute), math.MaxInt32},
		{"retries", float64(*s.Retries), 20},
		{"retry_max_seconds", s.RetryMaxSeconds, 24 * 3600},
		{"timeout_seconds", s.TimeoutSeconds, 24 * 3600},
		{"idle_seconds", *s.IdleSeconds, 24 * 3600},
	} {
		if !(k.value >= 0 && k.value <= k.most) { // also refuses what is no number
			say("%s is %v and has to be 0..%.0f", k.name, k.value, k.most)
		}
	}
}

// Key reads the key from its variable, or from standard's when api_key_env names
// none. An absent key is an error only when it was named, or needed.
func (s *Settings) Key(standard string, needed bool, getenv func(string) string, say func(format string, args ...any)) string {
	name := s.APIKeyEnv
	if name == "" {
		name = standard
	}
	key := strings.TrimSpace(getenv(name))
	switch {
	case key == "" && (needed || s.APIKeyEnv != ""):
		say("the variable %[1]s is empty: set it, and declare it with env = [%[1]q] in the backend block", name)
	case strings.ContainsFunc(key, func(r rune) bool { return r < 0x21 || r > 0x7e }):
		say("the key in %s holds characters that no key has", name)
	}
	return key
}

// Connect makes the client and the caller of a checked config. Errors name the
// key that is wrong.
func (s *Settings) Connect(classify func(error) *backend.Error) (*Client, *Caller, error) {
	client, err := NewClient(Network{Proxy: s.Proxy, CAPEM: s.CAPEM, Idle: s.Idle()})
	if err != nil {
		return nil, nil, err
	}
	return client, NewCaller(Limits{
		Concurrency: s.Concurrency, RequestsPerMinute: s.RequestsPerMinute, TokensPerMinute: s.TokensPerMinute,
		Retries: *s.Retries, Longest: seconds(s.RetryMaxSeconds),
	}, classify), nil
}

// Idle is the longest silence of the server.
func (s *Settings) Idle() time.Duration { return seconds(*s.IdleSeconds) }

// Timeout is the longest time for a call; 0 is none.
func (s *Settings) Timeout() time.Duration { return seconds(s.TimeoutSeconds) }

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// BaseURL reads an address that holds no secret. It is nil when something is
// wrong, which was said then.
func BaseURL(text string, say func(format string, args ...any)) *url.URL {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		say("base_url is not an address such as http://127.0.0.1:8000")
		return nil
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		say("base_url holds more than an address: keys go into a variable that api_key_env names")
		return nil
	}
	return u
}

// OneOf is value, or standard when value is empty. Anything unknown is said.
func OneOf(say func(format string, args ...any), name, value, standard string, known ...string) string {
	if value == "" {
		return standard
	}
	if !slices.Contains(known, value) {
		say("%s is %q and has to be one of %s", name, value, strings.Join(known, ", "))
	}
	return value
}
