package openai

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

// The APIs.
const (
	apiAuto      = "auto"
	apiChat      = "chat"
	apiResponses = "responses"
)

// What happens to an answer that does not say what it used.
const (
	usageRequired = "required" // it is an error
	usageBound    = "bound"    // the number of bytes stands in, which no count of tokens exceeds
)

const (
	defaultBaseURL = "https://api.openai.com/v1"
	defaultKeyEnv  = "OPENAI_API_KEY"
)

// config is the config block.
type config struct {
	BaseURL      string `json:"base_url"`
	Dialect      string `json:"dialect"`
	API          string `json:"api"`
	APIKeyEnv    string `json:"api_key_env"`
	Organization string `json:"organization"`
	Project      string `json:"project"`
	Proxy        string `json:"proxy"`
	CAPEM        string `json:"ca_pem"`

	Concurrency       int      `json:"concurrency"`
	RequestsPerMinute int64    `json:"requests_per_minute"`
	TokensPerMinute   int64    `json:"tokens_per_minute"`
	Retries           *int     `json:"retries"`
	RetryMaxSeconds   float64  `json:"retry_max_seconds"`
	TimeoutSeconds    float64  `json:"timeout_seconds"`
	IdleSeconds       *float64 `json:"idle_seconds"`

	MaxOutput        int64          `json:"max_output"`
	ReasoningEffort  string         `json:"reasoning_effort"`
	Structured       string         `json:"structured"`
	StreamUsage      *bool          `json:"stream_usage"`
	Usage            string         `json:"usage"`
	Omit             []string       `json:"omit"`
	CacheBreakpoints bool           `json:"cache_breakpoints"`
	SessionHeader    string         `json:"session_header"`
	Extra            map[string]any `json:"extra"`

	kind dialect
	key  string
	root *url.URL
}

func schema() []backend.ConfigField {
	text := func(name, doc string) backend.ConfigField {
		return backend.ConfigField{Name: name, Type: backend.TypeString, Doc: doc}
	}
	number := func(name, doc string) backend.ConfigField {
		return backend.ConfigField{Name: name, Type: backend.TypeNumber, Doc: doc}
	}
	flag := func(name, doc string) backend.ConfigField {
		return backend.ConfigField{Name: name, Type: backend.TypeBool, Doc: doc}
	}
	return []backend.ConfigField{
		text("base_url", "the address up to and with /v1; default "+defaultBaseURL),
		text("dialect", strings.Join(dialectNames, ", ")+"; default by base_url"),
		text("api", "chat, responses, or auto, the default: responses at OpenAI, else chat"),
		text("api_key_env", "the declared variable that holds the key; default "+defaultKeyEnv),
		text("organization", "OpenAI's organization id"),
		text("project", "OpenAI's project id"),
		text("proxy", "the URL of a proxy; default HTTPS_PROXY where the backend declares it"),
		text("ca_pem", `certificates to trust besides the system's, as text: file("ca.pem")`),
		number("concurrency", "calls at a time over all skills; default no limit of its own"),
		number("requests_per_minute", "over all skills; default no limit"),
		number("tokens_per_minute", "prompt and output over all skills; default no limit"),
		number("retries", "tries after the first; default 4"),
		number("retry_max_seconds", "the longest wait between tries; default 60"),
		number("timeout_seconds", "the longest time for a call with all its tries; default none but the caller's"),
		number("idle_seconds", "the longest silence of the server; default 600, 0 is none"),
		number("max_output", "output tokens where the call does not say"),
		text("reasoning_effort", "sent as it is, for models that take it"),
		text("structured", "json_schema, guided_json, structured_outputs or none; default json_schema"),
		flag("stream_usage", "ask for usage at the end of a stream; default true"),
		text("usage", "required or bound: what an answer without usage means; default required at OpenAI, else bound"),
		{Name: "omit", Type: backend.TypeList, Elem: &backend.ConfigField{Type: backend.TypeString}, Doc: "temperature, top_p, seed, stop: never sent, for models that refuse them"},
		flag("cache_breakpoints", "send a call's cache breakpoints, for models that take them; default false"),
		text("session_header", "a header that carries the session, for routers that keep sessions together"),
		{Name: "extra", Type: backend.TypeMap, Doc: "fields added to every request as they are"},
	}
}

