package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// message is one of a conversation. Conversations only grow at their end, so that
// a server's prompt cache holds.
type message struct {
	Role    string `json:"role"` // system, user or assistant
	Content string `json:"content"`
}

// model says the next turn.
type model interface {
	next(ctx context.Context, talk []message) (string, error)
}

// chat asks an OpenAI-compatible endpoint.
type chat struct{ url, name, key string }

func (c *chat) next(ctx context.Context, talk []message) (string, error) {
	body, err := json.Marshal(map[string]any{"model": c.name, "messages": talk, "temperature": 0})
	if err != nil {
		return "", err
	}
	ctx, over := context.WithTimeout(ctx, 2*time.Minute)
	defer over()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", fmt.Errorf("asking the model: %w", err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return "", fmt.Errorf("reading the model's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the model's server says %s: %s", res.Status, clip(string(raw), 300))
	}
	var doc struct {
		Choices []struct{ Message message }
	}
	if err := json.Unmarshal(raw, &doc); err != nil || len(doc.Choices) == 0 {
		return "", fmt.Errorf("the model's answer cannot be read: %s", clip(string(raw), 300))
	}
	return doc.Choices[0].Message.Content, nil
}

// script is a model's part written down beforehand.
type script struct{ lines []string }

func readScript(path string) (*script, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &script{}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			s.lines = append(s.lines, line)
		}
	}
	return s, nil
}

func (s *script) next(context.Context, []message) (string, error) {
	if len(s.lines) == 0 {
		return "", errors.New("the script ends before the task does: its last line should be an answer")
	}
	line := s.lines[0]
	s.lines = s.lines[1:]
	return line, nil
}
