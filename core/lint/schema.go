package lint

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

const (
	largeSchema = 16 << 10
	maxDepth    = 64
	manyActions = 8
)

// schema reads a tool's input schema: its texts like any other, and its shape.
func (r *reader) schema() {
	t := r.text
	if t.Kind != Tool || len(t.Schema) == 0 {
		return
	}
	f := field{name: "schema"}
	var root map[string]any
	if err := json.Unmarshal(t.Schema, &root); err != nil || root == nil {
		r.add("schema-invalid", f, 0, 0, cut(visible(string(t.Schema[:min(len(t.Schema), 60)]))), "The input schema is no JSON object.")
		return
	}
	if typ, ok := root["type"]; ok && typ != "object" {
		r.add("schema-invalid", f, 0, 0, "", "The input schema is not that of an object, and arguments are one.")
	}
	if len(t.Schema) > largeSchema {
		r.add("schema-large", f, 0, 0, "", "The input schema has %d KiB.", len(t.Schema)>>10)
	}
	r.node("schema", root, 0)
	r.shape(f, root)
}

// node reads every text of a schema, in an order that is always the same.
func (r *reader) node(path string, v any, depth int) {
	if depth > maxDepth {
		return
	}
	switch v := v.(type) {
	case string:
		r.prose(field{name: path, text: v})
	case []any:
		for _, e := range v {
			r.node(path, e, depth+1)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			at := path + "/" + visible(strings.NewReplacer("~", "~0", "/", "~1").Replace(name))
			if len(at) > 256 {
				at = path
			}
			r.prose(field{name: at, text: name})
			r.node(at, v[name], depth+1)
		}
	}
}

func (r *reader) shape(f field, root map[string]any) {
	props, _ := root["properties"].(map[string]any)
	extra, said := root["additionalProperties"]
	if open, isBool := extra.(bool); len(props) == 0 && said && (!isBool || open) && root["$ref"] == nil && root["oneOf"] == nil && root["anyOf"] == nil && root["allOf"] == nil {
		r.add("schema-open", f, 0, 0, "", "The input schema names no property, and takes any.")
	}
	silent := 0
	for _, p := range props {
		def, _ := p.(map[string]any)
		if d, _ := def["description"].(string); strings.TrimSpace(d) == "" && def["title"] == nil && def["$ref"] == nil {
			silent++
		}
	}
	if len(props) >= 4 && silent*2 > len(props) {
		r.add("schema-undescribed", f, 0, 0, "", "%d of %d parameters are not described.", silent, len(props))
	}
	if name, n := actions(root); n >= manyActions {
		r.add("schema-action", field{name: "schema/properties/" + name}, 0, 0, "", "The tool does %d things, chosen by the argument %s.", n, visible(name))
	}
}

var selectors = set("action operation op command cmd method mode function task verb subcommand request_type action_type operation_type tool tool_name")

// actions finds the argument that chooses what a tool does, and how many choices
// there are.
func actions(root map[string]any) (string, int) {
	props, _ := root["properties"].(map[string]any)
	best, most := "", 0
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if !selectors[strings.ToLower(name)] {
			continue
		}
		def, _ := props[name].(map[string]any)
		choices, _ := def["enum"].([]any)
		if one, ok := def["oneOf"].([]any); ok && len(one) > len(choices) {
			choices = one
		}
		if len(choices) > most {
			best, most = name, len(choices)
		}
	}
	return best, most
}

// choices is actions of a tool.
func choices(t *Text) (string, int) {
	var root map[string]any
	if len(t.Schema) == 0 || json.Unmarshal(t.Schema, &root) != nil {
		return "", 0
	}
	return actions(root)
}