// readConfig checks everything and reports all that is wrong at once.
func readConfig(values map[string]any, getenv func(string) string) (config, error) {
	var c config
	if err := backend.DecodeConfig(values, &c); err != nil {
		return c, err
	}
	var wrong []string
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	c.BaseURL = or(c.BaseURL, defaultBaseURL)
	if u, err := url.Parse(c.BaseURL); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		say("base_url is not an address such as http://127.0.0.1:8000/v1")
	} else {
		if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			say("base_url holds more than an address: keys go into a variable that api_key_env names")
		}
		c.root = u
		c.Dialect = or(c.Dialect, guess(u))
	}
	c.Dialect = oneOf(say, "dialect", c.Dialect, dialectCompatible, dialectNames...)
	c.kind = dialects[c.Dialect]
	c.API = oneOf(say, "api", c.API, apiAuto, apiAuto, apiChat, apiResponses)
	c.Structured = oneOf(say, "structured", c.Structured, structuredFormat, structuredFormat, structuredGuided, structuredOutputs, structuredNone)
	standard := usageBound
	if c.kind.usageRequired {
		standard = usageRequired
	}
	c.Usage = oneOf(say, "usage", c.Usage, standard, usageRequired, usageBound)
	for i, name := range c.Omit {
		oneOf(say, fmt.Sprintf("omit[%d]", i), name, "", "temperature", "top_p", "seed", "stop")
	}
	if c.SessionHeader != "" && !headerName(c.SessionHeader) {
		say("session_header %q cannot be the name of a header", c.SessionHeader)
	}
	for _, name := range c.extraNames() {
		if slices.Contains([]string{"model", "messages", "input", "stream", "tools"}, name) || strings.ContainsAny(name, `.*#\|:`) {
			say("extra cannot set %s", name)
		}
	}
	c.limits(say)
	c.readKey(say, getenv)
	if len(wrong) > 0 {
		return c, backend.Errorf(backend.InvalidRequest, "config: %s", strings.Join(wrong, "; "))
	}
	if c.kind.needsKey && c.key == "" {
		return c, backend.Errorf(backend.Auth, "the variable %[1]s is empty: set it, and declare it with env = [%[1]q] in the backend block", c.APIKeyEnv)
	}
	return c, nil
}

func (c *config) limits(say func(string, ...any)) {
	if c.Retries == nil {
		n := 4
		c.Retries = &n
	}
	if c.IdleSeconds == nil {
		n := 600.0
		c.IdleSeconds = &n
	}
	for name, v := range map[string]float64{
		"concurrency": float64(c.Concurrency), "requests_per_minute": float64(c.RequestsPerMinute), "tokens_per_minute": float64(c.TokensPerMinute),
		"retries": float64(*c.Retries), "retry_max_seconds": c.RetryMaxSeconds, "timeout_seconds": c.TimeoutSeconds,
		"idle_seconds": *c.IdleSeconds, "max_output": float64(c.MaxOutput),
	} {
		if !(v >= 0) || v > math.MaxInt32 {
			say("%s is %v and has to be 0..%d", name, v, math.MaxInt32)
		}
	}
	if *c.Retries > 20 {
		say("retries is %d and has to be 0..20", *c.Retries)
	}
}

func (c *config) readKey(say func(string, ...any), getenv func(string) string) {
	named := c.APIKeyEnv != ""
	c.APIKeyEnv = or(c.APIKeyEnv, defaultKeyEnv)
	c.key = strings.TrimSpace(getenv(c.APIKeyEnv))
	if named && c.key == "" {
		say("api_key_env names %[1]s, which is empty: set it, and declare it with env = [%[1]q] in the backend block", c.APIKeyEnv)
	}
	if strings.ContainsFunc(c.key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		say("the key in %s holds characters that no key has", c.APIKeyEnv)
	}
}

func (c *config) extraNames() []string { return slices.Sorted(maps.Keys(c.Extra)) }

// oneOf is value, or standard when it is empty; anything unknown is said.
func oneOf(say func(string, ...any), name, value, standard string, known ...string) string {
	if value == "" && standard != "" {
		return standard
	}
	if !slices.Contains(known, value) {
		say("%s is %q and has to be one of %s", name, value, strings.Join(known, ", "))
	}
	return value
}

func or(v, standard string) string {
	if v == "" {
		return standard
	}
	return v
}

func headerName(name string) bool {
	for _, r := range name {
		if r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	canonical := http.CanonicalHeaderKey(name)
	return canonical != "Authorization" && canonical != "Host" && canonical != "Content-Length"
}
