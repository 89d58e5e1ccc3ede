package openai

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/plugins/internal/api"
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
	api.Settings

	BaseURL      string `json:"base_url"`
	Dialect      string `json:"dialect"`
	API          string `json:"api"`
	Organization string `json:"organization"`
	Project      string `json:"project"`

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
	return append([]backend.ConfigField{
		text("base_url", "the address up to and with /v1; default "+defaultBaseURL),
		text("dialect", strings.Join(dialectNames, ", ")+"; default by base_url"),
		text("api", "chat, responses, or auto, the default: responses at OpenAI, else chat"),
		text("organization", "OpenAI's organization id"),
		text("project", "OpenAI's project id"),
		number("max_output", "output tokens where the call does not say"),
		text("reasoning_effort", "sent as it is, for models that take it"),
		text("structured", "json_schema, guided_json, structured_outputs or none; default json_schema"),
		flag("stream_usage", "ask for usage at the end of a stream; default true"),
		text("usage", "required or bound: what an answer without usage means; default required at OpenAI, else bound"),
		{Name: "omit", Type: backend.TypeList, Elem: &backend.ConfigField{Type: backend.TypeString}, Doc: "temperature, top_p, seed, stop: never sent, for models that refuse them"},
		flag("cache_breakpoints", "send a call's cache breakpoints, for models that take them; default false"),
		text("session_header", "a header that carries the session, for routers that keep sessions together"),
		{Name: "extra", Type: backend.TypeMap, Doc: "fields added to every request as they are"},
	}, api.SettingsFields(defaultKeyEnv)...)
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
	if u := api.BaseURL(c.BaseURL, say); u != nil {
		c.root = u
		c.Dialect = or(c.Dialect, guess(u))
	}
	c.Dialect = api.OneOf(say, "dialect", c.Dialect, dialectCompatible, dialectNames...)
	c.kind = dialects[c.Dialect]
	c.API = api.OneOf(say, "api", c.API, apiAuto, apiAuto, apiChat, apiResponses)
	c.Structured = api.OneOf(say, "structured", c.Structured, structuredFormat, structuredFormat, structuredGuided, structuredOutputs, structuredNone)
	standard := usageBound
	if c.kind.usageRequired {
		standard = usageRequired
	}
	c.Usage = api.OneOf(say, "usage", c.Usage, standard, usageRequired, usageBound)
	for i, name := range c.Omit {
		if omittable := []string{"temperature", "top_p", "seed", "stop"}; !slices.Contains(omittable, name) {
			say("omit[%d] is %q and has to be one of %s", i, name, strings.Join(omittable, ", "))
		}
	}
	if c.SessionHeader != "" && !headerName(c.SessionHeader) {
		say("session_header %q cannot be the name of a header", c.SessionHeader)
	}
	for _, name := range c.extraNames() {
		if slices.Contains([]string{"model", "messages", "input", "stream", "tools"}, name) || strings.ContainsAny(name, `.*#\|:`) {
			say("extra cannot set %s", name)
		}
	}
	if c.MaxOutput < 0 || c.MaxOutput > 10_000_000 {
		say("max_output is %d and has to be 0..10000000", c.MaxOutput)
	}
	c.Check(say)
	c.key = c.Key(defaultKeyEnv, false, getenv, say)
	if len(wrong) > 0 {
		return c, backend.Errorf(backend.InvalidRequest, "config: %s", strings.Join(wrong, "; "))
	}
	if c.kind.needsKey && c.key == "" {
		return c, backend.Errorf(backend.Auth, "the variable %[1]s is empty: set it, and declare it with env = [%[1]q] in the backend block", or(c.APIKeyEnv, defaultKeyEnv))
	}
	return c, nil
}

func (c *config) extraNames() []string { return slices.Sorted(maps.Keys(c.Extra)) }

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
