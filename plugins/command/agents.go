package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// claudeResult is the result of claude -p --output-format json (Claude Code 2,
// November 2026), as far as it is read.
type claudeResult struct {
	Type    string `json:"type"`
	Subtype string `json:"subtype"`
	IsError bool   `json:"is_error"`
	Result  string `json:"result"`
	Cost    any    `json:"total_cost_usd"`
	Usage   *struct {
		Input      int64 `json:"input_tokens"`
		CacheRead  int64 `json:"cache_read_input_tokens"`
		CacheWrite int64 `json:"cache_creation_input_tokens"`
		Output     int64 `json:"output_tokens"`
		Creation   struct {
			Hour int64 `json:"ephemeral_1h_input_tokens"`
		} `json:"cache_creation"`
	} `json:"usage"`
	Models map[string]json.RawMessage `json:"modelUsage"`
}

// readClaude takes the one result, or the last of a list or of lines (--verbose,
// stream-json).
func readClaude(printed []byte, asked string, hide *strings.Replacer) (answer, error) {
	var out answer
	var r claudeResult
	found := false
	each(printed, func(raw json.RawMessage) {
		var x claudeResult
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		if d.Decode(&x) == nil && x.Type == "result" {
			r, found = x, true
		}
	})
	if !found {
		return out, fmt.Errorf("the agent was to print the result of claude --output-format json, and printed %s", quote(printed, hide))
	}
	out.text = r.Result
	if u := r.Usage; u != nil {
		out.usage = message.Usage{Input: u.Input, CachedInput: u.CacheRead, CacheWrite: u.CacheWrite, CacheWrite1h: min(u.Creation.Hour, u.CacheWrite), Output: u.Output}
		out.usageKnown = sane(out.usage)
		if !out.usageKnown {
			out.usage = message.Usage{}
		}
	}
	out.cost, out.costKnown = micro(r.Cost)
	out.model = claudeModel(r.Models, asked)
	if r.IsError || strings.HasPrefix(r.Subtype, "error") {
		out.failed = strings.TrimSpace(r.Subtype + " " + shorten(hide.Replace(r.Result)))
	}
	return out, nil
}

// claudeModel is the model that answered. Claude Code uses a small one beside it;
// where neither is the one that was asked for, nobody can tell.
func claudeModel(models map[string]json.RawMessage, asked string) string {
	only := ""
	for name := range models {
		if name == asked || strings.HasPrefix(name, asked+"-") {
			return name
		}
		only = name
	}
	if len(models) == 1 {
		return only
	}
	return ""
}

// codexEvent is a line of codex exec --json (Codex 0.60, November 2026).
type codexEvent struct {
	Type string `json:"type"`
	Item struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"item"`
	Usage *struct {
		Input     int64 `json:"input_tokens"` // cached ones included
		Cached    int64 `json:"cached_input_tokens"`
		Output    int64 `json:"output_tokens"`
		Reasoning int64 `json:"reasoning_output_tokens"`
	} `json:"usage"`
	Message string `json:"message"`
	Error   struct {
		Message string `json:"message"`
	} `json:"error"`
}

// readCodex takes the last message of the agent. Codex does not say which model
// answered, nor what it cost.
func readCodex(printed []byte, hide *strings.Replacer) (answer, error) {
	var out answer
	said, events := false, 0
	each(printed, func(raw json.RawMessage) {
		var e codexEvent
		if json.Unmarshal(raw, &e) != nil || e.Type == "" {
			return
		}
		events++
		switch {
		case e.Type == "item.completed" && e.Item.Type == "agent_message":
			out.text, said = e.Item.Text, true
		case e.Type == "turn.completed" && e.Usage != nil:
			u := message.Usage{Input: e.Usage.Input - e.Usage.Cached, CachedInput: e.Usage.Cached, Output: e.Usage.Output, Reasoning: e.Usage.Reasoning}
			if out.usageKnown = sane(u); out.usageKnown {
				out.usage = u
			}
			out.failed = ""
		case e.Type == "turn.failed":
			out.failed = shorten(hide.Replace(e.Error.Message))
		case e.Type == "error": // of a connection, say, which it tries again
			out.failed = shorten(hide.Replace(e.Message))
		}
	})
	switch {
	case events == 0:
		return out, fmt.Errorf("the agent was to print the events of codex exec --json, and printed %s", quote(printed, hide))
	case !said && out.failed == "":
		return out, errors.New("codex ended without a message of the agent")
	}
	return out, nil
}

func sane(u message.Usage) bool {
	return min(u.Input, u.CachedInput, u.CacheWrite, u.CacheWrite1h, u.Output, u.Reasoning) >= 0
}

func shorten(s string) string {
	if len(s) > maxLine {
		return strings.ToValidUTF8(s[:maxLine], "") + "..."
	}
	return s
}

// each gives every object that was printed: one document, a list of them, or one
// in a line. Other lines are passed over.
func each(printed []byte, do func(json.RawMessage)) {
	var list []json.RawMessage
	if json.Unmarshal(printed, &list) == nil {
		for _, raw := range list {
			do(raw)
		}
		return
	}
	if json.Valid(printed) {
		do(printed)
		return
	}
	for line := range bytes.SplitSeq(printed, []byte("\n")) {
		if line = bytes.TrimSpace(line); len(line) > 0 && json.Valid(line) {
			do(line)
		}
	}
}
