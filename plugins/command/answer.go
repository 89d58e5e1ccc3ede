package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/backend/redact"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// answer is what an agent printed, read.
type answer struct {
	text       string
	model      string
	usage      message.Usage
	usageKnown bool
	cost       int64 // micro-dollars
	costKnown  bool
	failed     string // why, where the agent itself says that it failed
}

// read takes what an agent printed for what the config says it is.
func (r *runner) read(printed []byte, asked string) (answer, error) {
	hide := redact.Variables(r.Env...)
	switch r.Output {
	case formText:
		return answer{text: strings.TrimRight(string(printed), "\r\n")}, nil
	case formClaude:
		return readClaude(printed, asked, hide)
	case formCodex:
		return readCodex(printed, hide)
	}
	return r.readDocument(printed, hide)
}

// maxLine is how much of a text errors quote.
const maxLine = 120

// quote hides before it cuts: half a secret would not be known as one.
func quote(printed []byte, hide *strings.Replacer) string {
	text := strings.TrimSpace(hide.Replace(string(printed)))
	if text == "" {
		return "nothing"
	}
	if len(text) > maxLine {
		text = text[:maxLine] + "..."
	}
	return strconv.Quote(text)
}

// document finds the JSON that an agent printed: all of it, or its last line,
// where others came before.
func document(printed []byte, hide *strings.Replacer) (any, error) {
	text := bytes.TrimSpace(printed)
	if v, err := decode(text); err == nil {
		return v, nil
	}
	if at := bytes.LastIndexByte(text, '\n'); at >= 0 {
		if v, err := decode(text[at+1:]); err == nil {
			return v, nil
		}
	}
	return nil, fmt.Errorf("the agent was to print JSON, and printed %s", quote(printed, hide))
}

func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("more than one document")
	}
	return v, nil
}

// readDocument reads any agent's JSON by the paths of the config.
func (r *runner) readDocument(printed []byte, hide *strings.Replacer) (answer, error) {
	var out answer
	doc, err := document(printed, hide)
	if err != nil {
		return out, err
	}
	path := strings.TrimPrefix(r.Output, formJSON)
	v, ok := at(doc, path)
	if !ok {
		return out, fmt.Errorf("the agent's JSON has no answer at %s: it printed %s", path, quote(printed, hide))
	}
	if out.text, ok = v.(string); !ok {
		raw, err := json.Marshal(v)
		if err != nil {
			return out, err
		}
		out.text = string(raw)
	}
	count := func(key string) (int64, bool) {
		if r.Usage[key] == "" {
			return 0, false
		}
		v, _ := at(doc, r.Usage[key])
		return whole(v)
	}
	out.usage.Output, out.usageKnown = count("output")
	input, known := count("input")
	out.usage.CachedInput, _ = count("cached")
	out.usage.CacheWrite, _ = count("cache_write")
	out.usage.Reasoning, _ = count("reasoning")
	if prompt, given := count("prompt"); given && !known {
		input, known = max(0, prompt-out.usage.CachedInput-out.usage.CacheWrite), true
	}
	out.usage.Input = input
	if out.usageKnown = out.usageKnown && known; !out.usageKnown { // half of it would look like all
		out.usage = message.Usage{}
	}
	if r.Usage["cost"] != "" {
		v, _ := at(doc, r.Usage["cost"])
		out.cost, out.costKnown = micro(v)
	}
	if r.Usage["model"] != "" {
		v, _ := at(doc, r.Usage["model"])
		out.model, _ = v.(string)
	}
	return out, nil
}

// at follows a path of member names and places in lists: "choices.0.text".
func at(v any, path string) (any, bool) {
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			member, ok := x[name]
			if !ok {
				return nil, false
			}
			v = member
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(x) {
				return nil, false
			}
			v = x[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// whole is a count of tokens; anything else is not known.
func whole(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil && i >= 0
}

// micro is an amount in USD as micro-dollars, rounded up, so that a bound stays
// one. An amount of more than a million dollars is no cost of a task.
func micro(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok || len(n) > 40 {
		return 0, false
	}
	f, err := n.Float64()
	if err != nil || f < 0 || f > 1e6 {
		return 0, false
	}
	if f < 1e-12 { // 1e-999999999 is a number of a billion digits
		return 0, true
	}
	r, ok := new(big.Rat).SetString(n.String())
	if !ok {
		return 0, false
	}
	r.Mul(r, big.NewRat(1_000_000, 1))
	up := new(big.Int).Add(r.Num(), new(big.Int).Sub(r.Denom(), big.NewInt(1)))
	return up.Div(up, r.Denom()).Int64(), true
}
