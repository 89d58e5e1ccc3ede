package anthropic

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/plugins/internal/api"
	"github.com/plimsoll-dev/plimsoll/sdk/backend"
)

const (
	defaultBaseURL = "https://api.anthropic.com"
	defaultKeyEnv  = "ANTHROPIC_API_KEY"
	hostedSuffix   = "anthropic.com"

	// The API has no "as much as the model can": every request names its limit.
	// All models since Claude 4 give 32,000 tokens (November 2026).
	defaultMaxOutput = 32000

	// minThinking is the smallest thinking budget that the API takes.
	minThinking = 1024
)

// How the key is sent.
const (
	authKey    = "x-api-key"
	authBearer = "bearer"
)

// How an answer is made to fit a schema.
const (
	structuredFormat = "format" // output_config.format, constrained decoding
	structuredTool   = "tool"   // a tool whose arguments are the answer, for models without the former
	structuredNone   = "none"
)

// What becomes of cache breakpoints.
const (
	cacheShort = "5m"
	cacheLong  = "1h"
	cacheOff   = "off"
)

const (
	thinkingAdaptive = "adaptive"
	thinkingOff      = "off"
)

// config is the config block.
type config struct {
	api.Settings

	BaseURL        string         `json:"base_url"`
	Auth           string         `json:"auth"`
	Workspace      string         `json:"workspace"`
	Betas          []string       `json:"betas"`
	MaxOutput      int64          `json:"max_output"`
	Thinking       string         `json:"thinking"`
	ThinkingBudget int64          `json:"thinking_budget"`
	Effort         string         `json:"effort"`
	Structured     string         `json:"structured"`
	CacheTTL       string         `json:"cache_ttl"`
	Omit           []string       `json:"omit"`
	Extra          map[string]any `json:"extra"`

	key string
}

// omittable are the parameters that some models refuse. Claude Opus 4.7 and its
// successors take no temperature and no top_p; none takes a seed.
var omittable = []string{"temperature", "top_p", "seed", "stop"}

func schema() []backend.ConfigField {
	field := func(name, kind, doc string) backend.ConfigField {
		return backend.ConfigField{Name: name, Type: kind, Doc: doc}
	}
	list := func(name, doc string) backend.ConfigField {
		return backend.ConfigField{Name: name, Type: backend.TypeList, Elem: &backend.ConfigField{Type: backend.TypeString}, Doc: doc}
	}
	return append([]backend.ConfigField{
		field("base_url", backend.TypeString, "the address without /v1; default "+defaultBaseURL),
		field("auth", backend.TypeString, "x-api-key or bearer, how the key is sent; default x-api-key"),
		field("workspace", backend.TypeString, "the id of the workspace, for keys that reach several"),
		list("betas", "names for the anthropic-beta header"),
		field("max_output", backend.TypeNumber, fmt.Sprintf("output tokens where the call does not say; default %d", defaultMaxOutput)),
		field("thinking", backend.TypeString, "adaptive or off; default is the model's own"),
		field("thinking_budget", backend.TypeNumber, fmt.Sprintf("tokens to think with, at least %d, for models without adaptive thinking", minThinking)),
		field("effort", backend.TypeString, "low, medium, high, xhigh or max; default is the model's own"),
		field("structured", backend.TypeString, "format, tool or none: how an answer is made to fit a schema; default format"),
		field("cache_ttl", backend.TypeString, "5m, 1h or off: how long cache breakpoints hold; default 5m"),
		list("omit", strings.Join(omittable, ", ")+": never sent, for models that refuse them"),
		field("extra", backend.TypeMap, "fields added to every request as they are"),
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

	if c.BaseURL == "" {
		c.BaseURL = defaultBaseURL
	}
	hosted := false
	if u := api.BaseURL(c.BaseURL, say); u != nil {
		hosted = strings.HasSuffix("."+strings.ToLower(u.Hostname()), "."+hostedSuffix)
		if strings.HasSuffix(strings.TrimSuffix(u.Path, "/"), "/v1") {
			say("base_url ends with /v1, which is added by itself: leave it out")
		}
	}
	c.Auth = api.OneOf(say, "auth", c.Auth, authKey, authKey, authBearer)
	c.Structured = api.OneOf(say, "structured", c.Structured, structuredFormat, structuredFormat, structuredTool, structuredNone)
	c.CacheTTL = api.OneOf(say, "cache_ttl", c.CacheTTL, cacheShort, cacheShort, cacheLong, cacheOff)
	c.Effort = api.OneOf(say, "effort", c.Effort, "", "low", "medium", "high", "xhigh", "max")
	c.Thinking = api.OneOf(say, "thinking", c.Thinking, "", thinkingAdaptive, thinkingOff)
	if c.MaxOutput == 0 {
		c.MaxOutput = defaultMaxOutput
	}
	if c.MaxOutput < 1 || c.MaxOutput > 10_000_000 {
		say("max_output is %d and has to be 1..10000000", c.MaxOutput)
	}
	switch {
	case c.ThinkingBudget == 0:
	case c.Thinking != "":
		say("thinking and thinking_budget exclude each other")
	case c.ThinkingBudget < minThinking || c.ThinkingBudget >= c.MaxOutput:
		say("thinking_budget is %d and has to be at least %d and less than max_output (%d), which it is a part of", c.ThinkingBudget, minThinking, c.MaxOutput)
	}
	if c.Structured == structuredTool && (c.ThinkingBudget > 0 || c.Thinking == thinkingAdaptive) {
		say("structured = \"tool\" makes the model call a tool, which the API does not allow together with thinking")
	}
	for i, name := range c.Omit {
		if !slices.Contains(omittable, name) {
			say("omit[%d] is %q and has to be one of %s", i, name, strings.Join(omittable, ", "))
		}
	}
	for i, name := range append([]string{c.Workspace}, c.Betas...) {
		if strings.ContainsFunc(name, func(r rune) bool { return r < 0x21 || r > 0x7e || r == ',' }) || i > 0 && name == "" {
			say("workspace and betas go into headers, and %q cannot", name)
		}
	}
	for _, name := range c.extraNames() {
		if slices.Contains([]string{"model", "messages", "system", "stream", "tools", "max_tokens"}, name) || strings.ContainsAny(name, `.*#\|:`) {
			say("extra cannot set %s", name)
		}
	}
	c.Settings.Check(say)
	if len(wrong) > 0 {
		return c, backend.Errorf(backend.InvalidRequest, "config: %s", strings.Join(wrong, "; "))
	}
	// Last and by itself, so that a key which is merely absent is told from a
	// config that is wrong.
	c.key = c.Settings.Key(defaultKeyEnv, hosted, getenv, say)
	if len(wrong) > 0 {
		return c, backend.Errorf(backend.Auth, "config: %s", strings.Join(wrong, "; "))
	}
	return c, nil
}

func (c *config) extraNames() []string { return slices.Sorted(maps.Keys(c.Extra)) }
