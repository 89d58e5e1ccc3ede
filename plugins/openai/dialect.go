package openai

import (
	"net/url"
	"strings"
)

// The dialects.
const (
	dialectOpenAI     = "openai"
	dialectVLLM       = "vllm"
	dialectSGLang     = "sglang"
	dialectLlamaCPP   = "llamacpp"
	dialectOllama     = "ollama"
	dialectCompatible = "compatible"
)

// The ways to ask for an answer that fits a schema.
const (
	structuredFormat  = "json_schema"        // response_format, as OpenAI
	structuredGuided  = "guided_json"        // vLLM before 0.12
	structuredOutputs = "structured_outputs" // vLLM since 0.11
	structuredNone    = "none"
)

// dialect is how an endpoint differs from the others. What an endpoint sends
// back is not in here: every known shape of an answer is read from every
// endpoint, since gateways put one's shapes behind another's address.
type dialect struct {
	name          string
	responses     bool   // has the responses API, and it is the better choice
	maxField      string // what the limit on output tokens is called
	allowedTools  bool   // tool_choice may list the tools that may be called
	toolChoice    bool   // tool_choice is read at all
	strict        bool   // a schema can be marked as strict
	cacheKey      bool   // prompt_cache_key is known
	prefixCaching bool
	usageRequired bool   // an answer without usage is a broken answer
	countPath     string // counts tokens; from the server's root
	needsKey      bool
}

// counts tells whether there is a way to ask how long a prompt is.
func (d dialect) counts() bool { return d.responses || d.countPath != "" }

var dialects = map[string]dialect{
	dialectOpenAI: {
		name: dialectOpenAI, responses: true, maxField: "max_completion_tokens", allowedTools: true, toolChoice: true,
		strict: true, cacheKey: true, prefixCaching: true, usageRequired: true, needsKey: true,
	},
	dialectVLLM: {
		name: dialectVLLM, maxField: "max_tokens", toolChoice: true, prefixCaching: true, countPath: "tokenize",
	},
	dialectSGLang: {
		name: dialectSGLang, maxField: "max_tokens", toolChoice: true, prefixCaching: true,
	},
	dialectLlamaCPP: {
		name: dialectLlamaCPP, maxField: "max_tokens", toolChoice: true, prefixCaching: true,
	},
	// Ollama reads tools and ignores tool_choice.
	dialectOllama: {
		name: dialectOllama, maxField: "max_tokens", prefixCaching: true,
	},
	dialectCompatible: {
		name: dialectCompatible, maxField: "max_tokens", toolChoice: true,
	},
}

// dialectNames in the order in which they are shown.
var dialectNames = []string{dialectOpenAI, dialectVLLM, dialectSGLang, dialectLlamaCPP, dialectOllama, dialectCompatible}

// guess is the dialect of an address: OpenAI's host, or the port that an engine
// listens on unless told otherwise. Asking the server instead would need a
// network where none may be, and could change from one run to the next.
func guess(base *url.URL) string {
	host := strings.ToLower(base.Hostname())
	if host == "api.openai.com" || strings.HasSuffix(host, ".api.openai.com") {
		return dialectOpenAI
	}
	switch base.Port() {
	case "8000":
		return dialectVLLM
	case "30000":
		return dialectSGLang
	case "8080":
		return dialectLlamaCPP
	case "11434":
		return dialectOllama
	}
	return dialectCompatible
}
