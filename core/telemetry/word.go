package telemetry

import (
	"slices"
	"sync"
	"unicode/utf8"
)

// Kind is a kind of name that a label may carry.
type Kind string

// The kinds whose names come from the catalogue and the project.
const (
	Tools      Kind = "tools"
	Prompts    Kind = "prompts"
	Skills     Kind = "skills"
	Steps      Kind = "steps"
	Tiers      Kind = "tiers"
	Connectors Kind = "connectors"
	Providers  Kind = "providers"
	Models     Kind = "models"
)

// other stands for every name that is not told apart.
const other = "other"

// maxWords bounds the values of labels that the program itself chooses, such as
// outcomes: a caller that puts free text there by mistake fills no memory.
const maxWords = 64

// kinds says which label carries which kind.
var kinds = map[string]Kind{
	"gen_ai_tool_name": Tools, "gen_ai_agent_name": Skills, "skill": Skills, "step": Steps, "tier": Tiers,
	"connector": Connectors, "gen_ai_provider_name": Providers, "gen_ai_request_model": Models,
}

// fixed are the values of labels whose words others have defined. The methods
// are those of MCP 2025-11-25 and 2026-07-28 and of the skills extension.
var fixed = map[string][]string{
	"mcp_method_name": {
		"completion/complete", "elicitation/create", "initialize", "logging/setLevel", "notifications/cancelled",
		"notifications/elicitation/complete", "notifications/initialized", "notifications/message", "notifications/progress",
		"notifications/prompts/list_changed", "notifications/resources/list_changed", "notifications/resources/updated",
		"notifications/roots/list_changed", "notifications/tools/list_changed", "ping", "prompts/get", "prompts/list",
		"resources/list", "resources/read", "resources/subscribe", "resources/templates/list", "resources/unsubscribe",
		"roots/list", "sampling/createMessage", "server/discover", "skills/get", "skills/list", "subscriptions/listen",
		"tasks/cancel", "tasks/get", "tasks/list", "tasks/result", "tools/call", "tools/list",
	},
	"mcp_protocol_version":  {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"},
	"network_transport":     {string(Stdio), string(HTTP)},
	"gen_ai_operation_name": {"chat", "embeddings", "execute_tool", "invoke_agent", "retrieval"},
	"gen_ai_token_type":     {"input", "output"},
	"error_type": {
		otherError, "timeout", "cancelled", "tool_error", "denied", "asked", "rejected", "limited", "unknown", "unauthorized", "quarantined",
		"unreachable", "unavailable", "failed", "refused", "missing", "lost", "auth", "context_length", "content_policy", "invalid_request", "protocol", "too_large", "invalid", "rate_limited", "overloaded", "gate", "budget", "audit",
		"-32700", "-32600", "-32601", "-32602", "-32603", "-32000", "-32001", "-32002", "-32003", "-32004", "-32042", "-32800", "-32801",
		"400", "401", "403", "404", "405", "408", "409", "413", "422", "429", "500", "502", "503", "504",
	},
}

// vocabulary decides which values labels may have.
type vocabulary struct {
	limit  int
	static map[string]map[string]bool
	known  sync.Map // Kind -> map[string]bool, replaced whole

	mu   sync.Mutex
	open map[string]map[string]bool // label -> words seen, at most maxWords
}

func newVocabulary(limit int) *vocabulary {
	v := &vocabulary{limit: limit, static: make(map[string]map[string]bool, len(fixed)), open: map[string]map[string]bool{}}
	for label, words := range fixed {
		v.static[label] = set(words)
	}
	return v
}

func set(words []string) map[string]bool {
	out := make(map[string]bool, len(words))
	for _, w := range words {
		out[w] = true
	}
	return out
}

// know keeps the first names in order, so that the same catalogue has the same
// labels after a restart.
func (v *vocabulary) know(k Kind, names []string) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	names = slices.DeleteFunc(names, func(n string) bool { return !utf8.ValidString(n) })
	if len(names) > v.limit {
		names = names[:v.limit]
	}
	v.known.Store(k, set(names))
}

func (v *vocabulary) knows(k Kind, name string) bool {
	words, ok := v.known.Load(k)
	return ok && words.(map[string]bool)[name]
}

// bound is the value that a label may carry in place of word.
func (v *vocabulary) bound(label, word string) string {
	if word == "" {
		return ""
	}
	if k, ok := kinds[label]; ok {
		if v.knows(k, word) {
			return word
		}
		return other
	}
	if words, ok := v.static[label]; ok {
		switch {
		case words[word]:
			return word
		case label == "error_type":
			return otherError
		}
		return other
	}
	return v.learn(label, word, maxWords)
}

func (v *vocabulary) learn(label, word string, limit int) string {
	if len(word) > 128 || !utf8.ValidString(word) {
		return other
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	words := v.open[label]
	if words == nil {
		words = map[string]bool{}
		v.open[label] = words
	}
	if !words[word] {
		if len(words) >= limit {
			return other
		}
		words[word] = true
	}
	return word
}
