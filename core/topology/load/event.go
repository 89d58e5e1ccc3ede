package load

import (
	"encoding/json"
	"strings"
)

// event is what of a chunk matters.
type event struct {
	Model   string          `json:"model"`
	Choices []choice        `json:"choices"`
	Usage   *usage          `json:"usage"`
	Error   json.RawMessage `json:"error"`
	Object  string          `json:"object"`
	Message string          `json:"message"`
}

type choice struct {
	Text   string  `json:"text"`
	Delta  delta   `json:"delta"`
	Finish *string `json:"finish_reason"`
}

type delta struct {
	Content   string            `json:"content"`
	Reasoning string            `json:"reasoning"`
	Thinking  string            `json:"reasoning_content"`
	Tools     []json.RawMessage `json:"tool_calls"`
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
}

// says tells whether a chunk has something of the answer in it.
func (c choice) says() bool {
	return c.Text != "" || c.Delta.Content != "" || c.Delta.Reasoning != "" || c.Delta.Thinking != "" || len(c.Delta.Tools) > 0
}

// glance is the same of a chunk that was decoded.
func (e *event) glance() glance {
	g := glance{model: []byte(e.Model), choices: len(e.Choices) > 0}
	if g.choices {
		g.says = e.Choices[0].says()
		if f := e.Choices[0].Finish; f != nil {
			g.finish = []byte(*f)
		}
	}
	return g
}

// failure is the message of an error event, or "".
func (e *event) failure() string {
	raw := string(e.Error)
	switch {
	case raw == "" || raw == "null":
		if e.Object == "error" {
			return first(e.Message, "an error without a message")
		}
		return ""
	case raw[0] == '{':
		var m struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(e.Error, &m) == nil && m.Message != "" {
			return m.Message
		}
	}
	return raw
}

// explain is what an answer's body says of its failure, in one line.
func explain(body []byte) string {
	var e event
	if json.Unmarshal(body, &e) == nil {
		if f := e.failure(); f != "" {
			return short(f)
		}
		if e.Message != "" {
			return short(e.Message)
		}
	}
	return short(string(body))
}

// short is s in one line of at most 300 bytes.
func short(s string) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "?")
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:297], "") + "..."
	}
	return s
}

func first(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""`
	}
	return string(b)
}
