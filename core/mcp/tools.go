package mcp

import (
	"context"
	"encoding/json"
	"sync"
)

// tools remembers which tools of a connector have arguments that are mirrored
// into HTTP headers, because the SDK checks the headers before anything else sees
// the call. It is kept for each principal by itself: what one may see must not
// change what another is answered.
type tools struct {
	mu   sync.Mutex
	kept map[string]map[string]json.RawMessage // principal -> tool -> input schema, nil when nothing is mirrored
}

// Bounds of what is kept; beyond them it is forgotten and asked for again.
const (
	keptPrincipals = 1024
	keptTools      = 16384
	keptPages      = 64
)

func newTools() *tools { return &tools{kept: map[string]map[string]json.RawMessage{}} }

// learn takes the tools of one page in.
func (t *tools) learn(key string, list json.RawMessage) (next string) {
	var page struct {
		Tools []struct {
			Name        string          `json:"name"`
			InputSchema json.RawMessage `json:"inputSchema"`
		} `json:"tools"`
		NextCursor string `json:"nextCursor"`
	}
	if json.Unmarshal(list, &page) != nil {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	of := t.of(key)
	for _, tool := range page.Tools {
		if len(of) >= keptTools {
			break
		}
		if mirrored(tool.InputSchema) && fitting(tool.InputSchema) {
			of[tool.Name] = tool.InputSchema
		} else {
			of[tool.Name] = nil
		}
	}
	return page.NextCursor
}

// of is the map of a principal. t.mu is held.
func (t *tools) of(key string) map[string]json.RawMessage {
	of := t.kept[key]
	if of == nil {
		if len(t.kept) >= keptPrincipals {
			clear(t.kept)
		}
		of = map[string]json.RawMessage{}
		t.kept[key] = of
	}
	return of
}

func (t *tools) find(key, name string) (json.RawMessage, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	schema, ok := t.kept[key][name]
	return schema, ok
}

// miss remembers that a name is no tool, so that it is not looked for again.
func (t *tools) miss(key, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if of := t.of(key); len(of) < keptTools {
		of[name] = nil
	}
}

// headers is the schema of the tool when it mirrors arguments. A tool that was
// never seen is looked for in the list, as this caller sees it. An error of the
// list is left for the call itself to meet.
func (t *tools) headers(ctx context.Context, b *bridge, name string) json.RawMessage {
	key := who(b.visit.principal)
	if schema, ok := t.find(key, name); ok {
		return schema
	}
	params := object{}
	for range keptPages {
		list, err := b.upstream.Request(ctx, Request{Caller: Caller{Principal: b.visit.principal, Via: b.visit.via},
			Method: "tools/list", Params: params.bytes(), Peer: b.peer})
		if err != nil {
			return nil
		}
		next := t.learn(key, list)
		if schema, ok := t.find(key, name); ok {
			return schema
		}
		if next == "" {
			break
		}
		params = object{{"cursor", quote(next)}}
	}
	t.miss(key, name)
	return nil
}

// fitting says whether the SDK takes the schema: it panics on one that is no
// object schema.
func fitting(schema json.RawMessage) bool {
	var s struct {
		Type string `json:"type"`
	}
	return json.Unmarshal(schema, &s) == nil && s.Type == "object"
}
