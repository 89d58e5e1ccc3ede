package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/engine"
)

// events are what a server says: a line each, or with --json a document each.
type events struct {
	mu sync.Mutex
	c  *command
}

// say prints one event. kind and data are for programs, the text is for people.
func (e *events) say(kind string, data map[string]any, format string, args ...any) {
	at, text := engine.Now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...)
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.c.json {
		// One line an event: what has more is indented, so that a log can be cut by
		// lines.
		fmt.Fprintf(e.c.Out, "%s  %s\n", at, strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    "))
		return
	}
	doc := map[string]any{}
	maps.Copy(doc, data)
	doc["version"], doc["time"], doc["event"], doc["text"] = jsonVersion, at, kind, text
	raw, err := json.Marshal(doc)
	if err != nil {
		raw = []byte(`{"event":"problem","text":"an event could not be written as JSON"}`)
	}
	fmt.Fprintln(e.c.Out, string(raw))
}
