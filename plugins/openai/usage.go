package openai

import (
	"encoding/json"
	"math"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// wireUsage is usage in every shape that was seen. prompt_tokens counts the
// cached ones in; message.Usage does not.
type wireUsage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Total      int64 `json:"total_tokens"`

	PromptDetails *struct {
		Cached int64 `json:"cached_tokens"`
		Write  int64 `json:"cache_write_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails *struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`

	Cached    int64 `json:"cached_tokens"`           // Moonshot
	CacheHit  int64 `json:"prompt_cache_hit_tokens"` // DeepSeek
	Reasoning int64 `json:"reasoning_tokens"`        // SGLang
}

// timings are what llama.cpp measures itself: prompt_n is without cache_n.
type timings struct {
	Cache     *int64 `json:"cache_n"`
	Prompt    *int64 `json:"prompt_n"`
	Predicted *int64 `json:"predicted_n"`
}

// readUsage reads a usage object. False: it is none, or counts nothing.
func readUsage(raw string) (message.Usage, bool) {
	var w wireUsage
	if raw == "" || raw == "null" || json.Unmarshal([]byte(raw), &w) != nil {
		return message.Usage{}, false
	}
	if w.Prompt < 0 || w.Completion < 0 || w.Total < 0 || w.Prompt+w.Completion+w.Total == 0 {
		return message.Usage{}, false
	}
	cached := max(w.Cached, w.CacheHit)
	reasoning := w.Reasoning
	var write int64
	if w.PromptDetails != nil {
		cached, write = max(cached, w.PromptDetails.Cached), w.PromptDetails.Write
	}
	if w.CompletionDetails != nil {
		reasoning = max(reasoning, w.CompletionDetails.Reasoning)
	}
	out := w.Completion
	// Some services count reasoning beside the completion and not in it; their
	// total tells. Whatever the total counts was output that was paid for.
	if w.Total > w.Prompt && w.Total-w.Prompt <= math.MaxInt64/2 {
		out = max(out, w.Total-w.Prompt)
	}
	return split(w.Prompt, cached, write, out, reasoning), true
}

// split makes canonical usage of numbers that count cached tokens into the
// prompt. Parts that are larger than their whole are no discount: all of the
// prompt then counts as input, which is the dearer reading.
func split(prompt, cached, write, output, reasoning int64) message.Usage {
	if cached < 0 || write < 0 || cached > prompt || write > prompt-cached {
		cached, write = 0, 0
	}
	return message.Usage{
		Input: prompt - cached - write, CachedInput: cached, CacheWrite: write,
		Output: output, Reasoning: min(max(reasoning, 0), output),
	}
}

// readTimings lays llama.cpp's measurements over usage: its usage may lack, or
// not tell what came from the cache.
func readTimings(raw string, u message.Usage, known bool) (message.Usage, bool) {
	var t timings
	if raw == "" || json.Unmarshal([]byte(raw), &t) != nil || t.Prompt == nil || t.Predicted == nil {
		return u, known
	}
	var cache int64
	if t.Cache != nil {
		cache = max(*t.Cache, 0)
	}
	if !known {
		return split(max(*t.Prompt, 0)+cache, cache, 0, max(*t.Predicted, 0), 0), true
	}
	if u.CachedInput == 0 && t.Cache != nil {
		return split(u.Prompt(), cache, u.CacheWrite, u.Output, u.Reasoning), true
	}
	return u, true
}

// groqUsage reads the usage that Groq sends within a member of its own.
func groqUsage(raw string) (message.Usage, bool) {
	var w struct {
		Usage json.RawMessage `json:"usage"`
	}
	if raw == "" || json.Unmarshal([]byte(raw), &w) != nil {
		return message.Usage{}, false
	}
	return readUsage(string(w.Usage))
}
