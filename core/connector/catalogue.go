package connector

import (
	"encoding/json"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Bounds of a catalogue. A server beyond them is refused as a whole, because a
// part of a list would look like removed tools.
const (
	MaxTools      = 10_000    // of each list
	MaxDefinition = 256 << 10 // bytes of one definition
	MaxCatalogue  = 64 << 20  // bytes of all
	MaxPages      = 1_000     // of one list
)

// Definition is one tool, prompt, resource or template as the server wrote it.
type Definition struct {
	Public string          `json:"public"` // the name it is offered under; a resource keeps its URI
	Name   string          `json:"name"`   // the server's own name; the URI of a resource, the pattern of a template
	Raw    json.RawMessage `json:"raw"`    // as received, unknown members included; digests are taken of this
}

// Refusal is an entry of a list that is not offered, and why.
type Refusal struct {
	Kind   string `json:"kind"` // "tool", "prompt", "resource", "template"
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Catalogue is what a server offers. It is never changed after it was handed
// out: a new list is a new Catalogue.
type Catalogue struct {
	Connector    string                  `json:"connector"`
	Revision     string                  `json:"revision"` // as negotiated
	Server       *mcp.Implementation     `json:"server,omitempty"`
	Instructions string                  `json:"instructions,omitempty"`
	Capabilities *mcp.ServerCapabilities `json:"capabilities,omitempty"`
	Tools        []Definition            `json:"tools,omitempty"` // in the server's order; all of them, not only the offered ones
	Prompts      []Definition            `json:"prompts,omitempty"`
	Resources    []Definition            `json:"resources,omitempty"`
	Templates    []Definition            `json:"templates,omitempty"`
	Refused      []Refusal               `json:"refused,omitempty"`
	At           time.Time               `json:"at"`               // when it was received
	TTL          time.Duration           `json:"ttl"`              // how long it counts as fresh
	Stale        bool                    `json:"stale,omitempty"`  // the last good one: the server does not run, or its newest list failed
	Reason       string                  `json:"reason,omitempty"` // why it is stale
	offered      map[string]int          // public name -> index in Tools
	own          map[string]int          // own name -> index in Tools
}

// Offered are the tools that Config.Tools lets through, by public name, in the
// server's order.
func (cat *Catalogue) Offered() []Definition {
	out := make([]Definition, 0, len(cat.offered))
	for i := range cat.Tools {
		if at, ok := cat.offered[cat.Tools[i].Public]; ok && at == i {
			out = append(out, cat.Tools[i])
		}
	}
	return out
}

// Tool finds an offered tool by its public name.
func (cat *Catalogue) Tool(public string) (Definition, bool) {
	i, ok := cat.offered[public]
	if !ok {
		return Definition{}, false
	}
	return cat.Tools[i], true
}

// Own finds any tool by the server's own name, offered or not.
func (cat *Catalogue) Own(name string) (Definition, bool) {
	i, ok := cat.own[name]
	if !ok {
		return Definition{}, false
	}
	return cat.Tools[i], true
}
