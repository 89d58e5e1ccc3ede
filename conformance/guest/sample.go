package guest

import (
	"encoding/json"
	"slices"
	"strings"
)

// schema is the part of JSON Schema that sample understands.
type schema struct {
	Type       json.RawMessage   `json:"type"` // a name or a list of names
	Const      json.RawMessage   `json:"const"`
	Enum       []json.RawMessage `json:"enum"`
	Examples   []json.RawMessage `json:"examples"`
	Default    json.RawMessage   `json:"default"`
	Properties map[string]schema `json:"properties"`
	Required   []string          `json:"required"`
	Items      *schema           `json:"items"`
	MinItems   int               `json:"minItems"`
	MinLength  int               `json:"minLength"`
	Minimum    json.Number       `json:"minimum"`
	AnyOf      []schema          `json:"anyOf"`
	OneOf      []schema          `json:"oneOf"`
}

// maxSample bounds lists and texts that a schema can ask for.
const maxSample = 1000

// sample makes a value that a schema most likely takes. Schemas can say things
// that this does not understand, so a guest may refuse it: that is no failure.
func sample(raw []byte) json.RawMessage {
	var s schema
	if err := json.Unmarshal(raw, &s); err != nil {
		return json.RawMessage(`{}`)
	}
	out, err := json.Marshal(s.value(0))
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return out
}

func (s *schema) value(depth int) any {
	switch {
	case depth > 20:
		return nil
	case len(s.Const) > 0:
		return s.Const
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Default) > 0:
		return s.Default
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AnyOf) > 0:
		return s.AnyOf[0].value(depth + 1)
	case len(s.OneOf) > 0:
		return s.OneOf[0].value(depth + 1)
	}
	switch s.kind() {
	case "string":
		return "text" + strings.Repeat("x", min(max(s.MinLength-4, 0), maxSample))
	case "integer", "number":
		if s.Minimum != "" {
			return s.Minimum
		}
		return 1
	case "boolean":
		return true
	case "null":
		return nil
	case "array":
		out := []any{}
		if s.Items != nil {
			for range min(max(s.MinItems, 1), maxSample) {
				out = append(out, s.Items.value(depth+1))
			}
		}
		return out
	}
	out := map[string]any{}
	for name, p := range s.Properties {
		if depth < 6 || slices.Contains(s.Required, name) {
			out[name] = p.value(depth + 1)
		}
	}
	return out
}

// kind is the first type that is not null.
func (s *schema) kind() string {
	var one string
	if json.Unmarshal(s.Type, &one) == nil {
		return one
	}
	var many []string
	if json.Unmarshal(s.Type, &many) == nil {
		for _, t := range many {
			if t != "null" {
				return t
			}
		}
	}
	if s.Items != nil {
		return "array"
	}
	return "object"
}
